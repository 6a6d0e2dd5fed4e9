package segment

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// Whichever byte of whichever file is changed to whatever: verify finds it.
func TestEveryByte(t *testing.T) {
	changes := 1000
	if testing.Short() {
		changes = 100
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	checkpoints, key := days(t, dir, 120, 20)
	opts := ledger.VerifyOptions{Verifier: key}
	if v := verify(t, dir, checkpoints, opts); len(v.Faults) != 0 || v.Checkpoints != len(checkpoints) || v.Rows != 120 {
		t.Fatalf("the whole ledger: %+v", v)
	}
	files := make(map[string][]byte)
	total := 0
	for _, name := range names(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		files[name] = content
		total += len(content)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's seed
	for n := range changes {
		at := random.IntN(total)
		for _, name := range names(t, dir) {
			content := files[name]
			if at >= len(content) {
				at -= len(content)
				continue
			}
			changed := append([]byte(nil), content...)
			changed[at] ^= byte(1 + random.IntN(255)) //nolint:gosec // in range
			path := filepath.Join(dir, name)
			check(t, os.WriteFile(path, changed, 0o600))
			if v := verify(t, dir, checkpoints, opts); len(v.Faults) == 0 {
				t.Errorf("change %d: byte %d of %s from %#x to %#x was not found", n, at, name, content[at], changed[at])
			}
			check(t, os.WriteFile(path, content, 0o600))
			break
		}
	}
}

// edit changes a segment's bytes.
func edit(t testing.TB, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, change(content), 0o600))
}

// forge rewrites the ledger from a segment on as somebody would who knows how
// it is made: entries are changed, and every checksum, header, edge and summary
// is made to fit.
func forge(t testing.TB, dir string, change func(entries [][]byte) [][]byte) {
	t.Helper()
	var entriesOf [][][]byte
	var heads []header
	places, err := list(dir)
	check(t, err)
	for _, p := range places {
		o, err := open(p, -1)
		check(t, err)
		var u unpacker
		var list [][]byte
		for {
			k, payload, err := o.next(nil)
			if errors.Is(err, io.EOF) {
				break
			}
			check(t, err)
			payload, err = u.unpack(k, payload)
			check(t, err)
			check(t, Entries(payload, func(e []byte) error {
				list = append(list, append([]byte(nil), e...))
				return nil
			}))
		}
		u.close()
		check(t, o.file.Close())
		entriesOf, heads = append(entriesOf, change(list)), append(heads, o.header)
	}
	tree, row := ledger.Tree{}, int64(1)
	for i, p := range places {
		head := heads[i]
		packed := head.Packed
		head.FirstLeaf, head.FirstRow, head.Edge, head.Packed = tree.Size(), row, tree.Edge(), false
		file, err := os.Create(p.path)
		check(t, err)
		w := packing{file: file}
		check(t, w.put([]byte(magic)))
		check(t, w.putJSON(frameHeader, &head))
		for _, e := range entriesOf[i] {
			tree.Append(e, nil)
			k := frameOther
			if ledger.EntryKind(e[0]) == ledger.EntryRow {
				k = frameRows
				row++
			}
			check(t, w.putFrame(k, AppendEntry(nil, e)))
		}
		check(t, file.Close())
		if packed {
			// Entries that do not follow each other are not packed; the other form is as good.
			if _, err := pack(p, nil); err == nil {
				check(t, os.Rename(p.path+packedSuffix, p.path))
			}
		}
	}
}

// rewrite changes one row's entry where it stands.
func rewrite(sequence int64, change func(*ledger.Row)) func([][]byte) [][]byte {
	return func(list [][]byte) [][]byte {
		for i, e := range list {
			var row ledger.Row
			if new(ledger.Decoder).Row(e, &row) == nil && row.Sequence == sequence {
				change(&row)
				list[i] = ledger.AppendRowEntry(nil, &row)
			}
		}
		return list
	}
}

// damage is a row of the table of damages.
type damage struct {
	do     func(t *testing.T, dir string)
	says   []string // in a fault of verify; none: no fault
	warns  string   // what opening it warns of
	lost   int64    // rows that it says are lost, at most
	rows   int      // that a report reads
	errors bool     // and whether it ends with an error
	before bool     // days before the last are damaged: then nothing behind them can be proven
}

// damages are named: what happens to a ledger of three days, what verify says
// of it, what a gateway says that starts on it, and how many rows can still be
// read before a report says what is wrong.
var damages = map[string]damage{
	"nothing": {do: func(*testing.T, string) {}, rows: 2400},
	"torn tail: power went in the middle of a write": {
		do: func(t *testing.T, dir string) {
			edit(t, dir, "000003-2026-03-03.seg", func(b []byte) []byte { return append(b, b[len(b)-200:len(b)-90]...) })
		},
		says: []string{"110 bytes at its end are no whole rows", "rows up to 2400 are whole"}, warns: "110 bytes at the end", rows: 2400,
	},
	"torn tail: the file grew and holds zeros": {
		do: func(t *testing.T, dir string) {
			edit(t, dir, "000003-2026-03-03.seg", func(b []byte) []byte { return append(b, make([]byte, 5000)...) })
		},
		says: []string{"5000 bytes at its end are no whole rows"}, warns: "5000 bytes at the end", rows: 2400,
	},
	"cut off before what was signed for": {
		do: func(t *testing.T, dir string) {
			edit(t, dir, "000003-2026-03-03.seg", func(b []byte) []byte { return b[:len(b)/2] })
		},
		says: []string{"at its end are no whole rows", "rows up to"}, warns: "is damaged", lost: 180, rows: 2220,
	},
	"flipped byte in the day that is written": {
		do: func(t *testing.T, dir string) {
			edit(t, dir, "000003-2026-03-03.seg", func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		},
		says: []string{"000003-2026-03-03.seg: byte", "the checksum of a frame is wrong", "rows up to 2220 are whole"}, warns: "is damaged", lost: 60, rows: 2220, errors: true,
	},
	"flipped byte in a packed day": {
		do: func(t *testing.T, dir string) {
			edit(t, dir, "000002-2026-03-02.seg", func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		},
		says: []string{"000002-2026-03-02.seg: byte", "rows up to 720 are whole"}, rows: 720, errors: true, before: true,
	},
	"lost day": {
		do:   func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "000002-2026-03-02.seg"))) },
		says: []string{"segments 2 to 2 are missing"}, warns: "segments 2 to 2 of the ledger are missing", rows: 960, before: true,
	},
	"lost last day": {
		do:    func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "000003-2026-03-03.seg"))) },
		says:  []string{"the ledger ends with entry", "rows were cut off, or an old copy of the ledger was restored"},
		warns: "its end was cut off, or an old copy was restored", lost: 240, rows: 2160,
	},
	"two days exchanged": {
		do: func(t *testing.T, dir string) {
			a, b := filepath.Join(dir, "000001-2026-03-01.seg"), filepath.Join(dir, "000002-2026-03-02.seg")
			check(t, errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)))
		},
		says: []string{"its header is that of segment 2 of 2026-03-02: it was renamed", "it begins with entry"}, rows: 2400, before: true,
	},
	"row taken out, all made to fit": {
		do: func(t *testing.T, dir string) {
			forge(t, dir, func(list [][]byte) [][]byte { return append(list[:70:70], list[71:]...) })
		},
		says: []string{"are missing", "the history up to entry"}, warns: "are missing", lost: 1, rows: 2397, before: true,
	},
	"row put in, all made to fit": {
		do: func(t *testing.T, dir string) {
			forge(t, dir, func(list [][]byte) [][]byte {
				return append(list[:70:70], append([][]byte{list[69]}, list[70:]...)...)
			})
		},
		says: []string{"stands where row", "the history up to entry"}, warns: "stands where row", rows: 2403, before: true,
	},
	"rows reordered, all made to fit": {
		do: func(t *testing.T, dir string) {
			forge(t, dir, func(list [][]byte) [][]byte { list[30], list[31] = list[31], list[30]; return list })
		},
		says: []string{"stands where row", "the history up to entry"}, warns: "are missing", rows: 2400, before: true,
	},
	"row rewritten with care": {
		do: func(t *testing.T, dir string) {
			forge(t, dir, rewrite(1000, func(row *ledger.Row) { row.Principal.Session = ledgertest.Digest(1) }))
		},
		says: []string{"the history up to entry", "is not the one that was signed"}, rows: 2400,
	},
	"outcome rewritten with care": {
		do: func(t *testing.T, dir string) {
			forge(t, dir, func(list [][]byte) [][]byte {
				for i, e := range list {
					if endings, err := ledger.DecodeOutcomes(e); err == nil {
						endings[0].State = rules.Withheld
						list[i] = ledger.AppendOutcomesEntry(nil, endings)
						break
					}
				}
				return list
			})
		},
		says: []string{"the history up to entry", "is not the one that was signed"}, rows: 2400,
	},
	"strange file": {
		do:   func(t *testing.T, dir string) { check(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)) },
		says: []string{"notes.txt is no segment"}, rows: 2400,
	},
}

func TestDamages(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "ledger")
	checkpoints, key := threeDays(t, whole)
	for name, test := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			copyDir(t, whole, dir)
			test.do(t, dir)
			v := verify(t, dir, checkpoints, ledger.VerifyOptions{Verifier: key})
			said := strings.Join(v.Faults, "\n")
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("verify does not say %q but:\n%s", want, said)
				}
			}
			if len(test.says) == 0 && said != "" {
				t.Errorf("verify says:\n%s", said)
			}
			rows, err := rowsOf(t, readOnly(t, dir), ledger.Query{})
			if len(rows) != test.rows || (err != nil) != test.errors {
				t.Errorf("%d rows can be read, then %v: want %d", len(rows), err, test.rows)
			}
			startOn(t, dir, &test, checkpoints, strings.HasPrefix(name, "torn"))
		})
	}
}

// startOn opens a damaged ledger as a gateway does and goes on with it. Whatever
// was damaged stays as it is, and what is read leaves out nothing that could be
// read before.
func startOn(t *testing.T, dir string, test *damage, checkpoints []ledger.Checkpoint, torn bool) {
	t.Helper()
	ctx := context.Background()
	last := checkpoints[len(checkpoints)-1]
	before := make(map[string][]byte)
	for _, name := range names(t, dir) {
		before[name], _ = os.ReadFile(filepath.Join(dir, name))
	}
	lenient := ledger.Query{Damaged: func(error) {}}
	readable, err := rowsOf(t, readOnly(t, dir), lenient)
	check(t, err)
	l, err := Open(dir, Options{Now: clock, Least: last.Size, LeastRow: last.Row, still: true})
	check(t, err)
	if warnings := strings.Join(l.Warnings(), "\n"); !strings.Contains(warnings, test.warns) || test.warns == "" && warnings != "" {
		t.Errorf("it warns of %q, want %q", warnings, test.warns)
	}
	if l.Lost() != test.lost {
		t.Errorf("it says that %d rows are lost, want %d", l.Lost(), test.lost)
	}
	salvaged := l.header.Salvage != nil
	check(t, l.Append(ctx, ledgertest.Rows(2400, 1)))
	s := signer(t)
	newest := checkpoint(t, l, s)
	check(t, l.Close())
	rows, err := rowsOf(t, readOnly(t, dir), lenient)
	check(t, err)
	if len(rows) != len(readable)+1 {
		t.Errorf("%d rows can be read afterwards, want %d and the new one", len(rows), len(readable))
	}
	if first := rows[len(rows)-1].Sequence; first <= last.Row {
		t.Errorf("the new row has number %d, which was signed for", first)
	}
	proof, err := readOnly(t, dir).Prove(ctx, rows[len(rows)-1].Sequence, newest.Size, 0)
	if (err != nil) != test.before {
		t.Errorf("a proof of the new row: %v", err)
	} else if err == nil {
		key, err := ledger.NewVerifier(s.PublicKey())
		check(t, err)
		proof.Checkpoint = newest.Note
		if _, err := ledger.CheckProof(proof, key); err != nil {
			t.Errorf("the new row: %v", err)
		}
	}
	if torn {
		if v := verify(t, dir, checkpoints, ledger.VerifyOptions{}); len(v.Faults) != 0 || v.Rows != 2401 {
			t.Errorf("after the torn end was moved aside: %+v", v)
		}
		return
	}
	if !salvaged {
		return
	}
	for name, content := range before {
		if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(now) != string(content) {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
	if v := verify(t, dir, checkpoints, ledger.VerifyOptions{}); !strings.Contains(strings.Join(v.Faults, "\n"), "begins anew with row") {
		t.Errorf("verify does not tell of it: %q", v.Faults)
	}
	// It starts again, and says nothing new.
	l, err = Open(dir, Options{Now: clock, Least: newest.Size, LeastRow: newest.Row, still: true})
	check(t, err)
	if l.Lost() != 0 {
		t.Errorf("the next start says that %d rows are lost", l.Lost())
	}
	check(t, l.Close())
}

// A restored backup is whole in itself; only what was kept elsewhere shows it.
// The same holds for a history that was rewritten and signed anew.
func TestKeptCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	checkpoints, key := threeDays(t, dir)
	old := filepath.Join(t.TempDir(), "ledger")
	copyDir(t, dir, old)
	l := openLog(t, dir, Options{still: true})
	fill(t, l, 2400, 300)
	s := signer(t)
	kept := checkpoint(t, l, s)
	check(t, l.Close())
	other, err := ledger.NewVerifier(s.PublicKey())
	check(t, err)
	v := verify(t, old, nil, ledger.VerifyOptions{Kept: []ledger.Checkpoint{kept}, Verifier: other})
	if len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "an old copy of the ledger was restored") {
		t.Errorf("a restored backup: %q", v.Faults)
	}
	if v := verify(t, dir, nil, ledger.VerifyOptions{Kept: []ledger.Checkpoint{kept}, Verifier: other}); len(v.Faults) != 0 || v.Checkpoints != 1 {
		t.Errorf("the ledger itself: %+v", v)
	}
	// The thief of the key signs a forged history: all fits.
	forge(t, dir, rewrite(1000, func(row *ledger.Row) { row.Route = "/innocent" }))
	l = openLog(t, dir, Options{still: true})
	forged := checkpoint(t, l, s)
	check(t, l.Close())
	if v := verify(t, dir, []ledger.Checkpoint{forged}, ledger.VerifyOptions{Verifier: other}); len(v.Faults) != 0 {
		t.Errorf("the forged ledger in itself: %q", v.Faults)
	}
	v = verify(t, dir, []ledger.Checkpoint{forged}, ledger.VerifyOptions{Kept: []ledger.Checkpoint{kept}, Verifier: other})
	if len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "kept checkpoint") {
		t.Errorf("the forged ledger against a kept checkpoint: %q", v.Faults)
	}
	// A checkpoint of another key is none.
	v = verify(t, dir, checkpoints[:1], ledger.VerifyOptions{Verifier: other})
	if len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "signature") || v.Checkpoints != 0 {
		t.Errorf("checkpoints of another key: %q", v.Faults)
	}
	_ = key
}

// The days can be verified alone, without those before.
func TestVerifyRange(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	checkpoints, key := threeDays(t, dir)
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	opts := ledger.VerifyOptions{Verifier: key, Since: day, Until: day.Add(24 * time.Hour)}
	edit(t, dir, "000001-2026-03-01.seg", func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
	v := verify(t, dir, checkpoints, opts)
	if len(v.Faults) != 0 || v.First != 721 || v.Skipped != 1 || v.Checkpoints < 4 {
		t.Errorf("the second day: %+v", v)
	}
}

// The clock goes back by a week and later forward again: all rows stay, in the
// order in which they came.
func TestClockStep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{still: true})
	rows := ledgertest.Rows(0, 30)
	for i := range rows {
		if i >= 10 && i < 20 {
			rows[i].Time = rows[i].Time.Add(-7 * 24 * time.Hour)
		}
	}
	for at := 0; at < 30; at += 10 {
		check(t, l.Append(context.Background(), rows[at:at+10]))
	}
	packAll(t, l)
	got, err := rowsOf(t, l, ledger.Query{})
	check(t, err)
	if len(got) != 30 || got[29].Sequence != 30 {
		t.Errorf("%d rows, want 30 in order", len(got))
	}
	week, err := rowsOf(t, l, ledger.Query{Until: rows[0].Time})
	check(t, err)
	if len(week) != 10 || week[0].Sequence != 11 {
		t.Errorf("before the step: %d rows", len(week))
	}
	v := verify(t, dir, nil, ledger.VerifyOptions{})
	if len(v.Faults) != 0 || v.ClockSteps != 1 || v.Segments != 3 {
		t.Errorf("verify: %+v", v)
	}
}
