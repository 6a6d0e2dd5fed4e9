package record

// asciiKind is one of the filters that write bytes as text.
type asciiKind uint8

const (
	asciiNone   asciiKind = iota
	asciiBase85           // ISO 32000-1, 7.4.3
	asciiHex              // 7.4.2
)

// asciiFilter decodes what ASCII85Decode or ASCIIHexDecode made.
type asciiFilter struct {
	kind asciiKind
	done bool
	n    int
	acc  uint32
	out  [512]byte
	used int
}

// write decodes p and calls give with what it decodes to.
func (f *asciiFilter) write(p []byte, give func([]byte)) {
	for _, b := range p {
		if f.done {
			break
		}
		if f.used > len(f.out)-4 {
			f.flush(give)
		}
		switch {
		case f.kind == asciiHex:
			f.hex(b)
		case b == '~':
			f.tail()
		case b == 'z' && f.n == 0:
			f.group(4)
		case b >= '!' && b <= 'u':
			f.acc = f.acc*85 + uint32(b-'!')
			if f.n++; f.n == 5 {
				f.group(4)
			}
		}
	}
	f.flush(give)
}

func (f *asciiFilter) flush(give func([]byte)) {
	if n := f.used; n > 0 {
		f.used = 0
		give(f.out[:n])
	}
}

func (f *asciiFilter) hex(b byte) {
	if b == '>' {
		f.done = true
	}
	if d := unhex(b); d >= 0 {
		f.acc = f.acc<<4 | uint32(d)
		if f.n++; f.n == 2 {
			f.out[f.used] = byte(f.acc)
			f.used++
			f.n, f.acc = 0, 0
		}
	}
}

// group gives out the first n bytes of a group of five signs.
func (f *asciiFilter) group(n int) {
	for i := range n {
		f.out[f.used] = byte(f.acc >> (24 - 8*i))
		f.used++
	}
	f.n, f.acc = 0, 0
}

// tail is the end: a last group of fewer signs.
func (f *asciiFilter) tail() {
	f.done = true
	if f.n < 2 {
		return
	}
	n := f.n - 1
	for ; f.n < 5; f.n++ {
		f.acc = f.acc*85 + 84
	}
	f.group(n)
}
