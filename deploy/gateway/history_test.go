package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// TestHistory: a session that guesses orders goes on to be counted behind a
// restart; its neighbour, who mistypes his number before it and behind it, is not
// found.
func TestHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two gateways")
	}
	issued := 0
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			issued++
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-%d-0123456789abcdef", issued), Path: "/"})
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("order") == "AB-1" {
			_, _ = io.WriteString(w, `{"order":{"number":"AB-1","customer":{"email":"ann@lund.example","name":"Ann Lund"}}}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":"no such order"}`)
	}))
	defer shop.Close()
	dir := t.TempDir()
	if found, log := guess(t, dir, shop.URL, 0, 10); found > 0 {
		t.Fatalf("ten guesses are found\n%s", log)
	}
	if text, err := os.ReadFile(filepath.Join(dir, historyFile)); err != nil || bytes.Contains(text, []byte("/track")) {
		t.Fatalf("the history can be read, or is not there: %v", err)
	}
	if found, log := guess(t, dir, shop.URL, 10, 6); found != 1 || !strings.Contains(log, "history goes on") {
		t.Errorf("%d sessions are found to guess, want the one that did\n%s", found, log)
	}
}

// guess starts a gateway, lets session 1 guess so many orders, and session 2 ask for
// two again and again, stops it, and returns how many sessions were found to guess, and
// the log.
func guess(t *testing.T, dir, shop string, from, n int) (found int, log string) {
	t.Helper()
	cfg, err := config.Parse("test", fmt.Appendf(nil, "upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\nsessions: [cookie:sid]\n", shop, dir))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	g, err := Start(context.Background(), cfg, Options{Log: slog.New(slog.NewTextHandler(&text, nil)), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	wires := &http.Transport{}
	defer wires.CloseIdleConnections()
	get := func(path, session string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addr()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if session != "" {
			r.Header.Set("Cookie", "sid="+session)
		}
		res, err := wires.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if from == 0 {
		get("/", "")
		get("/", "")
		get("/track?order=AB-1&postcode=12345", "session-2-0123456789abcdef") // the route carries records
	}
	for i := from; i < from+n; i++ {
		get(fmt.Sprintf("/track?order=%d&postcode=%05d", 10_000+i*i*7919, i*31), "session-1-0123456789abcdef")
		get(fmt.Sprintf("/track?order=AB-%d&postcode=12345", 40_000+i%2*7919), "session-2-0123456789abcdef")
	}
	if err := g.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, in := range g.engine.Incidents().Open() {
		if in.Detectors[rules.DetectorGuess] > 0 {
			found++
		}
	}
	return found, text.String()
}

// TestPaidAcrossRestart: a guest pays elsewhere while the gateway restarts, and the
// order that he comes back to is his own; whoever comes with another session is shown
// no more of it than the site's budget has.
func TestPaidAcrossRestart(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch n := strings.TrimPrefix(r.URL.Path, "/orders/"); {
		case r.URL.Path == "/":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-%s-0123456789abcdef", r.URL.Query().Get("n")), Path: "/"})
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, `{"status":"pending","next":"https://pay.example/"}`)
		default:
			_, _ = fmt.Fprintf(w, `{"order":{"number":"%s","customer":{"email":"ann%s@lund.example","name":"Ann Lund","phone":"+31 6 1200 %s"}}}`, n, n, n)
		}
	}))
	defer shop.Close()
	dir := t.TempDir()
	wires := &http.Transport{}
	defer wires.CloseIdleConnections()
	run := func(visit func(do func(method, path, session, body string) int)) {
		cfg, err := config.Parse("test", fmt.Appendf(nil, "upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\nsessions: [cookie:sid]\ncaps: {site: {1h: 5}}\n", shop.URL, dir))
		if err != nil {
			t.Fatal(err)
		}
		g, err := Start(context.Background(), cfg, Options{Log: slog.New(slog.DiscardHandler), Version: "test"})
		if err != nil {
			t.Fatal(err)
		}
		visit(func(method, path, session, body string) int {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.Addr()+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if session != "" {
				r.Header.Set("Cookie", "sid=session-"+session+"-0123456789abcdef")
			}
			res, err := wires.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			return res.StatusCode
		})
		if err := g.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	const guests = 15
	run(func(do func(method, path, session, body string) int) {
		for n := 1000; n < 1000+guests; n++ {
			do(http.MethodGet, fmt.Sprintf("/?n=%d", n), "", "")
			do(http.MethodGet, fmt.Sprintf("/?n=%d", n+1000), "", "")
			do(http.MethodPost, "/checkout/payment", strconv.Itoa(n), fmt.Sprintf(`{"email":"ann%d@lund.example","name":"Ann Lund","phone":"+31 6 1200 %d"}`, n, n))
		}
	})
	run(func(do func(method, path, session, body string) int) {
		own, others := 0, 0
		for n := 1000; n < 1000+guests; n++ {
			if do(http.MethodGet, fmt.Sprintf("/orders/%d", n), strconv.Itoa(n), "") == http.StatusOK {
				own++
			}
		}
		for n := 1000; n < 1000+guests; n++ {
			if do(http.MethodGet, fmt.Sprintf("/orders/%d", n), strconv.Itoa(n+1000), "") == http.StatusOK {
				others++
			}
		}
		if own != guests || others != 5 {
			t.Errorf("%d of %d guests see their own order, others see %d, want all and 5", own, guests, others)
		}
	})
}

// sealedPackage is how long what is sealed at a time is, in bytes (DARE 2.0).
const sealedPackage = 16 + 64<<10 + 16

// awaited lets so many guests name a customer each.
func awaited(engine *exfil.Engine, guests int) {
	for n := range guests {
		who := rules.Digest{1, byte(n), byte(n >> 8)}
		engine.Open(exfil.Visit{Principal: rules.Principal{Session: who}, Status: http.StatusOK, Claim: []rules.Identifier{{Kind: rules.IdentifierEmail, Digest: who}}}, time.Now())
	}
}

// TestHistoryUnreadable: a history that is torn, changed, older, or of another
// key is told of, and the detectors begin anew; none is no fault.
func TestHistoryUnreadable(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	engine := func() *exfil.Engine { return exfil.New(exfil.Config{Principals: 100_000}) }
	for name, c := range map[string]struct {
		spoil func(text []byte) []byte
		key   byte
		says  string
	}{
		"whole":                    {func(text []byte) []byte { return text }, 7, "history goes on"},
		"torn":                     {func(text []byte) []byte { return text[:len(text)/2] }, 7, "cannot be read"},
		"changed":                  {func(text []byte) []byte { text[len(text)-1] ^= 1; return text }, 7, "cannot be read"},
		"cut where a package ends": {func(text []byte) []byte { return text[:len(historyHead)+historySalt+sealedPackage] }, 7, "cannot be read"},
		"without an end": {func(text []byte) []byte {
			return text[:(len(text)-len(historyHead)-historySalt)/sealedPackage*sealedPackage+len(historyHead)+historySalt]
		}, 7, "cannot be read"},
		"head alone":  {func(text []byte) []byte { return text[:len(historyHead)+historySalt] }, 7, "cannot be read"},
		"older":       {func(text []byte) []byte { return bytes.Replace(text, []byte("history 2"), []byte("history 1"), 1) }, 7, "cannot be read"},
		"empty":       {func([]byte) []byte { return nil }, 7, "cannot be read"},
		"another key": {func(text []byte) []byte { return text }, 8, "cannot be read"},
		"none":        {nil, 7, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h, written := newHistory(dir, secret), engine()
			awaited(written, 2000)
			for range 2 { // written again it replaces what was there
				if err := h.write(written); err != nil {
					t.Fatal(err)
				}
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
				t.Fatalf("left behind: %v %v", files, err)
			}
			var err error
			if c.spoil == nil {
				err = os.Remove(h.path)
			} else {
				var text []byte
				if text, err = os.ReadFile(h.path); err == nil {
					err = os.WriteFile(h.path, c.spoil(text), 0o600)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			g := &Gateway{log: slog.New(slog.NewTextHandler(&log, nil)), engine: engine()}
			g.history = newHistory(dir, bytes.Repeat([]byte{c.key}, 32))
			g.readHistory(time.Now())
			if got := log.String(); (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
				t.Errorf("it says %q, want %q", got, c.says)
			}
		})
	}
}

// TestHistoryUnwritable: a history that cannot be written is told of, and nothing else.
func TestHistoryUnwritable(t *testing.T) {
	h := newHistory(filepath.Join(t.TempDir(), "gone"), bytes.Repeat([]byte{7}, 32))
	var log bytes.Buffer
	g := &Gateway{log: slog.New(slog.NewTextHandler(&log, nil)), engine: exfil.New(exfil.Config{Principals: 100}), history: h}
	g.keepHistory()
	if !strings.Contains(log.String(), "history was not written") {
		t.Errorf("it says %q", log.String())
	}
}

// What a gateway that ended in the middle of writing has left is written over.
func TestHistoryLeftover(t *testing.T) {
	dir := t.TempDir()
	h := newHistory(dir, bytes.Repeat([]byte{7}, 32))
	if err := os.WriteFile(h.path+".new", bytes.Repeat([]byte{1}, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := exfil.New(exfil.Config{Principals: 100})
	if err := h.write(engine); err != nil {
		t.Fatal(err)
	}
	if err := h.read(engine, time.Now()); err != nil {
		t.Errorf("what was written cannot be read: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("%q are left, want one file", left)
	}
}
