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
		holder, _ := io.ReadAll(io.LimitReader(file, 32))
		_ = file.Close()
		return nil, fmt.Errorf("ledger in %s: %w (process %s): stop it, or set another data_dir",
			dir, ErrLocked, strings.TrimSpace(string(holder)))
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w: put data_dir on a local file system that supports locks", path, err)
	}
	// The number only helps whoever meets the lock; failing to write it is no fault.
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	}
	return file, nil
}
