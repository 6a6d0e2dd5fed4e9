//go:build unix

// Package pgtest starts real PostgreSQL servers for tests, each in a folder of
// its own and on a socket of its own. Nothing of it runs outside tests.
//
// Where there is no PostgreSQL on the machine the test is skipped with a plain
// message, unless the environment variable [Required] is set: then it fails.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Required is the environment variable that makes a missing PostgreSQL a failure.
const Required = "ORDERGATE_TEST_POSTGRES"

// Server is a running PostgreSQL.
type Server struct {
	dir, bin string
	owner    *syscall.Credential // nil: this process's own user
	kept     map[string]string   // settings that differ
}

// find returns the folder of initdb and pg_ctl, or "".
func find() string {
	var candidates []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	sort.Sort(sort.Reverse(sort.StringSlice(debian)))
	for _, dir := range append(candidates, debian...) {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
				return dir
			}
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// Start makes a cluster and starts it, with settings such as fsync=off besides
// PostgreSQL's own defaults. It ends with the test.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin := find()
	if bin == "" {
		if os.Getenv(Required) != "" {
			t.Fatalf("%s is set and there is no PostgreSQL: neither pg_config nor /usr/lib/postgresql/*/bin nor initdb in PATH", Required)
		}
		t.Skip("there is no PostgreSQL on this machine (Debian: apt-get install postgresql): its tests are left out")
	}
	keepDescriptors()
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // a socket's path must be short, and t.TempDir has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{dir: dir, bin: bin, kept: make(map[string]string)}
	t.Cleanup(func() {
		s.Kill(t)
		_ = os.RemoveAll(dir)
	})
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		s.owner = &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.command(t.Context(), "initdb", "--no-sync", "-A", "trust", "-U", "ordergate", "-E", "UTF8", "--locale=C", "-D", s.data()).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		s.kept[name] = value
	}
	s.Run(t)
	return s
}

// keepDescriptors keeps what this process has inherited (pipes, locks) from its
// children: a server lives on when its test is killed.
func keepDescriptors() {
	names, _ := filepath.Glob("/dev/fd/*")
	for _, name := range names {
		if fd, err := strconv.Atoi(filepath.Base(name)); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...) //nolint:gosec // a test's own server
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return cmd
}

// Run starts the server, which must not run, and waits until it answers.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	options := fmt.Sprintf("-k %s -c listen_addresses='' -c max_connections=50 -c shared_buffers=64MB", s.dir)
	for name, value := range s.kept {
		options += fmt.Sprintf(" -c %s=%s", name, value)
	}
	cmd := s.command(context.Background(), "pg_ctl", "start", "-w", "-t", "60", "-s", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-o", options)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Fatalf("pg_ctl start: %v\n%s\n%s", err, out.String(), log)
	}
}

// Kill ends the server and all its processes at once, as a crash does, and waits
// until they are gone. A server that does not run is left alone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil || pid < 2 {
		t.Fatalf("postmaster.pid says %q", text)
	}
	// The postmaster first, so that it does not tell its children to end in order.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return // it is gone already
	}
	deadline := time.Now().Add(time.Minute)
	for s.lives() {
		if time.Now().After(deadline) {
			t.Fatal("the killed server does not end")
		}
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		pause := time.NewTimer(5 * time.Millisecond)
		<-pause.C
	}
	// Who starts it next must not take the dead one, which nobody may have waited
	// for, for a living one.
	for _, path := range []string{filepath.Join(s.data(), "postmaster.pid"), filepath.Join(s.dir, ".s.PGSQL.5432.lock"), filepath.Join(s.dir, ".s.PGSQL.5432")} {
		_ = os.Remove(path)
	}
}

// lives reports whether any process has the server's folder as its own.
func (s *Server) lives() bool {
	places, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, place := range places {
		if at, err := os.Readlink(place); err == nil && at == s.data() {
			return true
		}
	}
	return false
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB, name string) string {
	t.Helper()
	if out, err := s.command(t.Context(), "createdb", "-h", s.dir, "-U", "ordergate", name).CombinedOutput(); err != nil {
		t.Fatalf("createdb %s: %v\n%s", name, err, out)
	}
	return s.URL(name)
}

// URL is the address of a database.
func (s *Server) URL(name string) string {
	return fmt.Sprintf("postgres://ordergate@/%s?host=%s&sslmode=disable", name, s.dir)
}
