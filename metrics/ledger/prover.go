package ledger

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Prover makes proofs of a log from the hashes of some subtrees and, below them,
// from the entries, of which it reads proverSpan at a time. It implements
// [tlog.HashReader], holds what it has read, and is for one proof: not safe for
// concurrent use.
type Prover struct {
	Size int64 // entries of the log
	// Nodes are subtrees that are known.
	Nodes map[Place]tlog.Hash
	// Kept returns a further one, or false; nil: there are none.
	Kept func(at Place) (hash tlog.Hash, ok bool, err error)
	// Entries calls do for the entries from number first to before end that there
	// are; they are borrowed.
	Entries func(first, end int64, do func(index int64, entry []byte) error) error
	// Find returns a row's entry, without its path, and that of the first outcome of
	// its exchange, if there is one.
	Find func(sequence int64) ([]ProvenEntry, error)

	spans map[int64][]tlog.Hash // of entries, by the number of the span; zero where one is gone
}

// proverSpan is how many entries are hashed at a time.
const proverSpan = 1 << 10

// Prove shows that a row, and what became of it if that is known, are among
// the first size entries; size is that of a checkpoint. With sequence 0 no row
// is proven. With older > 0 it also shows that the first older entries are the
// beginning of these. The checkpoints' texts are the caller's to add.
func (p *Prover) Prove(sequence, size, older int64) (*Proof, error) {
	if p.Size < size {
		return nil, fmt.Errorf("the ledger has %d entries, the checkpoint signs for %d: an old copy was restored", p.Size, size)
	}
	proof, err := &Proof{Format: ProofFormat, Entries: []ProvenEntry{}}, error(nil)
	if sequence != 0 {
		if proof.Entries, err = p.Find(sequence); err != nil {
			return nil, err
		}
		if proof.Entries[0].Index >= size {
			return nil, fmt.Errorf("row %d is newer than the checkpoint: wait for the next one", sequence)
		}
		proof.Entries = slices.DeleteFunc(proof.Entries, func(e ProvenEntry) bool { return e.Index >= size })
	}
	for i := range proof.Entries {
		e := &proof.Entries[i]
		if e.Path, err = tlog.ProveRecord(size, e.Index, p); err != nil {
			return nil, err
		}
	}
	if older > 0 && older < size {
		proof.Consistency, err = tlog.ProveTree(size, older, p)
	}
	return proof, err
}

// ReadHashes implements [tlog.HashReader].
func (p *Prover) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		var err error
		if hashes[i], err = p.hash(Place{Level: level, Index: n}); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (p *Prover) hash(at Place) (tlog.Hash, error) {
	if hash, ok := p.Nodes[at]; ok {
		return hash, nil
	}
	if p.Kept != nil {
		if hash, ok, err := p.Kept(at); err != nil || ok {
			return hash, err
		}
	}
	if at.Level == 0 && at.End() <= p.Size {
		return p.leaf(at.Index)
	} else if at.End() > p.Size {
		return tlog.Hash{}, fmt.Errorf("entry %d is not there", at.End()-1)
	}
	left, err := p.hash(Place{Level: at.Level - 1, Index: 2 * at.Index})
	if err != nil {
		return tlog.Hash{}, err
	}
	right, err := p.hash(Place{Level: at.Level - 1, Index: 2*at.Index + 1})
	return tlog.NodeHash(left, right), err
}

// leaf returns the hash of an entry.
func (p *Prover) leaf(index int64) (tlog.Hash, error) {
	n := index / proverSpan
	leaves, ok := p.spans[n]
	if !ok {
		leaves = make([]tlog.Hash, proverSpan)
		err := p.Entries(n*proverSpan, (n+1)*proverSpan, func(index int64, entry []byte) error {
			leaves[index-n*proverSpan] = tlog.RecordHash(entry)
			return nil
		})
		if err != nil {
			return tlog.Hash{}, err
		}
		if p.spans == nil {
			p.spans = make(map[int64][]tlog.Hash)
		}
		p.spans[n] = leaves
	}
	if hash := leaves[index%proverSpan]; hash != (tlog.Hash{}) {
		return hash, nil
	}
	return tlog.Hash{}, fmt.Errorf("entry %d is not kept any more", index)
}
