package waf

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// everything is all that guards could be asked about: the values of their variables, and
// the numbers of those that are counted.
func (c *cleared) everything(phases ...types.RulePhase) []string {
	var out []string
	for _, phase := range phases {
		for _, gs := range c.phases[phase] {
			name := gs.variable.Name()
			if c.spared(gs.variable, func(key, value string) bool {
				out = append(out, fmt.Sprintf("%s:%s=%s", name, strings.ToLower(key), value))
				return true
			}) {
				continue
			}
			for _, v := range c.state.Collection(gs.variable).FindAll() {
				out = append(out, fmt.Sprintf("%s:%s=%s", name, strings.ToLower(v.Key()), v.Value()))
			}
		}
		for _, g := range c.counts {
			if g.final == phase {
				out = append(out, fmt.Sprintf("&%s:%s=%d", g.variable.Name(), g.key, c.number(g)))
			}
		}
	}
	slices.Sort(out)
	return out
}

// sparedAsLean compares what a request is to guards without the lean transaction with
// what it is in one, and reports whether it is spared one.
func (s *subject) sparedAsLean(r *Request) (bool, error) {
	if !s.unruled.spares(r) {
		return false, nil
	}
	p := s.parser()
	if !p.parse(r) {
		return false, p.Close()
	}
	quick := &cleared{clearance: s.clearance, start: s.start, state: p.TransactionState, request: r}
	requested := []types.RulePhase{types.PhaseRequestHeaders, types.PhaseRequestBody}
	got := quick.everything(requested...)
	s.putBack(p)
	lean := &cleared{clearance: s.clearance, start: s.start, set: make([]uint64, (len(s.checkOf)+63)/64)}
	lean.open()
	defer lean.close()
	in, err := request(lean.tx, r)
	if err != nil || in != nil || lean.leanMatched() {
		return true, fmt.Errorf("spared, but a lean rule matches: %v %w: %s %q %v", in, err, r.Method, r.URI, r.Header)
	}
	if want := lean.everything(requested...); !slices.Equal(got, want) {
		return true, fmt.Errorf("spared: %q, lean: %q", got, want)
	}
	return true, nil
}

// unspared is a clearance that always has a lean transaction.
func unspared(t *testing.T) *subject {
	t.Helper()
	s, err := newSubject(Config{Paranoia: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.unruled = nil
	return s
}

// TestSpared: without a lean transaction every variable is what it is in one, and the
// same requests are cleared.
func TestSpared(t *testing.T) {
	s := subjectOf(t, 1)
	slow := unspared(t)
	traffic := newTraffic(41, s.analysis)
	spared, cleared := 0, 0
	for i := range 300 {
		r := traffic.request(traffic.clean)
		if i%3 == 0 {
			r = traffic.request(traffic.attack)
		}
		if i%2 == 0 {
			r.Body = nil
			r.Header.Del("Content-Type")
		}
		is, err := s.sparedAsLean(r)
		if err != nil {
			t.Fatal(err)
		}
		quick, lean := s.clears(r), slow.clears(r)
		if quick != lean {
			t.Fatalf("spared it is cleared: %v, by the lean rules: %v: %s %q %v", quick, lean, r.Method, r.URI, r.Header)
		}
		if is {
			spared++
		}
		if quick {
			cleared++
		}
	}
	if spared < 75 || cleared < 50 {
		t.Errorf("%d of 300 were spared and %d cleared", spared, cleared)
	}
}

// FuzzSpared looks for a request that is another one without the lean transaction.
func FuzzSpared(f *testing.F) {
	for i, attack := range attacks {
		f.Add(byte(i), "GET", "/search?q="+attack, attack, "a="+attack+"; "+attack+"=b", "shop.example")
	}
	f.Add(byte(1), "GET", "/a%2fb.html?x=1&x=2&%zz&&=&a;b", "Mozilla/5.0", "a=b; a=c;; =d; e", "")
	f.Add(byte(2), "HEAD", "*", "bytes=0-1", "\x00", "a:b")
	f.Add(byte(3), "GET", "//host/path\\x/#frag?a=b", "x", "", "[::1]")
	f.Fuzz(func(t *testing.T, kind byte, method, uri, header, cookie, host string) {
		s := subjectOf(t, 1)
		names := []string{"User-Agent", "Referer", "Accept", "Range", "content-TYPE", "X-\u212A", "Cookie", "Host"}
		r := &Request{
			Client: netip.MustParseAddrPort("203.0.113.9:4000"), Method: method, URI: uri, Proto: "HTTP/1.1", Host: host,
			Header: http.Header{"User-Agent": {"Mozilla/5.0"}, "Cookie": {cookie, header}},
		}
		r.Header[names[int(kind)%len(names)]] = []string{header}
		if _, err := s.sparedAsLean(r); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSparedResponse: a response's header and body are to the guards what they are in a
// lean transaction.
func TestSparedResponse(t *testing.T) {
	s := subjectOf(t, 1)
	lean := unspared(t)
	for _, c := range []struct {
		status int
		header http.Header
		body   []string
	}{
		{200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []string{"<p>", "Teapot</p>"}},
		{200, http.Header{"Content-Type": {"text/html"}, "content-type": {"text/html"}, "Set-Cookie": {"a=b", "c=d"}}, []string{""}},
		{200, http.Header{"Content-Type": {"application/json"}}, nil},
		{404, http.Header{"Content-Type": {"text/plain"}}, []string{strings.Repeat("a", 40<<10), strings.Repeat("b", 40<<10), "c"}},
		{304, http.Header{}, nil},
	} {
		var got [2][]string
		for i, which := range []*subject{s, lean} {
			q := which.begin(s.start)
			if !q.passes(browser("GET", "/", 1, "", "")) || !q.passesHeader(&response{c.status, "HTTP/1.1", c.header, true}) {
				t.Fatalf("%v: not cleared", c.header)
			}
			wants := q.wantsBody()
			for _, piece := range c.body {
				if _, full, err := q.write([]byte(piece)); err != nil {
					t.Fatal(err)
				} else if full {
					break
				}
			}
			q.passesBody()
			got[i] = append(q.everything(types.PhaseResponseHeaders, types.PhaseResponseBody), fmt.Sprint(wants, q.lastPhase()))
			if err := q.close(); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%v: spared %.300q, lean %.300q", c.header, got[0], got[1])
		}
	}
}

// TestNotSpared: a rule that could act on any request keeps the lean transaction.
func TestNotSpared(t *testing.T) {
	for name, c := range map[string]struct {
		rules  string
		spares bool
	}{
		"none":                {"", true},
		"a body's":            {`SecRule MULTIPART_NAME "@rx ^x" "id:100001,phase:2,pass,nolog,setvar:tx.reader=%{MATCHED_VAR}"` + "\n" + `SecRule TX:reader "@streq xy" "id:100002,phase:2,deny"`, true},
		"an address's":        {`SecRule REQUEST_URI "@rx ^/x(.)" "id:100001,phase:1,pass,nolog,capture,setvar:tx.reader=%{TX.1}"` + "\n" + `SecRule TX:reader "@streq y" "id:100002,phase:1,deny"`, false},
		"a response's":        {`SecRule RESPONSE_HEADERS:X-Shop "@rx ^x(.)" "id:100001,phase:3,pass,nolog,capture,setvar:tx.reader=%{TX.1}"` + "\n" + `SecRule TX:reader "@streq y" "id:100002,phase:3,deny"`, false},
		"the body's length's": {`SecRule RESPONSE_CONTENT_LENGTH "@gt 100000" "id:100001,phase:4,deny"`, false},
		"another limit":       {`SecResponseBodyLimitAction Reject`, false},
		"no rules at all":     {`SecRuleEngine Off`, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "own.conf")
			if err := os.WriteFile(file, []byte(c.rules), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := newSubject(Config{Paranoia: 1, Files: []string{file}})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.unruled != nil; got != c.spares {
				t.Errorf("unruled is %v, want %v", got, c.spares)
			}
		})
	}
}

// TestBrokenSparing breaks what is known of lean rules on purpose: the proof must see it.
func TestBrokenSparing(t *testing.T) {
	s, err := newSubject(Config{Paranoia: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := browser("GET", "/products/1", 1, "", "")
	r.Header.Set("Range", "bytes=500-1")
	if cleared, err := s.prove(r); cleared || err != nil {
		t.Fatalf("a backward range is cleared: %v %v", cleared, err)
	}
	s.unruled.telling = nil
	if _, err := s.prove(r); err == nil {
		t.Error("a lean rule's header is forgotten, and nobody noticed")
	}
}

// TestCaptured: chains over a part of a value are asked about values, and match those that
// Coraza's own do.
func TestCaptured(t *testing.T) {
	s := subjectOf(t, 1)
	for id, c := range map[int]struct {
		variable variables.RuleVariable
		key      string
		values   []string
		put      func(r *Request, value string)
	}{
		920440: {variables.RequestBasename, "", []string{"shop.css", "shop", "a.bak", "a.BAK", "a.bak.css", "a.css.sql", ".env", "a.", "x.config"}, func(r *Request, v string) { r.URI = "/" + v }},
		920420: {variables.RequestHeaders, "content-type", []string{"application/json", "text/html", "APPLICATION/JSON; a=b", ";", "application/jso"}, func(r *Request, v string) { r.Header.Set("Content-Type", v) }},
		920480: {variables.RequestHeaders, "content-type", []string{"application/json; charset=utf-8", "application/json; charset=\"UTF-8\"", "application/json;charset=utf-7"}, func(r *Request, v string) { r.Header.Set("Content-Type", v) }},
	} {
		i := slices.IndexFunc(s.rules, func(r *rule) bool { return r.id == id })
		if s.treated[i] != guarded {
			t.Fatalf("%d is not asked about values", id)
		}
		matched := 0
		for _, value := range c.values {
			r := browser("POST", "/p", 1, "", "")
			c.put(r, value)
			_, report, err := s.judge(r)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.ContainsFunc(report.Hits, func(h Hit) bool { return h.Rule == id })
			bits := s.guards[c.variable].evaluate(s.clearance, &scratch{}, c.key, value)
			got := slices.ContainsFunc(bits, func(bit int) bool { return s.sources[bit].rule == i })
			if got != want {
				t.Errorf("%d matches %q: %v, want %v", id, value, got, want)
			}
			if want {
				matched++
			}
		}
		if matched == 0 || matched == len(c.values) {
			t.Errorf("%d matches %d of %d values: the test says nothing", id, matched, len(c.values))
		}
	}
}
