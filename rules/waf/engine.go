package waf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/ordergate/ordergate/rules"
)

// Config says which rules run and how. The zero value is refused by New:
// paranoia and threshold must be at least 1.
type Config struct {
	Mode      rules.Mode // Enforce blocks, Observe only counts, Off runs nothing
	Paranoia  int        // CRS blocking paranoia level, 1 to 4
	Threshold int        // inbound anomaly score that blocks, at least 1; outbound uses one less, at least 1
	// Files are patterns of the operator's own SecLang files. A file with
	// "before" in its name is read before the Core Rule Set (exclusions by
	// ctl:), every other one after it.
	Files []string
	// RequestBody is the most bytes of a request body that rules see; the
	// proxy refuses longer ones, or streams them by route policy.
	RequestBody int
	// ResponseBody is the most bytes of a decoded response body that rules
	// see; 0 turns phase 4 off.
	ResponseBody int
	// Uncleared turns clearance off: the full rule set judges every exchange.
	Uncleared bool
	// Sample is the share of cleared exchanges that the full rule set judges
	// again, beside the exchange: one in so many, 0 for none.
	Sample int
	// Proved is told what became of each of them, from a goroutine of its own;
	// nil tells nobody.
	Proved func(Proof)
}

// Engine holds the compiled rules. Safe for concurrent use.
type Engine struct {
	waf    coraza.WAF // as Coraza has it; the live proof's
	judges coraza.WAF // the same rules, with expressions that are followed; waf where there is no clearance
	mode   rules.Mode
	limits Config
	ids    []int
	// clearance is nil when it is off, or when the account says why there is
	// none.
	clearance *clearance
	account   Account
	refuted   atomic.Bool   // the live proof failed: no clearance until the next reload
	proving   chan struct{} // slots of the live proof
}

// crsResponseTypes are the types that the Core Rule Set's response rules are
// written for (coraza.conf-recommended, CRS 4.25).
const crsResponseTypes = "text/plain text/html text/xml"

// New compiles the rules. It reads the operator's files, so a file that
// cannot be read, matches nothing or does not parse is an error that names it.
func New(config Config) (*Engine, error) {
	if config.Paranoia < 1 || config.Paranoia > 4 {
		return nil, fmt.Errorf("waf paranoia %d: want a level from 1 to 4", config.Paranoia)
	}
	if config.Threshold < 1 {
		return nil, fmt.Errorf("waf anomaly threshold %d: want at least 1", config.Threshold)
	}
	before, after, err := operatorFiles(config.Files)
	if err != nil {
		return nil, err
	}
	engine := &Engine{mode: config.Mode, limits: config, proving: make(chan struct{}, provers)}
	if config.Mode == rules.Off {
		return engine, nil
	}
	compile := func(tell func(types.RuleMetadata)) (coraza.WAF, error) {
		cfg := coraza.NewWAFConfig().WithRootFS(rootFS{}).WithDirectives(directives(&config))
		for _, file := range before {
			cfg = cfg.WithDirectivesFromFile(file)
		}
		cfg = cfg.WithDirectives("Include @owasp_crs/*.conf")
		for _, file := range after {
			cfg = cfg.WithDirectivesFromFile(file)
		}
		return coraza.NewWAF(observed(cfg, tell)) //nolint:wrapcheck // the caller names the file
	}
	engine.waf, err = compile(func(rule types.RuleMetadata) { engine.ids = append(engine.ids, rule.ID()) })
	if err != nil {
		return nil, fmt.Errorf("compiling the WAF rules%s: %w", culprit(&config, append(before, after...)), err)
	}
	slices.Sort(engine.ids)
	engine.ids = slices.Compact(engine.ids)
	engine.judges = engine.waf
	if config.Uncleared {
		return engine, nil
	}
	c, a, err := newClearance(engine.waf, func() (coraza.WAF, error) { return compile(func(types.RuleMetadata) {}) })
	if err != nil {
		engine.account.Off = []string{err.Error()} // the full rule set judges, as it would without clearance
		return engine, nil
	}
	engine.clearance, engine.account = c, a.account(c)
	if c != nil {
		engine.judges = c.judges
	}
	return engine, nil
}

// culprit names the operator's file that does not compile by itself, since
// Coraza's error does not.
func culprit(config *Config, files []string) string {
	for _, file := range files {
		cfg := coraza.NewWAFConfig().WithRootFS(rootFS{}).WithDirectives(directives(config)).WithDirectivesFromFile(file)
		w, err := coraza.NewWAF(cfg)
		if err != nil {
			return " of " + file
		}
		if closer, ok := w.(experimental.WAFCloser); ok {
			_ = closer.Close() // as Engine.Close
		}
	}
	return ""
}

// observed asks Coraza to tell every rule it compiles, where it can.
func observed(cfg coraza.WAFConfig, tell func(types.RuleMetadata)) coraza.WAFConfig {
	if c, ok := cfg.(interface {
		WithRuleObserver(func(types.RuleMetadata)) coraza.WAFConfig
	}); ok {
		return c.WithRuleObserver(tell)
	}
	return cfg
}

// RuleIDs returns the ids of all rules, sorted: the closed label set of
// ordergate_waf_rule_hits_total.
func (e *Engine) RuleIDs() []int { return e.ids }

// Close forgets what Coraza keeps of these rules for the next ones that are
// compiled, so that they can be freed. Exchanges that have begun go on with them,
// and whoever still begins one loses nothing; call it once the engine that
// replaces this one is compiled, and may take over what both have.
func (e *Engine) Close() error {
	if closer, ok := e.waf.(experimental.WAFCloser); ok {
		return closer.Close() //nolint:wrapcheck // it fails never
	}
	return nil
}

// Account says what clearance can do with these rules.
func (e *Engine) Account() Account { return e.account }

// Begin starts a transaction; the id is the exchange's and appears in rules
// as %{UNIQUE_ID}. Finish must be called.
func (e *Engine) Begin(id rules.ExchangeID) *Transaction {
	t := &Transaction{engine: e, id: id}
	switch {
	case e.mode == rules.Off:
	case e.clearance != nil && !e.refuted.Load():
		t.quick = e.clearance.begin(t.begin)
	default:
		t.full = e.transaction(e.judge(), id)
	}
	return t
}

// judge returns the full rule set as it judges exchanges.
func (e *Engine) judge() coraza.WAF {
	if e.refuted.Load() {
		return e.waf
	}
	return e.judges
}

// transaction starts one of Coraza's.
func (e *Engine) transaction(w coraza.WAF, id rules.ExchangeID) types.Transaction {
	if w, ok := w.(experimental.WAFWithOptions); ok {
		return w.NewTransactionWithOptions(experimental.Options{ID: id.String()})
	}
	return w.NewTransactionWithID(id.String())
}

// directives is everything that comes before the rule files.
func directives(c *Config) string {
	engine, response := "On", "On"
	if c.Mode == rules.Observe {
		engine = "DetectionOnly"
	}
	if c.ResponseBody == 0 {
		response = "Off"
	}
	body := max(c.RequestBody, 1)
	var b strings.Builder
	fmt.Fprintf(&b, "SecRuleEngine %s\nSecRequestBodyAccess On\nSecRequestBodyLimit %d\nSecRequestBodyInMemoryLimit %d\n", engine, body, body)
	// The prefilter of Coraza 3.8.1 loses attacks: it asks for literals that no
	// match holds (942220 with 2.2250738585072011e-308, 932311). Off is
	// Coraza's default too; an operator's file may say otherwise.
	b.WriteString("SecRequestBodyLimitAction ProcessPartial\nSecRequestBodyJsonDepthLimit 128\nSecAuditEngine Off\nSecRxPreFilter Off\n")
	fmt.Fprintf(&b, "SecResponseBodyAccess %s\nSecResponseBodyMimeType %s\nSecResponseBodyLimit %d\nSecResponseBodyLimitAction ProcessPartial\n",
		response, crsResponseTypes, max(c.ResponseBody, 1))
	b.WriteString(bodyProcessors)
	b.WriteString("Include @crs-setup.conf.example\n")
	// The CRS names default actions for phases 1 and 2 only; in the others a
	// rule that says nothing would not be logged, and no hit of ours.
	b.WriteString("SecDefaultAction \"phase:3,log,auditlog,pass\"\nSecDefaultAction \"phase:4,log,auditlog,pass\"\nSecDefaultAction \"phase:5,log,auditlog,pass\"\n")
	fmt.Fprintf(&b, `SecAction "id:9900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`+"\n",
		c.Paranoia, c.Paranoia)
	fmt.Fprintf(&b, `SecAction "id:9900001,phase:1,pass,t:none,nolog,setvar:tx.inbound_anomaly_score_threshold=%d,setvar:tx.outbound_anomaly_score_threshold=%d"`+"\n",
		c.Threshold, max(c.Threshold-1, 1))
	// REST and GraphQL shops change and delete things; the CRS default list
	// leaves these methods out (rule 911100).
	b.WriteString(`SecAction "id:9900002,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'"` + "\n")
	return b.String()
}

// bodyProcessors choose the parser of a request body by its type, as
// coraza.conf-recommended does, and refuse what that parser cannot read: a
// body that the WAF reads differently from the platform is a bypass.
const bodyProcessors = `
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart request body failed strict validation.'"
`

// operatorFiles expands the patterns into absolute file names, in order.
func operatorFiles(patterns []string) (before, after []string, err error) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("waf rules pattern %q: %w", pattern, err)
		}
		if len(files) == 0 {
			return nil, nil, fmt.Errorf("waf rules pattern %q matches no file: correct it or remove it", pattern)
		}
		for _, file := range files {
			abs, err := filepath.Abs(file)
			if err != nil {
				return nil, nil, fmt.Errorf("waf rules file %q: %w", file, err)
			}
			if strings.Contains(strings.ToLower(filepath.Base(file)), "before") {
				before = append(before, abs)
			} else {
				after = append(after, abs)
			}
		}
	}
	return before, after, nil
}

// errNoWAF is what a transaction of an engine that is off never returns; it
// guards against a wiring fault.
var errNoWAF = errors.New("the WAF is off")
