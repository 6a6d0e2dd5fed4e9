package exfil

import (
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// TestWithheld: what a held principal is not sent counts for nothing that counts
// what is sent; its own records pass, masked or not.
func TestWithheld(t *testing.T) {
	for step, refused := range map[rules.Step]bool{rules.StepMask: false, rules.StepCut: true} {
		w := newWorld(t, nil)
		c := w.shopper(1, 9000)
		held := func(v *Visit) { v.Step = step }
		for i := range 40 { // the cap is 5
			j := w.get(c, customers(100+i, 1), held)
			if (j.Verdict.Action == rules.Refuse) != refused || j.Disclosures[0].State != rules.Withheld || j.Contained {
				t.Fatalf("%s: %+v", step, j)
			}
		}
		j := w.get(c, customers(100, 20), held) // the limit of a response is 5
		if (j.Verdict.Action == rules.Refuse) != refused {
			t.Fatalf("%s: %+v", step, j.Verdict)
		}
		j = w.get(c, append(customers(9000, 1), customer(200)), held)
		if own := j.Disclosures[0]; own.Ownership != rules.Own || (own.State == rules.Withheld) != refused || j.Disclosures[1].State != rules.Withheld {
			t.Errorf("%s: %+v", step, j.Disclosures)
		}
		if j := w.get(c, customers(9000, 1), held); j.Verdict.Action != rules.Pass || j.Disclosures[0].State != rules.Unknown {
			t.Errorf("%s: the own record: %+v", step, j)
		}
		for _, d := range rules.Detectors() {
			if n := w.signalled(d); n > 0 {
				t.Errorf("%s: %d incidents of %s", step, n, d)
			}
		}
		// Nothing was counted: released, the session has all of its cap.
		for i := range 5 {
			if j := w.get(c, customers(100+i, 1), nil); j.Verdict.Action != rules.Pass {
				t.Errorf("%s: record %d after the release: %+v", step, i, j.Verdict)
			}
		}
		if j := w.get(c, customers(105, 1), nil); j.Verdict.Action != rules.Refuse {
			t.Errorf("%s: the cap does not hold any more: %+v", step, j.Verdict)
		}
	}
}

// TestUnmaskable: where nothing can be masked, mask is cut; where the gateway
// observes, nothing is withheld.
func TestUnmaskable(t *testing.T) {
	w := newWorld(t, nil)
	c := w.shopper(1, 9000)
	visit := Visit{Principal: w.engine.Recognise(&c, w.now), Route: "/api/orders/{id}", Status: 200, Step: rules.StepMask}
	r := w.engine.Open(visit, w.now)
	r.Unmaskable()
	if j := r.Judge(customers(1, 1), 1, nil, w.now); j.Verdict.Action != rules.Refuse || j.Verdict.Reason != rules.ReasonContained {
		t.Errorf("%+v", j.Verdict)
	}
	visit.Observe = true
	r = w.engine.Open(visit, w.now)
	if j := r.Judge(customers(1, 1), 1, nil, w.now); j.Verdict.Action != rules.Pass || j.Disclosures[0].State != rules.Unknown {
		t.Errorf("observed: %+v", j)
	}
	if stranger, own := customer(1), customer(9000); !r.Strange(&stranger) || r.Strange(&own) {
		t.Error("the wrong records are strange")
	}
}

// TestAddresses: an incident knows where its signals came from, so many at most, and a person
// holds them, across a restart, until they are released.
func TestAddresses(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 3 * rules.MaxAddresses {
		w.get(Credentials{StandIn: digest('a', i), IP: digest('i', i)}, customers(i, 1), nil)
	}
	in := w.engine.Incidents().Open()[0] // of records without a credential: of no session
	if len(in.Addresses) != rules.MaxAddresses {
		t.Fatalf("%d addresses", len(in.Addresses))
	}
	held := rules.Containment{Step: rules.StepRevoke, Until: w.now.Add(time.Hour)}
	if got, ok := w.engine.Contain(in.ID, held, w.now); !ok || got.Containment != nil {
		t.Errorf("nobody was asked to be held: %+v %v", got, ok)
	}
	held.Addresses = true
	in, ok := w.engine.Contain(in.ID, held, w.now)
	if !ok || in.Containment == nil || !in.Containment.Addresses {
		t.Fatalf("%+v %v", in, ok)
	}
	again := New(*w.engine.config.Load()) // a restart
	again.RestoreIncident(&in, w.now)
	for _, e := range []*Engine{w.engine, again} {
		admit := func(i int, now time.Time) rules.Action {
			c := Credentials{StandIn: digest('a', i), IP: digest('i', i)}
			p := e.Recognise(&c, now)
			return e.Admit(&p, now).Action
		}
		if admit(0, w.now) != rules.Refuse || admit(5000, w.now) != rules.Pass || admit(0, w.now.Add(time.Hour)) != rules.Pass {
			t.Error("not exactly the addresses of the incident are held, or not exactly as long as said")
		}
		if e.Release(in.ID, w.now); admit(0, w.now) != rules.Pass {
			t.Error("released, and held")
		}
	}
}
