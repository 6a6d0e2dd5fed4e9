package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestProxyProtocol: who may say who the client is by a PROXY protocol header,
// what such a connection must begin with, and what becomes of all others.
func TestProxyProtocol(t *testing.T) {
	client := &net.TCPAddr{IP: net.ParseIP("192.0.2.7"), Port: 4711}
	header := func(version byte, command proxyproto.ProtocolVersionAndCommand, family proxyproto.AddressFamilyAndProtocol, source net.Addr) string {
		var text bytes.Buffer
		h := proxyproto.Header{Version: version, Command: command, TransportProtocol: family, SourceAddr: source, DestinationAddr: &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 443}}
		if family == proxyproto.UDPv4 {
			h.SourceAddr, h.DestinationAddr = &net.UDPAddr{IP: client.IP, Port: 1}, &net.UDPAddr{IP: client.IP, Port: 2}
		}
		if _, err := h.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	v1 := header(1, proxyproto.PROXY, proxyproto.TCPv4, client)
	v2 := header(2, proxyproto.PROXY, proxyproto.TCPv4, client)
	local := header(2, proxyproto.LOCAL, proxyproto.UNSPEC, nil)
	six := header(2, proxyproto.PROXY, proxyproto.TCPv6, &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1})
	const self, other = "127.0.0.0/8", "203.0.113.0/24"
	a := proxytest.NewAuthority(t)
	for _, c := range []struct {
		name, from, first string
		status            int    // 0: closed without an answer
		seen              string // as the upstream is told
		tls               bool
	}{
		{name: "version 1", from: self, first: v1, status: 200, seen: "192.0.2.7"},
		{name: "version 2", from: self, first: v2, status: 200, seen: "192.0.2.7"},
		{name: "IPv6", from: self, first: six, status: 200, seen: "2001:db8::7"},
		{name: "before TLS", from: self, first: v2, status: 200, seen: "192.0.2.7", tls: true},
		{name: "the balancer's own check", from: self, first: local, status: 200, seen: "127.0.0.1"},
		{name: "unknown source", from: self, first: "PROXY UNKNOWN\r\n", status: 200, seen: "127.0.0.1"},
		{name: "attack: a named address without a header", from: self, first: ""},
		{name: "attack: a named address without a header, TLS", from: self, first: "", tls: true},
		{name: "attack: a header that cannot be read", from: self, first: "PROXY TCP4 nobody 1 2 3\r\n"},
		{name: "attack: a header of UDP", from: self, first: header(2, proxyproto.PROXY, proxyproto.UDPv4, nil)},
		{name: "attack: somebody else sends one", from: other, first: v1, status: 400},
		{name: "attack: somebody else sends one, version 2", from: other, first: v2, status: 400},
		{name: "attack: somebody else sends one before TLS", from: other, first: v2, tls: true},
		{name: "somebody else without one", from: other, first: "", status: 200, seen: "127.0.0.1"},
		{name: "nobody is named", from: "", first: v1, status: 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Saw", r.Header.Get("X-Forwarded-For"))
			}), func(s *proxytest.Setup) {
				if c.from != "" {
					s.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix(c.from)}
				}
				if c.tls {
					withTLS(a, secured(t, a, nil, proxytest.Leaf{Names: []string{"shop.example"}}))(s)
				}
			})
			raw, err := net.Dial("tcp", w.URL[strings.Index(w.URL, "//")+2:])
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			_ = raw.SetDeadline(time.Now().Add(30 * time.Second))
			_, _ = io.WriteString(raw, c.first)
			conn := raw
			if c.tls {
				conn = tls.Client(raw, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"})
			}
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n") // a refusal may come first
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if c.status == 0 {
				if err == nil || os.IsTimeout(err) {
					t.Errorf("%v, %v: want the connection closed without an answer", response, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != c.status || response.Header.Get("X-Saw") != c.seen {
				t.Errorf("%d, upstream saw %q: want %d and %q", response.StatusCode, response.Header.Get("X-Saw"), c.status, c.seen)
			}
			if c.status == 400 && !refusalBody.Match(body) {
				t.Errorf("%q: want a reference id, nothing else", body)
			}
		})
	}
}

// TestProxyProtocolSilent: a named address that sends nothing is closed in time,
// and holds no shutdown up.
func TestProxyProtocolSilent(t *testing.T) {
	w := proxytest.Start(t, http.NotFoundHandler(), func(s *proxytest.Setup) {
		s.ProxyProtocol, s.Timeouts.ReadHeader = prefixes("127.0.0.0/8"), 200*time.Millisecond
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("read %v: want the connection closed", err)
	}
}

// TestProxyProtocolCounts: the address of the header is the principal's, for
// caps and ledger, and what it says in X-Forwarded-For is not believed.
func TestProxyProtocolCounts(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	}), func(s *proxytest.Setup) {
		s.ProxyProtocol, s.Policy.TrustedProxies = prefixes("127.0.0.0/8"), prefixes("127.0.0.0/8")
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\nGET /orders/1 HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n")
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	rows := w.Ledger.Rows()
	if len(rows) != 1 || rows[0].Principal.Prefix != w.Hasher.Key(rules.KeyPrefix, []byte("192.0.2.0/24")) {
		t.Errorf("%d rows: want one, of 192.0.2.0/24", len(rows))
	}
}
