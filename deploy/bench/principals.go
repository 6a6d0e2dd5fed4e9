//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// principals are gateways that remember so many principals, each with a session
// and a counted customer: they are read from a ledger that has them.
func (s *stand) principals(ctx context.Context) error {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		data := filepath.Join(s.folder, fmt.Sprintf("principals-%d", n))
		tell(s.says, "writing a ledger of %d principals", n)
		if err := remember(ctx, data, n); err != nil {
			return err
		}
		g := growth{Run: s.run, Principals: n}
		if err := s.grown(ctx, data, &g); err != nil {
			return err
		}
		s.Principal = append(s.Principal, g)
	}
	return nil
}

// grown measures one such gateway beside the bare proxy.
func (s *stand) grown(ctx context.Context, data string, g *growth) error {
	defer s.fell()
	for _, name := range []string{"bare", "ordergate"} {
		st := &standing{contender: named(name)}
		began := time.Now()
		if err := s.start(ctx, st, 1, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		g.Restored = time.Since(began) - settle // of the last one, the gateway
		s.up = append(s.up, st)
	}
	var shares [2][]float64
	for range s.Rounds {
		for i, st := range s.up {
			taken, err := s.turn(ctx, st, &load{address: st.address, people: &s.people, next: (*visitor).mix}, s.lasting(), false)
			if err != nil {
				return fmt.Errorf("%s: %w", st.name, err)
			}
			shares[i], g.Memory = append(shares[i], taken.CPU), taken.Memory
		}
	}
	g.Bare, g.CPU = median(shares[0]), median(shares[1])
	tell(s.says, "principals %-9d %.1f µs a request, %.1f bare", g.Principals, g.CPU, g.Bare)
	return nil
}

// named returns a contender by its name.
func named(name string) *contender {
	for i := range contenders {
		if contenders[i].name == name {
			return &contenders[i]
		}
	}
	panic("BUG: no contender is called " + name)
}

// remember writes a ledger with so many principals: each was sent the record of
// one of a few customers, so that the site's own cap leaves room.
func remember(ctx context.Context, data string, n int) (err error) {
	key, err := ledger.LoadOrCreateKey(data)
	if err != nil {
		return fmt.Errorf("making a ledger's key: %w", err)
	}
	store, err := sqlite.Open(ctx, data, sqlite.Options{Key: key})
	if err != nil {
		return fmt.Errorf("making a ledger: %w", err)
	}
	defer func() {
		if closing := store.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	random := rand.New(rand.NewPCG(7, 7))
	digest := func() (d rules.Digest) {
		binary.LittleEndian.PutUint64(d[:], random.Uint64())
		binary.LittleEndian.PutUint64(d[8:], random.Uint64())
		return d
	}
	customers := make([]rules.Record, 100)
	for i := range customers {
		id := rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest()}
		customers[i] = rules.Record{Subject: id, Identifiers: []rules.Identifier{id}, Fields: rules.FieldName | rules.FieldEmail}
	}
	const batch = 10_000
	start := time.Now().Add(-30 * time.Minute)
	for at := 0; at < n; at += batch {
		var rows []rules.Disclosure
		var bindings []rules.Binding
		for i := at; i < min(at+batch, n); i++ {
			p := rules.Principal{Session: digest(), IP: digest(), Prefix: digest(), Credential: true, Issued: true}
			seen := start.Add(time.Duration(i) * 29 * time.Minute / time.Duration(n))
			rows = append(rows, rules.Disclosure{
				Time: seen, Exchange: rules.ExchangeID(digest()), Principal: p, Route: "/orders/{id}", Config: "bench",
				Record: customers[i%len(customers)], Ownership: rules.Foreign, State: rules.Unknown,
			})
			bindings = append(bindings, rules.Binding{Session: p.Session, Issued: start, Seen: seen})
		}
		if err := store.Append(ctx, rows); err != nil {
			return fmt.Errorf("writing rows: %w", err)
		}
		if err := store.SaveBindings(ctx, bindings); err != nil {
			return fmt.Errorf("writing sessions: %w", err)
		}
	}
	return nil
}
