package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Shelf keeps issued reports in a folder: one folder for what they are about,
// in it one file for each version and form, mode 0400. An issued version is
// never changed or replaced. The zero value is not usable.
type Shelf struct {
	Dir   string // data_dir/reports
	About string // such as incident-inc-0123456789abcdef: letters, digits, - and _
}

var (
	aboutPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	versionPattern = regexp.MustCompile(`^v(\d{4,})\.json$`)
)

// ErrShelf says that a report cannot be issued under a name.
var ErrShelf = errors.New("not a name for a report")

// Last returns the newest issued version and the SHA-256 of its JSON, 0 and ""
// if there is none.
func (s Shelf) Last() (version int, digest string, err error) {
	if !aboutPattern.MatchString(s.About) {
		return 0, "", fmt.Errorf("%w: %q", ErrShelf, s.About)
	}
	dir := filepath.Join(s.Dir, s.About)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	} else if err != nil {
		return 0, "", fmt.Errorf("read the issued reports: %w", err)
	}
	for _, file := range files {
		if parts := versionPattern.FindStringSubmatch(file.Name()); parts != nil {
			if n, err := strconv.Atoi(parts[1]); err == nil {
				version = max(version, n)
			}
		}
	}
	if version == 0 {
		return 0, "", nil
	}
	text, err := os.ReadFile(filepath.Join(dir, name(version, "json"))) //nolint:gosec // of our own making
	if err != nil {
		return 0, "", fmt.Errorf("read the issued report: %w", err)
	}
	return version, Digest(text), nil
}

// Digest is the SHA-256 of a text in hexadecimal.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func name(version int, form string) string { return fmt.Sprintf("v%04d.%s", version, form) }

// Path is where a version's form is or will be.
func (s Shelf) Path(version int, form string) string {
	return filepath.Join(s.Dir, s.About, name(version, form))
}

// Issue keeps a version in its forms (json, md, …) and a list of their digests
// (sha256, as sha256sum -c reads it). A version that is there already is
// fs.ErrExist and stays.
func (s Shelf) Issue(version int, forms map[string][]byte) error {
	if !aboutPattern.MatchString(s.About) || version < 1 || forms["json"] == nil {
		return fmt.Errorf("%w: %q, version %d", ErrShelf, s.About, version)
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, s.About), 0o700); err != nil {
		return fmt.Errorf("make the folder of issued reports: %w: give yourself write access to data_dir", err)
	}
	order := []string{"json"} // takes the number, or finds that it is taken
	sums := ""
	for form, text := range forms {
		if form != "json" {
			order = append(order, form)
		}
		sums += Digest(text) + "  " + name(version, form) + "\n"
	}
	slices.Sort(order[1:])
	for _, form := range order {
		if err := write(s.Path(version, form), forms[form]); err != nil {
			return fmt.Errorf("issue report %s version %d: %w", s.About, version, err)
		}
	}
	return write(s.Path(version, "sha256"), []byte(sums))
}

func write(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}
