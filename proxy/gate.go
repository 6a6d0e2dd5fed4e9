package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// errCut ends a response whose next bytes are refused after the status line:
// the connection is cut, so that the client cannot take the part for the whole.
var errCut = errors.New("response cut")

// maxHeld bounds the original bytes held for one response, above what its
// decoder holds back. The finder reports a record at the latest after 32 KiB,
// so only a fault of ours, or a body made to hide, reaches it.
const maxHeld = 128 << 10

// maxLag bounds what a decoder may hold back: some stacks of encodings have no
// useful bound, and would have to be held whole.
const maxLag = 1 << 20

// bombFrom is the decoded size from which the ratio is looked at.
const bombFrom = 1 << 20

// gate is a response body that holds its bytes until the records they carry
// are reserved against the caps and durable in the ledger.
type gate struct {
	x         *exchange
	res       *http.Response
	body      io.Closer // the upstream's
	tap       tap
	decoder   io.ReadCloser
	finder    *record.Finder
	mask      *mask  // writes the body again; nil: it goes as it came
	scratch   []byte // one decoded piece; from the pool
	pending   []rules.Record
	ready     int64    // original offset up to which bytes may go
	raw       bool     // no longer inspected, by policy: bytes go as they come
	done      bool     // the body has ended and everything found is decided
	err       error    // what ends the body once the ready bytes have gone
	wafLeft   int      // bytes that WAF phase 4 still wants
	live      bool     // the client reads it as it comes: event by event
	pausing   *pausing // tells when the upstream pauses; nil: that is no matter
	ended     bool     // the last decoded byte ended a line, so perhaps an event
	flushed   bool     // an event has ended since the last decision
	held      int      // most bytes held at a time
	login     loginAnswer
	list      []byte // the beginning of a list of orders
	mediaType string // the response's Content-Type
	last      time.Time
}

// newGate decides about the first window of a response.
func newGate(x *exchange, res *http.Response) (*gate, rules.Verdict) {
	g := &gate{x: x, res: res, body: res.Body, scratch: x.gateway.pool.Get(), wafLeft: x.waf.WantsBody()}
	g.tap.source, g.tap.held = res.Body, g.room(res.ContentLength)
	g.mediaType = res.Header.Get("Content-Type")
	encoding := res.Header.Get("Content-Encoding")
	decoder, lag, err := record.NewDecoder(encoding, &g.tap)
	if err != nil {
		if v := g.broken(err); v.Action == rules.Refuse {
			g.release()
			return nil, v
		}
	} else if g.decoder = decoder; lag > maxLag {
		if v := g.giveUp(rules.UninspectedEncoding); v.Action == rules.Refuse {
			g.release()
			return nil, v
		}
	} else {
		g.tap.lag = int64(lag)
		g.tap.plain = encoding == "" || encoding == "identity"
		promised := g.mediaType
		if x.mislabelled {
			promised = "" // the type lies
		}
		g.finder = record.NewFinder(x.policy.Records, x.hasher, promised)
		if x.renames() {
			g.finder.Chosen()
		}
		x.walk(res)
		if x.masks() {
			g.mask = newMask(x, g.finder, res.Header.Get("Content-Type"))
			x.mask = g.mask
		}
	}
	if g.live = streams(res.Header.Get("Content-Type")); !g.live && g.tap.plain && x.pauses(res) {
		g.pausing = &pausing{source: res.Body}
		g.tap.source = g.pausing
	}
	if v := g.fill(g.live, true); v.Action == rules.Refuse {
		g.release()
		return nil, v
	}
	return g, rules.Passed
}

// Read implements io.Reader for httputil.ReverseProxy's copy loop.
func (g *gate) Read(b []byte) (int, error) {
	for g.waits() {
		if g.err != nil {
			if g.mask != nil {
				untold(g.res)
			}
			return 0, g.err
		}
		if v := g.fill(true, false); v.Action == rules.Refuse {
			g.x.cut(v)
			g.err = errCut
		}
	}
	g.last = g.x.extendWrite(g.last) // behind the wait for the upstream, before the write
	n := 0
	if g.mask != nil {
		n = g.mask.send(b)
	} else {
		n = g.tap.release(b, g.ready)
	}
	g.x.sent += int64(n)
	return n, nil
}

// waits reports whether nothing can go.
func (g *gate) waits() bool {
	if g.mask != nil {
		return g.mask.waits()
	}
	return g.ready == g.tap.from
}

// Close implements io.Closer.
func (g *gate) Close() error {
	g.release()
	return g.body.Close()
}

// room is for the bytes that are held of a body of so many bytes, -1 for an unknown
// number. Room that grows step by step costs a 24 KB page 41 KB.
func (g *gate) room(length int64) []byte {
	if 0 <= length && length <= copySize/8 {
		return make([]byte, 0, length)
	}
	return g.x.gateway.pool.Get()[:0]
}

// release gives back what the gate borrowed; it may be called again.
func (g *gate) release() {
	if cap(g.tap.held) == copySize { // else it is small, or has grown
		g.x.gateway.pool.Put(g.tap.held)
		g.tap.held = nil
	}
	if g.scratch != nil {
		g.x.gateway.pool.Put(g.scratch)
		g.scratch = nil
	}
	if g.decoder != nil {
		_ = g.decoder.Close() // reads from memory only
		g.decoder = nil
	}
}

// fill reads until a window is full, the body ends, or, when eager, the
// upstream has no more at hand; then it settles what was found.
func (g *gate) fill(eager, first bool) rules.Verdict {
	window := g.x.policy.window()
	for !g.done && g.err == nil {
		if first && g.paused() {
			break
		}
		short, v := g.step(eager)
		if v.Action == rules.Refuse {
			return v
		}
		held := len(g.tap.held)
		g.held = max(g.held, held)
		if eager && short {
			g.endEvent()
			break
		}
		if held >= window || g.mask != nil && g.mask.held() >= window {
			break
		}
	}
	if first && g.err == errUpstreamGone { //nolint:errorlint // set above
		// Nothing has gone out yet: a clean answer, and nobody was shown anything.
		gone := rules.Verdict{Action: rules.Refuse, Reason: g.x.Reason, Status: http.StatusBadGateway}
		if gone.Reason == rules.ReasonClientGone {
			gone.Status = statusClientGone
		}
		if v := g.x.enforce(gone); v.Action == rules.Refuse {
			return v
		}
	}
	if first {
		if v := g.x.judgeBody(); v.Action == rules.Refuse {
			return v
		}
		g.wafLeft = 0
		g.x.judgeLogin(&g.login, g.mediaType)
	}
	v := g.settle()
	if first && g.x.lists && v.Action == rules.Pass {
		g.x.response.Told(record.ShownOrders(g.list, g.x.uri, g.x.hasher))
	}
	return v
}

// endEvent keeps nothing of a live body waiting for what comes next: after a
// line's end the finder tells what it has, as at the body's end.
func (g *gate) endEvent() {
	if g.live && g.ended && g.finder != nil && !g.raw {
		g.finder.Flush()
		g.flushed = true
		g.pending = g.finder.Take(g.pending)
	}
}

// step reads one piece, decodes it and shows it to the finder and the WAF.
// short says that the upstream had less than was asked for.
func (g *gate) step(eager bool) (short bool, v rules.Verdict) {
	if g.raw {
		return g.stepRaw()
	}
	n, err := g.gather(eager)
	if n > 0 {
		if v := g.show(g.scratch[:n]); v.Action == rules.Refuse {
			return false, v
		}
	}
	switch {
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		return true, g.finish()
	case err != nil:
		return true, g.broken(err)
	case g.tap.decoded > bombFrom && g.tap.decoded > g.tap.taken()*g.x.policy.ratio():
		return false, g.giveUp(rules.UninspectedBomb)
	case g.overfull():
		return false, g.giveUp(rules.UninspectedSize)
	}
	return n < len(g.scratch), rules.Passed
}

// gather fills scratch with a decoded piece. Where nobody waits for what there is,
// it reads until scratch is full, since the finder knows a part of a page again
// only if it comes whole.
func (g *gate) gather(eager bool) (n int, err error) {
	for n < len(g.scratch) && err == nil {
		var got int
		got, err = g.decoder.Read(g.scratch[n:])
		g.tap.decoded += int64(got)
		n += got
		if eager || got == 0 || g.pausing != nil || g.overfull() {
			break
		}
	}
	return n, err
}

// overfull reports whether more is held than any record could need.
func (g *gate) overfull() bool {
	return len(g.tap.held) > maxHeld+int(g.tap.lag) || g.mask != nil && g.mask.overfull()
}

// show gives one decoded piece to the finder and, within its limit, the WAF.
func (g *gate) show(piece []byte) rules.Verdict {
	from := g.x.gateway.now()
	if g.mask != nil {
		g.mask.write(piece)
	} else {
		_, _ = g.finder.Write(piece) // never fails
	}
	if g.x.walker != nil {
		g.x.walker.Write(piece)
	}
	g.ended = piece[len(piece)-1] == '\n'
	g.pending = g.finder.Take(g.pending)
	from = g.x.spend(StageFind, from)
	if g.mask == nil && g.finder.Idle() {
		g.close()
		g.raw = true // a program: the rest of it is not even decoded
		return rules.Passed
	}
	if g.x.login.is || g.x.landing {
		g.login.add(piece)
	}
	if g.x.lists && len(g.list) < loginWindow {
		g.list = append(g.list, piece[:min(len(piece), loginWindow-len(g.list))]...)
	}
	if g.wafLeft == 0 {
		return rules.Passed
	}
	part := piece[:min(len(piece), g.wafLeft)]
	g.wafLeft -= len(part)
	verdict, err := g.x.waf.Write(part)
	g.x.spend(StageWAFResponse, from)
	if err != nil {
		return g.x.wafFailed(err)
	}
	return g.x.enforce(verdict)
}

// finish ends the body: what follows a compressed stream is not inspected,
// so it must not be there.
func (g *gate) finish() rules.Verdict {
	if !g.tap.plain && !g.tap.ended {
		n, err := io.ReadFull(&g.tap, g.scratch[:1])
		if n > 0 {
			return g.giveUp(rules.UninspectedEncoding)
		}
		if err != nil && err != io.EOF { //nolint:errorlint // io.ReadFull's contract
			return g.broken(err)
		}
	}
	g.close()
	g.done, g.err = true, io.EOF
	return rules.Passed
}

// close takes the finder's last records.
func (g *gate) close() {
	from := g.x.gateway.now()
	_ = g.finder.Close() // never fails
	g.pending = g.finder.Take(g.pending)
	g.x.spend(StageFind, from)
	g.x.Weak, _ = g.finder.Weak()
	if reason := g.finder.Uninspected(); reason != rules.UninspectedNone && g.x.Uninspected == rules.UninspectedNone {
		g.x.Uninspected = reason
	}
}

// broken tells an upstream that broke off from bytes that do not decode.
func (g *gate) broken(error) rules.Verdict {
	if g.tap.err == nil && !g.tap.plain {
		return g.giveUp(rules.UninspectedEncoding)
	}
	// What came was inspected; it goes, and then the connection is cut. Of a
	// compressed body only what was surely decoded goes.
	if g.finder != nil {
		g.close()
	}
	if g.x.Reason = brokenBy(g.res); g.x.Reason == rules.ReasonUpstreamGone {
		g.x.Uninspected = rules.UninspectedPartial
	}
	g.done, g.err = g.tap.plain, errUpstreamGone
	return rules.Passed
}

// errUpstreamGone ends a response whose upstream broke off inside the body.
var errUpstreamGone = errors.New("the upstream broke off inside the body")

// brokenBy says whose fault a body is that broke off: when the client is gone, the
// upstream's connection is cut for it, which is no failure of the upstream's.
func brokenBy(res *http.Response) rules.Reason {
	if res.Request.Context().Err() != nil {
		return rules.ReasonClientGone
	}
	return rules.ReasonUpstreamGone
}

// giveUp stops inspecting: by policy the response is refused, or goes on
// uninspected and counted.
func (g *gate) giveUp(reason rules.Uninspected) rules.Verdict {
	if g.x.masks() {
		return g.x.unmasked(reason)
	}
	v := g.x.uninspected(reason, g.x.policy.Uninspected)
	if v.Action == rules.Pass {
		g.raw = true
		if g.finder != nil {
			g.close()
			g.x.Uninspected = reason
		}
	}
	return v
}

// stepRaw passes bytes on that are no longer inspected.
func (g *gate) stepRaw() (bool, rules.Verdict) {
	n, err := g.tap.Read(g.scratch)
	switch {
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		g.done, g.err = true, io.EOF
	case err != nil:
		g.x.Reason = brokenBy(g.res)
		g.done, g.err = true, errUpstreamGone
	}
	return n < len(g.scratch), rules.Passed
}

// settle decides about everything found since the last time, and moves ready.
func (g *gate) settle() rules.Verdict {
	if g.mask != nil && !g.mask.masker.Able() {
		g.x.response.Unmaskable()
	}
	if v := g.x.disclose(g.pending, g.newTokens(), g.subjects()); v.Action == rules.Refuse {
		return v
	}
	g.pending = g.pending[:0]
	switch {
	case g.mask != nil:
		g.tap.forget()
		event := g.flushed
		g.flushed = false
		return g.mask.flow(g.done || g.err != nil, event)
	case g.raw:
		g.ready = g.tap.taken()
		return rules.Passed
	case g.finder == nil: // the upstream broke off before the decoder could begin
		return rules.Passed
	}
	g.ready = max(g.ready, g.tap.releasable(g.finder.Safe(), g.done))
	return rules.Passed
}

func (g *gate) subjects() int {
	if g.finder == nil {
		return 0
	}
	return g.finder.Subjects()
}

// newTokens returns the sessions that the body issued since the last time.
func (g *gate) newTokens() []rules.Digest {
	if g.finder == nil {
		return nil
	}
	return g.finder.Issued(nil)
}
