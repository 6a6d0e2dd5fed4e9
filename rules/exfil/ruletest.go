package exfil

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// RuleTest is a test in a rule file: events, and which rules must speak.
type RuleTest struct {
	Name   string      `yaml:"name"`
	Start  string      `yaml:"start"` // time of day at which it begins, UTC, 15:04; empty: 12:00
	Events []RuleEvent `yaml:"events"`
	// Expect is how many signals each rule gives; a rule that is not named must
	// be silent.
	Expect map[string]int `yaml:"expect"`

	start time.Time
}

// RuleEvent is a response that is repeated some times.
type RuleEvent struct {
	After   string   `yaml:"after"`   // since the event before; empty: at once
	Times   int      `yaml:"times"`   // 0: once
	Every   string   `yaml:"every"`   // between repetitions
	Role    string   `yaml:"role"`    // empty: guest
	Session string   `yaml:"session"` // names, not values; empty: one for all
	Account string   `yaml:"account"`
	IP      string   `yaml:"ip"`
	Route   string   `yaml:"route"`
	Status  int      `yaml:"status"`  // 0: 200
	Foreign int      `yaml:"foreign"` // distinct foreign subjects in each response
	Own     int      `yaml:"own"`     // own ones
	Same    bool     `yaml:"same"`    // each repetition has the same subjects
	Misses  int      `yaml:"misses"`  // identifiers asked for that were nobody's
	Fields  []string `yaml:"fields"`

	after, every time.Duration
}

const maxRepetitions = 100_000

// compile checks a test; names are the rules of its file.
func (t *RuleTest) compile(names map[string]bool) error {
	var errs []error
	start := t.Start
	if start == "" {
		start = "12:00"
	}
	at, err := time.Parse("15:04", start)
	if err != nil {
		errs = append(errs, fmt.Errorf("start: %q is not a time of day: write one such as 02:30", t.Start))
	}
	t.start = time.Date(2026, 1, 5, at.Hour(), at.Minute(), 0, 0, time.UTC)
	for name := range t.Expect {
		if !names[name] {
			errs = append(errs, fmt.Errorf("expect: there is no rule %q in this file", name))
		}
	}
	for i := range t.Events {
		if err := t.Events[i].compile(); err != nil {
			errs = append(errs, fmt.Errorf("events[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (e *RuleEvent) compile() error {
	var errs []error
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"after", e.After, &e.after}, {"every", e.Every, &e.every}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to < 0 {
			errs = append(errs, fmt.Errorf("%s: %q is not a duration: write one such as 90s or 2h", d.name, d.text))
		}
	}
	if e.Role != "" {
		if _, ok := rules.ParseRole(e.Role); !ok {
			errs = append(errs, fmt.Errorf("role: %q is not a role: write one such as guest, shopper or staff", e.Role))
		}
	}
	if _, err := rules.ParseFields(e.Fields); err != nil {
		errs = append(errs, fmt.Errorf("fields: %w", err))
	}
	if e.Times < 0 || e.Times > maxRepetitions || e.Foreign < 0 || e.Own < 0 || e.Misses < 0 || max(e.Times, 1)*(e.Foreign+e.Own+e.Misses) > maxRepetitions {
		errs = append(errs, fmt.Errorf("times, foreign, own and misses make more than %d, or are less than 0", maxRepetitions))
	}
	return errors.Join(errs...)
}

// Run replays a test against the rules of its file and returns what differs
// from what it expects; nil: it passes.
func (t *RuleTest) Run(list []Rule) error {
	s := newRuleset()
	got := map[string]int{}
	now, serial := t.start, 0
	for i := range t.Events {
		e := &t.Events[i]
		now = now.Add(e.after)
		for n := range max(e.Times, 1) {
			if n > 0 {
				now = now.Add(e.every)
			}
			if !e.Same || n == 0 {
				serial++
			}
			for _, f := range s.judge(list, e.observation(i, serial, n, now), now) {
				got[f.rule.Name]++
			}
		}
	}
	if maps.Equal(got, t.Expect) {
		return nil
	}
	return fmt.Errorf("expected %s, got %s", tally(t.Expect), tally(got))
}

func (e *RuleEvent) observation(event, serial, n int, now time.Time) *observation {
	role := e.Role
	if role == "" {
		role = rules.RoleGuest.String()
	}
	o := &observation{
		facts: Facts{
			Role: role, Route: e.Route, Status: e.Status, Hour: now.Hour(), Weekday: int(now.Weekday()),
			Credential: e.Session != "", Issued: e.Session != "", Bound: e.Own > 0, Subjects: e.Foreign + e.Own, Foreign: e.Foreign, Fields: e.Fields,
		},
		keys: []rules.Key{{Kind: rules.KeySession, Digest: nameDigest("s", e.Session)}, {Kind: rules.KeyIP, Digest: nameDigest("i", e.IP)}, {Kind: rules.KeyPrefix, Digest: nameDigest("p", e.IP)}},
	}
	if e.Account != "" {
		o.keys = append(o.keys, rules.Key{Kind: rules.KeyAccount, Digest: nameDigest("a", e.Account)})
	}
	if o.facts.Status == 0 {
		o.facts.Status = 200
	}
	for k := range e.Foreign {
		o.foreign = append(o.foreign, nameDigest("f", fmt.Sprint(serial, " ", k)))
	}
	o.all = slices.Clone(o.foreign)
	for k := range e.Own {
		o.all = append(o.all, nameDigest("o", fmt.Sprint(e.Session, " ", k)))
	}
	for k := range e.Misses {
		o.misses = append(o.misses, nameDigest("m", fmt.Sprint(serial, " ", k)))
	}
	if len(o.all) > 0 {
		o.response = nameDigest("r", fmt.Sprint(event, " ", n))
	}
	return o
}

// nameDigest makes a digest of a name in a test.
func nameDigest(kind, name string) (d rules.Digest) {
	h := fnv.New128a()
	_, _ = h.Write([]byte(kind + ":" + name)) // never fails
	h.Sum(d[:0])
	return d
}

func tally(signals map[string]int) string {
	if len(signals) == 0 {
		return "no signal"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(signals)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, signals[name]))
	}
	return strings.Join(parts, ", ")
}

// digest names a try for rules that count misses.
func (t *Try) digest() (d rules.Digest) {
	h := fnv.New128a()
	_, _ = h.Write([]byte(t.Slot)) // never fails
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, t.Number))
	h.Sum(d[:0])
	return d
}
