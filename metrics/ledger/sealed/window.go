package sealed

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Folders inside the data directory.
const (
	Folder   = "sealed"
	Evidence = "evidence"
)

const (
	suffix    = ".seal"
	hour      = "2006-01-02T15"
	maxRecord = 4096
)

// sealer seals records of one ledger key.
type sealer struct{ aead cipher.AEAD }

// newSealer derives the window's key from the ledger's: the digests' HMAC is
// never used with such a text.
func newSealer(secret []byte) (sealer, error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("ordergate sealed window 1"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

// seal appends a record: its length, a nonce, the ciphertext. The file's name is
// authenticated with it, so that no record moves to another hour.
func (s sealer) seal(dst []byte, name string, peer *rules.Peer) ([]byte, error) {
	text, err := json.Marshal(asKept(peer))
	if err != nil {
		return dst, err
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(text)+s.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return dst, err
	}
	record := s.aead.Seal(nonce, nonce, text, []byte(name))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(record))) //nolint:gosec // at most maxRecord
	return append(dst, record...), nil
}

// kept is a peer in its JSON form.
type kept struct {
	Time      time.Time    `json:"time"`
	Session   rules.Digest `json:"session"`
	Account   rules.Digest `json:"account"`
	IP        rules.Digest `json:"ip"`
	Address   string       `json:"address"`
	JA4       string       `json:"ja4,omitempty"`
	UserAgent string       `json:"user_agent,omitempty"`
}

func asKept(p *rules.Peer) kept {
	return kept{p.Time.UTC(), p.Session, p.Account, p.IP, p.Address.String(), p.JA4, p.UserAgent}
}

// read calls do for every record of a file that can be opened; a torn end, and
// records of a destroyed key, are left out and counted.
func (s sealer) read(path string, do func(*kept)) (left int, err error) {
	file, err := os.Open(path) //nolint:gosec // of our own folder
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	in := bufio.NewReader(file)
	name := filepath.Base(path)
	for {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return left, nil
		} else if err != nil {
			return left + 1, nil //nolint:nilerr // a torn end
		}
		n := binary.BigEndian.Uint32(head[:])
		record := make([]byte, min(n, maxRecord))
		if _, err := io.ReadFull(in, record); err != nil || n > maxRecord || int(n) < s.aead.NonceSize() {
			return left + 1, nil //nolint:nilerr // likewise
		}
		nonce := record[:s.aead.NonceSize()]
		text, err := s.aead.Open(nil, nonce, record[len(nonce):], []byte(name))
		var k kept
		if err != nil || json.Unmarshal(text, &k) != nil {
			left++
			continue
		}
		do(&k)
	}
}

// files returns the window's files, the oldest first.
func files(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, Folder, "*"+suffix))
}

// expire deletes the files whose hour ended before a time.
func expire(dir string, before time.Time) error {
	paths, err := files(dir)
	for _, path := range paths {
		name := filepath.Base(path)
		begin, parseErr := time.Parse(hour, name[:len(name)-len(suffix)])
		if parseErr != nil || !begin.Add(time.Hour).Before(before) {
			continue
		}
		if removeErr := os.Remove(path); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("delete %s, which is past ledger.identifiers.window: %w", path, removeErr))
		}
	}
	return err
}
