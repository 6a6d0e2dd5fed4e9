package proxy_test

import (
	"bytes"
	"compress/gzip"
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
	_, isInvoice := strings.CutSuffix(order, "/invoice")
	n, _ := strconv.Atoi(number)
	switch {
	case isOrder && isLabel, strings.HasPrefix(r.URL.Path, "/media/"), strings.HasPrefix(r.URL.Path, "/orders/banner-"):
		w.Header().Set("Content-Type", "image/png")
		if !isLabel {
			w.Header().Set("Cache-Control", "public, max-age=86400")
		}
		_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n not really")
	case r.URL.Path == "/account/orders": // thirty numbers, as text and as links, and the client's own word
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>"+r.URL.RawQuery)
		for n := range 30 {
			fmt.Fprintf(w, `<a href="/orders/A-%d/label.png">%d</a>`, 7000+n, n)
		}
		fmt.Fprintf(w, `<a href="/orders/%s/label.png">yours?</a></body></html>`, r.URL.RawQuery)
	case isOrder && isInvoice:
		w.Header().Set("Content-Type", "application/octet-stream")
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

// TestOpaqueTwins: pictures that are nobody's are nobody's: the goods, by
// number, and what the platform itself says is for everybody.
func TestOpaqueTwins(t *testing.T) {
	w := proxytest.Start(t, labels)
	for n := range 40 {
		for _, path := range []string{fmt.Sprintf("/media/%d.png", 1001+n), fmt.Sprintf("/orders/banner-%d", n)} {
			if got := w.Get(path); got.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", path, got.StatusCode)
			}
			if got := w.Observer.Next(); got.Uninspected != rules.UninspectedNone {
				t.Errorf("%s: uninspected %q", path, got.Uninspected)
			}
		}
	}
	if rows := w.Settle().Rows(); len(rows) != 0 {
		t.Errorf("%d rows, want none", len(rows))
	}
}

// TestOpaqueUnowned: a label, or a document under any type, of an order that
// nobody was seen with is somebody's: it counts as one, for guests without a cookie
// together, and again only once.
func TestOpaqueUnowned(t *testing.T) {
	for _, path := range []string{"/orders/A-%d/label.png", "/orders/A-%d/invoice"} {
		w := proxytest.Start(t, labels)
		served := 0
		for _, n := range []int{5000, 6120, 6120, 8333, 9001, 9950} {
			if w.Get(fmt.Sprintf(path, n)).StatusCode == http.StatusOK {
				served++
			}
		}
		if served != 4 {
			t.Errorf("%s: %d served, want three customers' and one again", path, served)
		}
		for _, row := range w.Settle().Rows() {
			if row.Record.Subject.Kind != rules.IdentifierOrder || row.Ownership != rules.Unlinked || row.Record.Fields != rules.FieldPurchase {
				t.Errorf("%s: row %+v, want an order's", path, row.Record)
			}
		}
	}
}

// TestOpaqueTold: what the platform's own list of orders has shown an account
// is its own; what the client has put into that list's address itself is not.
func TestOpaqueTold(t *testing.T) {
	w := proxytest.Start(t, labels)
	cookie := login(t, w, 900)
	w.Get("/account/orders?A-9001", cookie)
	for n := range 30 {
		if got := w.Get(fmt.Sprintf("/orders/A-%d/label.png", 7000+n), cookie); got.StatusCode != http.StatusOK {
			t.Fatalf("own label %d: %d", n, got.StatusCode)
		}
	}
	w.Get("/orders/A-9001/label.png", cookie)
	foreign := 0
	for _, row := range w.Settle().Rows() {
		if row.Record.Subject.Kind == rules.IdentifierOrder && row.Ownership != rules.Own {
			foreign++
		}
	}
	if foreign != 1 {
		t.Errorf("%d foreign orders in the ledger, want the one that the client named", foreign)
	}
	if found := w.Observer.Signals(rules.DetectorOwnership); len(found) != 0 {
		t.Errorf("%d signals of ownership for own labels", len(found))
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

// TestTypesThatLie: a list of customers is seen under the name of a picture, a font
// or a style sheet, compressed, too; pictures and style sheets pass as they are.
func TestTypesThatLie(t *testing.T) {
	list := []byte("[" + proxytest.Person(1))
	for n := 2; n < 40; n++ {
		list = append(append(list, ','), proxytest.Person(n)...)
	}
	list = append(list, ']')
	picture := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), bytes.Repeat([]byte{0, 7, 0x9c, 3}, 4000)...)
	style := bytes.Repeat([]byte("[hidden]{display:none}\n"), 400)
	zipped := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(b)
		_ = w.Close()
		return out.Bytes()
	}
	for _, c := range []struct {
		name, contentType, encoding string
		body                        []byte
		status                      int
	}{
		{"customers as a picture", "image/png", "", list, http.StatusForbidden},
		{"customers as a style sheet", "text/css", "gzip", zipped(list), http.StatusForbidden},
		{"customers as a font", "font/woff2", "", list, http.StatusForbidden},
		{"customers as something else", "application/x-unknown", "", list, http.StatusForbidden},
		{"a picture", "image/png", "", picture, http.StatusOK},
		{"a style sheet", "text/css", "gzip", zipped(style), http.StatusOK},
		{"a style sheet, plain", "text/css", "", style, http.StatusOK},
		{"nothing", "image/png", "", nil, http.StatusOK},
	} {
		w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.contentType)
			if c.encoding != "" {
				w.Header().Set("Content-Encoding", c.encoding)
			}
			_, _ = w.Write(c.body)
		}))
		got := w.Get("/files/1", "Accept-Encoding: gzip")
		if got.StatusCode != c.status || c.status == http.StatusOK && got.Body != string(c.body) {
			t.Errorf("%s: %d and %d bytes, want %d and %d", c.name, got.StatusCode, len(got.Body), c.status, len(c.body))
		}
	}
}
