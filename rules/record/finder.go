package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

// Finder reads one response body, pushed in any chunking, and reports the
// customer records in it. It holds at most 48 KiB of the body's values at a
// time, whatever the size of the body, and beside them the digests of at most
// 16,384 subjects. It is not safe for concurrent use. Make one with
// [NewFinder].
type Finder struct {
	group    grouper
	promised form
	scan     scanner
	head     []byte // first bytes, until the form is decided
	opaque   bool
	encoding bool // UTF-16
	offset   int64
	base     int64 // where the text that scan reads begins
	earlier  rules.Uninspected
	safe     int64
	closed   bool
}

// NewFinder returns a finder for a body with the given Content-Type header,
// which is only a hint. A nil cfg is the zero [Config]. The hasher belongs to
// the finder from now on.
func NewFinder(cfg *Config, h *rules.Hasher, contentType string) *Finder {
	if cfg == nil {
		cfg = &Config{}
	}
	f := &Finder{promised: formOf(contentType)}
	f.group.init(cfg, h)
	return f
}

// Write takes the next bytes of the decoded body. It keeps nothing of p and
// never fails.
func (f *Finder) Write(p []byte) (int, error) {
	n := len(p)
	if f.closed || n == 0 {
		return n, nil
	}
	if f.scan == nil && !f.opaque {
		rest := min(n, maxSniff-len(f.head))
		f.head = append(f.head, p[:rest]...)
		f.offset += int64(rest)
		p = p[rest:]
		if len(f.head) < maxSniff {
			return n, nil
		}
		f.begin()
	}
	if f.scan != nil && len(p) > 0 {
		f.scan.write(p, f.offset)
	}
	f.offset += int64(len(p))
	return n, nil
}

// begin decides the form and reads what was gathered for it.
func (f *Finder) begin() {
	head := f.head
	if bytes.HasPrefix(head, []byte("\xFF\xFE")) || bytes.HasPrefix(head, []byte("\xFE\xFF")) {
		f.opaque, f.encoding, f.head = true, true, nil
		return
	}
	f.scan = f.scanner(sniff(f.promised, head))
	f.opaque = f.scan == nil
	f.head = nil
	if f.scan != nil {
		bom := 0
		if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
			bom = 3
		}
		f.scan.write(head[bom:], f.base+int64(bom))
	}
}

func (f *Finder) scanner(kind form) scanner {
	g := &f.group
	switch kind {
	case formJSON:
		return newJSON(g, 0)
	case formHTML, formXML:
		s := newHTML(g, 0)
		s.page.xml = kind == formXML
		return s
	case formCSV:
		d := delimiter(f.head)
		if d == 0 {
			d = ','
		}
		return newCSV(g, d)
	case formSQL:
		return newSQL(g)
	case formPairs:
		return newForm(g)
	case formEvents:
		return newEvents(g)
	case formText, formUnknown:
		s := newText(g)
		s.blocks = true
		return s
	case formOpaque:
	}
	return nil
}

// Close says that the body is complete and reports what is pending. Closing
// again does nothing.
func (f *Finder) Close() error {
	if f.closed {
		return nil
	}
	if f.scan == nil && !f.opaque && len(f.head) > 0 {
		f.begin()
	}
	f.closed = true
	if f.scan != nil {
		f.scan.end(f.offset)
	}
	f.group.flush(f.offset)
	f.safe = f.offset
	return nil
}

// Flush reports what is pending, as if the body ended here, and reads what
// follows as a new text of the same type; subjects are still told once. It is
// for bodies that are read as they come (server-sent events, JSON lines): call
// it between two events, because a value that it cuts is not found.
func (f *Finder) Flush() {
	if f.closed || f.opaque {
		return
	}
	if f.scan == nil && len(f.head) > 0 {
		f.begin()
	}
	if f.scan == nil {
		return
	}
	f.scan.end(f.offset)
	f.group.flush(f.offset)
	if f.earlier == rules.UninspectedNone {
		f.earlier = f.scan.fault()
	}
	f.scan, f.base, f.safe = nil, f.offset, f.offset
}

// Take appends the records reported since the last Take to dst and returns
// it. A subject that was reported before in this response is reported again
// only with what is new about it.
func (f *Finder) Take(dst []rules.Record) []rules.Record {
	r := &f.group.report
	dst = append(dst, r.out...)
	clear(r.out)
	r.out = r.out[:0]
	return dst
}

// Safe returns the offset before which every byte of the decoded body is
// accounted for: reported in a record, or without personal data. It never
// falls, and equals Offset after Close. Values that have waited for 32 KiB
// for the rest of their record are reported as they are, or given up.
func (f *Finder) Safe() int64 {
	if f.closed {
		return f.offset
	}
	safe := f.offset
	switch {
	case f.scan != nil:
		safe = min(safe, f.scan.held(), f.group.held())
	case !f.opaque:
		safe = f.base
	}
	f.safe = max(f.safe, safe)
	return f.safe
}

// Offset returns how many bytes were written.
func (f *Finder) Offset() int64 { return f.offset }

// Subjects returns how many distinct subjects were reported so far. Beyond
// 16,384 it counts reports, so that it is never too low.
func (f *Finder) Subjects() int { return len(f.group.report.subjects) + f.group.report.beyond }

// Issued appends the digests ([rules.KeySession]) of the session and bearer
// tokens seen in the body since the last call, at most 8 in all, and returns
// dst.
func (f *Finder) Issued(dst []rules.Digest) []rules.Digest {
	r := &f.group.report
	dst = append(dst, r.issued[r.fresh:]...)
	r.fresh = len(r.issued)
	return dst
}

// Uninspected says why the body could not be read, or not wholly. It is final
// after Close.
func (f *Finder) Uninspected() rules.Uninspected {
	switch {
	case f.encoding:
		return rules.UninspectedEncoding
	case f.opaque:
		return rules.UninspectedType
	case f.scan != nil && f.earlier == rules.UninspectedNone:
		return f.scan.fault()
	}
	return f.earlier
}
