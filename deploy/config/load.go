package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// Load reads and checks the file at path. The error is [Faults], except when
// the disk fails.
func Load(path string) (Config, error) { return Resolve(path, "") }

// Parse reads and checks the text of a file; name is only for its faults. The
// error is [Faults].
func Parse(name string, data []byte) (Config, error) {
	d := decoder{file: name}
	c := Default()
	d.decode(data, &c)
	return d.finish(c)
}

// Resolve is what serve and check start from: the file at path, or only the
// defaults when path is empty, with the upstream replaced when one is given
// on the command line. The error is [Faults], except when the disk fails.
func Resolve(path, upstream string) (Config, error) {
	c, d := Default(), decoder{file: "--upstream"}
	if path != "" {
		data, err := readFile(path)
		if err != nil {
			return Config{}, err
		}
		d.file = path
		d.decode(data, &c)
		c.dir = filepath.Dir(path)
	}
	if upstream != "" {
		u, p := parseURL(upstream)
		if p != nil {
			return Config{}, Faults{{File: "--upstream", Problem: p.what, Remedy: p.remedy}}
		}
		c.Upstream = []Upstream{{URL: u, Weight: 1}}
	}
	return d.finish(c)
}

// maxFaults bounds how many faults are told at once.
const maxFaults = 100

// finish adds what Validate finds to what could not be read, unless the same
// place was named already.
func (d *decoder) finish(c Config) (Config, error) {
	var found Faults
	if errors.As(c.Validate(), &found) {
		read := d.faults
		for _, f := range found {
			if !read.covers(f.Path) {
				f.File = d.file
				d.faults = append(d.faults, f)
			}
		}
	}
	if more := len(d.faults) - maxFaults; more > 0 {
		d.faults = append(d.faults[:maxFaults], Fault{
			File: d.file, Problem: fmt.Sprintf("has %d more faults", more), Remedy: "correct these first",
		})
	}
	if len(d.faults) > 0 {
		return Config{}, d.faults
	}
	return c, nil
}

// readFile reads a config file, bounded. Whatever hinders it is a fault of the
// config too, with a remedy.
func readFile(path string) ([]byte, error) {
	fault := func(what, remedy string) error { return Faults{{File: path, Problem: what, Remedy: remedy}} }
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault("does not exist", "write one, or start with --upstream URL alone")
	case errors.Is(err, fs.ErrPermission):
		return nil, fault("may not be read", "give read permission to the user that runs ordergate")
	case err != nil:
		return nil, fmt.Errorf("opening the config file: %w: check the disk and the path", err)
	}
	defer f.Close() //nolint:errcheck // Nothing was written.
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fault("is a folder", "name the file in it")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the config file: %w: check the disk", err)
	}
	return data, nil
}

// Digest returns the first 16 hexadecimal characters of the SHA-256 of the
// effective configuration, for the ledger: two configs that decide alike have
// the same digest, whatever their comments and the order of their keys. The
// admin token, the callout's secret and where spans go, which decide nothing, are not
// part of it.
func (c *Config) Digest() string {
	e := encoder{reveal: true}
	canonical := *c
	canonical.AdminToken, canonical.Containment.Callout.Secret = Secret{}, Secret{}
	canonical.Tracing = Tracing{}
	e.fields(reflect.ValueOf(&canonical).Elem(), reflect.Value{}, 0)
	sum := sha256.Sum256([]byte(e.b.String()))
	return hex.EncodeToString(sum[:8])
}
