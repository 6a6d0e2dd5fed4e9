package gateway

import (
	"bytes"
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

	"github.com/minio/sio"

	"github.com/ordergate/ordergate/rules/exfil"
)

const (
	// historyFile, in data_dir, is what the detectors remember of which the ledger
	// has no rows: tries and misses, logins, what explains the site's disclosures,
	// whom guests' checkouts named, what sessions and addresses claimed.
	historyFile = "history"
	// historyHead begins it, a salt follows: the key is derived from both.
	historyHead = "ordergate history 2\n"
	// historyEvery is how often it is written; a crash loses what came since.
	historyEvery = time.Minute
)

// errHistory says that a history is cut off, was changed, or is of another key.
var errHistory = errors.New("it is cut off, was changed, or was written with another ledger key or by another version")

// history seals what the detectors remember piece by piece (DARE 2.0, AES-256-GCM),
// each time with a key of its own, which is derived from the ledger's.
type history struct {
	path   string
	secret []byte
}

func newHistory(dir string, secret []byte) *history {
	return &history{filepath.Join(dir, historyFile), secret}
}

// historySalt is how long what a key is derived with is, in bytes.
const historySalt = 32

// config returns how what follows a salt is sealed.
func (h *history) config(salt []byte) sio.Config {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(historyHead))
	mac.Write(salt)
	return sio.Config{Key: mac.Sum(nil), MinVersion: sio.Version20, CipherSuites: []byte{sio.AES_256_GCM}}
}

// read gives the engine what was written; fs.ErrNotExist: nothing was.
func (h *history) read(engine *exfil.Engine, now time.Time) error {
	file, err := os.Open(h.path)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	defer file.Close() //nolint:errcheck // it was only read
	head := make([]byte, len(historyHead)+historySalt)
	if _, err = io.ReadFull(file, head); err != nil || !bytes.HasPrefix(head, []byte(historyHead)) {
		return errHistory
	}
	plain, err := sio.DecryptReader(io.LimitReader(file, exfil.MaxHistory), h.config(head[len(historyHead):]))
	if err != nil {
		return fmt.Errorf("unsealing it: %w", err)
	}
	var broken sio.Error
	if err = engine.LoadHistory(plain, now); errors.As(err, &broken) {
		return errHistory
	}
	return err //nolint:wrapcheck // says it all
}

// write replaces what is kept, all of it or nothing.
func (h *history) write(engine *exfil.Engine) error {
	// One name, so that gateways that end in the middle leave one file at most.
	file, err := os.OpenFile(h.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	err = errors.Join(h.seal(file, engine), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), h.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// seal writes what there is to write: no copy of all is ever in memory.
func (h *history) seal(file *os.File, engine *exfil.Engine) error {
	head := append([]byte(historyHead), make([]byte, historySalt)...)
	_, _ = rand.Read(head[len(historyHead):]) // never fails
	if _, err := file.Write(head); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	sealed, err := sio.EncryptWriter(&bounded{file, exfil.MaxHistory}, h.config(head[len(historyHead):]))
	if err != nil {
		return fmt.Errorf("sealing it: %w", err)
	}
	if err := engine.SaveHistory(sealed); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	return sealed.Close() //nolint:wrapcheck // says it all
}

// bounded writes so many bytes at most.
type bounded struct {
	to   io.Writer
	left int
}

// Write fails when there is no room for all of text.
func (b *bounded) Write(text []byte) (int, error) {
	if b.left -= len(text); b.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes", exfil.MaxHistory) //nolint:err113 // nobody compares it
	}
	return b.to.Write(text) //nolint:wrapcheck // says it all
}

// readHistory lets the detectors go on where they were. The gateway starts
// without a history that cannot be read: its caps come from the ledger, and hold.
func (g *Gateway) readHistory(now time.Time) {
	switch err := g.history.read(g.engine, now); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		g.log.Warn("the detectors' history cannot be read: guesses, walks, logins and the site's surplus are counted anew, claims by checkout too, and guests who pay elsewhere are strangers to their orders; caps, sessions and incidents are not touched",
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
