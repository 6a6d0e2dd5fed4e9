package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// The key and its answer are RFC 6455's own (1.3).
const opening = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"

// talk is a platform whose WebSocket says frames, and then waits for the client's end.
func talk(says func(conn net.Conn), header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if number, is := strings.CutPrefix(r.URL.Path, "/orders/"); is {
			n, _ := strconv.Atoi(number)
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "session-" + number})
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, ordered(n))
			return
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
		if r.Header.Get("Sec-WebSocket-Extensions") != "" {
			w.Header().Set("Sec-WebSocket-Extensions", "permessage-deflate")
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test's own
		says(takenOver{conn, buffered})
		_, _ = io.Copy(io.Discard, buffered)
	})
}

// takenOver is a connection of which net/http may have read the first byte.
type takenOver struct {
	net.Conn
	from io.Reader
}

func (h takenOver) Read(b []byte) (int, error) { return h.from.Read(b) }

func say(conn io.Writer, text string) { _ = ws.WriteFrame(conn, ws.NewTextFrame([]byte(text))) }

// upgrade opens the WebSocket.
func upgrade(t *testing.T, w *proxytest.World, headers ...string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn := dial(t, w)
	_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n"+opening+strings.Join(append(headers, ""), "\r\n")+"\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, reader, response
}

// listen opens the WebSocket, and returns the messages that come until it ends, with the
// code of its end.
func listen(t *testing.T, w *proxytest.World, headers ...string) (messages []string, code ws.StatusCode) {
	t.Helper()
	conn, reader, response := upgrade(t, w, headers...)
	defer conn.Close() //nolint:errcheck // a test's own
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	var message []byte
	for {
		header, payload, err := frame(reader)
		switch {
		case err != nil:
			return messages, code // cut
		case header.OpCode == ws.OpClose:
			code, _ = ws.ParseCloseFrameData(payload)
			return messages, code
		case header.OpCode.IsControl():
			continue
		case (header.OpCode == ws.OpContinuation) != (message != nil):
			t.Fatalf("a frame %v out of its order", header)
		}
		if message = append(message, payload...); message == nil {
			message = []byte{}
		}
		if header.Fin {
			messages, message = append(messages, string(message)), nil
		}
	}
}

func frame(reader io.Reader) (header ws.Header, payload []byte, err error) {
	if header, err = ws.ReadHeader(reader); err == nil {
		payload = make([]byte, header.Length)
		_, err = io.ReadFull(reader, payload)
	}
	return header, payload, err
}

// quit ends a WebSocket in order.
func quit(conn io.Writer) {
	_ = ws.WriteFrame(conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
}

func ordered(n int) string {
	return fmt.Sprintf(`{"type":"order","order":{"number":"A%d","total":4999,"customer":{"firstName":"Marieke","lastName":"Janssen","email":%q}}}`, n, proxytest.Email(n))
}

// TestSocketMessages: what a WebSocket says is counted, written down and refused message
// by message, whatever stands around it; and its innocent twin passes.
func TestSocketMessages(t *testing.T) {
	many := func(n int, text func(i int) string) (all []string) {
		for i := range n {
			all = append(all, text(i))
		}
		return all
	}
	person := `{"id":17,"firstName":"Marieke","lastName":"Janssen","email":"marieke.17@example.net"}`
	for name, c := range map[string]struct {
		says     []string
		passes   int // messages
		rows     int // released
		subjects int
	}{
		"other people's orders":               {many(10, ordered), 3, 3, 3},
		"one order, again and again":          {many(50, func(int) string { return ordered(1) }), 50, 1, 1},
		"stock":                               {many(50, func(i int) string { return fmt.Sprintf(`{"sku":"KB-%d","stock":%d}`, i, i) }), 50, 0, 0},
		"a list in one message":               {[]string{"[" + strings.Join(many(20, ordered), ",") + "]"}, 0, 0, 0},
		"empty ones":                          {[]string{"", "", ordered(1)}, 3, 1, 1},
		"Socket.IO":                           {[]string{`0{"sid":"x"}`, `42["order",` + person + `]`}, 2, 1, 1},
		"Socket.IO, a namespace and a number": {[]string{`42/orders,7["order",` + person + `]`}, 1, 1, 1},
		"SockJS":                              {[]string{"o", `a[` + fmt.Sprintf("%q", person) + `]`, "h"}, 3, 1, 1},
		"STOMP":                               {[]string{"CONNECTED\nversion:1.2\n\n\x00", "MESSAGE\ndestination:/topic/orders\ncontent-type:application/json\n\n" + person + "\x00"}, 2, 1, 1},
		"Phoenix":                             {[]string{`[null,"5","orders:1","new",` + person + `]`}, 1, 1, 1},
		"Action Cable":                        {[]string{`{"identifier":"{\"channel\":\"Orders\"}","message":` + person + `}`}, 1, 1, 1},
		"SignalR":                             {[]string{`{"type":1,"target":"order","arguments":[` + person + "]}\x1e"}, 1, 1, 1},
		"GraphQL":                             {[]string{`{"id":"1","type":"next","payload":{"data":{"orderUpdated":` + person + `}}}`}, 1, 1, 1},
		"words":                               {[]string{"order shipped to Marieke Janssen, marieke.17@example.net"}, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, talk(func(conn net.Conn) {
				for _, text := range c.says {
					say(conn, text)
				}
				quit(conn)
			}))
			messages, code := listen(t, w)
			if len(messages) != c.passes || strings.Join(messages, "") != strings.Join(c.says[:c.passes], "") {
				t.Errorf("%d messages, want %d: %q", len(messages), c.passes, messages)
			}
			want := ws.StatusNormalClosure
			if c.passes < len(c.says) {
				want = ws.StatusPolicyViolation
			}
			if code != want {
				t.Errorf("it ends with %d, want %d", code, want)
			}
			s := w.Observer.Next()
			if released := w.Ledger.Subjects(rules.Unknown, rules.Delivered); len(released) != c.subjects {
				t.Errorf("%d subjects in the ledger, want %d", len(released), c.subjects)
			}
			rows := 0
			for _, row := range w.Ledger.Rows() {
				if row.State != rules.Withheld {
					rows++
				}
			}
			if rows != c.rows || s.Uninspected != rules.UninspectedNone {
				t.Errorf("%d rows, want %d; uninspected %q", rows, c.rows, s.Uninspected)
			}
		})
	}
}

// TestSocketFragments: however a message is cut into frames, and with what between them,
// the client gets the same, and a long one as it comes; a name at its end is seen.
func TestSocketFragments(t *testing.T) {
	long := `{"products":[` + strings.Repeat(`{"sku":"KB-1","title":"A keyboard with keys","price":4999},`, 8000) + `{}],"for":` + ordered(1) + `}`
	for _, size := range []int{1, 7, 1000, 70_000, len(long)} {
		text := long
		if size < 1000 {
			text = ordered(1)
		}
		w := proxytest.Start(t, talk(func(conn net.Conn) {
			var out bytes.Buffer
			op := ws.OpText
			for rest := text; rest != ""; op = ws.OpContinuation {
				n := min(size, len(rest))
				_ = ws.WriteFrame(&out, ws.NewFrame(op, n == len(rest), []byte(rest[:n])))
				_ = ws.WriteFrame(&out, ws.NewPingFrame([]byte("?")))
				rest = rest[n:]
			}
			_, _ = conn.Write(out.Bytes())
			quit(conn)
		}))
		messages, code := listen(t, w)
		if len(messages) != 1 || messages[0] != text || code != ws.StatusNormalClosure {
			t.Errorf("in frames of %d: %d messages, end %d", size, len(messages), code)
		}
		if w.Observer.Next(); len(w.Ledger.Subjects(rules.Unknown, rules.Delivered)) != 1 {
			t.Errorf("in frames of %d: %d rows", size, len(w.Ledger.Rows()))
		}
	}
}

// TestSocketBroken: frames that RFC 6455 does not allow a server end the connection,
// and nothing of them goes.
func TestSocketBroken(t *testing.T) {
	first := "\x01\x01{" // of a message in fragments
	for name, frames := range map[string]string{
		"masked":                  "\x81\x81\x00\x00\x00\x00{",
		"a reserved bit":          "\xc1\x01{",
		"a reserved kind":         "\x83\x01{",
		"a reserved control kind": "\x8b\x01{",
		"goes on without a begin": "\x80\x01{",
		"begins inside another":   first + "\x81\x01{",
		"a ping in fragments":     "\x09\x01{",
		"a long ping":             "\x89\x7e\x00\x7e" + strings.Repeat("x", 126),
		"a length below nought":   "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		w := proxytest.Start(t, talk(func(conn net.Conn) { _, _ = io.WriteString(conn, frames) }))
		messages, code := listen(t, w)
		if len(messages) > 0 || code != ws.StatusProtocolError {
			t.Errorf("%s: %q, end %d", name, messages, code)
		}
		if s := w.Observer.Next(); s.Reason != rules.ReasonUpstream {
			t.Errorf("%s: %q", name, s.Reason)
		}
	}
}

// TestSocketHandshake: an upgrade that is none is not handed on; one with an extension
// that nobody asked for goes on unread where the policy says so.
func TestSocketHandshake(t *testing.T) {
	for name, c := range map[string]struct {
		header      string
		policy      rules.Action
		status      int
		uninspected rules.Uninspected
	}{
		"whole":        {"X-A: b", rules.Refuse, 101, rules.UninspectedNone},
		"not accepted": {"Sec-WebSocket-Accept: AAAA", rules.Refuse, 502, rules.UninspectedNone},
		"compressed":   {"Sec-WebSocket-Extensions: permessage-deflate", rules.Refuse, 502, rules.UninspectedUpgrade},
		"let through":  {"Sec-WebSocket-Extensions: permessage-deflate", rules.Pass, 101, rules.UninspectedUpgrade},
	} {
		w := proxytest.Start(t, talk(func(conn net.Conn) { quit(conn) }, c.header), func(s *proxytest.Setup) { s.Policy.Uninspected = c.policy })
		conn, _, got := upgrade(t, w)
		_ = conn.Close()
		if got.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, c.status)
		}
		if s := w.Observer.Next(); s.Uninspected != c.uninspected {
			t.Errorf("%s: uninspected %q", name, s.Uninspected)
		}
	}
}

// TestSocketHeld: a session that is held while its WebSocket is open is told nothing
// more; its neighbour is.
func TestSocketHeld(t *testing.T) {
	opened, more := make(chan struct{}), make(chan struct{})
	w := proxytest.Start(t, talk(func(conn net.Conn) {
		opened <- struct{}{}
		<-more
		say(conn, `{"stock":1}`)
		quit(conn)
	}), func(s *proxytest.Setup) {
		s.Exfil.Contain = map[rules.Detector]rules.Step{rules.DetectorCap: rules.StepRefuse}
	})
	for _, c := range []struct {
		asks, messages int
		code           ws.StatusCode
	}{{2, 1, ws.StatusNormalClosure}, {6, 0, ws.StatusPolicyViolation}} {
		cookie := "Cookie: sid=" + w.Get("/orders/1").Cookies()[0].Value
		w.Settle()
		type end struct {
			messages int
			code     ws.StatusCode
		}
		ended := make(chan end)
		go func() {
			messages, code := listen(t, w, cookie)
			ended <- end{len(messages), code}
		}()
		<-opened
		for n := range c.asks {
			w.Get(fmt.Sprintf("/orders/%d", n), cookie)
		}
		more <- struct{}{}
		if got := <-ended; got != (end{c.messages, c.code}) {
			t.Errorf("after %d orders: %+v", c.asks, got)
		}
	}
}

// TestSocketPanic: a fault of ours while a message is read ends its connection, and
// nothing else.
func TestSocketPanic(t *testing.T) {
	var armed atomic.Bool
	more := make(chan struct{})
	w := proxytest.Start(t, talk(func(conn net.Conn) {
		<-more
		say(conn, ordered(1))
	}), func(s *proxytest.Setup) {
		s.Now = func() time.Time {
			if armed.CompareAndSwap(true, false) {
				panic("a fault of ours, near " + proxytest.Email(1))
			}
			return time.Now()
		}
	})
	_, reader, _ := upgrade(t, w)
	armed.Store(true)
	more <- struct{}{}
	if went, _ := io.ReadAll(reader); len(went) > 0 {
		t.Errorf("%q went", went)
	}
	if s := w.Observer.Next(); s.Reason != rules.ReasonPanic || strings.Contains(w.Log.String(), "example.net") {
		t.Errorf("%q\n%s", s.Reason, w.Log.String())
	}
	if got := w.Get("/orders/1"); got.StatusCode != http.StatusOK {
		t.Errorf("the next request: %d", got.StatusCode)
	}
}
