package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// hijacked is an upstream that writes bytes of its own, and then does as it likes
// with the connection.
func hijacked(raw string, then func(*net.TCPConn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test's own
		_, _ = io.WriteString(conn, raw)
		if then != nil {
			then(conn.(*net.TCPConn))
		}
	}
}

// breaks is an upstream that says a length, writes less, and is gone.
func breaks(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000000")
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func upstreamFaults() []fault {
	goods := strings.Repeat(`{"sku":"T-1"},`, 10_000)
	one := map[rules.State]int{rules.Delivered: 1}
	var storms atomic.Int64
	names := &names{}
	return []fault{
		{
			name: "the platform cannot be reached", happen: func(w *proxytest.World) proxytest.Response {
				w.Upstream.Close()
				return order(w)
			},
			want: seen{status: 502, outcome: rules.ReasonUpstream},
			note: "With several servers another one is asked.",
		},
		{
			name: "the platform resets before its answer", upstream: hijacked("", func(c *net.TCPConn) { _ = c.SetLinger(0) }), happen: order,
			want: seen{status: 502, outcome: rules.ReasonUpstream},
			note: "With several servers another one is asked where that is safe: GET, HEAD, OPTIONS, nothing else.",
		},
		{
			name: "the platform resets inside the body, before the first window", upstream: breaks("[" + proxytest.Person(1)), happen: order,
			want: seen{status: 502, outcome: rules.ReasonUpstreamGone, uninspected: rules.UninspectedPartial},
		},
		{
			name: "the platform resets inside the body, later", upstream: breaks("[" + proxytest.Person(1) + "," + goods), happen: order,
			want: seen{status: 200, broken: true, outcome: rules.ReasonUpstreamGone, uninspected: rules.UninspectedPartial, rows: map[rules.State]int{rules.Unknown: 1}},
			note: "A row stays unknown where nobody knows how much arrived.",
		},
		{
			name:     "the platform says too short a Content-Length",
			upstream: hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"sku\":\"T\"}"+proxytest.Person(1), nil), happen: order,
			want: seen{status: 200, outcome: rules.ReasonNone},
			note: "What is behind the length goes nowhere, and the connection is not used again.",
		},
		{
			name: "the platform ends its side where its answer has no length", happen: order,
			upstream: hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"+proxytest.Person(1), func(c *net.TCPConn) {
				_ = c.CloseWrite()
				_, _ = io.Copy(io.Discard, c)
			}),
			want: seen{status: 200, outcome: rules.ReasonNone, rows: one},
		},
		{
			name: "a storm of 500s", setup: func(s *proxytest.Setup) { s.Policy.HideErrors = true },
			upstream: func(w http.ResponseWriter, r *http.Request) {
				if storms.Add(1) <= 40 {
					w.WriteHeader(http.StatusInternalServerError)
					_, _ = io.WriteString(w, "Traceback: "+proxytest.Person(2))
					return
				}
				onePerson(w, r)
			},
			happen: func(w *proxytest.World) proxytest.Response {
				storms.Store(0)
				for range 39 {
					order(w)
				}
				return order(w)
			},
			want: seen{status: 500, outcome: rules.ReasonUpstream},
			note: "With responses.hide_errors; without, the platform's own page goes, inspected.", after: "served at once, no server is taken out for a 500", afterwards: served,
		},
		{
			name: "the platform is slow", setup: func(s *proxytest.Setup) { s.Timeouts.UpstreamHeader = 30 * time.Millisecond },
			upstream: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, happen: order,
			want: seen{status: 504, outcome: rules.ReasonTimeout}, note: "After timeouts.upstream_response_header; never repeated: it may be working on it.",
		},
		{
			name: "the platform's name moves to another address", setup: names.setup,
			happen: func(w *proxytest.World) proxytest.Response {
				if got := order(w); got.Body != "old" {
					return got
				}
				names.move()
				return order(w)
			},
			want:  seen{status: 200, outcome: rules.ReasonNone},
			note:  "A name is looked up at each new connection; a kept one serves until the old server closes it, or for 90 s unused.",
			after: "the new server answers", afterwards: func(w *proxytest.World) error {
				defer names.close()
				if got := order(w); got.Body != "new" {
					return fmt.Errorf("%d %q", got.StatusCode, got.Body)
				}
				return nil
			},
		},
		{
			name: "the platform's name is gone", setup: func(s *proxytest.Setup) {
				names.setup(s)
				names.address.Store(nil)
			},
			happen: func(w *proxytest.World) proxytest.Response {
				defer names.close()
				return order(w)
			},
			want: seen{status: 502, outcome: rules.ReasonUpstream},
		},
	}
}

// names is a name server, and the two servers that its one name stands for by
// turns, on 127.0.0.1 and 127.0.0.2.
type names struct {
	address  atomic.Pointer[netip.Addr] // nil: there is no such name
	old, new *httptest.Server
	socket   net.PacketConn
	before   *net.Resolver
}

func (n *names) setup(s *proxytest.Setup) {
	say := func(address, text string) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, text)
		}))
		var err error
		_ = server.Listener.Close()
		if server.Listener, err = net.Listen("tcp", address); err != nil {
			panic(err)
		}
		server.Start()
		return server
	}
	n.old = say("127.0.0.1:0", "old")
	port := n.old.Listener.Addr().(*net.TCPAddr).Port
	n.new = say(fmt.Sprintf("127.0.0.2:%d", port), "new")
	first := netip.MustParseAddr("127.0.0.1")
	n.address.Store(&first)
	var err error
	if n.socket, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		panic(err)
	}
	go n.answer(n.socket)
	n.before = net.DefaultResolver
	server := n.socket.LocalAddr().String()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server)
	}}
	s.Upstreams = []proxy.Upstream{{URL: &url.URL{Scheme: "http", Host: fmt.Sprintf("shop.test.:%d", port)}, Weight: 1}}
}

// move is a change of DNS: the old server goes.
func (n *names) move() {
	second := netip.MustParseAddr("127.0.0.2")
	n.address.Store(&second)
	n.old.Close()
}

func (n *names) close() {
	net.DefaultResolver = n.before
	n.old.Close()
	n.new.Close()
	_ = n.socket.Close()
}

// answer answers questions until the socket is closed.
func (n *names) answer(socket net.PacketConn) {
	for buffer := make([]byte, 1500); ; {
		size, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		var question dnsmessage.Message
		if question.Unpack(buffer[:size]) != nil || len(question.Questions) != 1 {
			continue
		}
		q := question.Questions[0]
		reply := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, RCode: dnsmessage.RCodeNameError}, Questions: question.Questions}
		if address := n.address.Load(); address != nil {
			reply.RCode = dnsmessage.RCodeSuccess
			if q.Type == dnsmessage.TypeA {
				reply.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: address.As4()},
				}}
			}
		}
		if packed, err := reply.Pack(); err == nil {
			_, _ = socket.WriteTo(packed, from)
		}
	}
}
