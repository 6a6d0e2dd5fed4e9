package sealed

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = bytes.Repeat([]byte{7}, 32)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string, key []byte) *Keeper {
	t.Helper()
	k, err := Open(dir, key, Options{Window: 72 * time.Hour, Retention: 100 * time.Hour, Failed: func(err error) { t.Error(err) }})
	check(t, err)
	return k
}

// peer is principal n at an address of its own.
func peer(n int, address string) *rules.Peer {
	return &rules.Peer{
		Time: time.Now(), Session: ledgertest.Digest(n), IP: ledgertest.Digest(1000 + n), Address: netip.MustParseAddr(address),
		JA4: "t13d1516h2_8daaf6152771_02713d6af862", UserAgent: "agent of " + address,
	}
}

const thief, shopper = "203.0.113.77", "198.51.100.5"

// holds reports whether any file under a folder has a text in it.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	check(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	}))
	return found
}

// The window is sealed; an incident gets what came before and after it opened,
// and nobody else's.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := open(t, dir, secret)
		k.Note(peer(1, thief))
		k.Note(peer(2, shopper))
		k.Note(peer(1, thief)) // the same again
		synctest.Wait()
		if holds(t, dir, thief) || holds(t, dir, shopper) {
			t.Error("the window can be read")
		}
		k.Close()
		<-time.After(30 * time.Hour)
		k = open(t, dir, secret) // another process
		incident := rules.Incident{ID: "inc-1", Session: ledgertest.Digest(1), Opened: time.Now()}
		k.Keep(incident)
		k.Note(peer(2, shopper))
		later := peer(3, "203.0.113.78")
		later.Session = ledgertest.Digest(1)
		k.Note(later)
		k.Note(peer(4, "203.0.113.79"))
		<-time.After(2 * time.Second)
		incident.Addresses = []rules.Digest{ledgertest.Digest(1004)} // found to take part
		k.Keep(incident)
		<-time.After(2 * time.Second)
		n, err := Load(dir, "inc-1")
		check(t, err)
		if n == nil || len(n.Networks) != 3 || n.Networks[0].Address != thief || n.Networks[0].UserAgent != "agent of "+thief || n.Networks[2].Address != "203.0.113.79" {
			t.Fatalf("evidence: %+v", n)
		}
		if holds(t, dir, shopper) {
			t.Error("somebody who is not part of the incident can be read")
		}
		k.Close()
	})
}

// An hour's file is bounded, whatever somebody calls itself, and what has no room
// is told of.
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var told error
		k, err := Open(dir, secret, Options{Window: time.Hour, Retention: time.Hour, Failed: func(err error) { told = err }})
		check(t, err)
		k.Note(peer(1, thief))
		synctest.Wait()
		paths, err := files(dir)
		check(t, err)
		check(t, os.Truncate(paths[0], maxFile-100)) // as if so much had been written
		k.Close()
		k, err = Open(dir, secret, Options{Window: time.Hour, Retention: time.Hour, Failed: func(err error) { told = err }})
		check(t, err)
		if told != nil {
			t.Errorf("with room: %v", told)
		}
		for n := range 20 {
			k.Note(peer(2+n, shopper))
		}
		k.Close()
		info, err := os.Stat(paths[0])
		check(t, err)
		if info.Size() > maxFile || told == nil || !strings.Contains(told.Error(), "20 sightings were lost") {
			t.Errorf("%d bytes, told %v", info.Size(), told)
		}
	})
}

// What is past its time goes: the window's hours, and the evidence of incidents
// that have ended.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := open(t, dir, secret)
		incident := rules.Incident{ID: "inc-1", Session: ledgertest.Digest(1)}
		k.Keep(incident)
		k.Note(peer(1, thief))
		<-time.After(71 * time.Hour)
		if paths, _ := files(dir); len(paths) != 1 {
			t.Errorf("after 71 hours the window has %v", paths)
		}
		<-time.After(3 * time.Hour)
		if paths, _ := files(dir); len(paths) != 0 {
			t.Errorf("after 74 hours the window has %v", paths)
		}
		<-time.After(48 * time.Hour)
		if n, err := Load(dir, "inc-1"); err != nil || n == nil {
			t.Errorf("the evidence of an open incident is gone: %v", err)
		}
		incident.State = rules.IncidentClosed
		k.Keep(incident)
		<-time.After(99 * time.Hour)
		if n, _ := Load(dir, "inc-1"); n == nil {
			t.Error("99 hours after its end the evidence is gone")
		}
		<-time.After(2 * time.Hour)
		if n, _ := Load(dir, "inc-1"); n != nil {
			t.Error("101 hours after its end the evidence is there")
		}
		k.Close()
	})
}

// Without the key, with a changed byte, or moved to another hour a record is not
// readable; what is torn ends the file.
func TestSealed(t *testing.T) {
	s, err := newSealer(secret)
	check(t, err)
	const name = "2026-03-01T12.seal"
	whole, err := s.seal(nil, name, peer(1, thief))
	check(t, err)
	other, err := newSealer(bytes.Repeat([]byte{8}, 32))
	check(t, err)
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for _, test := range []struct {
		what   string
		sealer sealer
		name   string
		text   []byte
		read   int
		left   int
	}{
		{"as it was", s, name, whole, 1, 0},
		{"with another key", other, name, whole, 0, 1},
		{"a changed byte", s, name, changed, 0, 1},
		{"another hour's", s, "2026-03-01T13.seal", whole, 0, 1},
		{"torn", s, name, append(bytes.Clone(whole), whole[:20]...), 1, 1},
	} {
		path := filepath.Join(t.TempDir(), test.name)
		check(t, os.WriteFile(path, test.text, 0o600))
		read := 0
		left, err := test.sealer.read(path, func(k *kept) {
			if k.Address != thief {
				t.Errorf("%s: %q", test.what, k.Address)
			}
			read++
		})
		if err != nil || read != test.read || left != test.left {
			t.Errorf("%s: %d read, %d left, %v", test.what, read, left, err)
		}
	}
	if _, err := Load(t.TempDir(), "../ledger"); err == nil {
		t.Error("an incident's id that is a path was taken")
	}
}
