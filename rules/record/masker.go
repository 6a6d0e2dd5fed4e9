package record

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Mask stands in place of a masked text: in every form it needs no escape, and
// the finder knows it for a value that is starred out.
const Mask = "***"

// maskedNumber stands in place of a masked number of JSON.
const maskedNumber = "0"

// Masker reads a body through a finder and gives it back with the values masked
// that the finder has taken for somebody's: in JSON, with its types kept; in HTML,
// XML, delimited and plain text. Values of texts in texts are masked where they
// stand. Names of keys, towns beside nothing else, and what nobody's record holds
// stay as they are. Server-sent events keep their lines; multipart bodies (RFC 2046), mails
// and HTTP messages in a body are masked part by part: delimiters and the codings of parts
// stay (in base64 a mask is as long as the value), and header fields of a part that tell of
// its original bytes go. It holds what the finder holds, and beside it only what was not
// released. It is not safe for concurrent use. Make one with [NewMasker].
type Masker struct {
	finder *Finder
	places *places
	held   []byte // written and not released
	gone   int    // bytes of it that are
	from   int64  // offset of what is not
	last   int64  // where the last masked value ended
	spans  []place
	own    map[rules.Identifier]struct{}
	masked int
}

// NewMasker returns a masker over a finder that has read nothing yet. All
// values that the finder reports are masked but those of subjects that are kept.
func NewMasker(f *Finder) *Masker {
	p := newPlaces()
	f.group.places, f.group.slow = p, true
	return &Masker{finder: f, places: p, own: make(map[rules.Identifier]struct{})}
}

// Write takes the next bytes of the decoded body, as [Finder.Write] does. It
// never fails.
func (m *Masker) Write(p []byte) (int, error) {
	m.held = append(m.held, p...)
	return m.finder.Write(p)
}

// Able reports whether values can be masked in a body of this form, as far as it is
// known; before Release has returned anything that is final. Bodies of other
// forms (documents, archives, YAML, vCards, SQL, other charsets than UTF-8) are given
// back as they are; so are parts of those forms in a multipart body or a mail, which can
// be masked beside that: inspect again what comes out.
func (m *Masker) Able() bool {
	b := m.inner()
	switch b.scan.(type) {
	case *partsScanner, *mailScanner:
		return b == &m.finder.body
	}
	return !b.begun || b.maskable()
}

// inner is the text that values are read from: the body, or the event in it.
func (m *Masker) inner() *bodyScanner {
	if s, is := m.finder.body.scan.(*eventsScanner); is {
		return &s.body
	}
	return &m.finder.body
}

// Keep leaves the values of a subject as they are from now on.
func (m *Masker) Keep(subject rules.Identifier) { m.own[subject] = struct{}{} }

// Held returns how many bytes are not released.
func (m *Masker) Held() int { return len(m.held) }

// Masked returns how many values were masked in what was released.
func (m *Masker) Masked() int { return m.masked }

// Release appends what can go to dst and returns it: everything before the
// finder's Safe. Call it when it is decided about every record that the finder has
// reported so far, whether to keep its subject.
func (m *Masker) Release(dst []byte) []byte {
	limit := m.finder.Safe()
	p := m.places
	if !m.Able() {
		p.take(nil, never)
		dst = m.pass(dst, limit)
		m.held, m.gone = m.held[:copy(m.held, m.held[m.gone:])], 0
		return dst
	}
	if !m.finder.closed { // what is open then was given up
		limit = p.open(p.begin(limit))
	}
	m.spans = p.take(m.spans, limit)
	slices.SortFunc(m.spans, func(a, b place) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	left := m.spans[:0]
	for i := range m.spans {
		one := &m.spans[i]
		switch {
		case !m.hides(one) || one.to <= m.from:
		case one.to > limit: // it waits for its end
			limit = min(limit, one.from)
			left = append(left, *one)
		default:
			dst = m.hide(dst, one)
		}
	}
	m.spans = left
	dst = m.pass(dst, limit)
	p.forget(m.from)
	m.held, m.gone = m.held[:copy(m.held, m.held[m.gone:])], 0
	return dst
}

// hide releases up to a place, and a mask for it.
func (m *Masker) hide(dst []byte, one *place) []byte {
	if m.places.coded(one) {
		m.star(one)
		return dst
	}
	if one.from < m.from { // it overlaps the one before
		dst = m.breaks(dst, one.to)
		m.skip(one.to)
		return dst
	}
	if between := m.held[m.gone : m.gone+int(one.from-m.from)]; one.more && m.last == m.from && len(bytes.TrimSpace(between)) == 0 {
		m.skip(one.from) // one mask stands for all of a value
	} else {
		dst = append(m.pass(dst, one.from), mask(one)...)
		if !one.field {
			m.masked++
		}
	}
	value := m.held[m.gone : m.gone+int(one.to-one.from)]
	if at := bytes.Index(value, []byte("]]>")); at >= 0 && m.marked() { // the end of a CDATA section, which is none of its text
		dst = append(dst, "]]>"...)
		if len(bytes.TrimSpace(value[at+3:])) > 0 {
			dst = append(dst, Mask...)
		}
	}
	dst = m.breaks(dst, one.to)
	m.skip(one.to)
	m.last = one.to
	return dst
}

// breaks releases the end of a line in an event's value: at most one, since the
// next line begins with a field's name, which is no value's.
func (m *Masker) breaks(dst []byte, to int64) []byte {
	if _, is := m.finder.body.scan.(*eventsScanner); !is {
		return dst
	}
	value := m.held[m.gone : m.gone+int(to-m.from)]
	if at := bytes.IndexAny(value, "\r\n"); at >= 0 {
		dst = append(dst, value[at:]...)
	}
	return dst
}

// mask is what stands for a value.
func mask(one *place) string {
	switch {
	case one.field:
		return ""
	case one.number:
		return maskedNumber
	}
	return Mask
}

// marked reports whether the body is markup.
func (m *Masker) marked() bool {
	_, is := m.inner().scan.(*htmlScanner)
	return is
}

// hides reports whether a place is masked.
func (m *Masker) hides(one *place) bool {
	if one.owner <= 0 {
		return one.owner != ownerNobody
	}
	_, own := m.own[m.finder.group.report.told.subjects.at(int(one.owner-1)).id]
	return !own
}

// pass releases bytes as they are.
func (m *Masker) pass(dst []byte, to int64) []byte {
	if n := min(to-m.from, int64(len(m.held)-m.gone)); n > 0 {
		dst = append(dst, m.held[m.gone:m.gone+int(n)]...)
		m.skip(m.from + n)
	}
	return dst
}

// skip forgets bytes.
func (m *Masker) skip(to int64) {
	n := max(min(to-m.from, int64(len(m.held)-m.gone)), 0)
	m.gone += int(n)
	m.from += n
}
