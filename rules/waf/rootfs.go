package waf

import (
	"io/fs"
	"os"
	"path/filepath"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// rootFS serves the embedded Core Rule Set, and the operator's files by
// absolute name. Coraza asks one file system for both.
type rootFS struct{}

// Open implements fs.FS.
func (rootFS) Open(name string) (fs.File, error) {
	if filepath.IsAbs(name) {
		return os.Open(name) //nolint:gosec // named by the operator's config
	}
	return coreruleset.FS.Open(name)
}

// ReadFile implements fs.ReadFileFS.
func (rootFS) ReadFile(name string) ([]byte, error) {
	if filepath.IsAbs(name) {
		return os.ReadFile(name) //nolint:gosec // named by the operator's config
	}
	return fs.ReadFile(coreruleset.FS, name)
}

// ReadDir implements fs.ReadDirFS.
func (rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if filepath.IsAbs(name) {
		return os.ReadDir(name)
	}
	return fs.ReadDir(coreruleset.FS, name)
}

// Glob implements fs.GlobFS.
func (rootFS) Glob(pattern string) ([]string, error) {
	if filepath.IsAbs(pattern) {
		return filepath.Glob(pattern)
	}
	return fs.Glob(coreruleset.FS, pattern)
}
