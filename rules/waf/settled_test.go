package waf

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSettled: which rules are remembered by the names of headers. Each case is a
// rule of an operator, one header that it matches, and one that it does not.
func TestSettled(t *testing.T) {
	for _, c := range []struct {
		name, rules      string
		settled          bool
		judged, innocent string
	}{
		{
			name: "a list of names", settled: true, judged: "X-Zap", innocent: "X-Zip",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^.*$" "id:100001,phase:1,block,deny,msg:'own',t:none,t:lowercase,capture,setvar:'tx.own_%{tx.0}=%{tx.0}',chain"
			SecRule TX:/^own_/ "@within x-zap x-zop" "t:none"`,
		},
		{
			name: "the number of names", settled: false, judged: "X-Zap", innocent: "",
			rules: `SecRule &REQUEST_HEADERS "@gt 11" "id:100001,phase:1,deny,msg:'own'"`,
		},
		{
			name: "a value, too", settled: false, judged: "X-Zap", innocent: "X-Zip",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^x-(zap)$" "id:100001,phase:1,deny,msg:'own',t:lowercase,capture,chain"
			SecRule TX:1 "@streq zap" "t:none,chain"
			SecRule REQUEST_HEADERS:X-Zap "@rx ^1$" "t:none"`,
		},
		{
			name: "what is set is read by name", settled: false, judged: "X-Zap", innocent: "X-Zip",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^X-(Zap)$" "id:100001,phase:1,pass,nolog,capture,setvar:'tx.zap=%{tx.1}',chain"
			SecRule TX:never "@rx ."
			SecRule TX:zap "@streq Zap" "id:100002,phase:2,deny,msg:'own'"`,
		},
		{
			name: "what is set is read by a pattern", settled: true, judged: "X-Zap", innocent: "Zip",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^X-(.*)$" "id:100001,phase:1,deny,msg:'own',capture,setvar:'tx.own_%{tx.1}=%{tx.1}',chain"
			SecRule TX:/^own_/ "@rx ^never$" "t:none"
			SecRule TX:/_zap$/ "@rx ." "id:100002,phase:2,deny,msg:'own'"`,
		},
		{
			name: "a setting is changed", settled: false, judged: "", innocent: "",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^X-(.*)$" "id:100001,phase:1,deny,msg:'own',capture,ctl:requestBodyLimit=20,chain"
			SecRule TX:1 "@rx ^never$" "t:none"`,
		},
		{
			name: "a variable is removed", settled: false, judged: "", innocent: "",
			rules: `SecRule REQUEST_HEADERS_NAMES "@rx ^X-(.*)$" "id:100001,phase:1,deny,msg:'own',capture,setvar:'!tx.own',chain"
			SecRule TX:1 "@rx ^never$" "t:none"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "own.conf")
			if err := os.WriteFile(file, []byte(c.rules), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := newSubject(Config{Paranoia: 1, RequestBody: 128 << 10, Files: []string{file}})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(s.rules, func(r *rule) bool { return r.id == 100001 })
			if got := s.treated[i] == settled; got != c.settled {
				t.Errorf("settled is %v (treatment %d), want %v", got, s.treated[i], c.settled)
			}
			for range 2 { // the second time by what is remembered
				for _, h := range []struct {
					name   string
					judged bool
				}{{c.innocent, false}, {c.judged, true}} {
					if h.name == "" {
						continue
					}
					r := browser("GET", "/p", 1, "", "")
					r.Header.Set(h.name, "1")
					cleared, err := s.prove(r)
					if err != nil {
						t.Fatal(err)
					}
					if cleared == h.judged {
						t.Errorf("with %s it is cleared: %v", h.name, cleared)
					}
				}
			}
		})
	}
}

// TestNames: the Core Rule Set's list of names is remembered, each set of names
// by itself.
func TestNames(t *testing.T) {
	s := subjectOf(t, 1)
	if !slices.ContainsFunc(s.rules, func(r *rule) bool { return r.id == 920450 && s.treated[r.index] == settled }) {
		t.Fatal("CRS 920450 is not settled")
	}
	with := func(names ...string) *Request {
		r := browser("GET", "/products/1", 1, "", "")
		for _, name := range names {
			r.Header.Set(name, "1")
		}
		return r
	}
	trailer := with()
	trailer.Trailer = http.Header{"Proxy": {"1"}}
	for range 2 {
		for _, c := range []struct {
			r       *Request
			cleared bool
		}{
			{with(), true},
			{with("Proxy"), false},
			{with("X-Shop"), true},
			{with("X-Shop", "Lock-Token"), false},
			{trailer, false},
			{with("Proxyx"), true},
			{with("X-Multipart_headers_content_types_a"), false},
			{with("X-Multipart"), true},
		} {
			cleared, err := s.prove(c.r)
			if err != nil {
				t.Fatal(err)
			}
			if cleared != c.cleared {
				t.Errorf("%v, %v: cleared is %v", c.r.Header, c.r.Trailer, cleared)
			}
		}
	}
}

// TestNamesOf: requests that a settled rule might tell apart have texts of their
// own.
func TestNamesOf(t *testing.T) {
	base := func() *Request {
		return &Request{Method: "GET", Proto: "HTTP/1.1", Host: "h", Header: http.Header{"A": {"1"}, "B": {"2"}}}
	}
	same := base()
	same.Header = http.Header{"B": {"9"}, "A": {"8"}}
	if namesOf(base()) != namesOf(same) {
		t.Error("other values make another text")
	}
	seen := map[string]int{namesOf(base()): -1}
	for i, change := range []func(*Request){
		func(r *Request) { r.Method = "HEAD" },
		func(r *Request) { r.Proto = "HTTP/2.0" },
		func(r *Request) { r.Host = "" },
		func(r *Request) { r.Header = http.Header{"A": {"1"}} },
		func(r *Request) { r.Header = http.Header{"A": {"1", "2"}, "B": {"2"}} },
		func(r *Request) { r.Header = http.Header{"A": {"1"}, "B": {}} },
		func(r *Request) { r.Header = http.Header{"A1 1:B": {"1"}} },
		func(r *Request) { r.Header, r.Trailer = http.Header{"A": {"1"}}, http.Header{"B": {"2"}} },
		func(r *Request) { r.TransferEncoding = []string{"chunked"} },
		func(r *Request) { r.TransferEncoding = []string{"chunked", "chunked"} },
	} {
		r := base()
		change(r)
		key := namesOf(r)
		if j, ok := seen[key]; ok {
			t.Errorf("changes %d and %d make the same text %q", i, j, key)
		}
		seen[key] = i
	}
}
