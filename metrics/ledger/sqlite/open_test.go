package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// ruins make a file in dir that Open must refuse, and return its path.
var ruins = map[string]struct {
	ruin func(t *testing.T, dir string) string
	want []string // what the error says
}{
	"a text file": {func(t *testing.T, dir string) string {
		path := filepath.Join(dir, File)
		writeFile(t, path, []byte(strings.Repeat("customers,orders\n", 1000)))
		return path
	}, []string{"is not a ledger", "move it away", "restore"}},
	"a damaged page": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(content[40*4096:], strings.Repeat("\xa5", 3*4096))
		writeFile(t, path, content)
		return path
	}, []string{"is damaged", "restore a backup"}},
	"a torn tail": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		if err := os.Truncate(path, 30*4096); err != nil {
			t.Fatal(err)
		}
		return path
	}, []string{"is damaged", "restore a backup"}},
	"another program's database": {func(t *testing.T, dir string) string {
		path := filepath.Join(dir, File)
		execute(t, path, "CREATE TABLE shop (id)")
		return path
	}, []string{"another program", "another data_dir"}},
	"a newer schema": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		execute(t, path, "PRAGMA user_version=99", "PRAGMA wal_checkpoint(TRUNCATE)")
		return path
	}, []string{"has schema 99, this program knows 1", "newer version"}},
}

// filled makes a ledger with rows and returns its path.
func filled(t *testing.T, dir string) string {
	t.Helper()
	store := open(t, dir)
	if err := errors.Join(store.Append(context.Background(), ledgertest.Rows(0, 3000)), store.Close()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, File)
}

// A start-up that cannot keep its promise refuses, names the place and the
// remedy, and leaves what it found as it was.
func TestOpenRefuses(t *testing.T) {
	for name, test := range ruins {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := test.ruin(t, dir)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			store, err := Open(context.Background(), dir, Options{})
			if err == nil {
				_ = store.Close()
				t.Fatal("Open returned no error")
			}
			for _, want := range append([]string{path}, test.want...) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the refused file was changed: %v", err)
			}
			// The lock is free again.
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			open(t, dir)
		})
	}
}

func TestOpenRefusesDirectory(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "occupied")
	writeFile(t, occupied, nil)
	dirs := map[string]string{"a file in its way": filepath.Join(occupied, "data")}
	if os.Getuid() > 0 {
		closed := filepath.Join(t.TempDir(), "closed")
		if err := os.Mkdir(closed, 0o500); err != nil {
			t.Fatal(err)
		}
		dirs["no permission"] = closed
	}
	for name, dir := range dirs {
		_, err := Open(context.Background(), dir, Options{})
		if err == nil || !strings.Contains(err.Error(), "data_dir") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v does not name data_dir %s", name, err, dir)
		}
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := Open(context.Background(), dir, Options{})
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("a second writer got %v, want ErrLocked", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "new", "data dir?a=b#c%41")
	store := open(t, dir)
	if err := store.Append(context.Background(), ledgertest.Rows(0, 2)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data_dir: %v %v, want 0700", info.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want 0600", file.Name(), info.Mode(), err)
		}
	}
	if len(files) != 4 { // database, journal, its index, lock
		t.Errorf("files: %v", files)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	if _, err := OpenReadOnly(ctx, dir); err == nil || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("without a ledger: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("a report made files: %v", files)
	}
	writer := open(t, dir)
	if err := writer.Append(ctx, ledgertest.Rows(0, 10)); err != nil {
		t.Fatal(err)
	}
	reader := open2(t, dir)
	if n := len(ledgertest.All(t, reader, ledger.Query{})); n != 10 {
		t.Errorf("beside the writer: %d rows, want 10", n)
	}
	if err := writer.Append(ctx, ledgertest.Rows(10, 10)); err != nil {
		t.Fatal(err)
	}
	if n := len(ledgertest.All(t, reader, ledger.Query{})); n != 20 {
		t.Errorf("after more was written: %d rows, want 20", n)
	}
	_, retained := reader.Retain(ctx, ledgertest.Rows(5, 1)[0].Time)
	for name, err := range map[string]error{
		"Append":       reader.Append(ctx, ledgertest.Rows(0, 1)),
		"Finish":       reader.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(0), State: rules.Delivered}}),
		"SaveIncident": reader.SaveIncident(ctx, rules.Incident{ID: "inc-1"}),
		"SaveBindings": reader.SaveBindings(ctx, []rules.Binding{{Session: ledgertest.Digest(1)}}),
		"Retain":       retained,
	} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s: %v, want errReadOnly", name, err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(ledgertest.All(t, reader, ledger.Query{})); n != 20 {
		t.Errorf("after the writer ended: %d rows, want 20", n)
	}
}

// A full disk fails the batch, keeps nothing of it, and is over when there is
// room again.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	store := open(t, t.TempDir())
	if err := store.Append(ctx, ledgertest.Rows(0, 10)); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		store.mu.Lock()
		defer store.mu.Unlock()
		w, err := store.ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.conn.ExecContext(ctx, "PRAGMA max_page_count="+numbers([]uint8{uint8(pages)})); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
	}
	limit(20)
	err := store.Append(ctx, ledgertest.Rows(10, 2000))
	if err == nil || !strings.Contains(err.Error(), "free space") {
		t.Fatalf("with a full disk: %v", err)
	}
	// The failed writer is gone and with it the limit: there is room again.
	if err := store.Append(ctx, ledgertest.Rows(10, 2000)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if n := len(ledgertest.All(t, store, ledger.Query{})); n != 2010 {
		t.Errorf("%d rows, want 2010", n)
	}
}

// However a turn with outcomes ends, the next Append waits for the disk.
func TestAppendIsSynchronous(t *testing.T) {
	ctx := context.Background()
	store := open(t, t.TempDir())
	for i := range 3 {
		if err := store.Append(ctx, ledgertest.Rows(i*2, 2)); err != nil {
			t.Fatal(err)
		}
		if err := store.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(i), State: rules.Delivered}}); err != nil {
			t.Fatal(err)
		}
		store.mu.Lock()
		w, err := store.ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var synchronous int
		var journal string
		err = errors.Join(w.conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous),
			w.conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal))
		if err != nil || synchronous != 2 || journal != "wal" {
			t.Errorf("synchronous %d, journal %s, %v: want 2 (FULL), wal", synchronous, journal, err)
		}
		if i == 1 {
			store.drop()
		}
		store.mu.Unlock()
	}
}

func TestVerify(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	store := open(t, dir)
	rows := ledgertest.Rows(0, 3000)
	rows[7].State = rules.Withheld
	if err := store.Append(ctx, rows); err != nil {
		t.Fatal(err)
	}
	report, err := store.Verify(ctx)
	if err != nil || len(report.Faults) != 0 || report.Rows != 3000 || report.States["withheld"] != 1 || report.States["unknown"] != 2999 {
		t.Errorf("a whole ledger: %+v %v", report, err)
	}
	if _, err := store.Retain(ctx, rows[100].Time); err != nil {
		t.Fatal(err)
	}
	report, err = store.Verify(ctx)
	if err != nil || len(report.Faults) != 0 || report.First != 101 || report.Deleted != 100 {
		t.Errorf("after retention: %+v %v", report, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, filepath.Join(dir, File), "DELETE FROM disclosure WHERE sequence IN (101, 500, 501)",
		"UPDATE disclosure SET ownership = 9 WHERE sequence = 600")
	report, err = open2(t, dir).Verify(ctx)
	want := []string{"rows 101 to 101 are missing", "rows 500 to 501 are missing", "row 600: disclosure with ownership 9: want one of [foreign own unlinked]"}
	if err != nil || strings.Join(report.Faults, "\n") != strings.Join(want, "\n") {
		t.Errorf("after tampering: %q %v, want %q", report.Faults, err, want)
	}
}
