//go:build unix

package segment

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// disk is a folder on a disk that can fail, and that loses what was not synced
// when its power goes.
type disk struct {
	mu     sync.Mutex
	room   int   // bytes that still fit; negative: no end
	write  error // what writing returns
	sync   error // what Sync returns
	synced map[string][]byte
}

// medium is a file on such a disk.
type medium struct {
	writable
	disk *disk
	path string
}

func (d *disk) create(path string) (writable, error) {
	if d.write != nil {
		return nil, d.write
	}
	file, err := openFile(path)
	return &medium{file, d, path}, err
}

func (m *medium) WriteAt(b []byte, at int64) (int, error) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if m.disk.write != nil {
		return 0, m.disk.write
	}
	if room := m.disk.room; room >= 0 && len(b) > room {
		n, err := m.writable.WriteAt(b[:room], at)
		m.disk.room = 0
		return n, errors.Join(err, &os.PathError{Op: "write", Path: m.path, Err: unix.ENOSPC})
	} else if room >= 0 {
		m.disk.room -= len(b)
	}
	return m.writable.WriteAt(b, at)
}

func (m *medium) Sync() error {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if m.disk.sync != nil {
		return m.disk.sync
	}
	content, err := os.ReadFile(m.path)
	if m.disk.synced != nil {
		m.disk.synced[strings.TrimSuffix(m.path, packedSuffix)] = content
	}
	return errors.Join(err, m.writable.Sync())
}

// A full disk, one that cannot be written, and one that cannot sync fail the
// batch, keep nothing of it, say what to do, and are over when it is over.
func TestFailingDisk(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		fail func(*disk)
		says string
	}{
		"full":       {func(d *disk) { d.room = 100 }, "free space"},
		"read-only":  {func(d *disk) { d.write = &os.PathError{Op: "write", Err: unix.EROFS} }, "mounted for writing"},
		"sync fails": {func(d *disk) { d.sync = &os.PathError{Op: "sync", Err: unix.EIO} }, "look at the disk"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &disk{room: -1}
			dir := filepath.Join(t.TempDir(), "ledger")
			l := openLog(t, dir, Options{create: d.create, still: true})
			fill(t, l, 0, 120)
			test.fail(d)
			for range 3 {
				err := l.Append(ctx, ledgertest.Rows(120, 60))
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("Append: %v, want %q", err, test.says)
				}
			}
			if rows, err := rowsOf(t, l, ledger.Query{}); err != nil || len(rows) != 120 {
				t.Errorf("meanwhile %d rows can be read, %v", len(rows), err)
			}
			d.room, d.write, d.sync = -1, nil, nil
			fill(t, l, 120, 120)
			check(t, l.Close())
			v := verify(t, dir, nil, ledger.VerifyOptions{})
			if len(v.Faults) != 0 || v.Rows != 240 {
				t.Errorf("afterwards: %+v", v)
			}
		})
	}
}

// The power goes at any moment, and takes all that was not synced, or all but
// a part of it: no acknowledged row is missing, and the ledger opens.
func TestPowerCut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test's seed
	dir := filepath.Join(t.TempDir(), "ledger")
	acknowledged, torn := 0, 0
	lives := 200
	if testing.Short() {
		lives = 50
	}
	for life := range lives {
		d := &disk{room: -1, synced: make(map[string][]byte)}
		l := openLog(t, dir, Options{create: d.create, still: true})
		if len(l.Warnings()) > 0 {
			torn++
		}
		rows, err := rowsOf(t, l, ledger.Query{})
		if err != nil || len(rows) < acknowledged {
			t.Fatalf("life %d: %d rows of %d acknowledged, %v", life, len(rows), acknowledged, err)
		}
		acknowledged = len(rows)
		for range random.IntN(5) {
			n := 1 + random.IntN(40)
			check(t, l.Append(context.Background(), ledgertest.Rows(acknowledged, n)))
			acknowledged += n
			check(t, l.Finish(context.Background(), []ledger.Outcome{{Exchange: ledgertest.Exchange((acknowledged - 1) / 2), State: rules.Delivered}}))
		}
		if random.IntN(2) == 0 { // in the middle of a write
			d.sync = errors.New("power gone")
			_ = l.Append(context.Background(), ledgertest.Rows(acknowledged, 1+random.IntN(40)))
		}
		powerOff(t, l, d, dir, random)
	}
	if torn == 0 {
		t.Error("no life found a torn end: the test does not do what it says")
	}
	if v := verify(t, dir, nil, ledger.VerifyOptions{}); len(v.Faults) > 1 {
		t.Errorf("at the end: %+v", v)
	}
	t.Logf("%d rows in %d lives, %d torn ends", acknowledged, lives, torn)
}

// powerOff ends a log without its knowing, and leaves of each file what was
// synced and perhaps some of what was not.
func powerOff(t *testing.T, l *Log, d *disk, dir string, random *rand.Rand) {
	t.Helper()
	l.mu.Lock()
	l.closed = true
	if l.file != nil {
		check(t, l.file.Close())
	}
	l.mu.Unlock()
	close(l.stop)
	l.running.Wait()
	for _, name := range names(t, dir) {
		path := filepath.Join(dir, name)
		synced, ok := d.synced[path]
		if !ok {
			continue
		}
		content, err := os.ReadFile(path)
		check(t, err)
		if len(content) > len(synced) {
			kept := content[:len(synced)+random.IntN(len(content)-len(synced)+1)]
			if random.IntN(2) == 0 { // the length reached the disk, the content did not
				clear(kept[len(synced):])
			}
			content = kept
		}
		check(t, os.WriteFile(path, content, 0o600))
	}
}

// What happens while the log is read, packed, and retained does not disturb
// who reads it.
func TestReadersBesidePacking(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{})
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				next := int64(0)
				for row, err := range l.Disclosures(context.Background(), ledger.Query{}) {
					if errors.Is(err, errDeleted) {
						break
					}
					if err != nil || next != 0 && row.Sequence != next {
						t.Errorf("row %d, want %d: %v", row.Sequence, next, err)
						return
					}
					next = row.Sequence + 1
				}
			}
		})
	}
	for at := 0; at < 12_000; at += 600 {
		fill(t, l, at, 600)
		if at%3000 == 2400 {
			_, err := l.Retain(context.Background(), ledgertest.Rows(at-1500, 1)[0].Time)
			check(t, err)
		}
	}
	close(stop)
	readers.Wait()
	check(t, l.Close())
	if v := verify(t, dir, nil, ledger.VerifyOptions{}); len(v.Faults) != 0 {
		t.Errorf("afterwards: %q", v.Faults)
	}
}

// With relaxed durability the power takes what was not synced, and not more than
// was promised; what is left is whole and goes on.
func TestPowerCutRelaxed(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test's seed
	dir := filepath.Join(t.TempDir(), "ledger")
	ctx := context.Background()
	kept, worst := 0, 0
	lives := 40
	if testing.Short() {
		lives = 10
	}
	for life := range lives {
		d := &disk{room: -1, synced: make(map[string][]byte)}
		l := openLog(t, dir, Options{create: d.create, still: true, Relaxed: true})
		rows, err := rowsOf(t, l, ledger.Query{})
		if err != nil || len(rows) < kept {
			t.Fatalf("life %d: %d rows, %d were synced, %v", life, len(rows), kept, err)
		}
		acknowledged := len(rows)
		for range 1 + random.IntN(6) {
			n := 1 + random.IntN(4000)
			check(t, l.Append(ctx, ledgertest.Rows(acknowledged, n)))
			acknowledged += n
		}
		if random.IntN(3) == 0 { // what the syncer does
			_, err := l.Durable(ctx)
			check(t, err)
		}
		l.mu.Lock()
		kept = int(l.durable.row) - 1
		l.mu.Unlock()
		if lost := acknowledged - kept; lost > RelaxedRows+4000 {
			t.Fatalf("life %d: %d acknowledged rows are not durable, more than %d and a batch", life, lost, RelaxedRows)
		} else {
			worst = max(worst, lost)
		}
		powerOff(t, l, d, dir, random)
	}
	if worst == 0 {
		t.Error("nothing was ever at risk: the test does not do what it says")
	}
	if v := verify(t, dir, nil, ledger.VerifyOptions{}); len(v.Faults) > 1 {
		t.Errorf("at the end: %q", v.Faults)
	}
}

// A sync that fails in a relaxed log loses acknowledged rows: a mark says how
// many, and outcomes of rows that are gone are not taken for those of others.
func TestRelaxedSyncFails(t *testing.T) {
	ctx := context.Background()
	d := &disk{room: -1}
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{create: d.create, still: true, Relaxed: true})
	check(t, l.Append(ctx, ledgertest.Rows(0, 10)))
	_, err := l.Durable(ctx)
	check(t, err)
	check(t, l.Append(ctx, ledgertest.Rows(10, 10)))
	d.mu.Lock()
	d.sync = &os.PathError{Op: "sync", Err: unix.EIO}
	d.mu.Unlock()
	if _, err := l.Durable(ctx); err == nil {
		t.Fatal("the disk did not fail")
	}
	d.mu.Lock()
	d.sync = nil
	d.mu.Unlock()
	check(t, l.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(5), State: rules.Withheld}}))
	check(t, l.Append(ctx, ledgertest.Rows(20, 10)))
	check(t, l.Close())
	rows, err := rowsOf(t, readOnly(t, dir), ledger.Query{})
	if err != nil || len(rows) != 20 || rows[10].State != rules.Unknown {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	marks, err := readOnly(t, dir).Marks(ctx)
	check(t, err)
	lost := int64(0)
	for _, m := range marks {
		if m.Kind == ledger.MarkUnrecorded {
			lost += m.Count
		}
	}
	if lost != 10 {
		t.Errorf("the marks tell of %d lost rows, want 10", lost)
	}
	if v := verify(t, dir, nil, ledger.VerifyOptions{}); len(v.Faults) > 0 {
		t.Errorf("verify: %q", v.Faults)
	}
}

// What a relaxed log has is durable after the time that it promises.
func TestRelaxedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, filepath.Join(t.TempDir(), "ledger"), Options{Relaxed: true})
		check(t, l.Append(context.Background(), ledgertest.Rows(0, 10)))
		if l.DurableSize() >= 10 {
			t.Error("it did not wait for the disk to be asked")
		}
		<-time.After(RelaxedTime + time.Millisecond)
		synctest.Wait()
		if size := l.DurableSize(); size < 10 {
			t.Errorf("after %v %d entries are durable, want 10 rows", RelaxedTime, size)
		}
		check(t, l.Close())
	})
}

// A slow disk: an append waits, nothing else does, and it is kept when the disk
// answers.
func TestSlowDisk(t *testing.T) {
	d := &disk{room: -1}
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openLog(t, dir, Options{create: d.create, still: true})
	fill(t, l, 0, 60)
	d.mu.Lock() // a sync waits for it
	done := make(chan error, 1)
	go func() { done <- l.Append(context.Background(), ledgertest.Rows(60, 60)) }()
	rows, err := rowsOf(t, readOnly(t, dir), ledger.Query{})
	if err != nil || len(rows) != 60 {
		t.Errorf("a report beside it: %d rows, %v", len(rows), err)
	}
	select {
	case err := <-done:
		t.Errorf("Append did not wait for the disk: %v", err)
	default:
	}
	d.mu.Unlock()
	check(t, <-done)
	check(t, l.Close())
}
