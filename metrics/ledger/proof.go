package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows with the public key alone that entries are in a ledger that was
// signed for, and that the ledger of an older checkpoint is the beginning of
// it. Its JSON form is what `ledger prove` writes.
type Proof struct {
	Format string `json:"format"` // ProofFormat
	// Checkpoint is the signed text that the rest is proven against.
	Checkpoint string        `json:"checkpoint"`
	Entries    []ProvenEntry `json:"entries"`
	// Older is a checkpoint that was kept, Consistency shows that the ledger
	// it signs for is the beginning of this one (RFC 6962, section 2.1.2).
	Older       string      `json:"older_checkpoint,omitempty"`
	Consistency []tlog.Hash `json:"consistency,omitempty"`
}

// ProofFormat is [Proof.Format].
const ProofFormat = "ordergate-proof-1"

// ProvenEntry is an entry with its audit path (RFC 6962, section 2.1.1).
type ProvenEntry struct {
	Index int64       `json:"index"` // of the entry in the tree, from 0
	Entry []byte      `json:"entry"` // its canonical form: see AppendRowEntry
	Path  []tlog.Hash `json:"path"`
}

// Proven is what a proof shows.
type Proven struct {
	Checkpoint Checkpoint
	Older      *Checkpoint // nil: the proof is of none
	Rows       []Row       // as they were written
	Endings    []Ending
}

// ErrProof says that a proof does not hold.
var ErrProof = errors.New("the proof does not hold")

// CheckProof checks a proof with the key of v and with nothing else.
func CheckProof(p *Proof, v *Verifier) (*Proven, error) {
	if p.Format != ProofFormat {
		return nil, fmt.Errorf("%w: format %q, want %q", ErrProof, p.Format, ProofFormat)
	}
	checkpoint, err := checked(p.Checkpoint, v)
	if err != nil {
		return nil, err
	}
	proven := &Proven{Checkpoint: checkpoint}
	for i := range p.Entries {
		if err := proven.add(&p.Entries[i]); err != nil {
			return nil, err
		}
	}
	if p.Older == "" {
		return proven, nil
	}
	older, err := checked(p.Older, v)
	if err != nil {
		return nil, err
	}
	proven.Older = &older
	switch {
	case older.Size == checkpoint.Size && older.Root == checkpoint.Root, older.Size == 0:
	case older.Size >= checkpoint.Size:
		return nil, fmt.Errorf("%w: the older checkpoint has %d entries, the newer %d", ErrProof, older.Size, checkpoint.Size)
	default:
		if err := tlog.CheckTree(p.Consistency, checkpoint.Size, checkpoint.Root, older.Size, older.Root); err != nil {
			return nil, fmt.Errorf("%w: the ledger of %d entries is not the beginning of the one of %d: history was rewritten", ErrProof, older.Size, checkpoint.Size)
		}
	}
	return proven, nil
}

func checked(text string, v *Verifier) (Checkpoint, error) {
	c, err := ReadCheckpoint(text)
	if err == nil {
		err = v.Check(&c)
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return c, nil
}

func (p *Proven) add(e *ProvenEntry) error {
	if e.Index < 0 || e.Index >= p.Checkpoint.Size || len(e.Entry) == 0 {
		return fmt.Errorf("%w: entry %d of a tree of %d", ErrProof, e.Index, p.Checkpoint.Size)
	}
	if err := tlog.CheckRecord(e.Path, p.Checkpoint.Size, p.Checkpoint.Root, e.Index, tlog.RecordHash(e.Entry)); err != nil {
		return fmt.Errorf("%w: entry %d is not in the ledger that was signed for", ErrProof, e.Index)
	}
	switch EntryKind(e.Entry[0]) {
	case EntryRow:
		var row Row
		if err := new(Decoder).Row(e.Entry, &row); err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrProof, e.Index, err)
		}
		p.Rows = append(p.Rows, row)
		return nil
	case EntryOutcomes:
		endings, err := DecodeOutcomes(e.Entry)
		p.Endings = append(p.Endings, endings...)
		return err
	case EntryMark:
	}
	return nil
}
