package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// logged is a world with an access log; lines closes it and returns what it wrote.
func logged(t *testing.T, config proxy.AccessLogConfig, change ...func(*proxytest.Setup)) (w *proxytest.World, access *proxy.AccessLog, lines func() []map[string]any) {
	t.Helper()
	access, err := proxy.OpenAccessLog(config)
	if err != nil {
		t.Fatal(err)
	}
	w = proxytest.Start(t, people, append(change, func(s *proxytest.Setup) { s.Access = access })...)
	closed := false
	end := func() {
		if !closed {
			closed = true
			w.Settle()
			if err := access.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(end)
	return w, access, func() []map[string]any {
		end()
		return readLines(t, config.File)
	}
}

func readLines(t *testing.T, path string) (lines []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		lines = append(lines, one)
	}
	return lines
}

// TestAccessLog: one line for each exchange, which says what it was without
// saying who asked for whom.
func TestAccessLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	w, _, lines := logged(t, proxy.AccessLogConfig{File: file})
	form := "Content-Type: application/x-www-form-urlencoded"
	const body = "email=marieke.9@example.net&street=Lindenlaan+9"
	w.Do("POST", "/visit?n=1&email=marieke.9@example.net", body, form)
	w.Get("/orders/7?postcode=1012AB&name=Janssen", "Cookie: sid=visitor-1", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"User-Agent: Janssen", "Referer: http://shop.example/?name=Janssen", "X-Forwarded-For: 203.0.113.77")
	w.Get("/customers/marieke.9@example.net/Lindenlaan%209", "Traceparent: 00-janssen")
	w.Get("/x?q=<script>alert(1)</script>")
	w.Do("JANSSEN", "/products", "")
	w.Get("/search/marieke/janssen")
	got := lines()
	if len(got) != 6 {
		t.Fatalf("%d lines", len(got))
	}
	order := got[1]
	for key, want := range map[string]any{
		"msg": "access", "method": "GET", "route": "/orders/{id}", "status": 200.0, "outcome": "passed", "role": "guest", "released": 1.0,
		"trace": "0af7651916cd43dd8448eb211c80319c", "proto": "HTTP/1.1",
	} {
		if order[key] != want {
			t.Errorf("%s is %v, want %v", key, order[key], want)
		}
	}
	if order["sent"].(float64) < 100 || got[0]["received"].(float64) != float64(len(body)) || order["took_ms"].(float64) <= 0 || order["session"] == "" {
		t.Errorf("%v", order)
	}
	if got[3]["outcome"] != "waf" || got[3]["status"] != 403.0 || got[3]["sent"].(float64) < 10 {
		t.Errorf("a refused exchange: %v", got[3])
	}
	if got[2]["route"] != "/customers/{id}/{id}" || got[2]["trace"] != "" {
		t.Errorf("a path with values: %v", got[2])
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"marieke", "Janssen", "JANSSEN", "janssen", "Lindenlaan", "1012AB", "203.0.113", "127.0.0.1", "visitor-1", "script", "@"} {
		if bytes.Contains(text, []byte(value)) {
			t.Errorf("the access log holds %q", value)
		}
	}
}

// TestAccessLogAnsweredEarly: a platform that answers while the upload still comes
// leaves the two beside each other; the race detector sees whether the line counts
// what is not settled.
func TestAccessLogAnsweredEarly(t *testing.T) {
	access, err := proxy.OpenAccessLog(proxy.AccessLogConfig{File: filepath.Join(t.TempDir(), "access.log")})
	if err != nil {
		t.Fatal(err)
	}
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusAccepted) // the body is not read
	}), func(s *proxytest.Setup) {
		s.Access = access
		s.Policy.Routes = []proxy.RouteRule{{Path: "/upload", StreamBody: true, RequestBody: 1 << 10}}
		s.WAF.Mode = rules.Observe // the CRS has no octet-stream among the types of its uploads
	})
	for range 5 {
		w.Do("POST", "/upload", strings.Repeat("x", 16<<20), "Content-Type: application/octet-stream")
	}
	if err := access.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestAccessLogSampled: of a thousand quiet exchanges few are kept, of those with something
// to tell every one.
func TestAccessLogSampled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	w, _, lines := logged(t, proxy.AccessLogConfig{File: file, Sample: 1_000_000})
	w.Get("/visit?n=1")
	for range 50 {
		w.Get("/products")
	}
	told := []string{"/orders/1", "/x?q=<script>alert(1)</script>", "/missing"}
	for _, path := range told {
		w.Get(path, "Cookie: sid=visitor-1")
	}
	if got := lines(); len(got) != len(told) { // one in a million: chance keeps another in 20,000 runs
		t.Errorf("%d lines, want %d: %v", len(got), len(told), got)
	}
}

// TestAccessLogRotated: logrotate's two ways lose no line, and tear none.
func TestAccessLogRotated(t *testing.T) {
	ways := map[string]func(t *testing.T, file string){
		"create": func(t *testing.T, file string) {
			if err := os.Rename(file, file+".1"); err != nil {
				t.Fatal(err)
			}
		},
		"create, already there": func(t *testing.T, file string) {
			if err := os.Rename(file, file+".1"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o640); err != nil {
				t.Fatal(err)
			}
		},
		"copytruncate": func(t *testing.T, file string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file+".1", text, 0o640); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(file, 0); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, rotate := range ways {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "access.log")
			w, access, lines := logged(t, proxy.AccessLogConfig{File: file})
			sent := 0
			size := func() int64 {
				info, err := os.Stat(file)
				if err != nil {
					return 0
				}
				return info.Size()
			}
			ask := func(until func() bool) {
				for end := time.Now().Add(time.Minute); !until(); {
					if w.Get("/products"); time.Now().After(end) {
						t.Fatal("nothing is written")
					}
					sent++
				}
			}
			ask(func() bool { return sent >= 20 && size() > 0 })
			w.Settle()
			written := func() int { // a line may be read while it is being written
				text, _ := os.ReadFile(file)
				return bytes.Count(text, []byte("\n"))
			}
			for name == "copytruncate" && written() < sent { // what is written between the copy and the truncation is lost, as logrotate says
				runtime.Gosched()
			}
			rotate(t, file)
			ask(func() bool { return size() > 0 })
			if got := len(lines()) + len(readLines(t, file+".1")); got != sent {
				t.Errorf("%d lines of %d exchanges", got, sent)
			}
			if access.Lost() != 0 {
				t.Errorf("%d lost", access.Lost())
			}
		})
	}
}

// TestAccessLogDiskFull: a disk that takes nothing costs lines, which are counted,
// and no exchange; the log goes on when there is room again.
func TestAccessLogDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "access.log")
	if err := os.Symlink("/dev/full", file); err != nil {
		t.Fatal(err)
	}
	var failed, again atomic.Int64
	w, access, lines := logged(t, proxy.AccessLogConfig{File: file, Failed: func(err error) {
		if err != nil {
			failed.Add(1)
		} else {
			again.Add(1)
		}
	}})
	for range 20 {
		if got := w.Get("/products"); got.StatusCode != http.StatusOK {
			t.Fatalf("%d", got.StatusCode)
		}
	}
	fresh := filepath.Join(dir, "fresh.log")
	if err := os.WriteFile(fresh, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fresh, file); err != nil {
		t.Fatal(err)
	}
	sent := 20
	for end := time.Now().Add(time.Minute); again.Load() == 0; sent++ {
		if w.Get("/products"); time.Now().After(end) {
			t.Fatal("nothing is written")
		}
	}
	if kept := len(lines()); kept == 0 || uint64(kept)+access.Lost() != uint64(sent) || failed.Load() != 1 {
		t.Errorf("%d lines and %d lost of %d exchanges; told of %d faults", kept, access.Lost(), sent, failed.Load())
	}
}

// TestAccessLogStalled: a reader of standard output that stands still holds up no exchange.
func TestAccessLogStalled(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	access, err := proxy.OpenAccessLog(proxy.AccessLogConfig{Out: write})
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 999) + "\n")
	for inARow := 0; inARow < 5000; runtime.Gosched() { // then the pipe is full, too, and not the queue alone for a moment
		before := access.Lost()
		if _, err := access.Write(line); err != nil {
			t.Fatal(err)
		}
		if inARow++; access.Lost() == before {
			inARow = 0
		}
	}
	w := proxytest.Start(t, people, func(s *proxytest.Setup) { s.Access = access })
	for range 20 {
		if got := w.Get("/products"); got.StatusCode != http.StatusOK {
			t.Fatalf("%d", got.StatusCode)
		}
	}
	w.Settle()
	if access.Lost() < 20 {
		t.Errorf("%d lost", access.Lost())
	}
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := access.Close(short); err == nil {
		t.Error("closed, with lines unwritten")
	}
	go func() { _, _ = io.Copy(io.Discard, read) }() // ends with the pipe
	t.Cleanup(func() { _ = write.Close() })
}

// TestAccessLogFaults: what cannot be a log is said at the start.
func TestAccessLogFaults(t *testing.T) {
	for _, file := range []string{filepath.Join(t.TempDir(), "missing", "access.log"), t.TempDir()} {
		if _, err := proxy.OpenAccessLog(proxy.AccessLogConfig{File: file}); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "look at") {
			t.Errorf("%v", err)
		}
	}
}
