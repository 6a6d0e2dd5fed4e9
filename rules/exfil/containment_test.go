package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// walking lets a session walk until the detector speaks.
func (w *world) walking(c Credentials) {
	w.ask(c, nobody, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008)
}

// TestLadder: each step does to the principal what it says, and to nobody else.
func TestLadder(t *testing.T) {
	for step, c := range map[rules.Step]struct {
		session, sibling rules.Action // what becomes of the session, and of another one of its account
		delayed          bool
	}{
		rules.StepNone:   {rules.Pass, rules.Pass, false},
		rules.StepSlow:   {rules.Pass, rules.Pass, true},
		rules.StepMask:   {rules.Pass, rules.Pass, false},
		rules.StepCut:    {rules.Pass, rules.Pass, false},
		rules.StepRefuse: {rules.Refuse, rules.Pass, false},
		rules.StepRevoke: {rules.Refuse, rules.Refuse, false},
	} {
		w := newWorld(t, func(config *Config) { config.Contain = map[rules.Detector]rules.Step{rules.DetectorWalk: step} })
		walker, sibling, other := w.shopper(1, 9000), w.shopper(2, 9000), w.shopper(3, 9001)
		w.walking(walker)
		admit := func(c Credentials) rules.Verdict {
			p := w.engine.Recognise(&c, w.now)
			return w.engine.Admit(&p, w.now)
		}
		if v := admit(walker); v.Action != c.session || (v.Delay > 0) != c.delayed {
			t.Errorf("%s: the walker gets %+v", step, v)
		}
		if v := admit(sibling); v.Action != c.sibling || v.Delay > 0 {
			t.Errorf("%s: another session of the account gets %+v", step, v)
		}
		if v := admit(other); v.Action != rules.Pass || v.Delay > 0 {
			t.Errorf("%s: somebody else gets %+v", step, v)
		}
		in := w.engine.Incidents().Open()
		if len(in) != 1 || (in[0].Containment != nil) != (step != rules.StepNone) || step != rules.StepNone && in[0].Containment.Step != step {
			t.Errorf("%s: incidents %+v", step, in)
		}
		w.now = w.now.Add(containFor)
		if v := admit(walker); v.Action != rules.Pass || v.Delay > 0 {
			t.Errorf("%s: after an hour %+v", step, v)
		}
	}
}

// TestLadderSparesAddresses: clients without an issued credential are never
// held; their address may be a whole office.
func TestLadderSparesAddresses(t *testing.T) {
	w := newWorld(t, func(config *Config) {
		config.Contain = map[rules.Detector]rules.Step{rules.DetectorWalk: rules.StepRevoke}
	})
	c := Credentials{StandIn: digest('a', 1), IP: digest('i', 1)}
	for i := range uint64(60) {
		w.ask(c, nobody, 1000+i)
	}
	p := w.engine.Recognise(&c, w.now)
	if v := w.engine.Admit(&p, w.now); v.Action != rules.Pass || w.signalled(rules.DetectorWalk) == 0 {
		t.Errorf("an address was held: %+v, %d signals", v, w.signalled(rules.DetectorWalk))
	}
}

// TestPersonContains: a person's order holds the principal of an incident and
// the sessions linked to it, over what detectors did, across a restart, until
// it is released, closed or over.
func TestPersonContains(t *testing.T) {
	for name, end := range map[string]func(e *Engine, id string, now time.Time) time.Time{
		"released": func(e *Engine, id string, now time.Time) time.Time { e.Release(id, now); return now },
		"closed": func(e *Engine, id string, now time.Time) time.Time {
			e.Settle(id, rules.IncidentClosed, now)
			return now
		},
		"a false alarm": func(e *Engine, id string, now time.Time) time.Time {
			e.Settle(id, rules.IncidentFalseAlarm, now)
			return now
		},
		"over": func(_ *Engine, _ string, now time.Time) time.Time { return now.Add(2 * time.Hour) },
	} {
		w := newWorld(t, nil)
		thief, linked := w.shopper(1, 9000), w.issued(2)
		for i := range 3 {
			w.get(thief, customers(i, 1), nil)
		}
		in := w.engine.Incidents().Open()[0]
		held := rules.Signal{
			Detector: rules.DetectorOwnership, Time: w.now, Principal: w.engine.Recognise(&thief, w.now),
			Linked: []rules.Link{{Session: linked.Sessions[0], Why: rules.LinkFrontier, Strength: 3}},
		}
		w.engine.Incidents().Join(&held)
		if _, ok := w.engine.Contain("inc-none", rules.Containment{Step: rules.StepRefuse, Linked: true, Until: w.now.Add(time.Hour)}, w.now); ok {
			t.Error("an unknown incident was contained")
		}
		in, ok := w.engine.Contain(in.ID, rules.Containment{Step: rules.StepRefuse, Linked: true, Until: w.now.Add(90 * time.Minute)}, w.now)
		if !ok || in.State != rules.IncidentContained || !in.Containment.Person {
			t.Fatalf("contained: %+v %v", in, ok)
		}
		again := New(*w.engine.config.Load()) // a restart
		for _, c := range []Credentials{thief, linked} {
			b, _ := w.engine.bindings.Get(c.Sessions[0], w.now)
			again.bindings.Restore(b)
		}
		again.RestoreIncident(&in, w.now)
		for _, e := range []*Engine{w.engine, again} {
			for _, c := range []Credentials{thief, linked} {
				p := e.Recognise(&c, w.now)
				if v := e.Admit(&p, w.now); v.Action != rules.Refuse {
					t.Errorf("%s: held, and admitted: %+v", name, v)
				}
			}
			now := end(e, in.ID, w.now)
			for _, c := range []Credentials{thief, linked} {
				p := e.Recognise(&c, now)
				if v := e.Admit(&p, now); v.Action != rules.Pass {
					t.Errorf("%s: still held: %+v", name, v)
				}
			}
		}
	}
}

// TestPlantedText: who is held is decided by what a principal does. A canary
// planted into a page that everybody reads alarms, and holds nobody.
func TestPlantedText(t *testing.T) {
	w := newWorld(t, func(config *Config) {
		config.Canaries = customer(77).Identifiers
		config.Contain = map[rules.Detector]rules.Step{rules.DetectorWalk: rules.StepRevoke, rules.DetectorOwnership: rules.StepRevoke}
	})
	for n := range 50 {
		c := w.shopper(byte(n), 9000+n)
		w.get(c, append(customers(9000+n, 1), customer(77)), nil)
		p := w.engine.Recognise(&c, w.now)
		if v := w.engine.Admit(&p, w.now); v.Action != rules.Pass {
			t.Fatalf("reader %d is held: %+v", n, v)
		}
	}
	if w.signalled(rules.DetectorCanary) == 0 {
		t.Error("no alarm")
	}
}

// TestContainsNobody: an incident without a session is not contained by saying
// so: its alert must not go out while nobody is held.
func TestContainsNobody(t *testing.T) {
	w := newWorld(t, nil)
	w.get(Credentials{StandIn: digest('a', 1)}, customers(1, 1), nil)
	in := w.engine.Incidents().Open()[0]
	for _, linked := range []bool{false, true} {
		got, ok := w.engine.Contain(in.ID, rules.Containment{Step: rules.StepRefuse, Linked: linked, Until: w.now.Add(time.Hour)}, w.now)
		if !ok || got.Containment != nil || got.State != rules.IncidentOpen || w.engine.Incidents().Open()[0].State != rules.IncidentOpen {
			t.Errorf("linked %v: %v %+v", linked, ok, got)
		}
	}
}

func TestContainment(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	for i := range 5 + containAfter {
		w.get(c, customers(i, 1), nil)
	}
	p := w.engine.Recognise(&c, w.now)
	if v := w.engine.Admit(&p, w.now); v.Action != rules.Refuse || v.Status != 403 || v.RetryAfter != containFor {
		t.Errorf("after %d refusals: %+v", containAfter, v)
	}
	if v := w.engine.Admit(&p, w.now.Add(containFor)); v.Action != rules.Pass {
		t.Errorf("after containment ends: %+v", v)
	}
	nobody := rules.Principal{Session: digest('a', 1)}
	for range 2 * containAfter {
		w.engine.contained.count(&nobody, w.now)
	}
	if v := w.engine.Admit(&nobody, w.now); v.Action != rules.Pass {
		t.Error("an address was contained: it may be a whole office")
	}
}
