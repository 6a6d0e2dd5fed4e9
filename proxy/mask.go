package proxy

import (
	"net/http"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// mask is the part of a gate that writes a response again, without the values of
// foreign records, for a principal that is held by step mask. What it has written
// is inspected by a second finder, and goes only when that finds nobody else in it.
type mask struct {
	x      *exchange
	masker *record.Masker
	check  *record.Finder
	own    map[rules.Identifier]struct{} // of subjects that are kept
	out    []byte                        // masked and not sent
	from   int64                         // offset of out[0] in the masked body
	seen   int                           // bytes of out that check has read
	ready  int64                         // offset up to which out may go
	taken  []rules.Record
}

// maxKept bounds the identifiers of the principal's own that one response may
// show; further records of its own are taken for somebody else's.
const maxKept = 512

// masks reports whether the principal gets responses masked.
func (x *exchange) masks() bool { return x.Step == rules.StepMask }

func newMask(x *exchange, finder *record.Finder, contentType string) *mask {
	m := &mask{
		x: x, masker: record.NewMasker(finder), own: make(map[rules.Identifier]struct{}),
		check: record.NewFinder(x.policy.Records, x.hasher.Clone(), contentType),
	}
	if x.renames() {
		m.check.Chosen()
	}
	return m
}

// write takes the next piece of the decoded body.
func (m *mask) write(piece []byte) { _, _ = m.masker.Write(piece) } // never fails

// held is how many bytes wait, masked or not.
func (m *mask) held() int { return m.masker.Held() + len(m.out) }

// overfull reports whether the masker or the second finder holds more than one
// that works as it should.
func (m *mask) overfull() bool { return m.masker.Held() > maxHeld || len(m.out) > maxHeld }

// keepOwn leaves the principal's own records as they are.
func (m *mask) keepOwn(rows []rules.Disclosure) {
	for i := range rows {
		if rows[i].Ownership == rules.Own {
			m.keep(&rows[i].Record)
		}
	}
}

// keep leaves a subject as it is, whose record is the principal's own.
func (m *mask) keep(r *rules.Record) {
	if len(m.own)+len(r.Identifiers) > maxKept {
		return
	}
	m.masker.Keep(r.Subject)
	for _, id := range r.Identifiers {
		m.own[id] = struct{}{}
	}
}

// flow masks what is decided about and inspects it again; closed says that the
// body has ended, event that what came so far ends an event of a live one. A
// body in which somebody else is found all the same is refused.
func (m *mask) flow(closed, event bool) rules.Verdict {
	m.out = m.masker.Release(m.out)
	m.x.Masked = m.masker.Masked()
	if m.check.Uninspected() == rules.UninspectedSize {
		return m.x.unmasked(rules.UninspectedSize) // more than the finders take in: nobody knows what it shows
	}
	_, _ = m.check.Write(m.out[m.seen:]) // never fails
	m.seen = len(m.out)
	switch {
	case closed:
		_ = m.check.Close() // never fails
	case event:
		m.check.Flush()
	}
	m.taken = m.check.Take(m.taken[:0])
	for i := range m.taken {
		if m.strange(&m.taken[i]) {
			m.x.gateway.log.Warn("a masked response still showed somebody and was refused", "exchange", m.x.id.String(), "route", m.x.route)
			return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonContained, Status: http.StatusForbidden, Step: rules.StepMask}
		}
	}
	m.ready = min(m.check.Safe(), m.from+int64(len(m.out)))
	return rules.Passed
}

// strange reports whether a record of the masked body is somebody else's.
func (m *mask) strange(r *rules.Record) bool {
	for _, id := range r.Identifiers {
		if _, own := m.own[id]; own {
			return false
		}
	}
	return m.x.response.Strange(r)
}

// waits reports whether nothing can go.
func (m *mask) waits() bool { return m.ready == m.from }

// send copies what may go into b and forgets it.
func (m *mask) send(b []byte) int {
	n := copy(b, m.out[:m.ready-m.from])
	m.out = m.out[:copy(m.out, m.out[n:])]
	m.from += int64(n)
	m.seen -= n
	return n
}

// unmasked refuses a response that cannot be read, so that nothing in it can be
// masked, whatever the policy for other principals is.
func (x *exchange) unmasked(reason rules.Uninspected) rules.Verdict {
	x.Uninspected = reason
	return rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonUninspected, Status: http.StatusBadGateway, Step: rules.StepMask}
}

// unconditional asks the platform for the whole of a response that will be
// masked: what the client has of it may be the original, and no validator of that
// holds for what it gets.
func unconditional(out http.Header) {
	for _, name := range [...]string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
		out.Del(name)
	}
}

// ofOriginal are the header fields that tell of the original's bytes: its length
// and coding, validators (RFC 9110, 8.8), digests (RFC 9530, RFC 3230, RFC 1864),
// signatures (RFC 9421), and how long caches may keep it (RFC 9111, RFC 9213).
var ofOriginal = [...]string{
	"Content-Length", "Content-Encoding", "Etag", "Last-Modified", "Digest", "Content-Digest", "Repr-Digest", "Content-Md5",
	"Signature", "Signature-Input", "Expires", "Age", "Pragma", "Surrogate-Control", "Cdn-Cache-Control",
}

// rewritten is the policy for the header of a response that is masked for one
// principal: no cache keeps it, nothing in it tells of the original, and it has
// no ranges. Its length is not known beforehand.
func rewritten(res *http.Response) {
	for _, name := range ofOriginal {
		res.Header.Del(name)
	}
	res.Header.Set("Cache-Control", "private, no-store")
	res.Header.Set("Accept-Ranges", "none")
	res.ContentLength = -1
	untold(res)
}

// untold takes trailers that tell of the original's bytes away; announced ones
// are known before the body, others when it has ended.
func untold(res *http.Response) {
	for _, name := range ofOriginal {
		delete(res.Trailer, name)
	}
}
