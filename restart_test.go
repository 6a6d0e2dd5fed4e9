//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRestartWithoutLoss: sockets that somebody else keeps open, as systemd does,
// outlive the gateway. Clients go on asking while it stops and starts again: none is
// refused, and every customer that was received is in the ledger.
func TestRestartWithoutLoss(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	config := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide(upstream.URL, data))
	sockets := map[string]*os.File{}
	var address string
	for _, name := range []string{"listen", "admin"} {
		at, file := socket(t)
		if sockets[name] = file; name == "listen" {
			address = "http://" + at
		}
	}
	c := startWith(t, config, sockets)
	if c.listen != address {
		t.Fatalf("it serves on %s, and its socket is %s", c.listen, address)
	}
	var asked, number atomic.Int64
	var mu sync.Mutex
	received := map[string]bool{}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for worker := range 6 {
		clients.Go(func() {
			own := &http.Client{Transport: &http.Transport{DisableKeepAlives: worker%2 == 0}}
			defer own.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := own.Get(fmt.Sprintf("%s/orders/%d", address, number.Add(1)))
				if err != nil {
					t.Errorf("a request was lost: %v", err)
					return
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				asked.Add(1)
				if err != nil || response.StatusCode != http.StatusOK {
					t.Errorf("%d %v", response.StatusCode, err)
					return
				}
				mu.Lock()
				for _, email := range emails.FindAllString(string(body), -1) {
					received[email] = true
				}
				mu.Unlock()
			}
		})
	}
	restarts := 3
	if testing.Short() {
		restarts = 1
	}
	for range restarts {
		for before := asked.Load(); asked.Load() < before+60; {
			c.wait(t, "exchange") // lines come while requests do
		}
		if err := c.end(t, syscall.SIGTERM); err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
		c = startWith(t, config, sockets)
	}
	close(stop)
	clients.Wait()
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	recorded := ledgerEmails(t, data)
	for email := range received {
		if !recorded[email] {
			t.Errorf("%s was received and is not in the ledger", email)
		}
	}
	t.Logf("%d requests, %d customers over %d restarts", asked.Load(), len(received), restarts)
	if len(received) < 50 {
		t.Errorf("%d customers were received", len(received))
	}
}

var emails = regexp.MustCompile(`[a-z0-9.]+@[a-z.]+`)

// socket opens one for a child, and returns its address; it is closed when the test
// ends.
func socket(t *testing.T) (address string, file *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if file, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return l.Addr().String(), file
}

// startWith starts a child with sockets as systemd passes them: from descriptor 3 on,
// with the child's own process id in the environment.
func startWith(t *testing.T, config string, sockets map[string]*os.File) *child {
	t.Helper()
	var names []string
	var files []*os.File
	for name, file := range sockets {
		names, files = append(names, name), append(files, file)
	}
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "serve", "--config", config)
	cmd.Env = append(os.Environ(), asOrdergate+"=1", fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	cmd.ExtraFiles = files
	return started(t, cmd)
}

// TestNotify: what systemd is told of a service, over a socket as systemd has it.
func TestNotify(t *testing.T) {
	dir := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	states := make(chan string, 1000)
	go func() {
		for text := make([]byte, 1024); ; {
			n, err := manager.Read(text)
			if err != nil {
				return
			}
			select {
			case states <- string(text[:n]):
			default:
			}
		}
	}()
	wait := func(want string) {
		t.Helper()
		for late := time.After(2 * time.Minute); ; {
			select {
			case state := <-states:
				if strings.HasPrefix(state, want) {
					return
				}
				if state != "WATCHDOG=1" {
					t.Fatalf("told %q, want %q", state, want)
				}
			case <-late:
				t.Fatalf("nobody is told %q", want)
			}
		}
	}
	config := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide(orders(t).URL, filepath.Join(dir, "data")))
	cmd := exec.Command(os.Args[0], "serve", "--config", config)
	cmd.Env = append(os.Environ(), asOrdergate+"=1", "NOTIFY_SOCKET="+manager.LocalAddr().String(), "WATCHDOG_USEC=400000")
	c := started(t, cmd)
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		wait(want)
	}
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"RELOADING=1\nMONOTONIC_USEC=", "READY=1", "WATCHDOG=1"} {
		wait(want)
	}
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	wait("STOPPING=1")
}

// TestSockets: a socket that nobody wants is an error that names it.
func TestSockets(t *testing.T) {
	_, file := socket(t)
	for name, want := range map[string]string{"web": "name it by FileDescriptorName=", "tls": "no use for", "http3": "no use for"} {
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "serve", "--upstream", "http://127.0.0.1:1", "--data-dir", t.TempDir())
		cmd.Env = append(os.Environ(), asOrdergate+"=1", "LISTEN_FDS=1", "LISTEN_FDNAMES="+name)
		cmd.ExtraFiles = []*os.File{file}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), name) {
			t.Errorf("a socket %q: %v, %s; want an error with %q", name, err, out, want)
		}
	}
}

// TestUnits: the units name the sockets as the program does, and systemd reads them
// where it is there.
func TestUnits(t *testing.T) {
	named := map[string]bool{"listen": true, "tls": true, "http3": true, "admin": true}
	files, err := filepath.Glob("deploy/systemd/*.socket")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^FileDescriptorName=(.*)$`).FindStringSubmatch(string(text))
		if m == nil || !named[m[1]] {
			t.Errorf("%s: %v", file, m)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here")
	}
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no", "deploy/systemd/ordergate.service"}, files...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "ordergate") && !strings.Contains(line, "is not executable") {
			t.Errorf("systemd-analyze: %s", line)
		}
	}
	_ = err // it also tells of what is not installed here
}
