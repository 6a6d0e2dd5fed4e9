package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// open begins a request and returns the response with its body unread.
func open(t *testing.T, w *proxytest.World, path string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// paused is an upstream that writes pieces, and waits between them until the test
// lets it go on.
func paused(contentType string, next <-chan struct{}, pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i, piece := range pieces {
			if i > 0 {
				<-next
			}
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func shortFlush(s *proxytest.Setup) { s.Timeouts.Flush = 20 * time.Millisecond }

// TestPause: what the platform flushed before it paused reaches the client, with
// its records in the ledger; of a record that is not complete nothing does.
func TestPause(t *testing.T) {
	shelf := `<li class="product"><a href="/p/1">Teapot</a> <span>24.95</span></li>` + "\n"
	line := "one line of a log that grows\n"
	record := "<p>Marieke Janssen, Lindenlaan 1, 1012 AB Utrecht, " + proxytest.Email(1) + "</p>\n"
	for _, c := range []struct {
		name, contentType, first, second, want string // want: what the client has before the second piece is written
		subjects                               int    // in the ledger by then
	}{
		{"a page", "text/html", "<html><body>" + strings.Repeat(shelf, 50), shelf + "</body></html>", "<html><body>" + strings.Repeat(shelf, 40), 0},
		{"a log", "text/plain", strings.Repeat(line, 20), line, strings.Repeat(line, 10), 0},
		{"a page with a record", "text/html", "<html><body>" + strings.Repeat(shelf, 20) + record + strings.Repeat(shelf, 500), shelf, record, 1},
		{"a list of objects", "application/json", `[` + proxytest.Person(1) + strings.Repeat(`,{"sku":"T-1","name":"Teapot","price":2495}`, 900), `,` + proxytest.Person(2) + `]`, proxytest.Person(1), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := make(chan struct{})
			w := proxytest.Start(t, paused(c.contentType, next, c.first, c.second), shortFlush)
			response := open(t, w, "/page")
			var got []byte
			for piece := make([]byte, 4096); !strings.Contains(string(got), c.want); {
				n, err := response.Body.Read(piece)
				if got = append(got, piece[:n]...); err != nil {
					t.Fatalf("%v after %q", err, got)
				}
			}
			if n := len(w.Ledger.Subjects(rules.Unknown)); n != c.subjects {
				t.Errorf("%d subjects in the ledger, want %d", n, c.subjects)
			}
			close(next)
			rest, err := io.ReadAll(response.Body)
			if err != nil || string(got)+string(rest) != c.first+c.second {
				t.Errorf("%v, %d bytes: not those of the upstream", err, len(got)+len(rest))
			}
		})
	}
}

// TestPauseHoldsRecords: a pause inside a record releases nothing of it, and what
// is refused in the end was never shown.
func TestPauseHoldsRecords(t *testing.T) {
	one := proxytest.Person(1)
	cut := strings.Index(one, "@example")
	for name, c := range map[string]struct{ first, second string }{
		"inside an address": {"[" + one[:cut], one[cut:] + "]"},
		"inside a record":   {"[" + one[:len(one)-20], one[len(one)-20:] + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			next, began := make(chan struct{}), make(chan struct{})
			handler := paused("application/json", next, c.first, c.second)
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(began)
				handler(w, r)
			}), shortFlush)
			body := make(chan string, 1)
			go func() {
				response := open(t, w, "/people")
				all, _ := io.ReadAll(response.Body)
				body <- fmt.Sprint(response.StatusCode, " ", string(all))
			}()
			<-began
			select {
			case got := <-body:
				t.Fatalf("the answer ended at %q", got)
			case <-time.After(100 * time.Millisecond): // five pauses
			}
			w.Ledger.Fail(io.ErrShortWrite) // now nobody may be shown
			close(next)
			if got := <-body; !strings.HasPrefix(got, "503") || strings.Contains(got, "marieke") || strings.Contains(got, "Marieke") {
				t.Errorf("%q: want a clean refusal", got)
			}
		})
	}
}

// TestPauseIsNoWayOut: the caps count what comes after a pause, too; then the
// response is cut. A login's answer does not go before it is read as a whole.
func TestPauseIsNoWayOut(t *testing.T) {
	next := make(chan struct{})
	shelf := strings.Repeat(`{"sku":"T-1","name":"Teapot","price":2495},`, 20)
	w := proxytest.Start(t, paused("application/json", next, "["+shelf, proxytest.Person(1)+","+proxytest.Person(2)+","+proxytest.Person(3)+","+shelf+"{}]"), shortFlush)
	response := open(t, w, "/people")
	reader := bufio.NewReader(response.Body)
	if _, err := reader.Peek(100); err != nil {
		t.Fatal(err)
	}
	close(next)
	got, err := io.ReadAll(reader)
	s := w.Observer.Next()
	if err == nil || !s.Cut || strings.Contains(string(got), "marieke") {
		t.Errorf("%v, outcome %s, cut %v, %q: want it cut before three people", err, s.Reason, s.Cut, got)
	}
}

// TestPauseNeeds: what has a length, is compressed or is masked waits for its
// window: a pause does not change how it is decided.
func TestPauseNeeds(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"a length":    func(h http.Header) { h.Set("Content-Length", "200") },
		"compression": func(h http.Header) { h.Set("Content-Encoding", "gzip") },
	} {
		t.Run(name, func(t *testing.T) {
			next, answered := make(chan struct{}), make(chan int, 1)
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := strings.Repeat("one line of a log that does not grow for ever, it is long enough\n", 4)[:200]
				change(w.Header())
				if w.Header().Get("Content-Encoding") != "" {
					body = string(encode(t, "gzip", body))
				}
				w.Header().Set("Content-Type", "text/plain")
				_, _ = io.WriteString(w, body[:len(body)-10])
				_ = http.NewResponseController(w).Flush()
				<-next
				_, _ = io.WriteString(w, body[len(body)-10:])
			}), shortFlush, func(s *proxytest.Setup) { s.Policy.Routes = []proxy.RouteRule{} })
			go func() { answered <- w.Get("/log", "Accept-Encoding: gzip").StatusCode }()
			select {
			case got := <-answered:
				t.Errorf("answered %d before its end", got)
			case <-time.After(100 * time.Millisecond):
			}
			close(next)
			if got := <-answered; got != http.StatusOK {
				t.Errorf("%d", got)
			}
		})
	}
}
