package segment

import (
	"errors"
	"fmt"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// salvage says in a segment's header what was set aside before it. The tree
// goes on with the entries that could be read, and one filling entry for each
// number that was in use behind them, so that no number is used twice and
// whoever kept a checkpoint from before the damage can still be shown that this
// is the same ledger.
type salvage struct {
	File string `json:"file,omitempty"` // the damaged segment's name; empty: the end is missing
	Leaf int64  `json:"leaf"`           // the number of the first entry that is not certain
	Row  int64  `json:"row"`            // the sequence of the first row that is not certain
	Lost int64  `json:"lost"`           // how many rows cannot be read, at most
	Why  string `json:"why"`
}

// remains are what can be read behind a damaged place.
type remains struct {
	file    string
	entries int64
	rows    int64
	last    int64 // the sequence of the last row, 0: none
}

// filling is the entry that stands in the tree for each lost one.
var filling = []byte{byte(ledger.EntryMark), '{', '}'}

// setAside has the log go on behind what is lost: l.at is where the certain part
// ends.
func (l *Log) setAside(r *remains, why error) {
	row := max(l.at.row, r.last+1, l.opts.LeastRow+1)
	lost := max(row-l.at.row-r.rows, 0)
	l.salvage = &salvage{File: r.file, Leaf: l.at.tree.Size(), Row: l.at.row, Lost: lost, Why: why.Error()}
	size := max(l.opts.Least, l.at.tree.Size()+r.entries)
	since := l.at.to
	l.at = position{tree: l.at.tree.Clone(), row: row}
	for l.at.tree.Size() < size {
		l.at.tree.Append(filling, nil)
	}
	l.lost += lost
	l.pending = append(l.pending, ledger.Mark{
		Time: l.opts.Now().UTC(), Kind: ledger.MarkDamaged, Count: lost, Since: since,
		Detail: fmt.Sprintf("rows up to %d are whole; row %d is the next", l.salvage.Row-1, row),
	})
	l.warnings = append(l.warnings, fmt.Sprintf("ledger in %s is damaged: %v: rows up to %d are whole, up to %d rows behind them cannot be read; what is left of them stays where it is, "+
		"and a new segment begins with row %d: copy data_dir away as evidence, and restore the damaged part from a backup", l.dir, why, l.salvage.Row-1, lost, row))
}

// salvageEnd sets a last segment aside that is damaged behind what s has.
func (l *Log) salvageEnd(o *opened, s *survey, why error) error {
	l.last, l.header = o.place, o.header
	l.at = position{tree: s.tree, row: s.row, rows: s.summary.Rows, to: s.summary.To}
	r := remains{file: o.name()}
	if err := r.count(o, s.offset); err != nil {
		return err
	}
	l.earlier = append(l.earlier, &earlier{place: o.place, damaged: true})
	l.setAside(&r, explain(o.path, why))
	return nil
}

// salvageWhole sets a last segment aside of which nothing is certain: the log
// goes on behind the one before it.
func (l *Log) salvageWhole(p place, why error) error {
	if n := len(l.earlier); n > 0 {
		o, err := open(l.earlier[n-1].place, -1)
		if err == nil {
			var s *survey
			if s, err = surveySegment(o); s != nil {
				l.at = position{tree: s.tree, row: s.row, to: s.summary.To}
			}
			_ = o.file.Close()
		}
		if err != nil {
			why = errors.Join(why, err)
		}
	}
	if l.at.row < 1 {
		l.at.row = 1
	}
	l.last, l.header = p, header{Segment: p.number, Day: p.day}
	l.earlier = append(l.earlier, &earlier{place: p, damaged: true})
	l.setAside(&remains{file: p.name()}, explain(p.path, why))
	return nil
}

// count counts the entries that can be read behind an offset.
func (r *remains) count(o *opened, offset int64) error {
	var decoder ledger.Decoder
	var row ledger.Row
	for {
		next, err := behind(o.file, offset, o.size)
		if err != nil || next < 0 {
			return err
		}
		if err := o.seek(next); err != nil {
			return err
		}
		for {
			_, payload, err := o.next(nil)
			if err != nil {
				break // the end, or the next damaged place
			}
			offset = o.at
			err = Entries(payload, func(entry []byte) error {
				r.entries++
				if decoder.Row(entry, &row) == nil {
					r.rows++
					r.last = max(r.last, row.Sequence)
				}
				return nil
			})
			if err != nil {
				break
			}
		}
		if offset <= next {
			offset = next
		}
		if offset >= o.size {
			return nil
		}
	}
}

// Lost is how many rows opening the log found to be lost, at most.
func (l *Log) Lost() int64 { return l.lost }
