package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Head is where a ledger stands: all of it durable.
type Head struct {
	Tree Tree
	Row  int64 // the sequence of the next row
}

// Checkpoint is a signed statement of what a ledger held at a time. Who keeps
// one can show any later change of what came before it.
type Checkpoint struct {
	Size int64     // entries in the tree
	Root tlog.Hash // over them
	Row  int64     // the sequence of the last row, 0 without rows
	Time time.Time // UTC, whole seconds; of the signing
	// Note is the signed text (golang.org/x/mod/sumdb/note): name of the signer,
	// size and root as C2SP tlog-checkpoint wants them, then two lines of ours.
	Note string
}

// Origin is the name of the key that the checkpoint says it is signed with, and
// so of the log.
func (c *Checkpoint) Origin() string {
	origin, _, _ := strings.Cut(c.Note, "\n")
	return origin
}

// text is what is signed.
func (c *Checkpoint) text(origin string) string {
	return fmt.Sprintf("%s\n%d\n%s\nrow %d\ntime %s\n", origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]), c.Row, c.Time.Format(time.RFC3339))
}

// Sign makes the checkpoint of a head.
func (s *Signer) Sign(head Head, now time.Time) (Checkpoint, error) {
	c := Checkpoint{Size: head.Tree.Size(), Root: head.Tree.Root(), Row: head.Row - 1, Time: now.UTC().Truncate(time.Second)}
	signed, err := note.Sign(&note.Note{Text: c.text(s.signer.Name())}, s.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign a checkpoint: %w", err)
	}
	c.Note = string(signed)
	return c, nil
}

// SignText signs a text for a purpose, such as the manifest of an export: what
// is signed is the purpose, which keeps it from being taken for anything else,
// and the text's SHA-256.
func (s *Signer) SignText(purpose string, text []byte) ([]byte, error) {
	return note.Sign(&note.Note{Text: digestNote(purpose, text)}, s.signer)
}

func digestNote(purpose string, text []byte) string {
	return fmt.Sprintf("%s\nsha256 %x\n", purpose, sha256.Sum256(text))
}

// ErrCheckpoint says that a text is no checkpoint of a ledger.
var ErrCheckpoint = errors.New("not a checkpoint of a ledger")

// ReadCheckpoint reads a checkpoint without looking at its signature: see
// [Verifier.Check].
func ReadCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 6)
	if len(lines) < 6 {
		return Checkpoint{}, fmt.Errorf("%w: %d lines, want origin, size, root, row, time, a blank line, and a signature", ErrCheckpoint, len(lines))
	}
	c := Checkpoint{Note: text}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return Checkpoint{}, fmt.Errorf("%w: the root %q is no hash", ErrCheckpoint, lines[2])
	}
	copy(c.Root[:], root)
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	row, err2 := strconv.ParseInt(strings.TrimPrefix(lines[3], "row "), 10, 64)
	at, err3 := time.Parse(time.RFC3339, strings.TrimPrefix(lines[4], "time "))
	if err := errors.Join(err1, err2, err3); err != nil || size < 0 || row < 0 {
		return Checkpoint{}, fmt.Errorf("%w: size %q, %q, %q", ErrCheckpoint, lines[1], lines[3], lines[4])
	}
	c.Size, c.Row, c.Time = size, row, at
	return c, nil
}

// ReadCheckpoints reads a file of checkpoints, one after another, as they are
// written to a file; blank lines between them do not matter.
func ReadCheckpoints(file []byte) ([]Checkpoint, error) {
	var checkpoints []Checkpoint
	var current bytes.Buffer
	finish := func() error {
		text := strings.TrimLeft(current.String(), "\n")
		current.Reset()
		if text == "" {
			return nil
		}
		c, err := ReadCheckpoint(text)
		checkpoints = append(checkpoints, c)
		return err
	}
	signed := false
	for line := range bytes.Lines(file) {
		signature := bytes.HasPrefix(line, []byte("— "))
		if signed && !signature {
			if err := finish(); err != nil {
				return nil, fmt.Errorf("checkpoint %d: %w", len(checkpoints), err)
			}
		}
		signed = signature
		current.Write(line)
	}
	if err := finish(); err != nil {
		return nil, fmt.Errorf("checkpoint %d: %w", len(checkpoints), err)
	}
	return checkpoints, nil
}

// Verifier checks signatures with public keys. Make one with [NewVerifier].
type Verifier struct{ verifiers []note.Verifier }

// NewVerifier reads public keys as [Signer.PublicKey] gives them, one a line: a
// ledger whose checkpoint key was changed has several.
func NewVerifier(publicKeys string) (*Verifier, error) {
	v := new(Verifier)
	for line := range strings.Lines(publicKeys) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		one, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("public key of checkpoints %q: %w: give the line in %s, name+hash+key", line, err, PublicKeyFile)
		}
		v.verifiers = append(v.verifiers, one)
	}
	if len(v.verifiers) == 0 {
		return nil, fmt.Errorf("public key of checkpoints: there is none: give the line in %s, name+hash+key", PublicKeyFile)
	}
	return v, nil
}

// Check says whether the checkpoint is signed with one of the keys, and says
// what it says.
func (v *Verifier) Check(c *Checkpoint) error {
	signed, err := note.Open([]byte(c.Note), note.VerifierList(v.verifiers...))
	if err != nil {
		return fmt.Errorf("checkpoint of entry %d: its signature is not that of the known key: %w", c.Size, err)
	}
	if signed.Text != c.text(signed.Sigs[0].Name) {
		return fmt.Errorf("checkpoint of entry %d: %w: its text is not what it should be", c.Size, ErrCheckpoint)
	}
	return nil
}

// CheckText says whether a signature is of a text and its purpose, with one of
// the keys: see [Signer.SignText].
func (v *Verifier) CheckText(purpose string, text, signature []byte) error {
	signed, err := note.Open(signature, note.VerifierList(v.verifiers...))
	if err != nil {
		return fmt.Errorf("its signature is not that of the known key: %w", err)
	}
	if signed.Text != digestNote(purpose, text) {
		return errors.New("its digest is not the one that was signed")
	}
	return nil
}
