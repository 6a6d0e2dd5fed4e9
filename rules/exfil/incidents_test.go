package exfil

import (
	"testing"

	"github.com/ordergate/ordergate/rules"
)

func TestIncidentLife(t *testing.T) {
	in := NewIncidents()
	s := rules.Signal{Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Time: epoch, Principal: rules.Principal{Session: digest('s', 1)}, Observed: 6, Threshold: 5}
	inc, opened, notable := in.Join(&s)
	if !opened || !notable || inc.State != rules.IncidentOpen {
		t.Fatalf("first signal: %+v %v %v", inc, opened, notable)
	}
	if again, opened, _ := in.Join(&s); opened || again.ID != inc.ID || again.Signals != 2 {
		t.Errorf("second signal: %+v %v", again, opened)
	}
	if acked, ok := in.Set(inc.ID, rules.IncidentAcknowledged, epoch); !ok || acked.State != rules.IncidentAcknowledged || len(in.Open()) != 1 {
		t.Errorf("acknowledged: %+v %v", acked, ok)
	}
	if _, ok := in.Set("inc-unknown", rules.IncidentClosed, epoch); ok {
		t.Error("an unknown id was closed")
	}
	if _, ok := in.Set(inc.ID, rules.IncidentClosed, epoch); !ok || len(in.Open()) != 0 {
		t.Error("not closed")
	}
	if next, opened, _ := in.Join(&s); !opened || next.ID == inc.ID {
		t.Error("a signal after closing did not open a new incident")
	}
	for i := range maxOpen + 10 {
		s.Principal.Session = digest('t', i)
		in.Join(&s)
	}
	if n := len(in.Open()); n > maxOpen+1 {
		t.Errorf("%d incidents open, bound is %d", n, maxOpen+1)
	}
}
