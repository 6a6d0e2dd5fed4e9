package proxy_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// people is an upstream of customer lists (/people?from=&n=), single orders
// (/orders/{n}), a login (POST /login), the own account (/account) and a
// catalogue (/products).
var people = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int { n, _ := strconv.Atoi(r.URL.Query().Get(name)); return n }
	w.Header().Set("Content-Type", "application/json")
	switch path := r.URL.Path; {
	case path == "/people":
		_, _ = io.WriteString(w, list(number("from"), number("n")))
	case strings.HasPrefix(path, "/orders/"):
		n, _ := strconv.Atoi(path[len("/orders/"):])
		fmt.Fprintf(w, `{"order":%d,"total":2495,"customer":%s}`, 100000+n, proxytest.Person(n))
	case path == "/login":
		_ = r.ParseForm()
		if r.Form.Get("password") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "session-of-" + r.Form.Get("email")})
		w.Header().Set("Location", "/account")
		w.WriteHeader(http.StatusSeeOther)
	case path == "/account":
		cookie, err := r.Cookie("sid")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(cookie.Value, "session-of-marieke."), "@example.net"))
		_, _ = io.WriteString(w, proxytest.Person(n))
	case path == "/products":
		_, _ = io.WriteString(w, `{"items":[{"sku":"T-1","name":"Teapot","price":2495}]}`)
	case path == "/visit":
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "visitor-" + r.URL.Query().Get("n")})
		_, _ = io.WriteString(w, `{}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
})

func list(from, n int) string {
	var b strings.Builder
	b.WriteString(`{"customers":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(proxytest.Person(from + i))
	}
	b.WriteString(`]}`)
	return b.String()
}

// login logs person n in and returns the cookie header.
func login(t *testing.T, w *proxytest.World, n int) string {
	t.Helper()
	form := "email=" + proxytest.Email(n) + "&password=right"
	got := w.Do(http.MethodPost, "/login", form, "Content-Type: application/x-www-form-urlencoded")
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("login: %d %v %s", got.StatusCode, got.Err, w.Log)
	}
	cookie := "Cookie: sid=session-of-" + proxytest.Email(n)
	if got := w.Get("/account", cookie); got.StatusCode != http.StatusOK { // as a browser does: it is sent there
		t.Fatalf("account: %d", got.StatusCode)
	}
	return cookie
}

// TestOrderWalk: a shopper who counts through order numbers gets the cap and
// not one more; the innocent twin reads own orders all day. The ledger names
// exactly who was delivered.
func TestOrderWalk(t *testing.T) {
	w := proxytest.Start(t, people)
	cookie := login(t, w, 900)
	served, refused := map[string]bool{}, 0
	for n := range 40 {
		got := w.Get(fmt.Sprintf("/orders/%d", n), cookie)
		switch got.StatusCode {
		case http.StatusOK:
			served[proxytest.Email(n)] = true
		case http.StatusTooManyRequests:
			if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || seconds < 3000 || seconds > 3600 {
				t.Errorf("Retry-After %q: want what is left of the hour", got.Header.Get("Retry-After"))
			}
			refused++
		case http.StatusForbidden:
			refused++
		default:
			t.Fatalf("order %d: %d %v", n, got.StatusCode, got.Err)
		}
	}
	if len(served) != 5 || refused != 35 {
		t.Errorf("%d served, %d refused: want the shopper's 5 and 35", len(served), refused)
	}
	if delivered := w.Settle().Subjects(rules.Delivered); len(delivered) != 5+1 {
		t.Errorf("the ledger has %d delivered, want 5 and the shopper's own", len(delivered))
	}
	attempted := 0
	for _, row := range w.Settle().Rows() {
		if row.State == rules.Attempted {
			attempted++
		}
		if row.Route != "/orders/{id}" && row.Ownership != rules.Own {
			t.Errorf("route %s", row.Route)
		}
	}
	if attempted == 0 {
		t.Error("a contained session left no attempted row")
	}
	incidents := w.Engine.Incidents().Open()
	if len(incidents) != 1 || incidents[0].Detector != rules.DetectorCap || incidents[0].Severity != rules.SeverityHigh {
		t.Errorf("incidents %+v: want one, of the cap", incidents)
	}

	twin := proxytest.Start(t, people)
	cookie = login(t, twin, 7)
	for range 40 {
		if got := twin.Get("/orders/7", cookie); got.StatusCode != http.StatusOK {
			t.Fatalf("own order: %d", got.StatusCode)
		}
	}
	if got := twin.Get("/account", cookie); got.StatusCode != http.StatusOK || len(twin.Engine.Incidents().Open()) != 0 {
		t.Errorf("own account: %d, %d incidents", got.StatusCode, len(twin.Engine.Incidents().Open()))
	}
	for _, row := range twin.Settle().Rows() {
		if row.Ownership != rules.Own {
			t.Errorf("own order is %s in the ledger", row.Ownership)
		}
	}
}

// TestBulk: a list over the role's limit is a clean 403 and withheld; the twin
// is one record.
func TestBulk(t *testing.T) {
	w := proxytest.Start(t, people)
	got := w.Get("/people?from=0&n=50")
	if s := w.Observer.Next(); got.StatusCode != http.StatusForbidden || s.Reason != rules.ReasonBulk || got.Header.Get("Retry-After") != "" {
		t.Errorf("%d, outcome %s", got.StatusCode, s.Reason)
	}
	if d, h := len(w.Settle().Subjects(rules.Delivered, rules.Unknown)), len(w.Settle().Subjects(rules.Withheld)); d != 0 || h != 50 {
		t.Errorf("%d disclosed, %d withheld: want 0 and 50", d, h)
	}
	if got := w.Get("/people?from=0&n=1"); got.StatusCode != http.StatusOK || !strings.Contains(got.Body, proxytest.Email(0)) {
		t.Errorf("the twin: %d %q", got.StatusCode, got.Body)
	}
}

// TestCut: a response that passes the cap after its first window is cut, and
// what the client received is in the ledger, and nothing else is.
func TestCut(t *testing.T) {
	filler := strings.Repeat(`{"sku":"T-1","name":"Teapot","price":2495},`, 4000) // more than a window
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[%s,%s`, proxytest.Person(1), filler)
		for n := 2; n < 100; n++ {
			fmt.Fprintf(w, `%s,%s`, proxytest.Person(n), filler)
		}
		_, _ = io.WriteString(w, `{}]`)
	}))
	got := w.Get("/export")
	s := w.Observer.Next()
	if got.StatusCode != http.StatusOK || got.Err == nil || !s.Cut {
		t.Fatalf("status %d, error %v, outcome %s, cut %v: want 200, then cut", got.StatusCode, got.Err, s.Reason, s.Cut)
	}
	for n := 1; n < 100; n++ {
		email := w.Hasher.Identifier(rules.IdentifierEmail, []byte(proxytest.Email(n)))
		received, recorded := strings.Contains(got.Body, proxytest.Email(n)), w.Ledger.Subjects(rules.Unknown)[email]
		if received != recorded {
			t.Errorf("person %d: received %v, in the ledger %v", n, received, recorded)
		}
		if received && n > 2 {
			t.Errorf("person %d went to a guest, whose limit is 2 in one response", n)
		}
	}
}

// TestLedgerComesFirst: no byte of a record leaves before its row is durable,
// and a catalogue page never waits for the ledger.
func TestLedgerComesFirst(t *testing.T) {
	w := proxytest.Start(t, people)
	release := w.Ledger.Block()
	answered := make(chan proxytest.Response, 1)
	go func() { answered <- w.Get("/orders/1") }()
	if got := w.Get("/products"); got.StatusCode != http.StatusOK {
		t.Errorf("the catalogue waits for the ledger: %d", got.StatusCode)
	}
	select {
	case got := <-answered:
		t.Errorf("a record left before its row was durable: %d", got.StatusCode)
	default:
	}
	release()
	if got := <-answered; got.StatusCode != http.StatusOK {
		t.Errorf("after the ledger: %d", got.StatusCode)
	}
}

// TestClientLeaves: what was released to a client that hangs up stays unknown.
func TestClientLeaves(t *testing.T) {
	sent, leave := make(chan struct{}), make(chan struct{})
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\n", proxytest.Person(1))
		_ = http.NewResponseController(w).Flush()
		close(sent)
		<-leave
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	<-sent
	if n, err := response.Body.Read(make([]byte, 10)); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	close(leave)
	cancel()
	if s := w.Observer.Next(); s.State != rules.Unknown || s.Reason == rules.ReasonNone {
		t.Errorf("state %s, outcome %s", s.State, s.Reason)
	}
	if n := len(w.Ledger.Subjects(rules.Unknown)); n != 1 {
		t.Errorf("%d subjects unknown, want 1", n)
	}
}

// endless writes a JSON list of products of about size bytes, with a record
// at its end, and digests what it wrote.
func endless(size int) (http.HandlerFunc, func() string) {
	var mu sync.Mutex
	var digest hash.Hash
	handler := func(w http.ResponseWriter, _ *http.Request) {
		sum := sha256.New()
		w.Header().Set("Content-Type", "application/json")
		out := io.MultiWriter(w, sum)
		piece := strings.Repeat(`{"sku":"T-1","name":"Teapot","price":2495,"text":"a pot for tea"},`, 1000)
		_, _ = io.WriteString(out, "[")
		for written := 0; written < size; written += len(piece) {
			if _, err := io.WriteString(out, piece); err != nil {
				return
			}
		}
		fmt.Fprintf(out, "%s]", proxytest.Person(1))
		mu.Lock()
		digest = sum
		mu.Unlock()
	}
	return handler, func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprintf("%x", digest.Sum(nil))
	}
}

// TestLongBody: 200 MB stream through, byte for byte, with at most 128 KiB of
// them held at any time; the record at the end is found.
func TestLongBody(t *testing.T) {
	size := 200_000_000
	if testing.Short() {
		size = 20_000_000
	}
	handler, want := endless(size)
	w := proxytest.Start(t, handler)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL+"/export", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	sum := sha256.New()
	n, err := io.Copy(sum, response.Body)
	if got := fmt.Sprintf("%x", sum.Sum(nil)); err != nil || n < int64(size) || got != want() {
		t.Fatalf("%d bytes, %v: not those that the upstream sent", n, err)
	}
	if s := w.Observer.Next(); s.Held > 128<<10 || s.Held == 0 || s.State != rules.Delivered {
		t.Errorf("%d bytes held, state %s", s.Held, s.State)
	}
	if n := len(w.Ledger.Subjects(rules.Delivered)); n != 1 {
		t.Errorf("%d subjects, want the one at the end", n)
	}
}

// TestParallel: a thousand exchanges at once; every session gets its cap
// exactly, and the ledger has what was received.
func TestParallel(t *testing.T) {
	const sessions, each = 50, 20
	w := proxytest.Start(t, people, func(s *proxytest.Setup) {
		s.Exfil.Site = exfil.Limits{{Window: rules.WindowHour, Max: 60}}
		guest := s.Exfil.Roles[rules.RoleGuest]
		guest.Address = nil // all sessions share one address here
		s.Exfil.Roles[rules.RoleGuest] = guest
	})
	for session := range sessions {
		w.Get(fmt.Sprintf("/visit?n=%d", session))
	}
	var mu sync.Mutex
	received, bySession := map[string]bool{}, map[int]int{}
	var wait sync.WaitGroup
	for i := range sessions * each {
		wait.Go(func() {
			session := i % sessions
			got := w.Get(fmt.Sprintf("/orders/%d", i), fmt.Sprintf("Cookie: sid=visitor-%d", session))
			if got.StatusCode == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				received[proxytest.Email(i)] = true
				bySession[session]++
			}
		})
	}
	wait.Wait()
	if len(received) != 60 {
		t.Errorf("%d customers received, the site's budget is 60", len(received))
	}
	for session, n := range bySession {
		if n > 3 {
			t.Errorf("session %d received %d, its cap is 3", session, n)
		}
	}
	delivered := w.Settle().Subjects(rules.Delivered)
	for email := range received {
		if !delivered[w.Hasher.Identifier(rules.IdentifierEmail, []byte(email))] {
			t.Errorf("%s was received and is not in the ledger", email)
		}
	}
	if len(delivered) != len(received) {
		t.Errorf("the ledger has %d delivered, %d were received", len(delivered), len(received))
	}
}

// TestEncodedRecords: records are found, held and recorded inside every
// encoding.
func TestEncodedRecords(t *testing.T) {
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, n := range []int{2, 400} {
			w := proxytest.Start(t, encoded(encoding, encode(t, encoding, list(0, n))))
			got := w.Get("/people", "Accept-Encoding: "+encoding)
			want, subjects := http.StatusOK, 2
			if n > 2 {
				want, subjects = http.StatusForbidden, 0
			}
			if got.StatusCode != want || len(w.Settle().Subjects(rules.Delivered)) != subjects {
				t.Errorf("%s, %d people: status %d, %d delivered: want %d and %d", encoding, n, got.StatusCode, len(w.Settle().Subjects(rules.Delivered)), want, subjects)
			}
		}
	}
}

// TestNothingReadableIsKept: no value of a record reaches log or ledger.
func TestNothingReadableIsKept(t *testing.T) {
	w := proxytest.Start(t, people)
	w.Get("/orders/1")
	w.Get("/people?from=0&n=50", "Cookie: sid=secret-session-value")
	w.Do(http.MethodPost, "/login", "email="+proxytest.Email(3)+"&password=wrong", "Content-Type: application/x-www-form-urlencoded")
	kept := w.Log.String() + fmt.Sprintf("%+v", w.Settle().Rows())
	for _, value := range []string{proxytest.Email(1), "Marieke", "Lindenlaan", "secret-session-value", "127.0.0.1", proxytest.Email(3), "wrong"} {
		if strings.Contains(kept, value) {
			t.Errorf("%q is kept in readable form", value)
		}
	}
}

// TestRoles: the staff role of a path holds for a session that a staff login
// issued, and for nobody else; a declared machine has its own caps.
func TestRoles(t *testing.T) {
	staff := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "staff-1"})
			w.Header().Set("Location", "/staff/home")
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		if r.URL.Path == "/home" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<h1>Orders of today</h1><a href=/logout>Log out</a>")
			return
		}
		people(w, r)
	})
	mux := http.NewServeMux()
	mux.Handle("/staff/", http.StripPrefix("/staff", staff))
	mux.Handle("/", people)
	w := proxytest.Start(t, mux, func(s *proxytest.Setup) {
		s.Policy.Roles = []proxy.RoleRule{
			{Role: rules.RoleStaff, Path: "/staff/**"},
			{Role: rules.RoleMachine, Header: "X-ERP-Key", SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("erp-secret"))), Machine: 1},
		}
		s.Exfil.Machines = []exfil.RoleCaps{{Session: exfil.Limits{{Window: rules.WindowHour, Max: 1000}}, Response: -1}}
	})
	if got := w.Get("/staff/people?from=0&n=20", "Cookie: sid=staff-1"); got.StatusCode != http.StatusForbidden {
		t.Errorf("a made-up staff session: %d", got.StatusCode)
	}
	w.Do(http.MethodPost, "/staff/login", "email=boss@shop.example&password=x", "Content-Type: application/x-www-form-urlencoded")
	if got := w.Get("/staff/people?from=0&n=20", "Cookie: sid=staff-1"); got.StatusCode != http.StatusForbidden {
		t.Errorf("a staff session before the page that its login leads to: %d", got.StatusCode)
	}
	w.Get("/staff/home", "Cookie: sid=staff-1")
	if got := w.Get("/staff/people?from=0&n=20", "Cookie: sid=staff-1"); got.StatusCode != http.StatusOK {
		t.Errorf("a staff session: %d", got.StatusCode)
	}
	if got := w.Get("/people?from=500&n=300", "X-ERP-Key: erp-secret"); got.StatusCode != http.StatusOK {
		t.Errorf("a declared machine: %d", got.StatusCode)
	}
	if got := w.Get("/people?from=500&n=300", "X-ERP-Key: guessed"); got.StatusCode != http.StatusForbidden {
		t.Errorf("a guessed key: %d", got.StatusCode)
	}
}
