package proxy

import (
	"bytes"
	"testing"

	"github.com/gobwas/ws"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// FuzzClientSide: however a client's bytes come, the same of them goes, what goes is the
// beginning of what came, control frames aside, and nothing is held beyond a message.
func FuzzClientSide(f *testing.F) {
	frame := func(op ws.OpCode, last bool, text string) []byte {
		return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, last, []byte(text))))
	}
	f.Add(bytes.Join([][]byte{frame(ws.OpText, false, "{"), frame(ws.OpPing, true, "?"), frame(ws.OpContinuation, true, "}"), frame(ws.OpClose, true, "")}, nil), uint8(3))
	f.Add(frame(ws.OpBinary, true, string(make([]byte, 300))), uint8(200))
	f.Add([]byte("\x81\x01{"), uint8(1))
	off, err := waf.New(waf.Config{Mode: rules.Off, Paranoia: 1, Threshold: 5, RequestBody: 1 << 10})
	if err != nil {
		f.Fatal(err)
	}
	const limit = 1 << 10
	hear := func(said []byte, size int) (goes []byte, end *ending) {
		x := &exchange{gateway: &Gateway{}, policy: &Policy{RequestBody: limit, WAF: off}, rule: &RouteRule{}}
		c := &clientSide{x: x}
		for len(said) > 0 && end == nil {
			n := min(size, len(said))
			var more []byte
			more, end = c.hear(said[:n])
			goes, said = append(goes, more...), said[n:]
			if c.in.Len()+len(c.held) > 2*(limit+ws.MaxHeaderSize)+size {
				panic("it holds more than a message")
			}
		}
		return goes, end
	}
	f.Fuzz(func(t *testing.T, said []byte, size uint8) {
		whole, wholeEnd := hear(said, max(len(said), 1))
		pieces, piecesEnd := hear(said, int(size)+1)
		if !bytes.Equal(whole, pieces) || wholeEnd != piecesEnd {
			t.Fatalf("in pieces of %d %q went, ended %v; at once %q, ended %v", int(size)+1, pieces, piecesEnd, whole, wholeEnd)
		}
		if len(whole) > len(said) {
			t.Fatalf("%d bytes went of %d", len(whole), len(said))
		}
	})
}
