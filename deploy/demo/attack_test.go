package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// all returns the e-mail addresses of the customers, in order.
func all(customers []Customer) []string {
	out := make([]string, 0, len(customers))
	for _, c := range customers {
		out = append(out, c.Email)
	}
	slices.Sort(out)
	return out
}

func TestAttacksTakeEverythingWithoutAGateway(t *testing.T) {
	s := newStage(t, 150)
	me := s.customers[9]
	others := slices.DeleteFunc(all(s.customers), func(email string) bool { return email == me.Email })
	bounds := Bounds{Requests: 2000, Time: 30 * time.Second}
	for _, tt := range []struct {
		attack Attack
		want   []string
	}{
		{OrderWalk{Customer: me, Bounds: bounds}, others},
		{StaffBulkList{Login: StaffTom, Password: StaffTomPassword, Bounds: bounds}, all(s.customers)},
		{SQLInjection{Bounds: bounds}, all(s.customers)},
	} {
		out, err := tt.attack.Run(t.Context(), Target{URL: s.url})
		if err != nil || !slices.Equal(out.Emails(), tt.want) || out.Refused != 0 || out.Requests != len(out.Trace) {
			t.Errorf("%s: %d of %d customers, %d of %d requests refused, %v", tt.attack.Name(), len(out.Received), len(tt.want), out.Refused, out.Requests, err)
		}
	}
}

func TestGuestWalkFindsWhatItKnows(t *testing.T) {
	s := newStage(t, 20)
	a, b := s.customers[0], s.customers[1]
	out, err := GuestWalk{Emails: []string{a.Email, b.Email, "nobody@example.com"}, Last: FirstOrderNumber + 60, Bounds: Bounds{Requests: 1000}}.Run(t.Context(), Target{URL: s.url})
	want := all([]Customer{a, b})
	if err != nil || !slices.Equal(out.Emails(), want) || out.Count(MarkServed) != len(a.Orders)+len(b.Orders) || out.Statuses[404] == 0 {
		t.Errorf("guesses: %v of %v, statuses %v, %v", out.Emails(), want, out.Statuses, err)
	}
}

func TestBoundsEndAnAttack(t *testing.T) {
	s := newStage(t, 60)
	walk := OrderWalk{Customer: s.customers[0], Bounds: Bounds{Requests: 7}}
	if out, err := walk.Run(t.Context(), Target{URL: s.url}); err != nil || out.Requests != 7 {
		t.Errorf("at most 7 requests: %d, %v", out.Requests, err)
	}
	walk.Bounds = Bounds{Time: time.Nanosecond}
	if out, err := walk.Run(t.Context(), Target{URL: s.url}); err != nil || out.Requests != 0 {
		t.Errorf("no time at all: %d requests, %v", out.Requests, err)
	}
	walk.Customer.ID = "C-1" // another password
	if _, err := walk.Run(t.Context(), Target{URL: s.url}); err == nil {
		t.Error("a wrong password went unnoticed")
	}
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer refuse.Close()
	out, err := GuestWalk{Emails: []string{"a@example.com"}, Bounds: Bounds{Refusals: 5}}.Run(t.Context(), Target{URL: refuse.URL})
	if err != nil || out.Requests != 5 || out.Refused != 5 || out.Statuses[429] != 5 || len(out.Received) != 0 {
		t.Errorf("always refused: %+v, %v", out, err)
	}
}

func TestStaffBulkListTakesSmallerPages(t *testing.T) {
	s := newStage(t, 90)
	fussy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if size := number(r, "size", 0); size > 25 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.shop.ServeHTTP(w, r)
	}))
	defer fussy.Close()
	out, err := StaffBulkList{Login: StaffTom, Password: StaffTomPassword}.Run(t.Context(), Target{URL: fussy.URL})
	if err != nil || !slices.Equal(out.Emails(), all(s.customers)) || out.Refused != 2 || out.Statuses[403] != 2 {
		t.Errorf("pages of 25: %d customers, statuses %v, %v", len(out.Received), out.Statuses, err)
	}
}

func TestCutAnswersCount(t *testing.T) {
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			panic(http.ErrAbortHandler) // before a status line
		}
		w.Header().Set("Content-Type", typeJSON)
		_, _ = io.WriteString(w, `{"a":"whole@example.com","b":"half@example.co`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer cut.Close()
	out, err := GuestWalk{Emails: []string{"x@example.com"}, Bounds: Bounds{Refusals: 3}}.Run(t.Context(), Target{URL: cut.URL})
	if err != nil || out.Count(MarkCut) != 3 || !slices.Equal(out.Emails(), []string{"whole@example.com"}) {
		t.Errorf("%+v, %v", out, err)
	}
	c := newClient(Target{URL: cut.URL}, false)
	defer c.close()
	_, err = c.want(t.Context(), 200, get("/secret?email=a@example.com"))
	var refused *RefusedError
	if !errors.As(err, &refused) || !refused.Cut || refused.Status != 0 || strings.Contains(err.Error(), "a@example.com") {
		t.Errorf("a connection cut at once: %v", err)
	}
}

func TestClientFailures(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c := newClient(Target{URL: gone.URL, From: netip.MustParseAddr("127.9.9.9")}, false)
	defer c.close()
	if _, err := c.do(t.Context(), get("/")); err == nil || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.do(ctx, get("/")); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}

func TestClientsComeFromSeveralAddresses(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr }))
	defer server.Close()
	from := netip.MustParseAddr("127.66.1.1")
	c := newClient(Target{URL: server.URL, From: from}, false)
	defer c.close()
	if _, err := c.do(t.Context(), get("/")); err != nil {
		t.Fatal(err)
	}
	got := netip.MustParseAddrPort(<-seen).Addr()
	if got != from && got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the request came from %s, want %s, or 127.0.0.1 where that is not allowed", got, from)
	}
}

func TestCollectEmails(t *testing.T) {
	for _, tt := range []struct{ contentType, body, want string }{
		{typeHTML, "<td>a&#43;shop@example.com</td> b@mail.example.org, " + ShopEmail, "a+shop@example.com b@mail.example.org"},
		{typeJSON, `{"email":"c_d@example.net","x":"e@example.co"}`, "c_d@example.net"},
		{typeCSV, "1,f.g@inbox.example.net,2\n", "f.g@inbox.example.net"},
		{typeJSON, `{"email":"h@example.community"}`, ""},
	} {
		got := map[string]struct{}{}
		collectEmails(got, tt.contentType, []byte(tt.body))
		if text := strings.Join(Outcome{Received: got}.Emails(), " "); text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.body, text, tt.want)
		}
	}
}

func TestShopperIsServed(t *testing.T) {
	s := newStage(t, 60)
	for _, c := range s.customers[:12] {
		shopper := NewShopper(Target{URL: s.url}, c)
		number, err := shopper.GuestCheckout(t.Context())
		err = errors.Join(err, shopper.Browse(t.Context()), shopper.TrackOwnOrder(t.Context(), number),
			shopper.LoginAndLookAtOwnOrders(t.Context()), shopper.LoginWithApp(t.Context()))
		shopper.Close()
		if err != nil || len(shopper.Received) != 1 {
			t.Errorf("%s: %d customers received, %v", c.ID, len(shopper.Received), err)
		}
	}
}

func TestShopperNoticesWhatIsWrong(t *testing.T) {
	s := newStage(t, 20)
	shopper := NewShopper(Target{URL: s.url}, s.customers[0])
	defer shopper.Close()
	if err := shopper.TrackOwnOrder(t.Context(), s.customers[1].Orders[0].NumberText()); err == nil {
		t.Error("tracking another customer's order: no error")
	}
	shopper.Received[s.customers[1].Email] = struct{}{}
	if err := shopper.Browse(t.Context()); err == nil || !strings.Contains(err.Error(), "1 other") {
		t.Errorf("another customer's data: %v", err)
	}
	stranger := NewShopper(Target{URL: s.url}, Customer{ID: "C-1", Email: "stranger@example.com"})
	defer stranger.Close()
	if err := stranger.LoginAndLookAtOwnOrders(t.Context()); err == nil {
		t.Error("a stranger logged in")
	}
	if err := stranger.LoginWithApp(t.Context()); err == nil {
		t.Error("a stranger logged in with the app")
	}
}

func TestStaffIsServed(t *testing.T) {
	s := newStage(t, 60)
	mia := NewStaff(Target{URL: s.url}, StaffMia, StaffMiaPassword)
	defer mia.Close()
	if err := mia.LoginAndWork(t.Context(), s.customers[:4]); err != nil || len(mia.Received) < 4 || len(mia.Received) > 40 {
		t.Errorf("%d customers received, %v", len(mia.Received), err)
	}
	nobody := NewStaff(Target{URL: s.url}, StaffMia, "wrong")
	defer nobody.Close()
	if err := nobody.LoginAndWork(t.Context(), nil); err == nil {
		t.Error("a wrong password went unnoticed")
	}
}
