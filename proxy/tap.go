package proxy

import "io"

// tap keeps the original bytes of a body while a decoder reads them, and
// knows which of them can be told of by what was decoded so far.
//
// A decoder takes bytes in and gives decoded bytes out later. When it asks for
// more after having taken original bytes up to o, and has given decoded bytes
// up to d, the bytes before o decode to at most d+lag bytes (record.NewDecoder
// states lag). So once everything up to d+lag was accounted for, the bytes up
// to o may go.
type tap struct {
	source  io.Reader
	decoded int64  // given out by the decoder so far; the gate moves it
	lag     int64  // bound of what the decoder holds back
	plain   bool   // no decoder: original and decoded offsets are the same
	held    []byte // original bytes not yet released
	from    int64  // offset of held[0]
	marks   []mark // oldest first, at most one for each read that is still held
	ended   bool   // the source gave its last byte
	err     error  // what the source failed with, other than its end
}

// mark is the state at one of the decoder's reads.
type mark struct{ original, decoded int64 }

// Read implements io.Reader for the decoder.
func (t *tap) Read(b []byte) (int, error) {
	if !t.plain {
		t.marks = append(t.marks, mark{t.taken(), t.decoded})
	}
	n, err := t.source.Read(b[:min(len(b), copySize)])
	t.held = append(t.held, b[:n]...)
	switch {
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		t.ended = true
	case err != nil:
		t.err = err
	}
	return n, err
}

// taken is the offset behind the last byte read.
func (t *tap) taken() int64 { return t.from + int64(len(t.held)) }

// releasable returns the offset up to which original bytes may go when all
// decoded bytes up to safe are accounted for; done says that the decoder has
// ended and everything is.
func (t *tap) releasable(safe int64, done bool) int64 {
	if done {
		return t.taken()
	}
	if t.plain {
		return min(safe, t.taken())
	}
	to := t.from
	for _, m := range t.marks {
		if m.decoded+t.lag > safe {
			break
		}
		to = m.original
	}
	return max(to, t.from)
}

// forget gives all held bytes up: they do not go out.
func (t *tap) forget() {
	t.from = t.taken()
	t.held, t.marks = t.held[:0], t.marks[:0]
}

// release copies held bytes up to an offset into b and forgets them.
func (t *tap) release(b []byte, to int64) int {
	n := copy(b, t.held[:to-t.from])
	t.held = t.held[:copy(t.held, t.held[n:])]
	t.from += int64(n)
	gone := 0
	for gone < len(t.marks)-1 && t.marks[gone+1].original <= t.from {
		gone++
	}
	t.marks = t.marks[:copy(t.marks, t.marks[gone:])]
	return n
}
