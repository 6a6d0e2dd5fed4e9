package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		holder, _ := io.ReadAll(io.LimitReader(file, 64))
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

// hold writes into the lock's file who has it, and the key that rows are sealed
// with. It only helps whoever meets the lock; failing to write it is no fault.
func (s *Store) hold(key string) {
	if err := s.lock.Truncate(0); err == nil {
		_, _ = s.lock.WriteAt([]byte(fmt.Sprintln(os.Getpid(), key)), 0)
	}
}

// Writer returns the id of the key that the process which writes the ledger in
// dir seals rows with; false: no process does.
func Writer(dir string) (key string, running bool) {
	file, err := os.Open(filepath.Join(dir, LockFile))
	if err != nil {
		return "", false
	}
	defer func() { _ = file.Close() }()
	if free, err := tryLock(file); free || err != nil {
		return "", false
	}
	holder, _ := io.ReadAll(io.LimitReader(file, 64))
	_, key, _ = strings.Cut(strings.TrimSpace(string(holder)), " ")
	return key, true
}
