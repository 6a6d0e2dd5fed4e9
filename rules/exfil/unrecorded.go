package exfil

import (
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// maxUnrecorded bounds how many subjects of each kind of key are written down with
// the detectors' history: of more, those of keys that have one.
const maxUnrecorded = 1 << 17

// countsState are keys of one kind of which the ledger has no rows, and what counts
// under them. Digests stand one behind the other: a history has millions.
type countsState struct {
	Kind rules.KeyKind
	Keys []byte
	Each []int  // subjects of each key
	What []byte // theirs, key by key
	At   []int64
}

// unrecorded are the kinds of keys whose counts no row of the ledger tells: claims,
// what sessions wrote, and credentials that nobody saw being issued.
func unrecorded() (kinds []rules.KeyKind) {
	for i := int(rules.KeySite) + 1; i < capKinds; i++ {
		kinds = append(kinds, rules.KeyKind(256-capKinds+i)) //nolint:gosec // tableIndex undone
	}
	return kinds
}

// save writes down what counts under the keys that the ledger has no rows of. A key
// with one subject comes last, because to forget it gives nobody more than a new
// session has (keyTable); reservations that nobody has settled are left out.
func (c *Caps) save(p *pieces) {
	for _, kind := range unrecorded() {
		left := maxUnrecorded
		for _, alone := range []bool{false, true} {
			for n, more := int32(0), true; more && left > 0; {
				s := countsState{Kind: kind}
				n, more = c.saveSome(&s, n, alone, left)
				if left -= len(s.At); len(s.At) > 0 {
					p.Counts = append(p.Counts, s)
					p.cut()
				}
			}
		}
	}
}

// saveSome goes on with a few entries from one on, and returns the next, if there are
// more. Entries that come or go meanwhile are as well in what is written as not.
func (c *Caps) saveSome(s *countsState, from int32, alone bool, most int) (next int32, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[tableIndex(s.Kind)]
	end := min(from+saveSmall, t.entries.used)
	for n := from; n < end && len(s.At) < most; n++ {
		e := t.entries.at(n)
		if e.order == noOrder || (c.live(e) == 1) != alone {
			continue // an entry in no order is unused, or the crowd: it is nobody's
		}
		before := len(s.At)
		c.committed(e, func(subject rules.Digest, at int64) { s.What, s.At = append(s.What, subject[:]...), append(s.At, at) })
		if each := len(s.At) - before; each > 0 {
			s.Keys, s.Each = append(s.Keys, e.digest[:]...), append(s.Each, each)
		}
	}
	return end, end < t.entries.used
}

// committed calls f for every subject of a key that stands, and when it was disclosed
// last.
func (c *Caps) committed(e *keyEntry, f func(subject rules.Digest, at int64)) {
	if set := c.set(e); set != nil {
		for n := set.oldest; n != nilNode; n = set.nodes[n].next {
			if at := set.nodes[n].committed; at > 0 {
				f(set.nodes[n].subject, at)
			}
		}
		return
	}
	for i := range int(e.count) {
		if one := c.nth(e, i); one.committed > 0 {
			f(one.subject, one.committed)
		}
	}
}

// load counts again what save wrote.
func (c *Caps) load(list []countsState, now time.Time) {
	for i := range list {
		if s := &list[i]; slices.Contains(unrecorded(), s.Kind) {
			s.each(func(key, subject rules.Digest, at int64) {
				d := demand{key: capKey{s.Kind, key}, limits: Limits{{Max: maxUnrecorded}}}
				c.restore(&d, subject, time.Unix(0, at), now)
			})
		}
	}
}

// each calls f for every subject, as far as what was read goes together.
func (s *countsState) each(f func(key, subject rules.Digest, at int64)) {
	const size = len(rules.Digest{})
	keys, what, at := s.Keys, s.What, s.At
	for _, each := range s.Each {
		if len(keys) < size {
			return
		}
		key := rules.Digest(keys[:size])
		for keys = keys[size:]; each > 0 && len(what) >= size && len(at) > 0; each-- {
			f(key, rules.Digest(what[:size]), at[0])
			what, at = what[size:], at[1:]
		}
	}
}
