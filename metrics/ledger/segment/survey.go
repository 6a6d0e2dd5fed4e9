package segment

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// survey is what reading a whole segment adds up to.
type survey struct {
	summary summary // without Blocks
	own     outcomes
	tree    ledger.Tree // after the last entry
	row     int64       // the sequence of the next row
	offset  int64       // the end of the last whole frame
	first   int64       // the sequence of the segment's first row
	decoder ledger.Decoder
}

func newSurvey(h *header) (*survey, error) {
	tree, ok := ledger.TreeAt(h.FirstLeaf, h.Edge)
	if !ok || h.FirstRow < 1 {
		return nil, &damageError{int64(len(magic)), fmt.Sprintf("the header's tree of %d entries has %d hashes", h.FirstLeaf, len(h.Edge))}
	}
	return &survey{own: outcomes{}, tree: tree, row: h.FirstRow, first: h.FirstRow}, nil
}

// add takes the next entry. Its error says what is wrong with the entry; the
// tree has it nevertheless.
func (s *survey) add(entry []byte) error {
	s.tree.Append(entry, func(at ledger.Place, hash tlog.Hash) {
		if at.Level >= NodeLevel {
			s.summary.Nodes = append(s.summary.Nodes, Node{at, hash})
		}
	})
	s.summary.Leaves++
	switch ledger.EntryKind(entry[0]) {
	case ledger.EntryRow:
		return s.addRow(entry)
	case ledger.EntryOutcomes:
		endings, err := ledger.DecodeOutcomes(entry)
		for _, e := range endings {
			if e.Head >= s.row {
				err = errors.Join(err, fmt.Errorf("an outcome of row %d, which is not there yet", e.Head))
			} else if e.Head >= s.first {
				s.own.add(e)
			} else {
				s.summary.Late = append(s.summary.Late, e)
			}
		}
		return err
	case ledger.EntryMark:
		mark, err := ledger.DecodeMark(entry)
		if err == nil {
			s.summary.Marks = append(s.summary.Marks, mark)
		}
		return err
	}
	return fmt.Errorf("%w: kind %d", ledger.ErrEntry, entry[0])
}

func (s *survey) addRow(entry []byte) error {
	var row ledger.Row
	if err := s.decoder.Row(entry, &row); err != nil {
		return err
	}
	expected := s.row
	s.row = row.Sequence + 1
	s.summary.Rows++
	s.summary.From, s.summary.To = widen(s.summary.From, s.summary.To, row.Time)
	if row.Sequence != expected {
		return &ledger.SequenceError{Got: row.Sequence, Want: expected}
	}
	return ledger.Validate(&row.Disclosure)
}

// widen makes the period from..to hold t; zero times are an empty period.
func widen(from, to, t time.Time) (time.Time, time.Time) {
	if from.IsZero() || t.Before(from) {
		from = t
	}
	if to.IsZero() || t.After(to) {
		to = t
	}
	return from, to
}

// endings returns the outcomes of the segment's own rows, by head.
func (s *survey) endings() []ledger.Ending {
	list := make([]ledger.Ending, 0, len(s.own))
	for _, head := range slices.Sorted(maps.Keys(s.own)) {
		list = append(list, ledger.Ending{Head: head, State: s.own[head]})
	}
	return list
}

// surveySegment reads all entries of a segment. With an error the survey holds
// what came before the frame that it is about.
func surveySegment(o *opened) (*survey, error) {
	s, err := newSurvey(&o.header)
	if err != nil {
		return nil, err
	}
	s.offset = o.at
	var u unpacker
	defer u.close()
	for {
		at := o.at
		k, payload, err := o.next(nil)
		if errors.Is(err, io.EOF) {
			return s, nil
		} else if err != nil {
			return s, err
		}
		if payload, err = u.unpack(k, payload); err != nil {
			return s, &damageError{at, err.Error()}
		}
		if err := Entries(payload, s.add); err != nil {
			return s, &damageError{at, err.Error()}
		}
		s.offset = o.at
	}
}
