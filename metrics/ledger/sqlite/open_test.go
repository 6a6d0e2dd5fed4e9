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
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
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
		copy(content[4*4096:], strings.Repeat("\xa5", 3*4096))
		writeFile(t, path, content)
		return path
	}, []string{"is damaged", "restore a backup"}},
	"a torn tail": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		if err := os.Truncate(path, 5*4096); err != nil {
			t.Fatal(err)
		}
		return path
	}, []string{"is damaged", "restore a backup"}},
	"rows in the database": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		execute(t, path, "PRAGMA user_version=1", "PRAGMA wal_checkpoint(TRUNCATE)")
		return path
	}, []string{"has schema 1", "another data_dir"}},
	"another program's database": {func(t *testing.T, dir string) string {
		path := filepath.Join(dir, File)
		execute(t, path, "CREATE TABLE shop (id)")
		return path
	}, []string{"another program", "another data_dir"}},
	"a newer schema": {func(t *testing.T, dir string) string {
		path := filled(t, dir)
		execute(t, path, "PRAGMA user_version=99", "PRAGMA wal_checkpoint(TRUNCATE)")
		return path
	}, []string{"has schema 99, this program knows 2", "newer version"}},
}

// filled makes a ledger with rows and incidents and returns its path.
func filled(t *testing.T, dir string) string {
	t.Helper()
	store := open(t, dir)
	bindings := make([]rules.Binding, 3000)
	for i := range bindings {
		bindings[i] = rules.Binding{Session: ledgertest.Digest(i), Seen: time.Unix(int64(i), 0)}
	}
	ctx := context.Background()
	if err := errors.Join(store.Append(ctx, ledgertest.Rows(0, 3000)), store.SaveBindings(ctx, bindings), store.Close()); err != nil {
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
			if err := errors.Join(os.Remove(path), os.RemoveAll(filepath.Join(dir, Segments))); err != nil {
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
		want := os.FileMode(0o600)
		if file.IsDir() {
			want = 0o700
		}
		if info, err := file.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", file.Name(), info.Mode(), err, want)
		}
	}
	if len(files) != 5 { // database, journal, its index, lock, folder of segments
		t.Errorf("files: %v", files)
	}
	segments, err := os.ReadDir(filepath.Join(dir, Segments))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments: %v %v", segments, err)
	}
	if info, err := segments[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v %v, want 0600", info.Name(), info.Mode(), err)
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
		if !errors.Is(err, segment.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(ledgertest.All(t, reader, ledger.Query{})); n != 20 {
		t.Errorf("after the writer ended: %d rows, want 20", n)
	}
}
