package drill

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Skip is a playbook that a target could not be played, and why.
type Skip struct {
	ID       string `json:"id"`
	WhiteBox bool   `json:"white_box"`
	Name     string `json:"name"`
	Why      string `json:"why"`
}

// Report is what came of a drill against a target.
type Report struct {
	Target   string   `json:"target"`
	Results  []Result `json:"results"`
	Skipped  []Skip   `json:"skipped"`
	Requests int      `json:"requests"`
	Seconds  float64  `json:"seconds"`
	Stopped  string   `json:"stopped,omitempty"` // why the run ended early
}

// Plan returns what [Target.Run] would play and skip; nothing is sent. Of options,
// Only, Benign and Plain matter.
func (t *Target) Plan(o Options) (played []string, skipped []Skip) {
	books, skipped := t.plan(o)
	for i := range books {
		played = append(played, books[i].label())
	}
	return played, skipped
}

// Run plays what the target has actions and accounts for, honest workloads first,
// one request after the other in real time, within its pace; of options, Only, Benign,
// Plain, Progress and the first of Seeds matter. The attack comes first from accounts
// that no other one uses. Ask for [Target.Consent] before. The error is about the drill
// or the target; the report holds what was played until then.
func (t *Target) Run(ctx context.Context, o Options, from Watch) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Pace.AtMost+time.Minute)
	defer cancel()
	seed := uint64(0)
	if len(o.Seeds) > 0 {
		seed = o.Seeds[0]
	}
	people := make([]person, len(t.people))
	l := &live{
		ctx: ctx, target: t, client: newTargetClient(), watch: newWatch(from),
		rand: rand.New(rand.NewPCG(seed, 0x6c697665)), // #nosec G404 -- a repeatable piece, no secret.
	}
	defer l.client.CloseIdleConnections()
	if l.watch != nil {
		defer l.watch.client.CloseIdleConnections()
	}
	for i := range t.people {
		people[i] = t.people[i].person
	}
	l.truth, l.shoppers, l.honest = newTruth(people), t.accounts(), t.honest()
	l.seen = l.rand.IntN(len(people))
	books, skipped := t.plan(o)
	if len(books) == 0 && len(skipped) == 0 {
		return nil, ErrNothing
	}
	began := time.Now()
	report := &Report{Target: t.base.String(), Skipped: skipped}
	for i := range books {
		b := &books[i]
		if why := l.late(b, began); why != "" {
			report.skip(b, why)
			continue
		}
		r, err := l.playBook(b)
		if err != nil {
			report.Stopped = err.Error()
			l.err = err
			for k := range books[i:] {
				report.skip(&books[i+k], "the run ended before it was played to its end")
			}
			break
		}
		r.Seed = seed
		report.Results = append(report.Results, r)
		if o.Progress != nil {
			_, _ = fmt.Fprintln(o.Progress, r.line(l.since())) // only for the eye.
		}
	}
	report.Requests, report.Seconds = l.total, time.Since(began).Seconds()
	slices.SortStableFunc(report.Results, func(a, b Result) int { return strings.Compare(a.ID, b.ID) })
	slices.SortStableFunc(report.Skipped, func(a, b Skip) int { return strings.Compare(a.ID, b.ID) })
	return report, l.err
}

func (r *Report) skip(b *targetBook, why string) {
	r.Skipped = append(r.Skipped, Skip{b.id, b.white, b.about().name, why})
}

// accounts are the customers that may log in.
func (t *Target) accounts() (all []int) {
	if t.Roles["shopper"].Login == nil {
		return nil
	}
	for i := range t.people {
		if t.people[i].password != "" {
			all = append(all, i)
		}
	}
	return all
}

// honest is how many of them are honest people's; the others are for attacks.
func (t *Target) honest() int { return (len(t.accounts()) + 2) / 3 }

// plan says what can be played, honest workloads first, and what not, and why.
func (t *Target) plan(o Options) (books []targetBook, skipped []Skip) {
	thieves := len(t.accounts()) - t.honest()
	for _, benign := range []bool{true, false} {
		for _, b := range targetBooks() {
			p := b.about()
			if p.benign != benign || !o.wants(p) {
				continue
			}
			why := t.lacks(&b)
			if why == "" && b.thieves > thieves {
				why = "no account of a customer is left for it: write the passwords of more into the customers"
			}
			if why != "" {
				skipped = append(skipped, Skip{b.id, b.white, p.name, why})
				continue
			}
			thieves -= b.thieves
			books = append(books, b)
		}
	}
	return books, skipped
}

// about returns what is known of a playbook.
func (b *targetBook) about() *playbook {
	for _, p := range playbooks() {
		if p.id == b.id && p.white == b.white {
			return &p
		}
	}
	panic("BUG: a target is played what is no playbook: " + b.id)
}

func (b *targetBook) label() string {
	p := b.about()
	return (&Result{ID: b.id, WhiteBox: b.white}).label() + " " + p.name
}

// lacks says what a description lacks for a playbook.
func (t *Target) lacks(b *targetBook) string {
	if b.never != "" {
		return b.never
	}
	var missing []string
	for _, action := range b.needs {
		if _, ok := t.Actions[action]; !ok {
			missing = append(missing, "actions."+action)
		}
	}
	for _, role := range b.roles {
		if _, ok := t.Roles[role]; !ok {
			missing = append(missing, "roles."+role)
		}
	}
	switch {
	case len(missing) > 0:
		return "the description has no " + strings.Join(missing, ", ")
	case b.addresses && t.AddressHeader == "":
		return "it needs many addresses, and the description has no address_header"
	case b.honest > t.honest():
		return fmt.Sprintf("it needs %d honest customers with a password, and there are %d", b.honest, t.honest())
	case t.takes(b) > t.Pace.AtMost:
		return fmt.Sprintf("it takes %s of real time, pace.at_most is %s", short(t.takes(b).Seconds()), short(t.Pace.AtMost.Seconds()))
	}
	return ""
}

// takes is how long a playbook takes at this pace. One that waits on purpose between
// its requests is played whole.
func (t *Target) takes(b *targetBook) time.Duration {
	n, every := min(b.requests, t.Pace.PerPlaybook), b.every
	if t.hurry {
		every = 0
	}
	return time.Duration(n) * max(every, time.Duration(float64(time.Second)/t.Pace.PerSecond))
}

// late says why a playbook is not begun any more.
func (l *live) late(b *targetBook, began time.Time) string {
	p := &l.target.Pace
	switch {
	case l.total >= p.Requests:
		return fmt.Sprintf("the run's %d requests are spent: raise pace.requests", p.Requests)
	case time.Since(began)+l.target.takes(b) > p.AtMost:
		return fmt.Sprintf("the run's %s are nearly over: raise pace.at_most", short(p.AtMost.Seconds()))
	}
	return ""
}

// playBook plays one and sums it up.
func (l *live) playBook(b *targetBook) (Result, error) {
	p := b.about()
	l.books, l.began, l.played, l.people, l.attacked = newBooks(), time.Now(), 0, nil, !p.benign
	if err := l.watch.begin(l.ctx); err != nil {
		return Result{}, err
	}
	b.play(l, b)
	if l.watch != nil && l.err == nil {
		l.pause(2 * watchEvery) // what the last request raised.
		l.watch.look(l)
	}
	if l.err == nil && l.ctx.Err() != nil {
		l.err = l.ctx.Err()
	}
	if l.err != nil {
		return Result{}, fmt.Errorf("playing %s: %w", b.id, l.err)
	}
	r := Result{
		ID: b.id, Name: p.name, WhiteBox: b.white, Benign: p.benign, Requests: l.books.requests, Scale: l.scale(b),
		Lost: len(l.books.lost), Precision: -1, Recall: -1, Reported: -1, Sessions: l.books.sessions, Refused: len(l.books.harmed), Harms: l.books.harms,
		WholeBound: b.all, Blind: l.watch == nil,
	}
	if b.bound != nil {
		r.Bound, r.BoundOf = b.bound(&l.target.gates)
	}
	l.count(&r, b)
	r.judge()
	return r, nil
}

// scale says how much of it was played.
func (l *live) scale(b *targetBook) string {
	if l.total >= l.target.Pace.Requests {
		return fmt.Sprintf("%d requests: then the run's were spent", l.books.requests)
	}
	return fmt.Sprintf("%d requests of at most %d, in %s", l.books.requests, b.requests, short(l.since().Seconds()))
}

// count fills in what the books and the alerts say.
func (l *live) count(r *Result, b *targetBook) {
	w, since := l.watch, time.Duration(0)
	r.Violations = l.books.violations(func(v *visitor) ([]limit, int) { return promisedBy(&l.target.gates, v.role) }, limits(l.target.gates.Caps.Site))
	if len(l.books.firsts) > 0 {
		since = l.books.firsts[0].at
	}
	if at, ok := l.books.contained(); ok {
		r.Contained, r.LostBeforeContain, r.ContainIn = true, l.books.until(at), (at - since).Seconds()
	} else {
		r.LostBeforeContain = r.Lost
	}
	if b.all {
		r.LostBeforeContain = r.Lost
	}
	text := map[int]bool{}
	for _, got := range l.books.receipts {
		if got.who.attacker && !got.opaque {
			text[got.customer] = true
		}
	}
	r.LostOpaque, r.LostBeforeAlert = r.Lost-len(text), r.Lost
	if w == nil || !w.alert {
		return
	}
	for detector := range w.detectors {
		r.Detectors = append(r.Detectors, detector)
	}
	slices.Sort(r.Detectors)
	if r.Benign {
		r.FalseAlerts = len(w.detectors)
		r.Harms = append(r.Harms, "signals of: "+strings.Join(r.Detectors, ", "))
		r.Detectors = nil
		return
	}
	r.Alert, r.AlertIn, r.LostBeforeAlert = true, max(0, w.at-since).Seconds(), l.books.until(w.at)
}

// WriteReport writes the tables of a drill against a target, and what was not played.
func WriteReport(to io.Writer, report *Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Drill against %s: %d requests in %s.\n\n%s", report.Target, report.Requests, short(report.Seconds), targetLegend)
	writeRows(&out, report.Results)
	if len(report.Skipped) > 0 {
		out.WriteString("\nNot played:\n\n")
		for _, s := range report.Skipped {
			fmt.Fprintf(&out, "%-5s  %-48s %s\n", (&Result{ID: s.ID, WhiteBox: s.WhiteBox}).label(), s.Name, s.Why)
		}
	}
	sum(&out, report.Results)
	if report.Stopped != "" {
		fmt.Fprintf(&out, "\nThe run ended early: %s.\n", report.Stopped)
	}
	_, err := io.WriteString(to, out.String())
	if err != nil {
		return fmt.Errorf("writing the drill's table: %w", err)
	}
	return nil
}

// targetLegend says what the columns are, and what they cannot say.
const targetLegend = `One request after the other, in real time, one playbook after the other against one gateway: what one has used up of a cap, of the
site's budget or of an address, the next ones do not get. w: the attacker knows caps and windows.

  alert, cont., total  distinct listed customers in the bytes that attackers received: up to the first alert, until the attack came
                       to a standstill (ten requests in a row, or all that are left, refused, cut or slowed), and in all;
                       customers that the list does not have are not counted; a platform's own 403 and 429 count as refusals
  bound                what the config promises; * for total
  after, alert by      the first new signal in an open incident after the first loss, looked for four times a second; "-": not asked
  caps+                customers beyond any cap of the config, in any window of this playbook
  ledger, report       not known from outside: "ordergate report affected --customers" names those whom the gateway says were lost
  honest               honest sessions refused, cut or slowed, of all that there were meanwhile

`
