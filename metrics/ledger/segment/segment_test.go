package segment

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the time of marks in these tests.
func clock() time.Time { return time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC) }

func openLog(t testing.TB, dir string, opts Options) *Log {
	t.Helper()
	opts.Now, opts.Key = clock, ledger.Key{ID: "0011223344556677"}
	l, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill appends rows first to first+n, some at a time, each batch with the
// outcome of its first exchange. Rows are a minute apart: 720 are of the first
// day, 1,440 of each after it.
func fill(t testing.TB, l *Log, first, n int) { fillApart(t, l, first, n, 1) }

// fillApart is fill with rows some minutes apart.
func fillApart(t testing.TB, l *Log, first, n, minutes int) {
	t.Helper()
	ctx := context.Background()
	begin := ledgertest.Rows(0, 1)[0].Time
	for at := first; at < first+n; at += 60 / minutes {
		rows := ledgertest.Rows(at, min(60/minutes, first+n-at))
		for i := range rows {
			rows[i].Time = begin.Add(time.Duration((at+i)*minutes) * time.Minute)
		}
		check(t, l.Append(ctx, rows))
		check(t, l.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(at / 2), State: rules.Delivered}}))
	}
}

// packAll packs what can be packed, in this goroutine.
func packAll(t testing.TB, l *Log) {
	t.Helper()
	for s := l.unpacked(nil); s != nil; s = l.unpacked(nil) {
		sum, err := pack(s.place, nil)
		check(t, err)
		check(t, l.adopt(s, sum))
	}
}

// signer signs for logs in tests.
func signer(t testing.TB) *ledger.Signer {
	t.Helper()
	s, err := ledger.LoadOrCreateSigner(t.TempDir())
	check(t, err)
	return s
}

func checkpoint(t testing.TB, l *Log, s *ledger.Signer) ledger.Checkpoint {
	t.Helper()
	head, err := l.Durable(context.Background())
	check(t, err)
	c, err := s.Sign(head, clock())
	check(t, err)
	return c
}

// threeDays makes a log of two packed segments and one that is written to, 2,400
// rows, closed in order, with a checkpoint of each 300 rows.
func threeDays(t testing.TB, dir string) ([]ledger.Checkpoint, *ledger.Verifier) {
	t.Helper()
	return days(t, dir, 2400, 1)
}

// days makes such a log of n rows that are some minutes apart.
func days(t testing.TB, dir string, n, minutes int) (checkpoints []ledger.Checkpoint, key *ledger.Verifier) {
	t.Helper()
	l := openLog(t, dir, Options{still: true})
	s := signer(t)
	for at := 0; at < n; at += n / 8 {
		fillApart(t, l, at, n/8, minutes)
		checkpoints = append(checkpoints, checkpoint(t, l, s))
	}
	packAll(t, l)
	check(t, l.Close())
	key, err := ledger.NewVerifier(s.PublicKey())
	check(t, err)
	return checkpoints, key
}

func readOnly(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := OpenReadOnly(dir)
	check(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func verify(t testing.TB, dir string, own []ledger.Checkpoint, opts ledger.VerifyOptions) ledger.Verification {
	t.Helper()
	v, err := readOnly(t, dir).Verify(context.Background(), own, opts)
	check(t, err)
	return v
}

// rowsOf reads all rows; an error ends them.
func rowsOf(t testing.TB, l *Log, query ledger.Query) (rows []ledger.Row, err error) {
	t.Helper()
	for row, err := range l.Disclosures(context.Background(), query) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func names(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	check(t, err)
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}

// copyDir copies a folder of segments.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	check(t, os.MkdirAll(to, 0o700))
	for _, name := range names(t, from) {
		content, err := os.ReadFile(filepath.Join(from, name))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, name), content, 0o600))
	}
}
