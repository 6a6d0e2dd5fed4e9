package segment

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// shop makes the rows of a shop whose customers look at their own account and
// orders, and whose staff look at other people's: the mix that doc.go counts
// with. All digests are random, as HMACs are.
type shop struct {
	random   *rand.Rand
	now      time.Time
	gap      time.Duration // between exchanges
	visitors []visitor
}

type visitor struct {
	principal rules.Principal
	record    rules.Record // of a customer's own; without for staff
	left      int          // exchanges
}

func (s *shop) digest() (d rules.Digest) {
	binary.LittleEndian.PutUint64(d[:], s.random.Uint64())
	binary.LittleEndian.PutUint64(d[8:], s.random.Uint64())
	return d
}

// customer has an email, a number, a phone and a residence.
func (s *shop) customer() rules.Record {
	var r rules.Record
	for _, kind := range []rules.IdentifierKind{rules.IdentifierEmail, rules.IdentifierCustomerID, rules.IdentifierPhone, rules.IdentifierResidence} {
		r.Identifiers = append(r.Identifiers, rules.Identifier{Kind: kind, Digest: s.digest()})
	}
	r.Subject, r.Fields = r.Identifiers[0], rules.FieldName|rules.FieldEmail|rules.FieldPhone|rules.FieldDeliveryAddress
	return r
}

// visit begins: 9 of 10 visitors are customers with 6 exchanges, the others
// staff with 60.
func (s *shop) visit() visitor {
	v := visitor{principal: rules.Principal{
		Role: rules.RoleShopper, Session: s.digest(), Account: s.digest(), IP: s.digest(), Prefix: s.digest(), Credential: true, Issued: true,
	}, record: s.customer(), left: 6}
	if s.random.IntN(60) == 0 {
		v.principal.Role, v.left = rules.RoleStaff, 60
		v.record = rules.Record{}
	}
	return v
}

// exchange is 1 row: half of them with an order's number.
func (s *shop) exchange() rules.Disclosure {
	at := s.random.IntN(len(s.visitors))
	v := &s.visitors[at]
	d := rules.Disclosure{
		Time: s.now, Exchange: rules.ExchangeID(s.digest()), Principal: v.principal, Route: "/account/orders/{id}", Config: "0123456789abcdef",
		Record: v.record, Ownership: rules.Own,
	}
	if v.principal.Role == rules.RoleStaff {
		d.Route, d.Ownership, d.Record = "/admin/orders/{id}", rules.Foreign, s.customer()
	}
	if s.random.IntN(2) == 0 {
		d.Record.Identifiers = append(append([]rules.Identifier(nil), d.Record.Identifiers...), rules.Identifier{Kind: rules.IdentifierOrder, Digest: s.digest()})
		d.Record.Fields |= rules.FieldPurchase
	}
	s.now = s.now.Add(time.Duration(s.random.Int64N(int64(2 * s.gap))))
	if v.left--; v.left == 0 {
		s.visitors[at] = s.visit()
	}
	return d
}

// A year of a shop with a million disclosures a day fits 40 GB: a row, with its
// outcome, its share of the tree's kept hashes and of the checksums, takes less
// than 109 bytes of a packed segment.
func TestBytesPerRow(t *testing.T) {
	const yearly, day = 40e9, 1e6
	rows := 100_000
	if testing.Short() {
		rows = 40_000
	}
	s := shop{random: rand.New(rand.NewPCG(5, 6)), now: clock().Add(-8 * time.Hour), gap: 86_400 * time.Second / day} //nolint:gosec // a test's seed
	for range 2000 {                                                                                                  // at a time: a visit of 6 exchanges lasts 17 minutes
		v := s.visit()
		v.left = 1 + s.random.IntN(v.left)
		s.visitors = append(s.visitors, v)
	}
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{still: true, create: unsynced})
	for at := 0; at < rows; at += 4 {
		batch := []rules.Disclosure{s.exchange(), s.exchange(), s.exchange(), s.exchange()}
		check(t, l.Append(ctx, batch))
		var outcomes []ledger.Outcome
		for i := range batch {
			outcomes = append(outcomes, ledger.Outcome{Exchange: batch[i].Exchange, State: rules.Delivered})
		}
		check(t, l.Finish(ctx, outcomes))
	}
	raw, err := os.Stat(l.last.path)
	check(t, err)
	check(t, l.roll("2026-03-10"))
	packAll(t, l)
	packed, err := os.Stat(l.earlier[0].path)
	check(t, err)
	perRow := float64(packed.Size()) / float64(rows)
	t.Logf("%.1f bytes a row (%.1f before it is packed): a year at %.0f a day is %.1f GB", perRow, float64(raw.Size())/float64(rows), day, perRow*day*365/1e9)
	if limit := yearly / day / 365; perRow > limit {
		t.Errorf("%.1f bytes a row, want at most %.1f", perRow, limit)
	}
	if v := verify(t, dir, nil, ledger.VerifyOptions{}); len(v.Faults) != 0 || v.Rows != int64(rows) {
		t.Errorf("verify: %q", v.Faults)
	}
}

// unsynced makes files that do not wait for the disk: only sizes count here.
func unsynced(path string) (writable, error) {
	file, err := openFile(path)
	return noSync{file}, err
}

type noSync struct{ writable }

func (noSync) Sync() error { return nil }
