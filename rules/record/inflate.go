package record

import (
	"encoding/binary"
	"errors"
)

// errDeflate is the error of data that is no DEFLATE stream, errBomb the one of
// a stream that grows out of proportion.
var (
	errDeflate = errors.New("deflate")
	errBomb    = errors.New("deflate bomb")
)

const (
	inflateWindow = 32 << 10 // RFC 1951 section 2: distances reach 32 KiB back
	bombFrom      = 1 << 20  // decoded bytes from which the ratio is looked at
	maxLitLen     = 288
	maxDistance   = 32
)

// inflateState is what an inflater reads next.
type inflateState uint8

const (
	inflateBlock   inflateState = iota // the head of a block
	inflateStored                      // the length of a stored block
	inflateCopy                        // the bytes of a stored block
	inflateSizes                       // the sizes of a dynamic block's tables
	inflateMeta                        // the code that the code lengths are written in
	inflateLengths                     // the code lengths
	inflateSymbols                     // literals and matches
	inflateDone
)

// inflater decodes a DEFLATE stream (RFC 1951) that is pushed to it in any
// chunking. The standard library's and klauspost's decoders pull their input,
// so that a scanner, which is pushed, would need a goroutine a stream; this one
// keeps its place between two bits. It gives out everything that the bytes
// taken so far decode to. It holds 38 KiB. The zero value is ready.
type inflater struct {
	window [inflateWindow]byte
	at     int // where the next byte goes
	given  int // window[given:at] was not yet given out
	full   bool
	state  inflateState
	final  bool
	before int64 // bytes taken by earlier writes
	out    int64 // bytes given out
	ratio  int64 // bound of decoded bytes for one of the stream; 0: none
	bomb   bool  // the bound was met

	bits  uint64
	nbits uint
	in    []byte // of the current write
	i     int

	left    int // bytes of a stored block
	nlit    int
	ndist   int
	nmeta   int
	n       int // code lengths read
	lengths [maxLitLen + maxDistance]uint8
	lit     huffman
	dist    huffman
}

// reset prepares for another stream.
func (z *inflater) reset() {
	z.at, z.given, z.full, z.state, z.final = 0, 0, false, inflateBlock, false
	z.bits, z.nbits, z.in, z.i, z.before, z.out, z.bomb = 0, 0, nil, 0, 0, 0, false
}

// member prepares for a further stream of the same content.
func (z *inflater) member() {
	before, out := z.before, z.out
	z.reset()
	z.before, z.out = before, out
}

// done reports whether the stream has ended.
func (z *inflater) done() bool { return z.state == inflateDone }

// write decodes p and calls give with what it decodes to, which must not be
// kept. It returns how many bytes of p belong to the stream: all of them until
// the stream has ended.
func (z *inflater) write(p []byte, give func([]byte)) (int, error) {
	z.in, z.i = p, 0
	more, err := true, error(nil)
	for z.state != inflateDone && more && err == nil {
		more, err = z.step(give)
	}
	z.in = nil
	z.flush(give)
	n := z.i
	z.before, z.i = z.before+int64(n), 0
	return n, err
}

// flush gives out what was decoded since the last time.
func (z *inflater) flush(give func([]byte)) {
	if z.at > z.given {
		z.out += int64(z.at - z.given)
		give(z.window[z.given:z.at])
	}
	z.given = z.at
	if z.at == len(z.window) {
		z.at, z.given, z.full = 0, 0, true
		z.weigh()
	}
}

// weigh looks at the ratio. It is called at the ends of windows and streams,
// and counts what was decoded, not what lies ready: the chunks that the stream
// comes in must not change the result.
func (z *inflater) weigh() {
	if z.ratio > 0 && z.out > bombFrom && z.out > z.ratio*(z.before+int64(z.i)-int64(z.nbits/8)) {
		z.bomb = true
	}
}

// need takes bytes until n bits are there; false: there are no more bytes.
func (z *inflater) need(n uint) bool {
	for z.nbits < n {
		if z.i == len(z.in) {
			return false
		}
		z.bits |= uint64(z.in[z.i]) << z.nbits
		z.i++
		z.nbits += 8
	}
	return true
}

func (z *inflater) take(n uint) int {
	v := z.bits & (1<<n - 1)
	z.bits >>= n
	z.nbits -= n
	return int(v)
}

// step reads one part of the stream. more is false if the bytes do not reach.
func (z *inflater) step(give func([]byte)) (more bool, err error) {
	switch z.state {
	case inflateBlock:
		return z.block(give)
	case inflateStored:
		if !z.need(32) {
			return false, nil
		}
		n, inverse := z.take(16), z.take(16)
		if n != inverse^0xFFFF {
			return false, errDeflate
		}
		z.left, z.state = n, inflateCopy
	case inflateCopy:
		return z.stored(give), nil
	case inflateSizes:
		if !z.need(14) {
			return false, nil
		}
		z.nlit, z.ndist, z.nmeta = z.take(5)+257, z.take(5)+1, z.take(4)+4
		if z.nlit > 286 || z.ndist > len(distanceBase) {
			return false, errDeflate
		}
		z.n, z.state = 0, inflateMeta
		clear(z.lengths[:])
	case inflateMeta:
		return z.meta()
	case inflateLengths:
		return z.codeLengths()
	case inflateSymbols:
		return z.symbols(give)
	}
	return true, nil
}

// block reads the head of a block, or ends the stream.
func (z *inflater) block(give func([]byte)) (bool, error) {
	if z.final {
		z.flush(give)
		if z.weigh(); z.bomb {
			return false, errBomb
		}
		z.state, z.bits, z.nbits = inflateDone, 0, 0
		return true, nil
	}
	if !z.need(3) {
		return false, nil
	}
	z.final = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.take(z.nbits % 8) // stored blocks begin at a byte
		z.state = inflateStored
	case 1:
		z.fixed()
		z.state = inflateSymbols
	case 2:
		z.state = inflateSizes
	default:
		return false, errDeflate
	}
	return true, nil
}

// fixed builds the tables of section 3.2.6.
func (z *inflater) fixed() {
	for i := range maxLitLen {
		switch {
		case i < 144:
			z.lengths[i] = 8
		case i < 256:
			z.lengths[i] = 9
		case i < 280:
			z.lengths[i] = 7
		default:
			z.lengths[i] = 8
		}
	}
	z.lit.build(z.lengths[:maxLitLen])
	for i := range maxDistance {
		z.lengths[i] = 5
	}
	z.dist.build(z.lengths[:maxDistance])
}

func (z *inflater) stored(give func([]byte)) bool {
	for z.left > 0 {
		n := min(z.left, len(z.in)-z.i, len(z.window)-z.at)
		if z.i == len(z.in) {
			return false
		}
		copy(z.window[z.at:], z.in[z.i:z.i+n])
		z.i, z.left, z.at = z.i+n, z.left-n, z.at+n
		if z.at == len(z.window) {
			z.flush(give)
		}
	}
	z.state = inflateBlock
	return true
}

// metaOrder is the order of the lengths of the code lengths' own code.
var metaOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (z *inflater) meta() (bool, error) {
	for ; z.n < z.nmeta; z.n++ {
		if !z.need(3) {
			return false, nil
		}
		z.lengths[metaOrder[z.n]] = uint8(z.take(3))
	}
	if !z.lit.build(z.lengths[:19]) {
		return false, errDeflate
	}
	z.n, z.state = 0, inflateLengths
	return true, nil
}

// codeLengths reads the code lengths of both tables (section 3.2.7).
func (z *inflater) codeLengths() (bool, error) {
	total := z.nlit + z.ndist
	for z.n < total {
		symbol, size := z.peek(&z.lit, 0)
		if size < 0 {
			return false, errDeflate
		}
		if size == 0 {
			return false, nil
		}
		if symbol < 16 {
			z.take(uint(size))
			z.lengths[z.n] = uint8(symbol)
			z.n++
			continue
		}
		extra, base, value := uint(2), 3, uint8(0)
		switch {
		case symbol == 16 && z.n == 0:
			return false, errDeflate
		case symbol == 16:
			value = z.lengths[z.n-1]
		case symbol == 17:
			extra = 3
		default:
			extra, base = 7, 11
		}
		if !z.need(uint(size) + extra) {
			return false, nil
		}
		z.take(uint(size))
		n := base + z.take(extra)
		if z.n+n > total {
			return false, errDeflate
		}
		for range n {
			z.lengths[z.n] = value
			z.n++
		}
	}
	if !z.lit.build(z.lengths[:z.nlit]) || !z.dist.build(z.lengths[z.nlit:total]) {
		return false, errDeflate
	}
	z.state = inflateSymbols
	return true, nil
}

// peek looks for a code of h behind the first skip bits, taking bytes as it
// needs them, and returns its symbol and its length: 0 for too few bytes, -1
// for a code that does not exist.
func (z *inflater) peek(h *huffman, skip uint) (symbol, size int) {
	for {
		have := z.nbits - min(skip, z.nbits)
		symbol, size = h.find(z.bits>>skip, int(have))
		if size != 0 {
			return symbol, size
		}
		if have >= maxCode {
			return 0, -1
		}
		if !z.need(z.nbits + 1) {
			return 0, 0
		}
	}
}

// Lengths and distances of matches: base and extra bits (section 3.2.5).
var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// symbols reads literals and matches until the block or the bytes end. A
// symbol with all that belongs to it has at most 48 bits, so that it is taken
// whole or not at all, and nothing but bits is kept between two writes.
func (z *inflater) symbols(give func([]byte)) (bool, error) {
	for {
		if z.bomb {
			return false, errBomb
		}
		if len(z.in)-z.i >= 8 {
			z.bits |= binary.LittleEndian.Uint64(z.in[z.i:]) << z.nbits
			z.i += int((63 - z.nbits) >> 3)
			z.nbits |= 56
		}
		symbol, size := z.peek(&z.lit, 0)
		switch {
		case size == 0:
			return false, nil
		case size < 0 || symbol > 285:
			return false, errDeflate
		case symbol < 256:
			z.take(uint(size))
			z.window[z.at] = byte(symbol)
			if z.at++; z.at == len(z.window) {
				z.flush(give)
			}
		case symbol == 256:
			z.take(uint(size))
			z.unread()
			z.state = inflateBlock
			return true, nil
		default:
			if more, err := z.match(symbol-257, uint(size), give); !more {
				return false, err
			}
		}
	}
}

// unread gives the whole bytes back that were taken in advance; they are of
// the current write, since what is left of an earlier one is part of a symbol.
func (z *inflater) unread() {
	n := z.nbits / 8
	z.i -= int(n)
	z.nbits -= n * 8
	z.bits &= 1<<z.nbits - 1
}

// match reads the rest of a match, whose length's code has size bits, and
// copies it.
func (z *inflater) match(length int, size uint, give func([]byte)) (bool, error) {
	extra := uint(lengthExtra[length])
	symbol, far := z.peek(&z.dist, size+extra)
	switch {
	case far == 0:
		return false, nil
	case far < 0 || symbol >= len(distanceBase):
		return false, errDeflate
	}
	if !z.need(size + extra + uint(far) + uint(distanceExtra[symbol])) {
		return false, nil
	}
	z.take(size)
	n := int(lengthBase[length]) + z.take(extra)
	z.take(uint(far))
	back := int(distanceBase[symbol]) + z.take(uint(distanceExtra[symbol]))
	if back > z.at && !z.full {
		return false, errDeflate
	}
	from := z.at - back
	if from < 0 {
		from += len(z.window)
	}
	for range n {
		z.window[z.at] = z.window[from]
		if from++; from == len(z.window) {
			from = 0
		}
		if z.at++; z.at == len(z.window) {
			z.flush(give)
		}
	}
	return true, nil
}
