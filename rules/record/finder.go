package record

import "github.com/ordergate/ordergate/rules"

// Finder reads one response body, pushed in any chunking, and reports the
// customer records in it. It holds at most 48 KiB of a text's values at a
// time, and 128 KiB in all of a file with other files in it, whatever the size
// of the body, and beside them the digests of at most 16,384 subjects. It is not safe for concurrent use. Make one with
// [NewFinder].
type Finder struct {
	group    grouper
	promised form
	hints    hints
	body     bodyScanner
	offset   int64
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
	f := &Finder{promised: formOf(contentType), hints: hintsOf(contentType)}
	f.group.init(cfg, h)
	f.body.head = f.group.room.head
	f.body.reset(&f.group, 0, f.promised, 0)
	f.body.hints = f.hints
	return f
}

// Chosen says that whoever asked may have chosen the names of keys in the body (aliases
// of GraphQL, select of PostgREST): no key alone makes a value the shop's own then, or a
// sample. Call it before the first Write.
func (f *Finder) Chosen() { f.group.chosen = true }

// Write takes the next bytes of the decoded body. It keeps nothing of p and
// never fails.
func (f *Finder) Write(p []byte) (int, error) {
	if f.closed || len(p) == 0 {
		return len(p), nil
	}
	f.body.write(p, f.offset)
	f.offset += int64(len(p))
	return len(p), nil
}

// Close says that the body is complete and reports what is pending. It also
// gives the cache of keys back to later finders: a finder that is never closed
// costs its successors a colder start. Closing again does nothing.
func (f *Finder) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.body.end(f.offset)
	f.group.flush(f.offset)
	if s, is := f.body.scan.(*htmlScanner); is && f.group.places == nil {
		f.body.reason, f.body.scan = s.fault(), nil
		s.release()
	}
	f.body.head = nil
	f.group.close()
	f.safe = f.offset
	return nil
}

// Flush reports what is pending, as if the body ended here, and reads what
// follows as a new text of the same type; subjects are still told once. It is
// for bodies that are read as they come (server-sent events, JSON lines): call
// it between two events, because a value that it cuts is not found. A body of
// frames of its own (gRPC) is told by frame instead, wherever Flush is called.
func (f *Finder) Flush() {
	if f.closed || f.body.pause(f.offset) || !f.body.begun || f.body.scan == nil {
		return
	}
	f.body.end(f.offset)
	f.group.flush(f.offset)
	if f.earlier == rules.UninspectedNone {
		f.earlier = f.body.fault()
	}
	f.body.reset(&f.group, 0, f.promised, f.offset)
	f.body.hints = f.hints
	f.safe = f.offset
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
	f.safe = max(f.safe, min(f.offset, f.body.settled(f.group.held())))
	return f.safe
}

// Idle reports whether nothing that may follow in the body is read, because it
// is a program and not data; what it looks like is decided within the first 512
// bytes behind the comments that it begins with.
func (f *Finder) Idle() bool {
	code, is := f.body.scan.(*codeScanner)
	return is && code.idle()
}

// Offset returns how many bytes were written.
func (f *Finder) Offset() int64 { return f.offset }

// Subjects returns how many distinct subjects were reported so far. Beyond
// 16,384 it counts reports, so that it is never too low.
func (f *Finder) Subjects() int { return f.group.report.subjects + f.group.report.beyond }

// Weak returns how many purchases the body showed so far of people whom it does
// not single out (a name alone, a masked e-mail address), and which fields. They
// are no subjects: nothing counts them, and no row of the ledger can name them.
func (f *Finder) Weak() (people int, fields rules.Fields) {
	return f.group.report.weak.count, f.group.report.weak.fields
}

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
	if f.earlier != rules.UninspectedNone {
		return f.earlier
	}
	return f.body.fault()
}
