package waf

import (
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// FuzzClearance looks for a request that clearance passes and the full rule
// set does not, at the paranoia level that the first byte chooses.
func FuzzClearance(f *testing.F) {
	for i, attack := range attacks {
		f.Add(byte(i), "GET", "/search?q="+attack, attack, "application/x-www-form-urlencoded", "a="+attack+"&"+attack+"=b")
	}
	f.Add(byte(0), "POST", "/a%2fb.html?x=1&x=2", "Mozilla/5.0", "application/json", `{"a":["\u003cscript\u003e",{"b":null}],"c":"\ud800"}`)
	f.Add(byte(0), "POST", "/upload", "Mozilla/5.0", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x.php\"\r\n\r\n<?php\r\n--B--\r\n")
	f.Add(byte(0), "POST", "/soap", "Mozilla/5.0", "text/xml", `<a b="1 or 1=1">sleep(5)</a>`)
	f.Add(byte(0), "PUT", "/p", "bytes=0-1,2-3", "text/plain; charset=utf-16", "a=\x00b")
	f.Fuzz(func(t *testing.T, kind byte, method, uri, header, contentType, body string) {
		if len(body) > 8<<10 || len(uri) > 4<<10 || len(header) > 4<<10 {
			return // the full rule set takes long
		}
		s := subjectOf(t, 1+int(kind>>4)%2)
		names := []string{"User-Agent", "Referer", "Cookie", "Accept", "Range", "X-Filename", "Content-Encoding", "X-Forwarded-For"}
		r := &Request{
			Client: netip.MustParseAddrPort("203.0.113.9:4000"), Method: method, URI: uri, Proto: "HTTP/1.1", Host: "shop.example",
			Header: http.Header{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}}, Body: []byte(body),
		}
		r.Header.Set(names[int(kind&15)%len(names)], header)
		if body != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if _, err := s.prove(r); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzGuards compares the literals and their automaton with asking every
// operator of every rule.
func FuzzGuards(f *testing.F) {
	for i, attack := range attacks {
		f.Add(uint16(i), attack)
		f.Add(uint16(i), "\x00"+strings.ToUpper(attack)+"\xff")
	}
	f.Fuzz(func(t *testing.T, which uint16, value string) {
		if len(value) > 1<<10 {
			return
		}
		s := subjectOf(t, 4)
		lists := s.sorted()
		if err := s.twin(lists[int(which)%len(lists)], value); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzBlanks compares the quick ways to remove blanks with Coraza's.
func FuzzBlanks(f *testing.F) {
	for _, text := range []string{"", " ", "a b\tc\r\n", "\u00a0\u2003x\u3000", "\x85\xa0", "é \xff z", "ab", "\xe2\x80", strings.Repeat("word ", 400), strings.Repeat("é\u2028", 300)} {
		f.Add(text)
	}
	var slow plugintypes.Transformation = func(text string) (string, bool, error) { // as Coraza has it
		changed := false
		out := strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				changed = true
				return -1
			}
			return r
		}, text)
		return out, changed, nil
	}
	single := func(text string) (string, bool, error) { // likewise
		var out []byte
		changed, within := false, false
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRuneInString(text[i:])
			switch blank := strings.ContainsRune("\t\n\v\f\r \u0085\u00a0", r) || text[i] == 0xa0; {
			case !blank:
				out = append(out, text[i:i+size]...)
				within = false
			case within:
				changed = true
			default:
				out = append(out, ' ')
				changed, within = changed || r != ' ', true
			}
			i += size
		}
		return string(out), changed, nil
	}
	if !sameAs(slow, withoutBlanks) || !sameAs(single, singleBlanks) {
		f.Fatal("the quick way is not taken")
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, changed, _ := single(text)
		if got, too, err := singleBlanks(text); got != want || too != changed || err != nil {
			t.Fatalf("%q with single blanks is %q, %v, %v; want %q, %v", text, got, too, err, want, changed)
		}
		want, changed, _ = slow(text)
		if got, too, err := withoutBlanks(text); got != want || too != changed || err != nil {
			t.Fatalf("%q without blanks is %q, %v, %v; want %q, %v", text, got, too, err, want, changed)
		}
	})
}

// TestQuick holds that the compiled rules hold the quick way, and that it is no
// other's.
func TestQuick(t *testing.T) {
	var other plugintypes.Transformation = func(text string) (string, bool, error) { return text, false, nil }
	if got, _, _ := quick(other)(" "); got != " " {
		t.Errorf("another transformation removes blanks")
	}
	list, err := compiledRules(subjectOf(t, 1).full.waf)
	if err != nil {
		t.Fatal(err)
	}
	found := map[uintptr]int{}
	for _, r := range list {
		for i := range r.links {
			for _, s := range r.links[i].steps {
				found[reflect.ValueOf(s.apply).Pointer()]++
			}
		}
	}
	if found[reflect.ValueOf(withoutBlanks).Pointer()] == 0 || found[reflect.ValueOf(singleBlanks).Pointer()] == 0 {
		t.Error("no rule takes the quick way")
	}
}
