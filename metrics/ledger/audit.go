package ledger

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Audit is one run over the entries of a log, of whichever store: it follows
// the tree, compares it with checkpoints, and counts. Make one with [NewAudit];
// it is not safe for concurrent use.
type Audit struct {
	Verification

	Known bool  // Tree and Row follow from what was read before
	Tree  Tree  // over what was read
	Row   int64 // the sequence of the next row

	signed []signed        // those not compared yet, by size
	before time.Time       // of the row before
	open   map[int64]int64 // rows of exchanges whose outcome is not known, by head
}

// signed is a checkpoint to compare with.
type signed struct {
	Checkpoint
	kept bool // elsewhere
}

func (s *signed) String() string {
	where := "checkpoint"
	if s.kept {
		where = "kept checkpoint"
	}
	return fmt.Sprintf("%s of %s (entry %d, row %d)", where, s.Time.Format(time.RFC3339), s.Size, s.Row)
}

// NewAudit begins an audit. own are the store's checkpoints, opts.Kept those
// from elsewhere.
func NewAudit(own []Checkpoint, opts *VerifyOptions) *Audit {
	a := &Audit{open: make(map[int64]int64)}
	a.States = make(map[string]int64, len(rules.States()))
	for _, state := range rules.States() {
		a.States[state.String()] = 0
	}
	a.Faults, a.Notes = []string{}, []string{}
	a.take(own, false, opts.Verifier)
	a.take(opts.Kept, true, opts.Verifier)
	slices.SortStableFunc(a.signed, func(a, b signed) int { return cmp.Compare(a.Size, b.Size) })
	return a
}

// take checks signatures.
func (a *Audit) take(checkpoints []Checkpoint, kept bool, verifier *Verifier) {
	for _, c := range checkpoints {
		if verifier != nil {
			if err := verifier.Check(&c); err != nil {
				a.Fault("%s", err)
				continue
			}
		}
		a.signed = append(a.signed, signed{c, kept})
	}
}

// Begin compares where a part of the log says that it begins with what was read
// before it. part names it in findings; first says that it is the oldest kept.
func (a *Audit) Begin(part string, at Head, first bool) {
	switch {
	case !a.Known:
		a.Tree, a.Row = at.Tree.Clone(), at.Row
		if first {
			a.Deleted = at.Row - 1
		}
		for len(a.signed) > 0 && a.signed[0].Size < at.Tree.Size() {
			a.signed = a.signed[1:] // what it signs is not read
		}
	case at.Tree.Size() != a.Tree.Size() || at.Tree.Root() != a.Tree.Root() || at.Row != a.Row:
		a.Fault("%s: it begins with entry %d and row %d after other entries than those before it: rows were changed, taken out or put in",
			part, at.Tree.Size(), at.Row)
		a.Tree, a.Row = at.Tree.Clone(), at.Row
	}
	a.Known = true
	a.Compare(part)
}

// Compare compares the tree with the checkpoints of its size.
func (a *Audit) Compare(part string) {
	for len(a.signed) > 0 && a.signed[0].Size <= a.Tree.Size() {
		s := a.signed[0]
		a.signed = a.signed[1:]
		switch {
		case s.Size < a.Tree.Size():
		case s.Root != a.Tree.Root():
			a.Fault("the history up to entry %d is not the one that was signed: %s has another root: rows were rewritten, reordered, taken out or put in before it (%s)",
				s.Size, s.String(), part)
		default:
			a.Checkpoints++
			a.Signed, a.SignedAt = s.Size, s.Time
		}
	}
}

// Count counts a row.
func (a *Audit) Count(row *Row) {
	if row.Time.Before(a.before) {
		a.ClockSteps++
	}
	a.before = row.Time
	if a.Rows == 0 {
		a.First = row.Sequence
	}
	a.Rows++
	a.Last = row.Sequence
	if row.State == rules.Unknown {
		a.open[row.Head]++
	} else {
		a.States[row.State.String()]++
	}
}

// Settle counts the rows whose outcome is known now.
func (a *Audit) Settle(endings []Ending) {
	for _, e := range endings {
		a.States[e.State.String()] += a.open[e.Head]
		delete(a.open, e.Head)
	}
}

// End compares what is left to compare.
func (a *Audit) End() {
	for _, rows := range a.open {
		a.States[rules.Unknown.String()] += rows
	}
	root := a.Tree.Root()
	a.Size, a.Root = a.Tree.Size(), base64.StdEncoding.EncodeToString(root[:])
	if a.Known || a.Segments == 0 {
		for i := range a.signed {
			if s := &a.signed[i]; s.Size > 0 {
				a.Fault("the ledger ends with entry %d, but %s was signed: rows were cut off, or an old copy of the ledger was restored", a.Size, s.String())
			}
		}
	} else if len(a.signed) > 0 {
		a.Note("%d checkpoints are of entries that could not be read", len(a.signed))
	}
	if a.Size > a.Signed && a.Known {
		a.Note("%d entries are newer than the newest checkpoint", a.Size-a.Signed)
	}
}

// SequenceError says that a row does not follow the one before it.
type SequenceError struct{ Got, Want int64 }

// Error says which rows it is about.
func (e *SequenceError) Error() string {
	if e.Got > e.Want {
		return fmt.Sprintf("rows %d to %d are missing", e.Want, e.Got-1)
	}
	return fmt.Sprintf("row %d stands where row %d should be", e.Got, e.Want)
}
