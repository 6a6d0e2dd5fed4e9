package proxy

import (
	"io"
	"net/http"
	"time"
)

// pausing tells when the upstream pauses, so that what is decided of a streamed
// page or a long poll does not wait for a whole first window: after a pause the
// gate lets go what it would let go at the window's end, and nothing of a record
// that is not complete. Its policy:
//
//   - only bodies whose length the upstream did not say, and that are not
//     compressed: what has a length is made already, and decoders keep back what
//     they need;
//   - not the answers that say who somebody is (logins, accounts, lists of orders),
//     nor masked ones: these are judged by the whole window;
//   - WAF phase 4 judges what there is; what comes later it does not see, as beyond
//     its limit. Caps and ledger see everything, always.
//
// It belongs to the goroutine that reads from it. The read under way may outlast
// it; closing the upstream's body ends that.
type pausing struct {
	source io.Reader
	buffer []byte    // of the read under way
	result chan read // of the read under way; nil: there is none
	got    *read     // what it read; nil: still reading, or none
	at     int       // of got, taken already
}

// readAhead is the size of a buffer of its own, since a read may outlast the exchange:
// smaller than copySize, because every answer of unknown length takes one.
const readAhead = 16 << 10

type read struct {
	n     int
	err   error
	cause any // it panicked: the exchange's goroutine does instead, so that the process lives
}

// pauses reports whether a response may go after a pause.
func (x *exchange) pauses(res *http.Response) bool {
	return res.ContentLength < 0 && !x.login.is && !x.landing && !x.lists && !x.me && !x.masks()
}

// paused reports whether the upstream has paused, and there is something that may
// go: until then the status line can still be a refusal's.
func (g *gate) paused() bool {
	if g.pausing == nil || g.raw || g.pausing.ready(g.x.gateway.timeouts.Flush) {
		return false
	}
	return g.tap.releasable(g.finder.Safe(), false) > g.tap.from
}

// ready waits for bytes, or the end, for so long.
func (p *pausing) ready(lasting time.Duration) bool {
	if p.got != nil {
		return true
	}
	if p.result == nil {
		if p.buffer == nil {
			p.buffer = make([]byte, readAhead)
		}
		p.result = make(chan read, 1)
		go func(into []byte, result chan<- read) {
			var got read
			defer func() {
				got.cause = recover()
				result <- got
			}()
			got.n, got.err = p.source.Read(into)
		}(p.buffer, p.result)
	}
	select { // no timer where the bytes are there
	case got := <-p.result:
		p.got = &got
		return true
	default:
	}
	timer := time.NewTimer(lasting)
	defer timer.Stop()
	select {
	case got := <-p.result:
		p.got = &got
		return true
	case <-timer.C:
		return false
	}
}

// Read implements io.Reader.
func (p *pausing) Read(b []byte) (int, error) {
	if p.result == nil {
		return p.source.Read(b) //nolint:wrapcheck // io.Reader's contract
	}
	if p.got == nil {
		got := <-p.result
		p.got = &got
	}
	if p.got.cause != nil {
		panic(p.got.cause)
	}
	n := copy(b, p.buffer[p.at:p.got.n])
	if p.at += n; p.at < p.got.n {
		return n, nil
	}
	err := p.got.err
	p.result, p.got, p.at = nil, nil, 0
	return n, err
}
