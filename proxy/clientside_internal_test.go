package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
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
	hear := func(t *testing.T, said []byte, size int) (goes []byte, end *ending) {
		t.Helper()
		x := &exchange{gateway: &Gateway{}, policy: &Policy{RequestBody: limit, WAF: off}, rule: &RouteRule{}}
		c := &clientSide{x: x}
		for len(said) > 0 && end == nil {
			n := min(size, len(said))
			var more []byte
			more, end = c.hear(said[:n])
			goes, said = append(goes, more...), said[n:]
			if c.in.Len()+len(c.held) > 2*(limit+ws.MaxHeaderSize)+size {
				t.Fatalf("it holds %d bytes", c.in.Len()+len(c.held))
			}
		}
		return goes, end
	}
	f.Fuzz(func(t *testing.T, said []byte, size uint8) {
		whole, wholeEnd := hear(t, said, max(len(said), 1))
		pieces, piecesEnd := hear(t, said, int(size)+1)
		if !bytes.Equal(whole, pieces) || wholeEnd != piecesEnd {
			t.Fatalf("in pieces of %d %q went, ended %v; at once %q, ended %v", int(size)+1, pieces, piecesEnd, whole, wholeEnd)
		}
		if len(whole) > len(said) {
			t.Fatalf("%d bytes went of %d", len(whole), len(said))
		}
	})
}

// TestClientSidePanic: a fault of ours while a client's message is judged ends its
// connection; the exchange's goroutine panics for it, which is caught there, and not the
// one that copies, which would end the process.
func TestClientSidePanic(t *testing.T) {
	platform, conn := net.Pipe()
	defer platform.Close()                                                                         //nolint:errcheck // a test's own
	x := &exchange{gateway: &Gateway{}, policy: &Policy{RequestBody: 1 << 10}, rule: &RouteRule{}} // without a WAF
	s := &socket{x: x, conn: conn, client: clientSide{x: x}, from: bufio.NewReader(conn)}
	if _, err := s.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("{}"))))); err == nil {
		t.Error("it goes on")
	}
	if _, err := platform.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the platform reads %v, want an end", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("nobody was told")
		}
		s.stop() // once is enough
	}()
	s.stop()
}

// TestSayingHost: a number is no host to a rule that scores it, any other name stays.
func TestSayingHost(t *testing.T) {
	for host, want := range map[string]string{
		"shop.example": "shop.example", "shop.example:8443": "shop.example:8443", "127.0.0.1:8080": "platform.invalid",
		"10.0.0.1": "platform.invalid", "[::1]:80": "platform.invalid", "[::1]": "platform.invalid", "": "",
	} {
		if got := sayingHost(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
