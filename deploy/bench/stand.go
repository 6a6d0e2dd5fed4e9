//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ordergate/ordergate/proxy/proxytest/port"
)

// stand is where a run takes place: the origin, the contenders' files, and those
// of them that are up.
type stand struct {
	*flags
	*results
	says   io.Writer
	folder string
	origin *origin
	people visitors
	core   unix.CPUSet // of the server that is measured
	up     []*standing
	run    int64 // Unix time at which it began
}

// bench is the whole run.
func bench(ctx context.Context, f *flags, stdout, stderr io.Writer) error {
	if f.Install {
		if err := install(ctx, stderr); err != nil {
			return err
		}
	}
	earlier, err := readResults(f.Into)
	if err != nil {
		return err
	}
	s := &stand{flags: f, results: earlier, says: stderr, run: time.Now().Unix()}
	if err := s.open(ctx); err != nil {
		return errors.Join(err, s.close())
	}
	err = s.measure(ctx)
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	return s.tell(stdout)
}

// open makes the folder, the rules' files and the origin, and keeps this process
// to the cores that are not the server's.
func (s *stand) open(ctx context.Context) error {
	var others unix.CPUSet
	var n int
	var err error
	if s.core, others, n, err = cores(); err != nil {
		return err
	}
	if err := confine(&others); err != nil {
		return err
	}
	runtime.GOMAXPROCS(others.Count())
	s.describe(ctx, n)
	if s.folder, err = os.MkdirTemp("", "ordergate-bench-"); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := os.Chmod(s.folder, 0o711); err != nil { //nolint:gosec // Apache reads the rules as www-data
		return fmt.Errorf("opening the folder: %w", err)
	}
	if err := writeRules(s.folder); err != nil {
		return err
	}
	s.origin, err = newOrigin(ctx)
	return err
}

// close ends what is up and removes the folder.
func (s *stand) close() error {
	s.fell()
	if s.origin != nil {
		s.origin.stop()
	}
	if s.folder == "" {
		return nil
	}
	if err := os.RemoveAll(s.folder); err != nil {
		return fmt.Errorf("removing the folder: %w", err)
	}
	return nil
}

// describe says what it runs on.
func (s *stand) describe(ctx context.Context, n int) {
	model := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	s.Machine = fmt.Sprintf("%d cores, %s, %s", n, model, runtime.Version())
	if out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		s.Commit = strings.TrimSpace(string(out))
	}
}

// rise starts the contenders that take part at a paranoia level and verifies
// them; kinds are the clean requests that must come through.
func (s *stand) rise(ctx context.Context, paranoia int, clean []kind) error {
	for i := range contenders {
		c := &contenders[i]
		if !s.takes(c.name) {
			continue
		}
		st := &standing{contender: c}
		tell(s.says, "starting %s", c.name)
		if err := s.start(ctx, st, paranoia, ""); err != nil {
			if ctx.Err() != nil || i == 0 {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			st.fault = err.Error()
		}
		s.up = append(s.up, st)
		if st.fault == "" {
			var err error
			st.fault, err = passes(ctx, st.server, s.origin, &s.people, clean)
			if st.fault == "" && err == nil && c.guarded {
				st.fault, err = refuses(ctx, st.server, s.origin, &s.people)
			}
			if err != nil {
				st.fault = err.Error()
			}
		}
		if st.fault != "" {
			tell(s.says, "%s is not measured: %s", c.name, st.fault)
		}
	}
	return ctx.Err() //nolint:wrapcheck // says it all
}

// start starts one contender; data is the folder of ordergate's ledger, a fresh
// one if empty.
func (s *stand) start(ctx context.Context, st *standing, paranoia int, data string) (err error) {
	at := &setting{origin: s.origin.address, paranoia: paranoia, rules: s.folder, data: data, remedy: st.remedy()}
	if st.program != "" {
		if at.program, err = st.installed(); err != nil {
			return err
		}
	}
	if at.folder, err = os.MkdirTemp(s.folder, st.name+"-"); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if err := os.Chmod(at.folder, 0o711); err != nil { //nolint:gosec // as in open
		return fmt.Errorf("opening the folder: %w", err)
	}
	if at.address, err = port.Free(ctx); err != nil {
		return err
	}
	if at.admin, err = port.Free(ctx); err != nil {
		return err
	}
	if st.name == "other" {
		at.other = s.Other
	}
	if s.Profile != "" {
		at.profile = filepath.Join(s.Profile, st.name+".pprof")
	}
	command, err := st.prepare(at)
	if err != nil {
		return err
	}
	if st.server, err = launch(ctx, command, &s.core); err != nil {
		return err
	}
	if err := pause(ctx, settle); err != nil { // what a start leaves behind is gone
		return err
	}
	st.idle, err = memory(st.cmd.Process.Pid)
	return err
}

// settle is how long a server is left alone after its start.
const settle = 300 * time.Millisecond

// fell ends all contenders.
func (s *stand) fell() {
	for _, st := range s.up {
		if st.server != nil {
			st.stop()
		}
	}
	s.up = nil
}

// tell writes what came of it all.
func (s *stand) tell(stdout io.Writer) error {
	if s.Into != "" {
		if err := s.write(s.Into); err != nil {
			return err
		}
	}
	if s.Results != "" {
		if err := os.WriteFile(s.Results, []byte(s.markdown()), 0o644); err != nil { //nolint:gosec // a file of the repository
			return fmt.Errorf("writing the results: %w", err)
		}
	}
	if s.JSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(s.results); err != nil {
			return fmt.Errorf("writing the results: %w", err)
		}
		return nil
	}
	if _, err := io.WriteString(stdout, s.markdown()); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}
