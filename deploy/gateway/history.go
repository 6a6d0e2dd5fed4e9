package gateway

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/rules/exfil"
)

const (
	// historyFile, in data_dir, is what the detectors remember of which the ledger
	// has no rows: tries and misses, logins, what explains the site's disclosures,
	// whom guests' checkouts named.
	historyFile = "history"
	// historyHead begins it, and is authenticated with it.
	historyHead = "ordergate history 1\n"
	// historyEvery is how often it is written; a crash loses what came since.
	historyEvery = time.Minute
)

// errHistory says that a history is cut off, was changed, or is of another key.
var errHistory = errors.New("it is cut off, was changed, or was written with another ledger key or by another version")

// history seals what the detectors remember (AES-256-GCM, a nonce for each
// time) with a key that is derived from the ledger's.
type history struct {
	path string
	aead cipher.AEAD
}

func newHistory(dir string, secret []byte) (*history, error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("ordergate detectors' history 1"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("sealing the detectors' history: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("sealing the detectors' history: %w", err)
	}
	return &history{filepath.Join(dir, historyFile), aead}, nil
}

// read gives the engine what was written; fs.ErrNotExist: nothing was.
func (h *history) read(engine *exfil.Engine, now time.Time) error {
	file, err := os.Open(h.path)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, exfil.MaxHistory))
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	sealed, is := bytes.CutPrefix(text, []byte(historyHead))
	if !is || len(sealed) < h.aead.NonceSize() {
		return errHistory
	}
	n := h.aead.NonceSize()
	plain, err := h.aead.Open(sealed[n:n], sealed[:n], sealed[n:], []byte(historyHead))
	if err != nil {
		return errHistory
	}
	return engine.LoadHistory(plain, now) //nolint:wrapcheck // says it all
}

// write replaces what is kept, all of it or nothing.
func (h *history) write(engine *exfil.Engine) error {
	var plain bytes.Buffer
	if err := engine.SaveHistory(&plain); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	n := h.aead.NonceSize()
	text := make([]byte, len(historyHead)+n, len(historyHead)+n+plain.Len()+h.aead.Overhead())
	copy(text, historyHead)
	nonce := text[len(historyHead):]
	_, _ = rand.Read(nonce) // never fails
	text = h.aead.Seal(text, nonce, plain.Bytes(), []byte(historyHead))
	if len(text) > exfil.MaxHistory {
		return fmt.Errorf("%d bytes are more than %d", len(text), exfil.MaxHistory) //nolint:err113 // nobody compares it
	}
	// One name, so that gateways that end in the middle leave one file at most.
	file, err := os.OpenFile(h.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), h.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// readHistory lets the detectors go on where they were. The gateway starts
// without a history that cannot be read: its caps come from the ledger, and hold.
func (g *Gateway) readHistory(now time.Time) {
	switch err := g.history.read(g.engine, now); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		g.log.Warn("the detectors' history cannot be read: guesses, walks, logins and the site's surplus are counted anew, and guests who pay elsewhere are strangers to their orders; caps, sessions and incidents are not touched",
			"file", g.history.path, "err", err)
	default:
		g.log.Info("the detectors' history goes on", "file", g.history.path)
	}
}

// keepHistory writes it. Without one the next start counts anew, which a log line
// says then too.
func (g *Gateway) keepHistory() {
	if err := g.history.write(g.engine); err != nil {
		g.log.Error("the detectors' history was not written: after a restart they count anew", "file", g.history.path, "err", err)
	}
}
