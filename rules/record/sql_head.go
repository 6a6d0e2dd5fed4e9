package record

import "bytes"

// maxHead bounds the start of a statement that is remembered, in bytes.
const maxHead = 2 << 10

// sqlHead remembers how the last INSERT begins, from its first letter to the
// parenthesis of its first row: dumps with a statement a row say the same before
// each, and it is most of what many of them hold. The zero value knows none.
type sqlHead struct {
	text    []byte
	columns int
	at      int64 // where the statement began that is being read
	begun   bool
}

// begin says that a statement begins at an offset, so that the one before no
// longer says which columns the scanner knows.
func (h *sqlHead) begin(at int64) { h.text, h.at, h.begun = h.text[:0], at, true }

func (h *sqlHead) forget() { h.text, h.begun = h.text[:0], false }

// learn remembers the statement whose first row begins behind p, if it began in p
// too, which is at off.
func (h *sqlHead) learn(s *sqlScanner, p []byte, off int64) {
	h.begun = false
	if from := h.at - off; from >= 0 && from < int64(len(p)) && len(p)-int(from) <= maxHead && s.named && !s.copying {
		h.text, h.columns = append(h.text[:0], p[from:]...), s.columns
	}
}

// leads reports whether p begins as the last statement did.
func (h *sqlHead) leads(p []byte) bool { return len(h.text) > 0 && bytes.HasPrefix(p, h.text) }
