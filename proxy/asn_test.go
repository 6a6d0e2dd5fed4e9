package proxy_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// operators returns a database of network operators.
func operators(t *testing.T, kind string, of map[string]uint32) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, DisableIPv4Aliasing: true, Description: map[string]string{"en": "of a test"}})
	if err != nil {
		t.Fatal(err)
	}
	for text, number := range of {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		entry := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number), "autonomous_system_organization": mmdbtype.String("Example")}
		if err := tree.Insert(network, entry); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	if _, err := tree.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestASN: the operator of the address behind the trusted hops is a key; a
// file that changes is read again, one with a fault changes nothing.
func TestASN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	replace(t, path, operators(t, "GeoLite2-ASN", map[string]uint32{"192.0.2.0/24": 64500, "2001:db8::/32": 64501}))
	asn, err := proxy.OpenASN(path)
	if err != nil {
		t.Fatal(err)
	}
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, proxytest.Person(1))
	}), func(s *proxytest.Setup) { s.Policy.ASN, s.Policy.TrustedProxies = asn, prefixes("127.0.0.1/32") })
	check := func(client, number string) {
		t.Helper()
		w.Get("/orders/1", "X-Forwarded-For: "+client)
		rows := w.Settle().Rows()
		want := rules.Digest{}
		if number != "" {
			want = w.Hasher.Key(rules.KeyASN, []byte(number))
		}
		if got := rows[len(rows)-1].Principal.ASN; got != want {
			t.Errorf("%s: key %v, want that of %q", client, got, number)
		}
	}
	check("192.0.2.7", "64500")
	check("2001:db8::7", "64501")
	check("198.51.100.7", "")
	check("fe80::1", "")
	if changed, err := asn.Renew(); changed || err != nil {
		t.Errorf("an unchanged file: %v, %v", changed, err)
	}
	replace(t, path, operators(t, "GeoLite2-ASN", map[string]uint32{"192.0.2.0/24": 64510}))
	if changed, err := asn.Renew(); !changed || err != nil {
		t.Errorf("a changed file: %v, %v", changed, err)
	}
	check("192.0.2.7", "64510")
	replace(t, path, []byte("broken"))
	if changed, err := asn.Renew(); !changed || err == nil {
		t.Errorf("a broken file: %v, %v", changed, err)
	}
	if changed, err := asn.Renew(); changed || err != nil {
		t.Errorf("a broken file, again: %v, %v, want it told once", changed, err)
	}
	check("192.0.2.7", "64510")
}

// TestASNFaults: a file that cannot be used is named, with what to do.
func TestASNFaults(t *testing.T) {
	dir := t.TempDir()
	sound := operators(t, "GeoLite2-ASN", map[string]uint32{"192.0.2.0/24": 64500, "198.51.100.0/24": 64501})
	tree := bytes.Clone(sound) // its tree points outside
	for i := range 60 {
		tree[i] ^= 0xff
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"empty.mmdb":     {nil, "is not a sound MaxMind DB"},
		"text.mmdb":      {[]byte("hello"), "is not a sound MaxMind DB"},
		"half.mmdb":      {sound[:len(sound)/2], "is not a sound MaxMind DB"},
		"tail.mmdb":      {sound[len(sound)/2:], "is not a sound MaxMind DB"},
		"flipped.mmdb":   {tree, "is not a sound MaxMind DB"},
		"countries.mmdb": {operators(t, "GeoLite2-Country", map[string]uint32{"192.0.2.0/24": 1}), `is a database of type "GeoLite2-Country"`},
	} {
		path := filepath.Join(dir, name)
		replace(t, path, c.text)
		if _, err := proxy.OpenASN(path); err == nil || !strings.Contains(err.Error(), name+": "+c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := proxy.OpenASN(filepath.Join(dir, "none.mmdb")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("no file: %v", err)
	}
	if _, err := proxy.OpenASN(dir); err == nil {
		t.Error("a folder is opened")
	}
}

// FuzzASN: no file can end the process, at load or at any look-up.
func FuzzASN(f *testing.F) {
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "asn.mmdb")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = proxy.OpenASN(path)
	})
}
