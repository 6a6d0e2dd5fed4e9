package proxy_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestSlowed: a session that guesses is made to wait, and still gets its
// answer; others are not.
func TestSlowed(t *testing.T) {
	w := proxytest.Start(t, lookups, func(s *proxytest.Setup) {
		s.Exfil.Contain = map[rules.Detector]rules.Step{rules.DetectorGuess: rules.StepSlow}
	})
	guesser, other := login(t, w, 900), login(t, w, 901)
	w.Get("/orders/0", guesser) // the route carries records
	for i := range 40 {
		w.Get(fmt.Sprintf("/orders/%d", 1+i*i*i*10), guesser)
		w.Settle()
		if len(w.Observer.Signals(rules.DetectorGuess)) > 0 {
			break
		}
	}
	began := time.Now()
	if got := w.Get("/account", guesser); got.StatusCode != http.StatusOK || time.Since(began) < time.Second {
		t.Errorf("the guesser got %d after %s: want 200, later", got.StatusCode, time.Since(began))
	}
	if !last(w) {
		t.Error("the exchange does not say that it was slowed")
	}
	if got := w.Get("/account", other); got.StatusCode != http.StatusOK || last(w) {
		t.Errorf("somebody else got %d, slowed %v", got.StatusCode, last(w))
	}
}

// last reports whether the exchange that finished last was slowed.
func last(w *proxytest.World) bool {
	w.Settle()
	return w.Observer.Last().Slowed
}
