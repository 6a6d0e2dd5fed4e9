package record

import "math/bits"

const (
	huffmanBits = 9  // codes up to this length are found in one step
	maxCode     = 15 // bits of a code
)

// huffman is a table of a canonical Huffman code (RFC 1951 section 3.2.2).
type huffman struct {
	quick   [1 << huffmanBits]uint16 // symbol<<4 | length, by the next bits; 0: longer or unknown
	count   [maxCode + 1]uint16      // codes of each length
	symbols [maxLitLen]uint16        // in the order of their codes
}

// build makes the table from code lengths; false if they are too many or too
// few. As in the standard library, no code and one code of one bit are fine.
func (h *huffman) build(lengths []uint8) bool {
	clear(h.count[:])
	clear(h.quick[:])
	for _, n := range lengths {
		h.count[n]++
	}
	total := len(lengths) - int(h.count[0])
	h.count[0] = 0
	var next, code [maxCode + 2]uint16
	room := 1
	for n := 1; n <= maxCode; n++ {
		if room = room<<1 - int(h.count[n]); room < 0 {
			return false
		}
		next[n+1] = next[n] + h.count[n]
		code[n+1] = (code[n] + h.count[n]) << 1
	}
	if room > 0 && total > 0 && (total > 1 || h.count[1] == 0) {
		return false
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[next[n]] = uint16(symbol)
		next[n]++
		if n <= huffmanBits {
			r := bits.Reverse16(code[n]) >> (16 - n)
			for i := int(r); i < len(h.quick); i += 1 << n {
				h.quick[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
		code[n]++
	}
	return true
}

// find returns the symbol whose code the first of the have bits of v are, and
// the length of the code, 0 if there is none.
func (h *huffman) find(v uint64, have int) (symbol, size int) {
	if e := h.quick[v&(1<<huffmanBits-1)]; e != 0 {
		if size = int(e & 15); size <= have {
			return int(e >> 4), size
		}
		return 0, 0
	}
	code, first, index := 0, 0, 0
	for n := 1; n <= min(maxCode, have); n++ {
		code |= int(v & 1)
		v >>= 1
		count := int(h.count[n])
		if code-count < first {
			return int(h.symbols[index+code-first]), n
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0
}
