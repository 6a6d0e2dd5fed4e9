//go:build unix

package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ordergate/ordergate/deploy/gateway"
)

var (
	attack      = flag.Duration("attack", 0, "how long each attack of slowhttptest lasts; 0: none is run")
	slowResults = flag.String("slow-results", "", "file that the results of slowhttptest are written to")
)

// attacks are slowhttptest's: a thousand connections each, as fast as they come.
var attacks = []struct {
	name string
	args []string
}{
	{"slow headers", []string{"-H", "-i", "2", "-x", "24"}},
	{"slow bodies", []string{"-B", "-i", "2", "-s", "8192", "-x", "10", "-t", "POST"}},
	{"slow reads", []string{"-X", "-n", "5", "-z", "32", "-w", "512", "-y", "1024", "-k", "3"}},
}

// TestSlowHTTP runs the attacks of slowhttptest (Debian has it) against the
// gateway, and measures honest clients beside each. What it wants is that none of
// them fails; how long they wait is told as a ratio to the time just before, and
// is no reason to fail: the machine may be busy with something else.
//
//	go test ./deploy/soak -run TestSlowHTTP -attack 60s -timeout 15m -v
func TestSlowHTTP(t *testing.T) {
	program, err := exec.LookPath("slowhttptest")
	switch {
	case err != nil:
		t.Skip("slowhttptest is not installed: apt-get install slowhttptest")
	case *attack <= 0:
		t.Skip("say how long each attack lasts: -attack 60s")
	}
	s := &soak{T: t, dir: t.TempDir(), platform: &platform{}}
	s.file = filepath.Join(s.dir, "ordergate.yaml")
	s.write("")
	upstream := httptest.NewServer(s.platform)
	defer upstream.Close()
	cfg, err := s.load(upstream.URL)()
	if err != nil {
		t.Fatal(err)
	}
	s.gateway, err = gateway.Start(t.Context(), cfg, gateway.Options{Version: "soak", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	// By name: to a numeric Host the Core Rule Set objects (920350), which has every
	// request judged in full, and is not how shops are asked.
	_, port, err := net.SplitHostPort(s.gateway.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s.people = newPeople("http://localhost:"+port, &s.books)
	s.honest(2 * time.Second) // whatever is made once is made
	var out strings.Builder
	fmt.Fprintf(&out, "# slowhttptest against the gateway\n\n`go test ./deploy/soak -run TestSlowHTTP -attack %s -v`, GOMAXPROCS %d, %s; 1,000 connections an attack, honest clients, gateway and platform on one machine.\n\n", *attack, runtime.GOMAXPROCS(0), runtime.Version())
	fmt.Fprintf(&out, "| attack | honest requests | failed | p50 before | p50 beside | p99 before | p99 beside | ratio of p99 |\n|---|---|---|---|---|---|---|---|\n")
	for _, a := range attacks {
		before := s.honest(*attack / 2)
		ctx, cancel := context.WithTimeout(t.Context(), *attack+20*time.Second)
		args := append(slices.Clone(a.args), "-c", "1000", "-r", "400", "-l", fmt.Sprint(int(attack.Seconds())), "-p", "3", "-u", s.people.url+"/catalogue/1")
		cmd := exec.CommandContext(ctx, program, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		beside := s.honest(*attack)
		err := cmd.Wait()
		cancel()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: %v", a.name, err)
		}
		if beside.failed > 0 || beside.n == 0 {
			t.Errorf("%s: %d of %d honest requests failed", a.name, beside.failed, beside.n)
		}
		fmt.Fprintf(&out, "| %s | %d | %d | %s | %s | %s | %s | %.2f |\n", a.name, beside.n, beside.failed, before.p50, beside.p50, before.p99, beside.p99, float64(beside.p99)/float64(before.p99))
	}
	s.people.client.CloseIdleConnections()
	if err := s.gateway.Stop(context.Background()); err != nil {
		t.Errorf("stopping: %v", err)
	}
	t.Log("\n" + out.String())
	if *slowResults != "" {
		if err := os.WriteFile(*slowResults, []byte(out.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// waits are how long honest clients waited.
type waits struct {
	n, failed int
	p50, p99  time.Duration
}

// honest is 50 requests a second for so long, one in ten of them on a new
// connection.
func (s *soak) honest(lasting time.Duration) waits {
	var (
		mu   sync.Mutex
		took []time.Duration
		w    waits
		all  sync.WaitGroup
	)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for n, began := 0, time.Now(); time.Since(began) < lasting; n++ {
		<-ticker.C
		all.Go(func() {
			path := fmt.Sprintf("/catalogue/%d", n)
			if n%5 == 0 {
				path = fmt.Sprintf("/orders/%d", n%customers)
			}
			request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.people.url+path, http.NoBody)
			if err != nil {
				panic("BUG: " + err.Error())
			}
			request.Header.Set("User-Agent", "soak/1.0")
			request.Header.Set("Accept", "*/*")
			request.Header.Set("X-Staff-Token", staffToken)
			request.Close = n%10 == 0
			start, ok := time.Now(), false
			if response, err := s.people.client.Do(request); err == nil {
				ok = response.StatusCode == http.StatusOK
				_ = response.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(start))
			if w.n++; !ok {
				w.failed++
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	w.p50, w.p99 = took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond)
	return w
}
