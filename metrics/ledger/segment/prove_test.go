package segment

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// Every row is proven with the public key alone, also after retention has
// deleted the days before it; a proof that was touched is none.
func TestProve(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{still: true})
	s := signer(t)
	key, err := ledger.NewVerifier(s.PublicKey())
	check(t, err)
	fill(t, l, 0, 2400)
	older := checkpoint(t, l, s)
	fill(t, l, 2400, 600)
	packAll(t, l)
	newest := checkpoint(t, l, s)
	prove := func(row int64) *ledger.Proof {
		t.Helper()
		proof, err := l.Prove(ctx, row, newest.Size, older.Size)
		check(t, err)
		proof.Checkpoint, proof.Older = newest.Note, older.Note
		text, err := json.Marshal(proof) // as it is written to a file
		check(t, err)
		proof = new(ledger.Proof)
		check(t, json.Unmarshal(text, proof))
		return proof
	}
	for round, rows := range [][]int64{{1, 2, 60, 61, 720, 721, 1500, 2160, 2161, 2400, 2999, 3000}, {721, 1024, 2161, 3000}} {
		if round == 1 {
			if _, err := l.Retain(ctx, ledgertest.Rows(720, 1)[0].Time); err != nil {
				t.Fatal(err)
			}
		}
		for _, sequence := range rows {
			proven, err := ledger.CheckProof(prove(sequence), key)
			if err != nil || len(proven.Rows) != 1 || proven.Rows[0].Sequence != sequence || proven.Older == nil {
				t.Fatalf("row %d: %+v %v", sequence, proven, err)
			}
			want := ledgertest.Rows(int(sequence-1), 1)[0]
			if got := proven.Rows[0]; got.Record.Subject != want.Record.Subject || got.Exchange != want.Exchange || !got.Time.Equal(want.Time) {
				t.Errorf("row %d is proven as %+v", sequence, got)
			}
			if first := (sequence-1)%60 < 2; first != (len(proven.Endings) == 1 && proven.Endings[0].State == rules.Delivered) {
				t.Errorf("row %d: outcomes %v", sequence, proven.Endings)
			}
		}
	}
	if _, err := l.Prove(ctx, 1, newest.Size, 0); !errors.Is(err, ErrNoRow) {
		t.Errorf("a deleted row: %v", err)
	}
	if _, err := l.Prove(ctx, 4000, newest.Size, 0); !errors.Is(err, ErrNoRow) {
		t.Errorf("a row that never was: %v", err)
	}
	for what, change := range map[string]func(*ledger.Proof){
		"another row":           func(p *ledger.Proof) { p.Entries[0].Entry[3] ^= 1 },
		"another place":         func(p *ledger.Proof) { p.Entries[0].Index++ },
		"another path":          func(p *ledger.Proof) { p.Entries[0].Path[0][0] ^= 1 },
		"another checkpoint":    func(p *ledger.Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\nrow 3", "\nrow 4", 1) },
		"another history":       func(p *ledger.Proof) { p.Consistency[0][0] ^= 1 },
		"checkpoints exchanged": func(p *ledger.Proof) { p.Checkpoint, p.Older = p.Older, p.Checkpoint },
		"another format":        func(p *ledger.Proof) { p.Format = "" },
	} {
		p := prove(800)
		change(p)
		if _, err := ledger.CheckProof(p, key); !errors.Is(err, ledger.ErrProof) {
			t.Errorf("%s: %v, want ErrProof", what, err)
		}
	}
	stranger, err := ledger.NewVerifier(signer(t).PublicKey())
	check(t, err)
	if _, err := ledger.CheckProof(prove(800), stranger); !errors.Is(err, ledger.ErrProof) {
		t.Errorf("with a stranger's key: %v", err)
	}
}
