package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Part is a segment that is kept elsewhere and shall be a file again.
type Part struct {
	Number int64 // from 1 without gaps
	Day    string
	Begin  ledger.Head // of the tree before it, and the sequence of its first row
	Leaves int64
}

// Restore writes a segment's file into dir, from its entries in their order,
// unless it is there already with as many. It is whole or not at all, and
// refuses a file in its place that is another segment's.
func Restore(dir string, part *Part, each func(put func(entry []byte) error) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := place{filepath.Join(dir, nameOf(part.Number, part.Day)), part.Number, part.Day}
	if there, err := part.there(p); err != nil || there {
		return err
	}
	file, err := os.OpenFile(p.path+packedSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	err = part.write(file, each)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(p.path+packedSuffix))
	}
	if err := os.Rename(p.path+packedSuffix, p.path); err != nil {
		return err
	}
	return syncDir(p.path)
}

// there reports whether the file is there and whole.
func (part *Part) there(p place) (bool, error) {
	o, err := open(p, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	head := o.header
	tree, ok := ledger.TreeAt(head.FirstLeaf, head.Edge)
	same := ok && head.FirstLeaf == part.Begin.Tree.Size() && tree.Root() == part.Begin.Tree.Root() && head.FirstRow == part.Begin.Row
	s, err := surveySegment(o)
	if err := errors.Join(explain(p.path, err), o.file.Close()); err != nil {
		return false, err
	}
	if !same || s.summary.Leaves > part.Leaves {
		return false, fmt.Errorf("%s is there and is no part of this ledger's copy: name an empty folder", p.path)
	}
	return s.summary.Leaves == part.Leaves, nil
}

func (part *Part) write(file *os.File, each func(put func(entry []byte) error) error) error {
	head, err := json.Marshal(&header{Segment: part.Number, Day: part.Day, FirstLeaf: part.Begin.Tree.Size(), FirstRow: part.Begin.Row, Edge: part.Begin.Tree.Edge()})
	if err != nil {
		return err
	}
	frame := append(beginFrame(nil), head...)
	endFrame(frame, frameHeader)
	if _, err := file.Write(append([]byte(magic), frame...)); err != nil {
		return err
	}
	// Frames hold either rows or other entries, as a writer makes them.
	frame, kindOf := beginFrame(frame), frameRows
	flush := func() error {
		if len(frame) == frameHead {
			return nil
		}
		endFrame(frame, kindOf)
		_, err := file.Write(frame)
		frame = beginFrame(frame)
		return err
	}
	leaves := int64(0)
	err = each(func(entry []byte) error {
		k := frameOther
		if ledger.EntryKind(entry[0]) == ledger.EntryRow {
			k = frameRows
		}
		if k != kindOf || len(frame) > 1<<20 {
			if err := flush(); err != nil {
				return err
			}
			kindOf = k
		}
		frame = AppendEntry(frame, entry)
		leaves++
		return nil
	})
	if err := errors.Join(err, flush()); err != nil {
		return err
	}
	if leaves != part.Leaves {
		return fmt.Errorf("segment %d of %s has %d entries, %d came: run `ordergate ledger verify` on the store that it comes from", part.Number, part.Day, part.Leaves, leaves)
	}
	return nil
}
