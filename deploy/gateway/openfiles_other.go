//go:build !unix

package gateway

// openFiles is how many file descriptors the process may have open; systems
// without such a limit are bounded all the same.
func openFiles() uint64 { return 1 << 16 }
