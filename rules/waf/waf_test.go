package waf_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newEngine(t testing.TB, change func(*waf.Config)) *waf.Engine {
	t.Helper()
	config := waf.Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10}
	if change != nil {
		change(&config)
	}
	engine, err := waf.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func request(method, uri, contentType, body string) *waf.Request {
	r := &waf.Request{
		Client: netip.MustParseAddrPort("[2001:db8::1]:4711"), URI: uri, Method: method, Proto: "HTTP/1.1",
		Host: "shop.example", Header: http.Header{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}}, Body: []byte(body),
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// TestRequest pairs every attack with an innocent twin of the same shape.
func TestRequest(t *testing.T) {
	const json, form = "application/json", "application/x-www-form-urlencoded"
	cases := []struct {
		name          string
		attack, twin  *waf.Request
		rule          int // one that must hit for the attack, and not for the twin
		score, status int
	}{
		{"sql injection in a query", request("GET", "/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--", "", ""), request("GET", "/search?q=select%20the%20red%20dress", "", ""), 942100, 5, 403},
		{"sql injection in JSON", request("POST", "/api/search", json, `{"q":"x' OR 1=1 UNION SELECT * FROM users--"}`), request("POST", "/api/search", json, `{"q":"O'Brien & sons, 1 or 2"}`), 942100, 5, 403},
		{"cross-site scripting in a form", request("POST", "/review", form, "text=%3Cscript%3Ealert(1)%3C%2Fscript%3E"), request("POST", "/review", form, "text=it+scripts+well"), 941100, 5, 403},
		{"path traversal", request("GET", "/download?file=../../../../etc/passwd", "", ""), request("GET", "/download?file=manual.txt", "", ""), 930120, 5, 403},
		{"a JSON body that no parser reads", request("POST", "/api/search", json, `{"q":`), request("POST", "/api/search", json, `{"q":1}`), 200002, 0, 400},
		{"a number that a literal prefilter loses", request("GET", "/search?q=2.2250738585072011e-308", "", ""), request("GET", "/search?q=2.2250738585072019e-308", "", ""), 942220, 5, 403},
		{"PUT and DELETE are a shop's own verbs", request("TRACE", "/api/basket/1", "", ""), request("DELETE", "/api/basket/1", "", ""), 911100, 5, 403},
	}
	engine := newEngine(t, nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			verdict, report := judge(t, engine, c.attack)
			if verdict.Action != rules.Refuse || verdict.Status != c.status || !hit(report, c.rule) || report.Inbound < c.score {
				t.Errorf("attack: verdict %+v, report %+v: want %d, rule %d and a score of at least %d", verdict, report, c.status, c.rule, c.score)
			}
			verdict, report = judge(t, engine, c.twin)
			if verdict != rules.Passed || hit(report, c.rule) || report.Inbound >= 5 {
				t.Errorf("twin: verdict %+v, report %+v: want it passed without rule %d", verdict, report, c.rule)
			}
		})
	}
}

func judge(t *testing.T, engine *waf.Engine, r *waf.Request) (rules.Verdict, waf.Report) {
	t.Helper()
	tx := engine.Begin(rules.ExchangeID{1})
	verdict, err := tx.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	report, err := tx.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return verdict, report
}

func hit(report waf.Report, rule int) bool {
	return slices.ContainsFunc(report.Hits, func(h waf.Hit) bool { return h.Rule == rule })
}

// TestResponse sees a database error leave, and its twin that only talks of one.
func TestResponse(t *testing.T) {
	engine := newEngine(t, nil)
	for body, want := range map[string]rules.Action{
		"<html><body>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '1' at line 1</body></html>": rules.Refuse,
		"<html><body>Our guide to the manual gearbox, line 1</body></html>": rules.Pass,
	} {
		tx := engine.Begin(rules.ExchangeID{2})
		if v, err := tx.Request(request("GET", "/product/1", "", "")); err != nil || v != rules.Passed {
			t.Fatal(v, err)
		}
		if v := tx.Header(200, "HTTP/1.1", http.Header{"Content-Type": {"text/html; charset=utf-8"}}); v != rules.Passed {
			t.Fatal(v)
		}
		if tx.WantsBody() == 0 {
			t.Fatal("phase 4 does not want an HTML body")
		}
		verdict, err := tx.Write([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if verdict == rules.Passed {
			if verdict, err = tx.Body(); err != nil {
				t.Fatal(err)
			}
		}
		if verdict.Action != want {
			t.Errorf("%q: verdict %+v, want action %v", body, verdict, want)
		}
		report, err := tx.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if leaks := want == rules.Refuse; hit(report, 951230) != leaks {
			t.Errorf("%q: report %+v: want rule 951230 to hit: %v", body, report, leaks)
		}
	}
	tx := engine.Begin(rules.ExchangeID{3})
	_, _ = tx.Request(request("GET", "/", "", ""))
	tx.Header(200, "HTTP/1.1", http.Header{"Content-Type": {"application/json"}})
	if got := tx.WantsBody(); got != 0 {
		t.Errorf("phase 4 wants %d bytes of JSON: the CRS has no rules for it", got)
	}
	_, _ = tx.Finish()
}

func TestModes(t *testing.T) {
	attack := request("GET", "/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--", "", "")
	verdict, report := judge(t, newEngine(t, func(c *waf.Config) { c.Mode = rules.Observe }), attack)
	if verdict != rules.Passed || !hit(report, 942100) || !report.Detected || report.Blocked != 0 {
		t.Errorf("observe: %+v %+v: want it passed and detected, with its hits", verdict, report)
	}
	verdict, report = judge(t, newEngine(t, func(c *waf.Config) { c.Mode = rules.Off }), attack)
	if verdict != rules.Passed || len(report.Hits) != 0 {
		t.Errorf("off: %+v %+v: want it passed, without hits", verdict, report)
	}
}

// TestQuiet: a request that scores too little is not detected, and the Core
// Rule Set's bookkeeping (901340 runs on every request without a body) is no hit.
func TestQuiet(t *testing.T) {
	for _, mode := range []rules.Mode{rules.Enforce, rules.Observe} {
		engine := newEngine(t, func(c *waf.Config) { c.Mode, c.Threshold = mode, 10 })
		if v, r := judge(t, engine, request("GET", "/product/1?colour=red", "", "")); v != rules.Passed || r.Detected || len(r.Hits) != 0 {
			t.Errorf("%v: clean: %+v %+v: want no hit", mode, v, r)
		}
		if v, r := judge(t, engine, request("GET", "/search?q=2.2250738585072011e-308", "", "")); v != rules.Passed || r.Detected || !hit(r, 942220) {
			t.Errorf("%v: below the threshold: %+v %+v: want a hit, not detected", mode, v, r)
		}
	}
}

func TestOperatorRules(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("own.conf", `SecRule ARGS:sku "@streq FORBIDDEN" "id:100001,phase:2,deny,status:403,msg:'own rule'"`)
	write("exclude-before.conf", `SecRule REQUEST_URI "@beginsWith /search" "id:100002,phase:1,pass,nolog,ctl:ruleEngine=Off"`)
	engine := newEngine(t, func(c *waf.Config) { c.Files = []string{filepath.Join(dir, "*.conf")} })
	if !slices.Contains(engine.RuleIDs(), 100001) || !slices.Contains(engine.RuleIDs(), 942100) {
		t.Errorf("rule ids lack the operator's or the CRS's: %d of them", len(engine.RuleIDs()))
	}
	if v, r := judge(t, engine, request("GET", "/p?sku=FORBIDDEN", "", "")); v.Status != 403 || r.Blocked != 100001 {
		t.Errorf("own rule: %+v %+v", v, r)
	}
	if v, _ := judge(t, engine, request("GET", "/p?sku=allowed", "", "")); v != rules.Passed {
		t.Errorf("own rule's twin: %+v", v)
	}
	if v, _ := judge(t, engine, request("GET", "/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--", "", "")); v != rules.Passed {
		t.Errorf("excluded route: %+v", v)
	}
}

func TestBadConfig(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(bad, []byte("SecRule nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]waf.Config{
		"paranoia 0":         {Threshold: 5},
		"threshold 0":        {Paranoia: 1},
		"matches no file":    {Paranoia: 1, Threshold: 5, Files: []string{"/nowhere/*.conf"}},
		filepath.Base(bad):   {Paranoia: 1, Threshold: 5, Files: []string{bad}},
		"syntax error in pa": {Paranoia: 1, Threshold: 5, Files: []string{"[x"}},
	} {
		if _, err := waf.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("config %+v: error %v, want one with %q", config, err, want)
		}
	}
}

// BenchmarkRequest is the price of the full rule set today; clearance is to
// bring it down.
func BenchmarkRequest(b *testing.B) {
	engine := newEngine(b, nil)
	for b.Loop() {
		tx := engine.Begin(rules.ExchangeID{1})
		_, _ = tx.Request(request("GET", "/product/1?colour=red", "", ""))
		_, _ = tx.Finish()
	}
}
