package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// labels is the upstream people, with orders numbered A-n that have shipping
// labels, and product photos.
var labels = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	order, isOrder := strings.CutPrefix(r.URL.Path, "/orders/A-")
	number, isLabel := strings.CutSuffix(order, "/label.png")
	n, _ := strconv.Atoi(number)
	switch {
	case isOrder && isLabel, strings.HasPrefix(r.URL.Path, "/media/"):
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n not really")
	case isOrder:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"orderNumber":"A-%d","total":2495,"customer":%s}`, n, proxytest.Person(n))
	default:
		people(w, r)
	}
})

// TestOpaqueOrder: a picture behind an order's address has the subject that
// earlier responses have shown, and counts like any record of his.
func TestOpaqueOrder(t *testing.T) {
	w := proxytest.Start(t, labels)
	for n := range 8 {
		cookie := login(t, w, n)
		if got := w.Get(fmt.Sprintf("/orders/A-%d", n), cookie); got.StatusCode != http.StatusOK {
			t.Fatalf("own order: %d", got.StatusCode)
		}
		for range 10 { // the twin: one's own label, as often as one likes
			if got := w.Get(fmt.Sprintf("/orders/A-%d/label.png", n), cookie); got.StatusCode != http.StatusOK {
				t.Fatalf("own label: %d", got.StatusCode)
			}
		}
	}
	thief := login(t, w, 900)
	served := 0
	for n := range 8 {
		if w.Get(fmt.Sprintf("/orders/A-%d/label.png", n), thief).StatusCode == http.StatusOK {
			served++
		}
	}
	if served != 5 {
		t.Errorf("%d foreign labels served, want the shopper's 5 an hour", served)
	}
	delivered := 0
	for _, row := range w.Settle().Rows() {
		if row.Ownership == rules.Own {
			continue
		}
		if row.Record.Fields != rules.FieldPurchase || row.Record.Subject.Kind != rules.IdentifierEmail {
			t.Fatalf("row %+v: want a foreign customer's purchase", row.Record)
		}
		if row.State == rules.Delivered {
			delivered++
		}
	}
	if delivered != served {
		t.Errorf("%d foreign subjects delivered in the ledger, want %d", delivered, served)
	}
}

// TestOpaqueTwins: pictures that are nobody's, and of an order that nobody was
// seen with.
func TestOpaqueTwins(t *testing.T) {
	w := proxytest.Start(t, labels)
	for path, want := range map[string]rules.Uninspected{
		"/media/1001.png":          rules.UninspectedNone,
		"/orders/A-5000/label.png": rules.UninspectedType,
	} {
		if got := w.Get(path); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
		if got := w.Observer.Next(); got.Uninspected != want {
			t.Errorf("%s: uninspected %q, want %q", path, got.Uninspected, want)
		}
	}
	if rows := w.Settle().Rows(); len(rows) != 0 {
		t.Errorf("%d rows, want none", len(rows))
	}
}

// TestOpaqueWalk: labels of orders that nobody was seen with, one after the
// other, are a walk; a few of them, far apart, are somebody's own.
func TestOpaqueWalk(t *testing.T) {
	for name, c := range map[string]struct {
		numbers []int
		walk    bool
	}{
		"one after the other": {[]int{5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008, 5009}, true},
		"a few, far apart":    {[]int{5000, 6120, 8333, 9001}, false},
	} {
		w := proxytest.Start(t, labels, func(s *proxytest.Setup) {
			s.Exfil.Contain = map[rules.Detector]rules.Step{rules.DetectorWalk: rules.StepRefuse}
		})
		cookie, last := login(t, w, 900), 0
		for _, n := range c.numbers {
			last = w.Get(fmt.Sprintf("/orders/A-%d/label.png", n), cookie).StatusCode
		}
		if (last == http.StatusForbidden) != c.walk {
			t.Errorf("%s: the last one was answered %d, want a walk: %v", name, last, c.walk)
		}
	}
}
