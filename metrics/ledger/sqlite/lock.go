package sqlite

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrLocked says that another process writes this ledger.
var ErrLocked = errors.New("another process writes this ledger")

// lock makes this process the only writer of the ledger in dir, until the
// returned file is closed. The file stays: removing it would let two processes
// lock two files of the same name.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, LockFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, fmt.Errorf("data_dir %s is not writable: %w: give the gateway's user write access, or set another data_dir", dir, err)
	}
	ok, err := tryLock(file)
	if err == nil && !ok {
		holder, _ := io.ReadAll(io.LimitReader(file, maxHolder))
		_ = file.Close()
		process, _, _ := strings.Cut(strings.TrimSpace(string(holder)), " ")
		return nil, fmt.Errorf("ledger in %s: %w (process %s): stop it, or set another data_dir", dir, ErrLocked, process)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w: put data_dir on a local file system that supports locks", path, err)
	}
	return file, nil
}

// hold writes into the lock's file who has it, and the keys that rows are sealed
// with; the caller holds mu, or nobody else has the store. It only helps whoever
// meets the lock; failing to write it is no fault.
func (s *Store) hold() {
	words := append([]string{fmt.Sprint(os.Getpid())}, slices.Sorted(maps.Values(s.sealing))...)
	if err := s.lock.Truncate(0); err == nil {
		_, _ = s.lock.WriteAt([]byte(strings.Join(words, " ")+"\n"), 0)
	}
}

// maxHolder bounds what is read of the lock's file: a process and keys of 64 tenants
// take some 1,100 bytes.
const maxHolder = 4096

// Writer returns the ids of the keys that the process which writes the ledger in
// dir seals rows with; false: no process does.
func Writer(dir string) (keys []string, running bool) {
	file, err := os.Open(filepath.Join(dir, LockFile))
	if err != nil {
		return nil, false
	}
	defer func() { _ = file.Close() }()
	if free, err := tryLock(file); free || err != nil {
		return nil, false
	}
	holder, _ := io.ReadAll(io.LimitReader(file, maxHolder))
	words := strings.Fields(string(holder))
	return words[min(1, len(words)):], true
}
