package drill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDrill plays a few short attacks, each with an honest workload that looks
// like it, and asserts the goals that hold.
func TestDrill(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts gateways")
	}
	results, err := Run(t.Context(), Options{Only: []string{"A04", "A11b", "A14b", "A15a", "B06", "B10"}, Plain: true, Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 6 {
		t.Fatalf("%d results, want 6", len(results))
	}
	for _, r := range results {
		if len(r.Missed) > 0 || r.Violations > 0 {
			t.Errorf("%s %s: missed %q, harms %q, %d beyond a cap", r.ID, r.Name, r.Missed, r.Harms, r.Violations)
		}
		if r.Requests == 0 || r.Sessions == 0 {
			t.Errorf("%s: %d requests and %d honest sessions: nothing was played", r.ID, r.Requests, r.Sessions)
		}
		if r.Benign {
			continue
		}
		if !r.Alert || r.Recall >= 0 && r.Recall < 1 {
			t.Errorf("%s: alert %v, ledger recall %v", r.ID, r.Alert, r.Recall)
		}
	}
	var table bytes.Buffer
	if err := WriteTable(&table, results); err != nil {
		t.Fatal(err)
	}
	if got := table.String(); !strings.Contains(got, "6 of 6 rows meet their goals; 0 customers beyond a cap.") {
		t.Errorf("the table does not say so:\n%s", got)
	}
}

// TestMany: seed after seed until there were enough sessions, summed up by
// workload, attacks left out.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts gateways")
	}
	results, err := Many(t.Context(), Options{Only: []string{"A01a", "B12"}, Parallel: 1}, 6)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || results[0].ID != "B12" || results[0].Seeds < 2 || results[0].Sessions < 6 || len(results[0].Missed) > 0 {
		t.Errorf("%+v, want B12 with two seeds or more and at least 6 sessions", results)
	}
}

func TestRunRefusesUnknownIDs(t *testing.T) {
	if _, err := Run(t.Context(), Options{Only: []string{"Z99"}}); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v, want ErrNothing", err)
	}
}

// TestRunEnds: a context that is over ends the drill, with everything it started, and
// it is told what is missing.
func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := Run(ctx, Options{Only: []string{"A01"}, Parallel: 2})
	if !errors.Is(err, context.Canceled) || len(results) > 0 || !strings.HasSuffix(err.Error(), "not played to their end: A01a, A01aw, A01b, A01bw, A01c, A01d, A01ew, A01f") {
		t.Errorf("%d results and %v, want none and context.Canceled", len(results), err)
	}
}

// ender ends a context with the first result that it is told of.
type ender struct{ end func() }

func (e ender) Write(p []byte) (int, error) { e.end(); return len(p), nil }

// TestRunUnfinished: what was played until a signal came is not lost.
func TestRunUnfinished(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a gateway")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results, err := Many(ctx, Options{Only: []string{"B10", "B12"}, Progress: ender{cancel}}, 1_000_000)
	var unfinished *Unfinished
	if !errors.As(err, &unfinished) || len(results) != 1 || results[0].ID != "B10" || results[0].Sessions == 0 {
		t.Fatalf("%+v, %v", results, err)
	}
	if left := fmt.Sprintf("%d of 1000000 honest sessions", 1_000_000-results[0].Sessions); !slices.Equal(unfinished.Missing, []string{"B12", left}) {
		t.Errorf("missing are %q", unfinished.Missing)
	}
}

// TestPlayEnds: a piece that never ends by itself is ended, by virtual time or by
// the number of its requests, and a slow machine ends none.
func TestPlayEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts gateways")
	}
	endless := func(pause time.Duration, what func(*visitor)) *part {
		return &part{playbook{id: "X01", benign: true, life: time.Minute, play: func(s *scene) {
			s.most = s.books.requests + 50
			s.act(0, func(sleep func(time.Duration) bool) {
				v := s.visitor(homeAddress(1), false)
				for sleep(pause) {
					what(v)
				}
			})
		}}, 0}
	}
	for name, p := range map[string]*part{
		"sleeps":  endless(day, func(*visitor) {}),
		"goes on": endless(0, func(v *visitor) { v.do(get("/")) }),
	} {
		if _, err := play(t.Context(), p); !errors.Is(err, errEndless) {
			t.Errorf("%s: got %v, want errEndless", name, err)
		}
	}
}

// TestPlaybooks: all twenty and fourteen are there, and say what they scale.
func TestPlaybooks(t *testing.T) {
	have, seen := map[string]bool{}, map[string]bool{}
	for _, p := range playbooks() {
		have[p.id[:3]] = true
		key := p.id
		if p.white {
			key += "w"
		}
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if p.name == "" || p.scale == "" || p.play == nil || !p.benign && p.of == "" || p.benign != strings.HasPrefix(p.id, "B") {
			t.Errorf("%s is not whole", p.id)
		}
	}
	if len(have) != 34 {
		t.Errorf("%d playbooks and workloads, want 20 and 14", len(have))
	}
}

// TestTruth: a customer is found by e-mail address, by phone, and by name and
// street together; a street alone is nobody's.
func TestTruth(t *testing.T) {
	people := demo.Generate(50, 1)
	known := newTruth(peopleOf(people))
	c := people[7]
	for body, want := range map[string]bool{
		`{"mail":"` + c.Email + `"}`:                                                  true,
		"<td>" + strings.ReplaceAll(c.Email, "@", "&#64;") + "</td>":                  true,
		"call " + c.Phone + " today":                                                  true,
		`{"name":"` + c.Name() + `","street":"` + c.Address.Street + `"}`:             true,
		c.Name() + "," + c.Address.Street + ",x":                                      true,
		`{"street":"` + c.Address.Street + `"}`:                                       false,
		c.Name() + strings.Repeat(" and others", 40) + "\n" + c.Address.Street + "\n": false,
		"hello@ternandthistle.example":                                                false,
	} {
		if got := known.find([]byte(body)); got[7] != want {
			t.Errorf("%q: found %v, want %v", body, got[7], want)
		}
	}
}

// TestTruthOfGifts: who gives a present to somebody with a customer's name, and lives in
// a street of the same name as that one's, is meant alone.
func TestTruthOfGifts(t *testing.T) {
	known := newTruth([]person{
		{id: "1", name: "Jayden Ortiz", email: "j.ortiz@example.org", street: "78 Lake Drive", postcode: "30352"},
		{id: "2", name: "Liam Moore", email: "l.moore@example.org", street: "78 Lake Drive", postcode: "85703"},
	})
	for body, want := range map[string][2]bool{
		`{"name":"Liam Moore","street":"78 Lake Drive","postcode":"85703"},{"name":"Jayden Ortiz","street":"34 Cedar Lane","postcode":"78738"}`: {false, true},
		`{"name":"Jayden Ortiz","street":"78 Lake Drive","postcode":"30352"}`:                                                                   {true, false},
		`{"name":"Jayden Ortiz","street":"78 Lake Drive"}`:                                                                                      {true, false},
		`{"name":"Liam Moore","street":"78 Lake Drive"},{"name":"Jayden Ortiz","street":"78 Lake Drive"}`:                                       {true, true},
	} {
		if got := known.find([]byte(body)); got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: found %v, want %v", body, got, want)
		}
	}
}

// TestContained: ten refusals in a row, or refusals to the end.
func TestContained(t *testing.T) {
	for name, c := range map[string]struct {
		marks string // + brings somebody, . nothing, x is refused, c is cut and brings somebody
		at    int    // -1: never
	}{
		"never refused":         {"++++", -1},
		"refused to the end":    {"+++xx", 3},
		"ten in a row":          {"++xxxxxxxxxx+", 2},
		"nine in a row":         {"++xxxxxxxxx+", -1},
		"one shot, refused":     {"x", 0},
		"one shot, cut":         {"c", 0},
		"cut again and again":   {"cc", 1},
		"goes on after a pause": {"+x+x+", -1},
	} {
		b := newBooks()
		for i, mark := range c.marks {
			a := attempt{at: time.Duration(i), held: mark == 'x' || mark == 'c'}
			if mark == '+' || mark == 'c' {
				a.gained = 1
			}
			b.attempts = append(b.attempts, a)
		}
		if at, ok := b.contained(); ok != (c.at >= 0) || ok && at != time.Duration(c.at) {
			t.Errorf("%s: contained %v at %d, want %d", name, ok, at, c.at)
		}
	}
}

// TestBeyond counts in sliding windows: a customer seen again counts once.
func TestBeyond(t *testing.T) {
	hour := []limit{{rules.WindowHour, 2}}
	for name, c := range map[string]struct {
		minutes []int // one customer each, by its place
		again   bool  // always the same customer
		want    int
	}{
		"at the cap":          {[]int{0, 10}, false, 0},
		"one beyond":          {[]int{0, 10, 59}, false, 1},
		"free after the hour": {[]int{0, 10, 60}, false, 0},
		"the same one":        {[]int{0, 10, 20, 30}, true, 0},
	} {
		var receipts []receipt
		for i, minute := range c.minutes {
			r := receipt{at: time.Duration(minute) * time.Minute, customer: i}
			if c.again {
				r.customer = 0
			}
			receipts = append(receipts, r)
		}
		if got := beyond(receipts, hour); got != c.want {
			t.Errorf("%s: %d beyond, want %d", name, got, c.want)
		}
	}
}

// TestTheatre: actors take turns in the order of virtual time.
func TestTheatre(t *testing.T) {
	c := &clock{}
	stage := &theatre{clock: c}
	var said []string
	for _, who := range []struct {
		name  string
		every time.Duration
	}{{"a", 3 * time.Second}, {"b", 2 * time.Second}} {
		stage.enter(0, func(sleep func(time.Duration) bool) {
			for range 3 {
				said = append(said, who.name+c.since().String())
				if !sleep(who.every) {
					return
				}
			}
		})
	}
	stage.play(func() bool { return len(said) == 5 })
	stage.close()
	if got, want := strings.Join(said, " "), "a0s b0s b2s a3s b4s"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
