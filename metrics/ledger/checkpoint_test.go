package ledger_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// treeOf is the tree over n small entries.
func treeOf(n int) (tree ledger.Tree) {
	for i := range n {
		tree.Append([]byte{byte(i), byte(i >> 8)}, nil)
	}
	return tree
}

// The tree is that of the library, for every size.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n := range 300 {
		want, err := tlog.TreeHash(int64(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		tree := treeOf(n)
		if tree.Root() != want && n > 0 || tree.Size() != int64(n) {
			t.Fatalf("tree of %d entries: root %v, want %v", n, tree.Root(), want)
		}
		if again, ok := ledger.TreeAt(tree.Size(), tree.Edge()); !ok || again.Root() != tree.Root() {
			t.Fatalf("tree of %d entries from its edge: %v", n, again)
		}
		places := ledger.EdgePlaces(tree.Size())
		for i, at := range places {
			if at.First() < 0 || i > 0 && at.First() != places[i-1].End() {
				t.Fatalf("tree of %d entries: edge at %v", n, places)
			}
		}
		hashes, err := tlog.StoredHashes(int64(n), []byte{byte(n), byte(n >> 8)}, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	if _, ok := ledger.TreeAt(5, nil); ok {
		t.Error("a tree of 5 entries without hashes is one")
	}
}

func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	signer, err := ledger.LoadOrCreateSigner(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.LoadOrCreateSigner(dir)
	if err != nil || again.PublicKey() != signer.PublicKey() {
		t.Fatalf("a second start has key %v, %v", again, err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	c, err := signer.Sign(ledger.Head{Tree: treeOf(7), Row: 6}, now)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ledger.ReadCheckpoint(c.Note)
	if err != nil || read != c || c.Size != 7 || c.Row != 5 {
		t.Errorf("checkpoint %+v comes back as %+v, %v", c, read, err)
	}
	verifier, err := ledger.NewVerifier(signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Check(&read); err != nil {
		t.Error(err)
	}
	for _, change := range []struct{ from, to string }{{"\n7\n", "\n8\n"}, {"row 5", "row 6"}, {"12:00", "13:00"}, {"ordergate-", "ordergate_"}} {
		forged, err := ledger.ReadCheckpoint(strings.Replace(c.Note, change.from, change.to, 1))
		if err == nil {
			err = verifier.Check(&forged)
		}
		if err == nil {
			t.Errorf("%q instead of %q was not found", change.to, change.from)
		}
	}
	// What a file of checkpoints holds, however they are apart.
	for _, between := range []string{"", "\n", "\n\n"} {
		several, err := ledger.ReadCheckpoints([]byte(c.Note + between + c.Note + between))
		if err != nil || len(several) != 2 || verifier.Check(&several[0]) != nil || verifier.Check(&several[1]) != nil {
			t.Errorf("two checkpoints %q apart: %v %v", between, several, err)
		}
	}
}

func TestSignerRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(t *testing.T, dir string) error
		want string
	}{
		"others may read it": {func(_ *testing.T, dir string) error { return os.Chmod(filepath.Join(dir, ledger.SignerFile), 0o644) }, "chmod 600"},
		"damaged": {func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, ledger.SignerFile), []byte("PRIVATE+KEY+x\n"), 0o600)
		}, "is damaged"},
		"missing": {func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, ledger.SignerFile)) }, "is missing beside its public key"},
		"another public": {func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, ledger.PublicKeyFile), []byte("x\n"), 0o600)
		}, "add that line"},
	} {
		dir := t.TempDir()
		if _, err := ledger.LoadOrCreateSigner(dir); err != nil {
			t.Fatal(err)
		}
		if err := test.do(t, dir); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.LoadOrCreateSigner(dir); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A new key beside an old ledger would make its rows unusable without a word.
func TestMissingKey(t *testing.T) {
	for _, name := range []string{"ledger.db", "ledger"} {
		dir := t.TempDir()
		key, err := ledger.LoadOrCreateKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, ledger.KeyFile)
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o700), os.Rename(path, path+".away")); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.LoadOrCreateKey(dir); err == nil || !strings.Contains(err.Error(), "restore it from a backup") || !strings.Contains(err.Error(), path) {
			t.Errorf("a missing key beside %s: %v", name, err)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if again, err := ledger.LoadOrCreateKey(dir); err != nil || again.ID != key.ID {
			t.Errorf("the restored key: %v %v", again, err)
		}
	}
}

// book is what a notary needs of a store.
type book struct {
	mu    sync.Mutex
	size  int
	fails error
	kept  []ledger.Checkpoint
}

func (b *book) Head(context.Context) (ledger.Head, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return ledger.Head{Tree: treeOf(b.size), Row: int64(b.size) + 1}, b.fails
}

func (b *book) SaveCheckpoint(_ context.Context, c ledger.Checkpoint) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, c)
	return nil
}

func (b *book) grow(n int, fails error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size, b.fails = b.size+n, fails
}

// sink takes a checkpoint when it is let, and remembers its size.
type sink struct {
	name string
	let  chan error
	got  []int64
}

func (s *sink) Name() string { return s.name }

func (s *sink) Put(ctx context.Context, c ledger.Checkpoint) error {
	select {
	case err := <-s.let:
		s.got = append(s.got, c.Size)
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A checkpoint a minute while the ledger grows; a sink that hangs gets the
// newest when it is back, holds nobody up, and its failures are told.
func TestNotary(t *testing.T) {
	signer, err := ledger.LoadOrCreateSigner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := make(map[string]int)
		store := &book{size: 3}
		quick, slow := &sink{name: "log", let: make(chan error, 100)}, &sink{name: "http", let: make(chan error, 10)}
		for range 100 {
			quick.let <- nil
		}
		n := ledger.NewNotary(store, signer, ledger.NotaryOptions{
			Sinks: []ledger.Sink{quick, slow}, Patience: 150 * time.Second,
			Told: func(place string, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					place += " failed"
				}
				told[place]++
			},
		})
		for range 5 { // the slow sink holds the first all that time
			<-time.After(time.Minute + time.Second)
			store.grow(10, nil)
			synctest.Wait()
		}
		slow.let <- nil // for what it holds; then it hangs again
		synctest.Wait()
		store.grow(1, errors.New("disk"))
		<-time.After(time.Minute)
		store.grow(1, nil)
		for range 3 {
			slow.let <- errors.New("503")
		}
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(store.kept) != 6 || store.kept[5].Size != 55 || len(quick.got) != 6 {
			t.Errorf("kept %d checkpoints, the quick sink got %v", len(store.kept), quick.got)
		}
		if n := len(slow.got); n == 0 || n > 4 || slow.got[n-1] != 55 || told["http failed"] < 2 || told["store failed"] != 1 {
			t.Errorf("the slow sink got %v; told %v", slow.got, told)
		}
	})
}

func TestNotaryGivesUp(t *testing.T) {
	signer, err := ledger.LoadOrCreateSigner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := ledger.NewNotary(&book{size: 1}, signer, ledger.NotaryOptions{Sinks: []ledger.Sink{&sink{name: "http"}}})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := n.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close with a sink that hangs: %v", err)
		}
	})
}

func TestSinks(t *testing.T) {
	ctx := context.Background()
	c := ledger.Checkpoint{Size: 1, Note: "a note\n"}
	path := filepath.Join(t.TempDir(), "checkpoints.txt")
	file := ledger.FileSink(path)
	for range 2 {
		if err := file.Put(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "a note\n\na note\n\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if err := ledger.FileSink(t.TempDir()).Put(ctx, c); err == nil || !strings.Contains(err.Error(), "ledger.checkpoints.file") {
		t.Errorf("a folder for a file: %v", err)
	}
	status, got := http.StatusNoContent, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		w.WriteHeader(status)
	}))
	defer server.Close()
	post := ledger.HTTPSink(server.URL)
	if err := post.Put(ctx, c); err != nil || got != "POST text/plain; charset=utf-8 a note\n" {
		t.Errorf("posted %q, %v", got, err)
	}
	for _, status = range []int{http.StatusFound, http.StatusInternalServerError} {
		if err := post.Put(ctx, c); err == nil || !strings.Contains(err.Error(), "want 2xx") {
			t.Errorf("status %d: %v", status, err)
		}
	}
}
