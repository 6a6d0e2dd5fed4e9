//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// server is one contender's running program. Stop it.
type server struct {
	address string // for clients
	admin   string // of a Go program: its metrics; empty for others
	cmd     *exec.Cmd
	stdin   io.Closer // a worker ends when it is closed, even if this process was killed
	log     string    // file of what the program says
	ended   chan struct{}
	failure error // once ended
}

// command is how a server is run.
type command struct {
	address, admin string
	path           string
	args           []string
	folder         string // of its log
}

// startTime bounds how long a server takes to accept connections; paranoia 4 on
// a loaded machine takes a while to compile.
const startTime = 90 * time.Second

// launch starts a server on the given cores and waits until it accepts
// connections. The calling goroutine must keep its thread as long as the server
// runs: the server is told to end when that thread does.
func launch(ctx context.Context, c *command, on *unix.CPUSet) (*server, error) {
	s := &server{address: c.address, admin: c.admin, log: filepath.Join(c.folder, "log"), ended: make(chan struct{})}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a server's log: %w", err)
	}
	defer func() { _ = log.Close() }()      // the server has its own
	s.cmd = exec.Command(c.path, c.args...) // #nosec G204 -- the contenders' programs, and what --other names. Ended by stop.
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), "GODEBUG=", "GOGC=", "GOMEMLIMIT=")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if err := startOn(s.cmd, on); err != nil {
		return nil, err
	}
	go func() {
		s.failure = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.ready(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// startOn starts a program on the given cores: a new process has those of the
// thread that makes it.
func startOn(cmd *exec.Cmd, on *unix.CPUSet) error {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("asking which cores there are: %w", err)
	}
	if err := unix.SchedSetaffinity(0, on); err != nil {
		return fmt.Errorf("choosing a server's core: %w", err)
	}
	err := cmd.Start()
	if again := unix.SchedSetaffinity(0, &before); err == nil && again != nil {
		err = again
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return nil
}

// ready waits until the server accepts connections.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.address)
		if err == nil {
			_ = conn.Close()
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended at once (%w): %s", s.failure, s.said())
		default:
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the server to accept connections: %w: %s", err, s.said())
		}
	}
}

// said is the end of what the server wrote.
func (s *server) said() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return "it left no log"
	}
	return strings.TrimSpace(string(text[max(len(text)-600, 0):]))
}

// stop ends the server and all its processes.
func (s *server) stop() {
	_ = s.stdin.Close()
	for _, sign := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-s.cmd.Process.Pid, sign) // its group; it may have ended
		select {
		case <-s.ended:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// allocations are what a Go program has allocated since its start.
type allocations struct{ objects, bytes float64 }

// allocated asks a Go program's metrics; zero for others.
func (s *server) allocated(ctx context.Context) (a allocations, err error) {
	if s.admin == "" {
		return a, nil
	}
	text, err := fetch(ctx, "http://"+s.admin+"/metrics")
	if err != nil {
		return a, err
	}
	for line := range strings.Lines(text) {
		var name string
		var value float64
		if _, err := fmt.Sscan(line, &name, &value); err != nil {
			continue // a comment, or a metric with spaces in its labels
		}
		switch name {
		case "go_memstats_mallocs_total":
			a.objects = value
		case "go_memstats_alloc_bytes_total":
			a.bytes = value
		}
	}
	if a.objects == 0 {
		return a, errors.New("the server's metrics do not say what it allocated")
	}
	return a, nil
}

func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", url, err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", url, err)
	}
	defer func() { _ = res.Body.Close() }() // it is read
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", url, err)
	}
	return string(text), nil
}
