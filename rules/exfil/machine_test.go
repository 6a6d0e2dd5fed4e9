package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestMachine: a nightly export of 4,000, and what else happens on the
// eleventh day; nothing stands out before.
func TestMachine(t *testing.T) {
	const full, page = 4000, 250
	hour := func(days, hours int) time.Time {
		return epoch.Truncate(24 * time.Hour).Add(time.Duration(days*24+hours) * time.Hour)
	}
	type run struct {
		at time.Time
		n  int
	}
	night := run{hour(10, 2), full}
	for name, c := range map[string]struct {
		history int // nights before
		runs    []run
		want    bool
	}{
		"the next night":                          {10, []run{night}, false},
		"late by eight hours":                     {10, []run{{hour(10, 10), full}, {hour(11, 2), full}}, false},
		"done again":                              {10, []run{night, {hour(10, 4), full}}, false},
		"done again in the morning":               {10, []run{night, {hour(10, 8), full}}, false},
		"left out, then at once":                  {10, []run{{hour(12, 2), full}}, false},
		"ten per cent more":                       {10, []run{{hour(10, 2), full * 11 / 10}}, false},
		"a few by day":                            {10, []run{night, {hour(10, 14), machineFew}}, false},
		"a second export by day":                  {10, []run{night, {hour(10, 14), full}}, true},
		"half of one in the evening":              {10, []run{night, {hour(10, 20), full / 2}}, true},
		"a second export, and no history to tell": {2, []run{{hour(10, 2), full}, {hour(10, 14), full}}, false},
	} {
		m := newMachines()
		found := false
		play := func(r run) {
			for n := 0; n < r.n; n += page {
				found = m.note(digest('m', 1), min(page, r.n-n), r.at.Add(time.Duration(n)*time.Second/10)).Limit > 0 || found
			}
		}
		for day := 10 - c.history; day < 10; day++ {
			play(run{hour(day, 2), full})
		}
		if found {
			t.Fatalf("%s: found in the history", name)
		}
		for _, r := range c.runs {
			play(r)
		}
		if found != c.want {
			t.Errorf("%s: found %v, want %v", name, found, c.want)
		}
	}
}

// TestMachineAllDay: what fetches each order as it comes has no unusual hour,
// so a sale is nothing; the declared cap bounds it.
func TestMachineAllDay(t *testing.T) {
	m := newMachines()
	for hour := range 10 * 24 {
		n := 50
		if hour > 9*24+12 {
			n = 2000
		}
		if d := m.note(digest('m', 1), n, epoch.Add(time.Duration(hour)*time.Hour)); d.Limit > 0 {
			t.Fatalf("hour %d stands out: %+v", hour, d)
		}
	}
}

// TestMachineSignals: a declared machine's second full export by day opens an
// incident of its own; the night's, done again, opens none.
func TestMachineSignals(t *testing.T) {
	for hour, want := range map[int]int{4: 0, 14: 1} {
		w := newWorld(t, func(c *Config) { c.Machines = []RoleCaps{{Response: -1}} })
		w.now = w.now.Truncate(24 * time.Hour)
		c := Credentials{Sessions: []rules.Digest{digest('m', 1)}, Wanted: rules.RoleMachine, Declared: true, Machine: 1}
		export := func(at time.Duration) {
			began := w.now
			w.now = began.Add(at)
			for page := range 4 {
				w.get(c, customers(page*100, 100), nil)
			}
			w.now = began
		}
		for range 5 {
			export(2 * time.Hour)
			w.now = w.now.Add(24 * time.Hour)
		}
		w.now = w.now.Add(-24 * time.Hour)
		export(time.Duration(hour) * time.Hour)
		if open := w.engine.incidents.Open(); len(open) != want {
			t.Errorf("again at %d: %d incidents, want %d", hour, len(open), want)
		}
	}
}
