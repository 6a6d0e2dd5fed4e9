//go:build unix

package gateway

import "golang.org/x/sys/unix"

// openFiles is how many file descriptors the process may have open.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // POSIX systems' usual soft limit
	}
	return uint64(limit.Cur) //nolint:unconvert // a signed number on some systems
}
