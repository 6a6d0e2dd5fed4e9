package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// rotated returns the keys of a data_dir after a rotation, the present one first.
func rotated(t *testing.T, dir string) []ledger.Key {
	t.Helper()
	_, err := ledger.LoadOrCreateKey(dir)
	if err == nil {
		_, _, err = ledger.RotateKey(dir, nil)
	}
	keys, loadErr := ledger.LoadKeys(dir)
	if err := errors.Join(err, loadErr); err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys
}

// A key gives back what it has sealed, no other key does, and what is sealed can be
// compared with nothing but what the same key has sealed.
func TestSeal(t *testing.T) {
	keys := rotated(t, t.TempDir())
	ring := ledger.NewKeyring(keys)
	made := ledger.Row{Disclosure: ledgertest.Rows(0, 6)[5]}
	made.Record.Identifiers = append(made.Record.Identifiers, rules.Identifier{})
	sealed := func(key ledger.Key) ledger.Row {
		row := made
		row.Record.Identifiers = append([]rules.Identifier(nil), made.Record.Identifiers...)
		key.Seal(&row)
		return row
	}
	digests := func(row ledger.Row) map[rules.Digest]bool {
		set := map[rules.Digest]bool{}
		p := &row.Principal
		for _, d := range []rules.Digest{p.Session, p.Account, p.IP, p.Prefix, p.TLS, p.ASN, row.Record.Subject.Digest} {
			set[d] = !d.IsZero()
		}
		for _, id := range row.Record.Identifiers {
			set[id.Digest] = !id.Digest.IsZero()
		}
		return set
	}
	first, second := sealed(keys[0]), sealed(keys[1])
	if !reflect.DeepEqual(first, sealed(keys[0])) || first.Key != keys[0].ID {
		t.Error("a key seals the same row in two ways")
	}
	for name, other := range map[string]ledger.Row{"as it was made": made, "sealed with another key": second} {
		known := digests(other)
		for d, filled := range digests(first) {
			if filled && known[d] {
				t.Errorf("digest %s is in the row %s, too", d, name)
			}
		}
	}
	if !digests(first)[first.Record.Subject.Digest] || first.Record.Subject != first.Record.Identifiers[0] {
		t.Error("the subject is not one of its identifiers any more")
	}
	for _, row := range []ledger.Row{first, second} {
		key := row.Key
		ring.Open(&row)
		if row.Key != key {
			t.Error("an opened row does not name its key")
		}
		row.Key = ""
		if !reflect.DeepEqual(row, made) {
			t.Errorf("opened:\n%+v\nwant\n%+v", row, made)
		}
	}
	strange := sealed(keys[0])
	ledger.NewKeyring(keys[1:]).Open(&strange)
	if !reflect.DeepEqual(strange, sealed(keys[0])) {
		t.Error("a row was opened without its key")
	}
	if !strings.HasPrefix(keys[0].String(), "ledger key ") || keys[0].Digests() != keys[1].Digests() || keys[0].ID == keys[1].ID {
		t.Errorf("keys %v", keys)
	}
	// The batch's rows are sealed in place: nothing is allocated for one.
	row := sealed(keys[0])
	if n := testing.AllocsPerRun(100, func() { keys[0].Open(&row); keys[0].Seal(&row) }); n > 0 {
		t.Errorf("%v allocations a row", n)
	}
}

// An incident is sealed as its rows are; the gateway's own copy stays.
func TestSealIncident(t *testing.T) {
	keys := rotated(t, t.TempDir())
	made := rules.Incident{
		ID: "inc-1", Session: ledgertest.Digest(1), Addresses: []rules.Digest{ledgertest.Digest(2)},
		Linked: []rules.Link{{Session: ledgertest.Digest(3), Why: rules.LinkSurplus, Strength: 4}},
	}
	sealed := keys[0].SealIncident(made)
	if sealed.Key != keys[0].ID || sealed.Session == made.Session || sealed.Linked[0].Session == ledgertest.Digest(3) || sealed.Addresses[0] == ledgertest.Digest(2) || !sealed.Account.IsZero() {
		t.Errorf("sealed: %+v", sealed)
	}
	if made.Linked[0].Session != ledgertest.Digest(3) || made.Addresses[0] != ledgertest.Digest(2) {
		t.Error("the gateway's own incident was changed")
	}
	row := ledger.Row{Disclosure: rules.Disclosure{Principal: rules.Principal{Session: made.Session}}}
	if keys[0].Seal(&row); row.Principal.Session != sealed.Session {
		t.Error("an incident's session is sealed otherwise than that of its rows: without the key its evidence is not found")
	}
	if got := ledger.NewKeyring(keys).OpenIncident(sealed); !reflect.DeepEqual(got, made) {
		t.Errorf("opened:\n%+v\nwant\n%+v", got, made)
	}
	if got := ledger.NewKeyring(keys[1:]).OpenIncident(sealed); !reflect.DeepEqual(got, sealed) {
		t.Error("an incident was opened without its key")
	}
}

// A key of the first kind, whose rows hold the digests as they are made, goes on;
// rotating it leaves the digests. It cannot be destroyed as long as they are made with
// its secret, for its rows would be as readable as before.
func TestPlainKey(t *testing.T) {
	dir := t.TempDir()
	const id, secret = "716a14e25d0ac160", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	write := func(id string) {
		if err := os.WriteFile(filepath.Join(dir, ledger.KeyFile), []byte("ordergate-ledger-key-1 "+id+" "+secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0000000000000000")
	if _, err := ledger.LoadKey(dir); err == nil || !strings.Contains(err.Error(), "do not belong") {
		t.Errorf("with another id: %v", err)
	}
	write(id)
	plain, err := ledger.LoadOrCreateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	row, made := ledger.Row{Disclosure: ledgertest.Rows(0, 1)[0]}, ledgertest.Rows(0, 1)[0]
	if plain.Seal(&row); row.Key != id || !reflect.DeepEqual(row.Disclosure, made) {
		t.Errorf("a plain key changed a row: %+v", row)
	}
	keys := rotated(t, dir)
	if keys[0].Digests() != id || keys[1].ID != id {
		t.Errorf("after a rotation: %v", keys)
	}
	if err := ledger.DestroyKey(dir, id); err == nil || !strings.Contains(err.Error(), "--anew") {
		t.Errorf("destroying it: %v", err)
	}
	if _, _, err := ledger.RotateKey(dir, ledger.NewSecret()); err != nil {
		t.Fatal(err)
	}
	if err := ledger.DestroyKey(dir, id); err != nil {
		t.Errorf("after the digests have another secret: %v", err)
	}
	if keys, err := ledger.LoadKeys(dir); err != nil || len(keys) != 2 || keys[0].Digests() == id {
		t.Errorf("%v %v", keys, err)
	}
}
