//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on every Linux that
// Go runs on (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

// process is what /proc says of one process.
type process struct {
	pid, parent int
	used        time.Duration // user and system mode, with the children that have ended
}

// processes reads all processes.
func processes() ([]process, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("reading /proc: %w", err)
	}
	var all []process
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name, in brackets, may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		p := process{pid: pid}
		p.parent, _ = strconv.Atoi(fields[1])
		for _, f := range fields[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.ParseInt(f, 10, 64)
			p.used += time.Duration(n) * tick
		}
		all = append(all, p)
	}
	return all, nil
}

// family returns a process and its descendants.
func family(pid int) ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var found []process
	of := map[int]bool{pid: true}
	for more := true; more; {
		more = false
		for _, p := range all {
			if !of[p.pid] && of[p.parent] {
				of[p.pid], more = true, true
			}
		}
	}
	for _, p := range all {
		if of[p.pid] {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("process %d is gone", pid)
	}
	return found, nil
}

// cpuTime is what a process and its descendants have used so far.
func cpuTime(pid int) (time.Duration, error) {
	found, err := family(pid)
	if err != nil {
		return 0, err
	}
	var used time.Duration
	for _, p := range found {
		used += p.used
	}
	return used, nil
}

// memory is what a process and its descendants hold in RAM, in bytes: the pages
// of their own, those that they share among each other once, and the largest
// one's files.
func memory(pid int) (int64, error) {
	found, err := family(pid)
	if err != nil {
		return 0, err
	}
	var own, files int64
	for _, p := range found {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of process %d: %w", p.pid, err)
		}
		rollup := map[string]int64{}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) == 3 && f[2] == "kB" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				rollup[f[0]] = n << 10
			}
		}
		own += rollup["Pss_Anon:"] + rollup["Pss_Shmem:"]
		files = max(files, rollup["Rss:"]-rollup["Anonymous:"])
	}
	return own + files, nil
}

// cores splits the cores that this process may run on: the last for the server
// that is measured, the others for clients and origin. With a single core both
// are the same.
func cores() (server, others unix.CPUSet, n int, err error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return server, others, 0, fmt.Errorf("asking which cores there are: %w", err)
	}
	n, others = all.Count(), all
	for cpu := 1 << 10; cpu >= 0; cpu-- {
		if all.IsSet(cpu) {
			server.Set(cpu)
			if n > 1 {
				others.Clear(cpu)
			}
			break
		}
	}
	return server, others, n, nil
}

// confine keeps every thread of this process to some cores; new ones inherit it.
func confine(to *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("reading the own threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, to); err != nil && err != unix.ESRCH { //nolint:errorlint // an errno
			return fmt.Errorf("keeping thread %d to its cores: %w", id, err)
		}
	}
	return nil
}
