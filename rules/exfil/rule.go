package exfil

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/goccy/go-yaml"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxRules    = 100
	maxRuleName = 64
	maxWhen     = 1000
	maxRuleFile = 1 << 20
)

// Rule is one counted rule of a rule file: it counts something by a key over a
// sliding window, where a condition holds, and speaks when the count passes
// its limit. Made by ParseRules.
type Rule struct {
	// Name is told in signals and incidents: lower-case letters, digits and
	// hyphens, at most 64.
	Name string `yaml:"name"`
	// About says in a sentence what it catches.
	About string `yaml:"about"`
	// Count is what is counted, distinct: subjects (foreign and unlinked ones),
	// all_subjects (own ones too), responses (that carry records), or misses
	// (requests for an identifier that was nobody's).
	Count string `yaml:"count"`
	// By is the key that is counted for: session, account, ip, prefix or site.
	By string `yaml:"by"`
	// Window is the sliding window: 1m, 1h, 24h or 30d.
	Window string `yaml:"window"`
	// When is the condition, in the Expr language, over [Facts]. Empty: always.
	When string `yaml:"when"`
	// Roles and Routes narrow the rule; a route is a template, or its beginning
	// with an asterisk behind it. Empty: all.
	Roles  []string `yaml:"roles"`
	Routes []string `yaml:"routes"`
	// Limit is the most that is quiet, 0 to 100000.
	Limit int `yaml:"limit"`
	// Severity is that of its signals: low, medium, high or critical.
	Severity string `yaml:"severity"`
	// Contain is what happens to an issued session for an hour: none (default),
	// slow, mask, cut, refuse or revoke.
	Contain string `yaml:"contain"`
	// Refuse also refuses the response that passes the limit, with 429.
	Refuse bool `yaml:"refuse"`
	// Mode is enforce (default) or observe: signals only.
	Mode string `yaml:"mode"`

	key      rules.KeyKind
	window   rules.Window
	severity rules.Severity
	step     rules.Step
	program  *vm.Program
}

// RuleFile is what a rule file holds.
type RuleFile struct {
	Rules []Rule     `yaml:"rules"`
	Tests []RuleTest `yaml:"tests"`
}

// Facts are what a condition knows of one response.
type Facts struct {
	Role       string   `expr:"role"`       // guest, shopper, staff, seller, machine or crawler
	Route      string   `expr:"route"`      // the template, such as /orders/{id}
	Status     int      `expr:"status"`     // of the response
	Hour       int      `expr:"hour"`       // of the day, UTC, 0 to 23
	Weekday    int      `expr:"weekday"`    // 0 is Sunday
	Credential bool     `expr:"credential"` // the request carried a session or token
	Issued     bool     `expr:"issued"`     // which the platform was seen issuing
	Bound      bool     `expr:"bound"`      // the session belongs to a known customer
	Subjects   int      `expr:"subjects"`   // distinct customers in the response so far
	Foreign    int      `expr:"foreign"`    // of them, those that are not the asker's own, in this part of it
	Fields     []string `expr:"fields"`     // name, email, phone, … as in inspect --json
}

//go:embed defaults.yaml
var defaultRules []byte

// DefaultRules returns the rules that are shipped.
func DefaultRules() []Rule {
	file, err := ParseRules("defaults.yaml", defaultRules)
	if err != nil {
		panic("BUG: the shipped rules: " + err.Error())
	}
	return file.Rules
}

// ParseRules reads and checks a rule file. All faults are told at once, each
// with the file's name, the rule, the value and what to write instead.
func ParseRules(name string, text []byte) (RuleFile, error) {
	var file RuleFile
	if len(text) > maxRuleFile {
		return file, fmt.Errorf("%s: has %d bytes: at most 1 MiB is read", name, len(text))
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return file, fmt.Errorf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	var faults []error
	if len(file.Rules) > maxRules {
		faults = append(faults, fmt.Errorf("%s: has %d rules: write at most %d", name, len(file.Rules), maxRules))
	}
	seen := map[string]bool{}
	for i := range file.Rules {
		r := &file.Rules[i]
		for _, fault := range r.compile() {
			faults = append(faults, fmt.Errorf("%s: rules[%d] %q: %w", name, i, r.Name, fault))
		}
		if seen[r.Name] {
			faults = append(faults, fmt.Errorf("%s: rules[%d] %q: there is a rule of this name already", name, i, r.Name))
		}
		seen[r.Name] = true
	}
	for i := range file.Tests {
		if err := file.Tests[i].compile(seen); err != nil {
			faults = append(faults, fmt.Errorf("%s: tests[%d] %q: %w", name, i, file.Tests[i].Name, err))
		}
	}
	return file, errors.Join(faults...)
}

// compile checks a rule and makes it ready.
func (r *Rule) compile() (faults []error) {
	fault := func(key string, value any, remedy string) {
		faults = append(faults, fmt.Errorf("%s: %v is not possible: %s", key, value, remedy))
	}
	if !ruleName(r.Name) {
		fault("name", fmt.Sprintf("%q", r.Name), "write lower-case letters, digits and hyphens, at most 64")
	}
	switch r.Count {
	case "subjects", "all_subjects", "responses", "misses":
	default:
		fault("count", fmt.Sprintf("%q", r.Count), "write subjects, all_subjects, responses or misses")
	}
	switch r.By {
	case "session", "account", "ip", "prefix", "site":
		r.key, _ = rules.ParseKeyKind(r.By)
	default:
		fault("by", fmt.Sprintf("%q", r.By), "write session, account, ip, prefix or site")
	}
	for _, w := range rules.Windows() {
		if r.Window == w.String() {
			r.window = w
		}
	}
	if r.window == rules.WindowNone {
		fault("window", fmt.Sprintf("%q", r.Window), "write 1m, 1h, 24h or 30d")
	}
	for _, name := range r.Roles {
		if _, ok := rules.ParseRole(name); !ok {
			fault("roles", fmt.Sprintf("%q", name), "write roles such as guest, shopper or staff")
		}
	}
	if r.Limit < 0 || r.Limit > 100_000 {
		fault("limit", r.Limit, "write a number from 0 to 100000")
	}
	var ok bool
	if r.severity, ok = rules.ParseSeverity(r.Severity); !ok {
		fault("severity", fmt.Sprintf("%q", r.Severity), "write low, medium, high or critical")
	}
	if r.step, ok = rules.ParseStep(r.Contain); !ok && r.Contain != "" {
		fault("contain", fmt.Sprintf("%q", r.Contain), "write none, slow, mask, cut, refuse or revoke")
	}
	if r.Mode != "" && r.Mode != "enforce" && r.Mode != "observe" {
		fault("mode", fmt.Sprintf("%q", r.Mode), "write enforce or observe")
	}
	return append(faults, r.condition()...)
}

func (r *Rule) condition() []error {
	if r.When == "" {
		return nil
	}
	if len(r.When) > maxWhen {
		return []error{fmt.Errorf("when: has %d bytes: write at most %d", len(r.When), maxWhen)}
	}
	var err error
	if r.program, err = expr.Compile(r.When, expr.Env(Facts{}), expr.AsBool(), expr.MaxNodes(200)); err != nil {
		return []error{fmt.Errorf("when: %w", err)}
	}
	return nil
}

func ruleName(name string) bool {
	if name == "" || len(name) > maxRuleName {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// holds reports whether the rule is about a response. A condition that fails
// (it cannot divide by zero, say) holds: the careful side.
func (r *Rule) holds(f *Facts) bool {
	if len(r.Roles) > 0 && !anyOf(r.Roles, func(role string) bool { return role == f.Role }) {
		return false
	}
	if len(r.Routes) > 0 && !anyOf(r.Routes, func(route string) bool {
		start, all := strings.CutSuffix(route, "*")
		return route == f.Route || all && strings.HasPrefix(f.Route, start)
	}) {
		return false
	}
	if r.program == nil {
		return true
	}
	out, err := expr.Run(r.program, *f)
	holds, ok := out.(bool)
	return err != nil || !ok || holds
}

func anyOf(list []string, is func(string) bool) bool {
	for _, one := range list {
		if is(one) {
			return true
		}
	}
	return false
}
