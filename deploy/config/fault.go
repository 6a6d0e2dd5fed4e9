package config

import (
	"strconv"
	"strings"
)

// Fault is one thing wrong with a configuration, and what to do about it.
type Fault struct {
	File    string // name of the file, or of the flag, that holds the fault
	Path    string // where in the file, such as caps.guest.session.1h; empty for the file as a whole
	Value   string // what stands there; empty when nothing does or when it may be a secret
	Problem string // what is wrong, reading on from the value
	Remedy  string // what to do
}

// Error returns the fault in one line.
func (f Fault) Error() string {
	var b strings.Builder
	for _, part := range []string{f.File, f.Path} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	if f.Value != "" {
		b.WriteString(quoted(f.Value))
		b.WriteByte(' ')
	}
	b.WriteString(f.Problem)
	if f.Remedy != "" {
		b.WriteString(": ")
		b.WriteString(f.Remedy)
	}
	return b.String()
}

// maxShown bounds how much of a value a fault repeats, in bytes.
const maxShown = 80

// quoted returns a value of the file for one line of a terminal: bounded, and
// without control characters.
func quoted(value string) string {
	if len(value) > maxShown {
		return strconv.Quote(value[:maxShown]) + "…"
	}
	return strconv.Quote(value)
}

// Faults are all that is wrong with one configuration: in the order of the
// file where a value cannot be read, then in the order of the checks.
type Faults []Fault

// Error returns one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// covers reports whether some fault is at the path, above it or below it.
func (fs Faults) covers(path string) bool {
	for _, f := range fs {
		if under(path, f.Path) || under(f.Path, path) {
			return true
		}
	}
	return false
}

// under reports whether path is parent, or inside it.
func under(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || parent == "" || rest[0] == '.' || rest[0] == '[')
}

// err returns the faults as an error, nil when there is none.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}
