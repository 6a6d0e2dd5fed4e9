package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// KeyFile is the name of the key's file inside the data directory.
const KeyFile = "ledger.key"

// ledgerNames are what a ledger in a data directory consists of.
var ledgerNames = [...]string{"ledger.db", "ledger"}

// The first words of a key's file. A file of the first kind has an id and a
// secret: its rows hold the digests as they are made. One of the second kind has
// the secret of the rows, too.
const (
	plainHeader = "ordergate-ledger-key-1"
	keyHeader   = "ordergate-ledger-key-2"
)

// Key is two secrets. One makes the digests of values, which the gateway and the
// reports work with: a rotation leaves it, so that sessions, caps and incidents
// go on. The other seals the digests of a row: what is at rest can be told from
// chance, and compared with the rows of another key, only by whoever has it; a
// rotation makes a new one, and destroying one makes its rows anonymous. Whoever
// has both can test guesses against the ledger. No formatting verb prints a secret.
//
// A Key is safe for concurrent use.
type Key struct {
	ID     string // 16 hexadecimal characters, made from the secrets and safe to show
	Secret []byte // 32 bytes, for digests: [rules.NewHasher] takes it
	Tenant string // whose rows it seals; empty: the gateway's own

	rows []byte       // 32 bytes, for rows; nil: they hold the digests as they are
	seal cipher.Block // made from rows
}

// newKey returns the key of two secrets; rows may be nil.
func newKey(secret, rows []byte) Key {
	if rows == nil {
		return Key{ID: keyID(secret), Secret: secret}
	}
	mac := hmac.New(sha256.New, rows)
	mac.Write([]byte("ordergate ledger row digests"))
	seal, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic("BUG: AES-256 takes the 32 bytes of SHA-256: " + err.Error())
	}
	mac.Reset()
	mac.Write([]byte("ordergate ledger key id"))
	mac.Write(secret)
	return Key{ID: hex.EncodeToString(mac.Sum(nil)[:8]), Secret: secret, rows: rows, seal: seal}
}

// Digests names the secret that makes the digests: keys with the same are of one
// deployment, and what they have sealed can be compared once it is opened.
func (k Key) Digests() string { return keyID(k.Secret) }

// String returns the key's id.
func (k Key) String() string { return "ledger key " + k.ID }

// GoString returns what String does.
func (k Key) GoString() string { return k.String() }

// Format writes what String does, whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.String())) }

// LogValue returns the key's id.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// MarshalText writes what String does, so that no encoder writes the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// keyID derives the id: a truncated HMAC of a fixed text, which says nothing
// about the secret and finds a damaged key file.
func keyID(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("ordergate ledger key id"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// LoadOrCreateKey returns the key in dir (the data directory, made with mode
// 0700 if missing), creating it at first start. A new key is written whole and
// fsynced before it gets its name; when two processes start at once, both
// return the same key. It refuses what [LoadKey] refuses, and a missing key
// beside a ledger, whose rows another key could never be joined with.
func LoadOrCreateKey(dir string) (Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, fmt.Errorf("create data_dir %s for the ledger key: %w: set data_dir to a place the gateway may write to", dir, err)
	}
	key, err := LoadKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	for _, name := range ledgerNames {
		if _, statErr := os.Lstat(filepath.Join(dir, name)); statErr == nil {
			return Key{}, fmt.Errorf("the ledger key %s is missing beside the ledger %s: without it nobody can be told whether they are in these rows: "+
				"restore it from a backup; or, to give them up and begin anew, move data_dir away", filepath.Join(dir, KeyFile), name)
		}
	}
	if err := createKey(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create the ledger key in %s: %w: give the gateway's user write access to it", dir, err)
	}
	return LoadKey(dir)
}

// LoadKey returns the key in dir. It refuses a file that others than its owner
// may read, and one that was damaged; a missing file is fs.ErrNotExist.
func LoadKey(dir string) (Key, error) { return loadKey(filepath.Join(dir, KeyFile)) }

func loadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger key: %w: is this the data_dir of the gateway?", err)
	}
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("ledger key %s has mode %04o: others may read it; run: chmod 600 %s", path, mode.Perm(), path)
	}
	if !info.Mode().IsRegular() || info.Size() > 1024 {
		return Key{}, fmt.Errorf("ledger key %s is not a key file: restore it from a backup", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger key: %w: run as the gateway's user", err)
	}
	words := strings.Fields(string(text))
	if !(len(words) == 4 && words[0] == keyHeader || len(words) == 3 && words[0] == plainHeader) {
		return Key{}, fmt.Errorf("ledger key %s is damaged: want one line %q, id, two secrets; restore it from a backup", path, keyHeader)
	}
	var secrets [2][]byte
	for i, word := range words[2:] {
		secrets[i], err = hex.DecodeString(word)
		if err != nil || len(secrets[i]) != sha256.Size {
			return Key{}, fmt.Errorf("ledger key %s is damaged: a secret has 64 hexadecimal characters; restore it from a backup", path)
		}
	}
	key := newKey(secrets[0], secrets[1])
	if key.ID != words[1] {
		return Key{}, fmt.Errorf("ledger key %s is damaged: its secrets do not belong to id %q; restore it from a backup", path, words[1])
	}
	return key, nil
}

// createKey makes the key's file.
func createKey(dir string) error {
	return createFile(dir, KeyFile, newKey(NewSecret(), NewSecret()).text())
}

// NewSecret returns a secret for [RotateKey].
func NewSecret() []byte {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // it never fails: crypto/rand ends the program instead
	return secret
}

// createFile writes a file of mode 0600 beside its final name and links it
// there, which fails with fs.ErrExist when another process was first: it is
// never half written and never replaced.
func createFile(dir, name, content string) error {
	file, err := os.CreateTemp(dir, name+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	final := filepath.Join(dir, name)
	if err := os.Link(file.Name(), final); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// A file system without hard links: rename, after a last look.
		if _, statErr := os.Lstat(final); statErr == nil {
			return fs.ErrExist
		}
		if err := os.Rename(file.Name(), final); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// syncDir makes a new name in dir durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be opened for that there
	}
	d, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
