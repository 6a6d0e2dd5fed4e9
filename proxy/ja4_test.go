package proxy

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var chromeCiphers = []uint16{
	0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f, 0x35,
}

// TestJA4 checks the fingerprint against published ones, and its rules one by one.
func TestJA4(t *testing.T) {
	signatures := []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}
	cases := []struct {
		name  string
		hello clientHello
		want  string
	}{
		{
			"the worked example of the specification",
			clientHello{
				version: 0x0304, ciphers: chromeCiphers, named: true, protocol: []byte("h2"), signatures: signatures,
				extensions: []uint16{0x1b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 5, 0x23, 0x12, 0x2b, 0xff01, 0x0b, 0x0a, 0x15},
			},
			"t13d1516h2_8daaf6152771_e5627efa2ab1",
		},
		{
			"a browser of 2025, as fingerprint pages publish it",
			clientHello{
				version: 0x0304, ciphers: chromeCiphers, named: true, protocol: []byte("h2"), signatures: signatures,
				extensions: []uint16{0x2d, 0x33, 0x10, 0xfe0d, 0x17, 0x44cd, 0, 0x0b, 0x0a, 0x2b, 0xff01, 0x23, 0x12, 5, 0x0d, 0x1b},
			},
			"t13d1516h2_8daaf6152771_d8a2da3f94cd",
		},
		{"nothing at all", clientHello{version: 0x0301}, "t10i000000_000000000000_000000000000"},
		{"more than is counted", clientHello{version: 0x0303, ciphers: make([]uint16, 200)}, "t12i990000_"},
		{"a version that nobody speaks", clientHello{version: 0x7f17}, "t00i000000_"},
	}
	for _, c := range cases {
		if got := c.hello.ja4(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for protocol, want := range map[string]string{ // the specification's own cases, and the usual ones
		"": "00", "h2": "h2", "http/1.1": "h1", "h": "hh", "\xab": "ab", "\xab\xcd": "ad", "\x30\xab": "3b",
		"\x30\x31\xab\xcd": "3d", "\x30\xab\xcd\x31": "01",
	} {
		if got := ja4Protocol([]byte(protocol)); got != want {
			t.Errorf("ALPN %q gives %q, want %q", protocol, got, want)
		}
	}
}

// captured returns the hellos that real programs sent, with their fingerprints as
// another implementation of the specification tells them.
func captured(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("testdata/hello/*.hex")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no captured hello: %v", err)
	}
	hellos := make(map[string][]byte)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		ja4, rest, _ := strings.Cut(string(text), "\n")
		hello, err := hex.DecodeString(strings.ReplaceAll(rest, "\n", ""))
		if err != nil {
			tb.Fatal(err)
		}
		hellos[ja4] = hello
	}
	return hellos
}

// TestCapturedHellos: curl, OpenSSL and Python, whole, in several records, and
// cut short.
func TestCapturedHellos(t *testing.T) {
	for want, first := range captured(t) {
		hello, ok := parseClientHello(first)
		if got := hello.ja4(); !ok || got != want {
			t.Errorf("%s, %v: want %s", got, ok, want)
		}
		message := first[5:]
		var parts []byte
		for part := range slices.Chunk(message, 100) {
			parts = append(append(parts, 22, 3, 1, 0, byte(len(part))), part...)
		}
		hello, ok = parseClientHello(parts)
		if got := hello.ja4(); !ok || got != want {
			t.Errorf("in records of 100 bytes: %s, %v: want %s", got, ok, want)
		}
		for n := range first {
			if _, ok := parseClientHello(first[:n]); ok {
				t.Fatalf("%s: %d of its %d bytes are enough", want, n, len(first))
			}
		}
	}
}

// oneHello is a connection on which a client has sent some bytes, and no more.
type oneHello struct {
	net.Conn
	rest []byte
}

func (c *oneHello) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *oneHello) Write(b []byte) (int, error) { return len(b), nil }
func (c *oneHello) Close() error                { return nil }

// asCryptoTLS returns what crypto/tls makes of a hello; nil: it refuses it.
func asCryptoTLS(first []byte) (info *tls.ClientHelloInfo) {
	server := tls.Server(&oneHello{rest: first}, &tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		info = hello
		return nil, errors.New("enough")
	}})
	_ = server.HandshakeContext(context.Background())
	return info
}

var ja4Shape = regexp.MustCompile(`^t(?:13|12|11|10|s3|s2|00)[di]\d\d\d\d[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$`)

// FuzzClientHello: whatever crypto/tls takes for a hello is read here too, and
// alike; nothing else can hurt.
func FuzzClientHello(f *testing.F) {
	for _, first := range captured(f) {
		f.Add(first)
	}
	f.Fuzz(func(t *testing.T, first []byte) {
		hello, ok := parseClientHello(first)
		if got := hello.ja4(); ok && !ja4Shape.MatchString(got) {
			t.Fatalf("fingerprint %q", got)
		}
		info := asCryptoTLS(first)
		if info == nil || len(first) > maxHello {
			return
		}
		if !ok {
			t.Fatalf("crypto/tls reads this hello and we do not")
		}
		sane := func(all []uint16) []uint16 { return slices.DeleteFunc(slices.Clone(all), grease) }
		if !slices.Equal(hello.ciphers, sane(info.CipherSuites)) || !slices.Equal(hello.extensions, sane(info.Extensions)) {
			t.Fatalf("ciphers %x, extensions %x; crypto/tls reads %x, %x", hello.ciphers, hello.extensions, info.CipherSuites, info.Extensions)
		}
		if len(info.SupportedProtos) > 0 && string(hello.protocol) != info.SupportedProtos[0] {
			t.Fatalf("ALPN %q, crypto/tls reads %q", hello.protocol, info.SupportedProtos)
		}
	})
}
