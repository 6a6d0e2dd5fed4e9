package ledger

import (
	"fmt"
	"time"
)

// Verification is what reading a ledger through has found.
type Verification struct {
	Node string `json:"node,omitempty"` // whose log it is, in a store of several gateways
	// Nodes are the findings of each node, in a store of several; then the numbers
	// here are sums, and there is no root.
	Nodes []Verification `json:"nodes,omitempty"`

	Segments   int64            `json:"segments"` // files read, of those that were kept
	Skipped    int64            `json:"skipped"`  // files outside the asked period
	Entries    int64            `json:"entries"`  // rows, outcomes and marks read
	Rows       int64            `json:"rows"`
	First      int64            `json:"first"`       // sequence of the first read row, 0 without rows
	Last       int64            `json:"last"`        // of the last
	Deleted    int64            `json:"deleted"`     // rows deleted by retention: those up to this sequence
	States     map[string]int64 `json:"states"`      // rows by state
	ClockSteps int64            `json:"clock_steps"` // rows earlier than the row before them; rows of parallel exchanges differ by little
	Size       int64            `json:"size"`        // entries in the whole tree
	Root       string           `json:"root"`        // over them, base64

	// Checkpoints is how many signed checkpoints agree with the ledger, Signed
	// how many entries the newest of them proves; what came later is held
	// together by nothing but checksums until the next one.
	Checkpoints int       `json:"checkpoints"`
	Signed      int64     `json:"signed"`
	SignedAt    time.Time `json:"signed_at,omitzero"`

	Notes  []string `json:"notes"`  // what is worth knowing and no fault, at most MaxFaults
	Faults []string `json:"faults"` // what is wrong, at most MaxFaults; empty: nothing
}

// MaxFaults bounds [Verification.Faults].
const MaxFaults = 100

// Fault notes what is wrong.
func (v *Verification) Fault(format string, args ...any) {
	if len(v.Faults) < MaxFaults {
		v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
	}
}

// Note notes what is worth knowing.
func (v *Verification) Note(format string, args ...any) {
	if len(v.Notes) < MaxFaults {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
	}
}

// Add adds the findings of a node.
func (v *Verification) Add(node *Verification) {
	v.Nodes = append(v.Nodes, *node)
	v.Segments += node.Segments
	v.Skipped += node.Skipped
	v.Entries += node.Entries
	v.Rows += node.Rows
	v.Deleted += node.Deleted
	v.ClockSteps += node.ClockSteps
	v.Size += node.Size
	v.Checkpoints += node.Checkpoints
	v.Signed += node.Signed
	if node.SignedAt.After(v.SignedAt) {
		v.SignedAt = node.SignedAt
	}
	if v.States == nil {
		v.States, v.Notes, v.Faults = make(map[string]int64), []string{}, []string{}
	}
	for state, rows := range node.States {
		v.States[state] += rows
	}
	for _, note := range node.Notes {
		v.Note("%s: %s", node.Node, note)
	}
	for _, fault := range node.Faults {
		v.Fault("%s: %s", node.Node, fault)
	}
}

// VerifyOptions say what to verify. The zero value verifies everything against
// the ledger's own checkpoints without looking at their signatures.
type VerifyOptions struct {
	Since, Until time.Time    // only segments with rows of that period; zero: all
	Verifier     *Verifier    // whose signatures count; nil: none is looked at
	Kept         []Checkpoint // checkpoints that were kept elsewhere
}
