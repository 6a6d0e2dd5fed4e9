package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record/recall"
	"github.com/ordergate/ordergate/rules/waf"
)

// Check is `ordergate check`: it reads a config as serve would, compiles the
// WAF's rules, and prints what the config comes to and the worst loss that it
// allows. It opens no socket and no ledger.
type Check struct {
	Config   string `help:"Config file." placeholder:"ordergate.yaml"`
	Upstream string `help:"URL of the order platform, when there is no config file or instead of the one in it." placeholder:"URL"`
	JSON     bool   `name:"json" help:"Write the answer as JSON."`
}

// Run writes the answer to stdout. As text it is a config file: everything
// that is not configuration stands in comments. The error is config.Faults
// when the config is wrong.
func (c *Check) Run(stdout, _ io.Writer) error {
	if c.Config == "" && c.Upstream == "" {
		return usagef("check has nothing to check: give --config FILE, or --upstream URL for the defaults")
	}
	cfg, err := config.Resolve(c.Config, c.Upstream)
	if err != nil {
		return err
	}
	engine, err := waf.New(cfg.WAFConfig())
	if err != nil {
		return usagef("waf.rules: %v", err)
	}
	if _, err := cfg.RuleFiles(); err != nil {
		return usagef("%v", err)
	}
	if _, err := cfg.OpenContracts(); err != nil {
		return usagef("%v", err)
	}
	if _, _, err := cfg.OpenTracing(); err != nil {
		return err //nolint:wrapcheck // faults of the config
	}
	if err := cfg.CheckTLS(time.Now()); err != nil {
		return err //nolint:wrapcheck // faults of the config
	}
	if _, err := cfg.OpenUpstreamTLS(time.Now()); err != nil {
		return err //nolint:wrapcheck // faults of the config
	}
	if _, err := cfg.UpstreamGroups(time.Now()); err != nil {
		return err //nolint:wrapcheck // faults of the config
	}
	if _, err := cfg.OpenASN(); err != nil {
		return err //nolint:wrapcheck // faults of the config
	}
	answer := newCheckAnswer(&cfg)
	answer.WAF = engine.Account()
	var out strings.Builder
	if c.JSON {
		encoder := json.NewEncoder(&out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(answer)
	} else {
		err = answer.write(&out)
	}
	if err != nil {
		return fmt.Errorf("formatting the answer: %w", err)
	}
	if _, err := io.WriteString(stdout, out.String()); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}

// checkAnswer is what check says; its JSON form is stable.
type checkAnswer struct {
	Digest   string       `json:"digest"`
	Config   string       `json:"config"` // effective, as YAML, without secrets
	Recall   checkRecall  `json:"recall"`
	Roles    []checkRole  `json:"roles"`
	Budget   []checkLimit `json:"budget"`
	Warnings []string     `json:"warnings"` // why the figures do not hold, or what weakens them
	WAF      waf.Account  `json:"waf"`      // what clearance can do with the rules
}

// checkRecall is what the figures are divided by.
type checkRecall struct {
	Share    float64 `json:"share"`
	Measured bool    `json:"measured"` // false: the share is assumed
}

// checkLimit is a limit in one window.
type checkLimit struct {
	Window   string `json:"window"`
	Subjects int    `json:"subjects"`
}

// checkRole is the worst loss by one role, or one declared machine.
type checkRole struct {
	Role     string       `json:"role"`
	Machine  int          `json:"machine,omitempty"` // index of the declaration plus one
	Session  []checkLimit `json:"session"`           // limits of one session or account
	Response *int         `json:"response"`          // most subjects in one response; null: no limit
	Budget   bool         `json:"budget"`            // the site budget holds, and there is one
	Losses   []checkLoss  `json:"losses"`
}

// checkLoss is the most subjects that one attack can take.
type checkLoss struct {
	Window     string `json:"window"`
	Principals int    `json:"principals"`
	Subjects   *int   `json:"subjects"` // null: nothing limits it
}

func newCheckAnswer(cfg *config.Config) *checkAnswer {
	a := &checkAnswer{
		Digest: cfg.Digest(), Config: cfg.YAML(), Budget: checkLimits(cfg.Caps.Site), Warnings: append([]string{}, cfg.Unbounded()...),
	}
	a.Recall.Share, a.Recall.Measured = config.Recall()
	for _, worst := range cfg.WorstLosses() {
		role := checkRole{
			Role: worst.Role.String(), Machine: worst.Machine, Session: checkLimits(worst.Session),
			Response: countOf(worst.Response), Budget: worst.Budget,
		}
		for _, loss := range worst.Losses {
			role.Losses = append(role.Losses, checkLoss{loss.Window.String(), loss.Principals, countOf(loss.Subjects)})
		}
		a.Roles = append(a.Roles, role)
	}
	return a
}

func checkLimits(w config.Windows) []checkLimit {
	limits := []checkLimit{}
	for _, limit := range w.Limits() {
		limits = append(limits, checkLimit{limit.Window.String(), limit.Max})
	}
	return limits
}

// countOf returns a limit as a number, nil for none.
func countOf(l config.Limit) *int {
	if l == config.Unlimited {
		return nil
	}
	n := int(l)
	return &n
}

// write writes the answer as YAML with comments.
func (a *checkAnswer) write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "The configuration is valid. Its digest is %s.\n\n", a.Digest)
	if len(a.Warnings) > 0 {
		b.WriteString("What weakens it:\n")
		for _, warning := range a.Warnings {
			fmt.Fprintf(&b, "  ! %s\n", warning)
		}
		b.WriteByte('\n')
	}
	a.words(&b)
	b.WriteByte('\n')
	a.clearance(&b)
	if err := a.table(&b); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimRight("# "+line, " \n")
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\n%s", a.Config)
	return err
}

// words says the worst loss in sentences.
func (a *checkAnswer) words(b *strings.Builder) {
	b.WriteString("Worst loss: the most customers whose data one attack can take, beside the attacker's own, while the caps are enforced.\n")
	for _, role := range a.Roles {
		if role.Role != rules.RoleShopper.String() && role.Role != rules.RoleGuest.String() {
			continue
		}
		fmt.Fprintf(b, "With one %s session: %s in any hour, %s in any 24 hours. With 1000 of them: %s in any hour, %s in any 24 hours.\n",
			role.Role, figure(role.loss("1h", 1)), figure(role.loss("24h", 1)), figure(role.loss("1h", 1000)), figure(role.loss("24h", 1000)))
	}
	if len(a.Budget) > 0 {
		b.WriteString("Guests and shoppers together are bounded by caps.site, however many sessions and addresses an attacker owns.\n")
	}
	b.WriteString("Staff, sellers and machines are outside of caps.site: what bounds them is the number of their credentials that are stolen.\n")
	if a.Recall.Measured {
		fmt.Fprintf(b, "The figures are divided by %.3f, the share of subjects that the recogniser found in the generated bodies of rules/record/recall (%s).\n", a.Recall.Share, recall.Command)
	} else {
		b.WriteString("The recogniser's recall is unmeasured in this version: the figures hold for records that it recognises.\n")
	}
}

// clearance says how much of the WAF's rule set clean traffic costs.
func (a *checkAnswer) clearance(b *strings.Builder) {
	fmt.Fprintln(b, a.WAF)
	for _, reason := range a.WAF.Off {
		fmt.Fprintf(b, "  ! Clearance is off, so that every exchange costs the whole rule set: %s.\n", reason)
	}
	for _, own := range a.WAF.Own {
		fmt.Fprintf(b, "  own rule %d %s\n", own.ID, own.How)
	}
	b.WriteByte('\n')
}

// loss returns one figure of a role, nil when nothing limits it.
func (r *checkRole) loss(window string, principals int) *int {
	for _, l := range r.Losses {
		if l.Window == window && l.Principals == principals {
			return l.Subjects
		}
	}
	return nil
}

// figure writes a number of subjects.
func figure(n *int) string {
	if n == nil {
		return "unlimited"
	}
	return fmt.Sprint(*n)
}

// table writes every figure: one line for each role and window.
func (a *checkAnswer) table(b *strings.Builder) error {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	head := "role\tone response\tin any\t1 session\t10 sessions\t100 sessions\t1000 sessions\tbounded by"
	if _, err := fmt.Fprintln(w, head); err != nil {
		return err
	}
	for i := range a.Roles {
		role := &a.Roles[i]
		for _, window := range []string{"1h", "24h"} {
			if _, err := fmt.Fprintln(w, role.row(window)); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// row returns one line of the table.
func (r *checkRole) row(window string) string {
	name, bound, single := r.Role, "the number of sessions", r.Role == rules.RoleMachine.String()
	if r.Machine > 0 {
		name = fmt.Sprintf("%s %d", r.Role, r.Machine)
	}
	switch {
	case single:
		bound = "its one credential"
	case r.loss(window, 1000) == nil:
		bound = "nothing"
	case r.Budget:
		bound = "caps.site"
	}
	cells := []string{name, figure(r.Response), window}
	for _, principals := range []int{1, 10, 100, 1000} {
		if single && principals > 1 {
			cells = append(cells, "-")
			continue
		}
		cells = append(cells, figure(r.loss(window, principals)))
	}
	return strings.Join(append(cells, bound), "\t")
}
