package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Names of files inside the data directory.
const (
	SignerFile    = "checkpoint.key" // the private key that checkpoints are signed with
	PublicKeyFile = "checkpoint.pub" // the public key: give it to whoever shall check
)

// Signer signs checkpoints (Ed25519). No formatting verb prints its key. It is
// safe for concurrent use.
type Signer struct {
	signer note.Signer
	public string
}

// Name is the key's name, "ordergate-" and 16 hexadecimal characters.
func (s *Signer) Name() string { return s.signer.Name() }

// PublicKey is what a [Verifier] is made from: one line, name+hash+key.
func (s *Signer) PublicKey() string { return s.public }

// String returns the key's name.
func (s *Signer) String() string { return "checkpoint key " + s.Name() }

// Format writes what String does, whatever the verb.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue returns the key's name.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(s.Name()) }

// LoadOrCreateSigner returns the signer in dir, making its key at first start
// as [LoadOrCreateKey] does. It refuses a key that others may read or that was
// damaged, and a missing one beside its public key. The public key is written
// beside it if it is missing there.
func LoadOrCreateSigner(dir string) (*Signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data_dir %s for the checkpoint key: %w: set data_dir to a place the gateway may write to", dir, err)
	}
	s, err := LoadSigner(dir)
	public := filepath.Join(dir, PublicKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(public); statErr == nil {
			return nil, fmt.Errorf("checkpoint key %s is missing beside its public key: restore it from a backup; "+
				"or, to sign with a new key from now on, move %s away and add its line to the new one, so that older checkpoints can still be checked",
				filepath.Join(dir, SignerFile), PublicKeyFile)
		}
		if err := createSigner(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create the checkpoint key in %s: %w: give the gateway's user write access to it", dir, err)
		}
		s, err = LoadSigner(dir)
	}
	if err != nil {
		return nil, err
	}
	if text, err := os.ReadFile(public); err == nil { //nolint:gosec // the operator names the directory
		if slices.Contains(strings.Fields(string(text)), s.public) {
			return s, nil
		}
		return nil, fmt.Errorf("%s does not hold the key of %s, which is %s: add that line to it", public, SignerFile, s.public)
	}
	if err := createFile(dir, PublicKeyFile, s.public+"\n"); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write the public key of checkpoints: %w: give the gateway's user write access to %s", err, dir)
	}
	return s, nil
}

// LoadSigner returns the signer in dir; a missing key is fs.ErrNotExist.
func LoadSigner(dir string) (*Signer, error) {
	path := filepath.Join(dir, SignerFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint key: %w: is this the data_dir of the gateway?", err)
	}
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("checkpoint key %s has mode %04o: others may read it; run: chmod 600 %s", path, mode.Perm(), path)
	}
	if !info.Mode().IsRegular() || info.Size() > 1024 {
		return nil, fmt.Errorf("checkpoint key %s is not a key file: restore it from a backup", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint key: %w: run as the gateway's user", err)
	}
	private, public, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("checkpoint key %s is damaged: want the private and the public key, one line each; restore it from a backup", path)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, fmt.Errorf("checkpoint key %s is damaged: the public key does not belong to the private one; restore it from a backup", path)
	}
	return &Signer{signer: signer, public: public}, nil
}

func createSigner(dir string) error {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	private, public, err := note.GenerateKey(rand.Reader, "ordergate-"+hex.EncodeToString(id[:]))
	if err != nil {
		return err
	}
	return createFile(dir, SignerFile, private+"\n"+public+"\n")
}
