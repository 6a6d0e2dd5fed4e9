package record

import (
	"cmp"
	"slices"
)

// signs are signs of base64 (RFC 4648) that stand in the body one beside the other.
// Each of the first three of a quantum stands for the byte that begins in it,
// which the scanners get with that sign's offset; the fourth one for none.
type signs struct {
	from, to int64
	phase    uint8 // of the first one in its quantum
}

// sign notes a sign of base64, the phase-th of its quantum.
func (p *places) sign(off int64, phase int) {
	if p == nil {
		return
	}
	if n := len(p.signs); n > 0 {
		if last := &p.signs[n-1]; last.to == off && (int64(last.phase)+off-last.from)&3 == int64(phase) {
			last.to++
			return
		}
	}
	p.signs = append(p.signs, signs{off, off + 1, uint8(phase)}) //nolint:gosec // 0 to 3
}

// run returns the number of the first run that ends behind an offset.
func (p *places) run(off int64) int {
	at, _ := slices.BinarySearchFunc(p.signs, off, func(s signs, off int64) int { return cmp.Compare(s.to, off+1) })
	return at
}

// coded reports whether a place stands in base64.
func (p *places) coded(one *place) bool {
	at := p.run(one.from)
	return at < len(p.signs) && p.signs[at].from < one.to
}

// forget forgets the signs before an offset.
func (p *places) forget(off int64) {
	at := p.run(off)
	p.signs = p.signs[:copy(p.signs, p.signs[at:])]
}

// gone says that a header field, from one offset to another, is not given back.
func (p *places) gone(from, to int64) {
	if p != nil {
		p.fields++
		p.all = append(p.all, place{from: from, to: to, field: true, owner: ownerWeak})
	}
}

// star masks a value in base64 where it stands, byte for byte, so that what is
// beside it in the same quantum stays: with asterisks, and a number with 0 and blanks.
func (m *Masker) star(one *place) {
	first, rest := byte('*'), byte('*')
	if one.number {
		first, rest = '0', ' '
	}
	if one.more {
		first = rest
	}
	p := m.places
	if !one.more {
		m.masked++
	}
	for k := p.run(one.from); k < len(p.signs) && p.signs[k].from < one.to; k++ {
		s := &p.signs[k]
		for at := max(s.from, one.from); at < min(s.to, one.to); at++ {
			phase := (int64(s.phase) + at - s.from) & 3
			next := at + 1
			if next == s.to && k+1 < len(p.signs) {
				next = p.signs[k+1].from
			}
			if phase < 3 && at >= m.from && m.gone+int(next-m.from) < len(m.held) {
				putByte(&m.held[m.gone+int(at-m.from)], &m.held[m.gone+int(next-m.from)], int(phase), first)
				first = rest
			}
		}
	}
}

// putByte writes a byte into the two signs that it begins and ends in; the
// masks' bytes need none of the signs in which the two alphabets differ.
func putByte(begin, end *byte, phase int, b byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	shift := 2 * (phase + 1)
	high := sextet(*begin)&^(1<<(8-shift)-1) | int(b)>>shift
	low := sextet(*end)&(1<<(6-shift)-1) | int(b)<<(6-shift)&63
	*begin, *end = alphabet[high&63], alphabet[low&63]
}
