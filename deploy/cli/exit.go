package cli

import (
	"errors"
	"fmt"

	"github.com/ordergate/ordergate/deploy/config"
)

// The exit codes of every command.
const (
	ExitOK       = 0
	ExitFailed   = 1
	ExitUsage    = 2 // wrong usage, or a config with faults
	ExitFindings = 3 // a check ran to its end and found something
)

// UsageError says that a command was called in a way that cannot work.
type UsageError struct {
	Message string // what is wrong, with which value, and what to write instead
}

// Error returns the message.
func (e UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error {
	return UsageError{Message: fmt.Sprintf(format, args...)}
}

// FindingsError says that a check ran to its end and found something.
type FindingsError struct {
	Message string // what was found, in one line
}

// Error returns the message.
func (e FindingsError) Error() string { return e.Message }

// ExitCode returns the code for what a command's Run returned.
func ExitCode(err error) int {
	var usage UsageError
	var findings FindingsError
	var faults config.Faults
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage), errors.As(err, &faults):
		return ExitUsage
	case errors.As(err, &findings):
		return ExitFindings
	}
	return ExitFailed
}
