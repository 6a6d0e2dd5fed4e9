//go:build unix

package postgres

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/metrics/ledger/postgres/pgtest"
	"github.com/ordergate/ordergate/rules"
)

// told collects what a store tells.
type told struct {
	mu   sync.Mutex
	said []error
	news chan struct{}
}

func (l *told) hear(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, err)
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// until waits until the last that was said is a loss, or that it is over.
func (l *told) until(t *testing.T, lost bool) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		l.mu.Lock()
		n := len(l.said)
		reached := n > 0 && (l.said[n-1] != nil) == lost
		l.mu.Unlock()
		if reached {
			return
		}
		select {
		case <-l.news:
		case <-end:
			t.Fatalf("the store has not said that the database is lost: %v; it said %v", lost, l.said)
		}
	}
}

// A database that is gone costs nothing: rows go to the spool, and from there to
// the database when it is back, each once. Reports beside it say what they see.
func TestLostDatabase(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t)
	url, dir := database(t, server), t.TempDir()
	heard := &told{news: make(chan struct{}, 1)}
	store := open(t, dir, url, func(o *Options) { o.Told = heard.hear })
	check(t, store.Append(ctx, ledgertest.Rows(0, 100)))
	server.Kill(t)
	for i := 100; i < 200; i += 10 {
		check(t, store.Append(ctx, ledgertest.Rows(i, 10)))
	}
	check(t, store.Finish(ctx, []ledger.Outcome{{Exchange: ledgertest.Exchange(60), State: rules.Delivered}}))
	check(t, store.SaveIncident(ctx, rules.Incident{ID: "inc-1", Opened: time.Unix(1, 0).UTC(), Updated: time.Unix(1, 0).UTC()}))
	heard.until(t, true)
	if s := store.Status(); s.Lost == nil || s.Behind < 100*150 || s.Limit != defaultSpool {
		t.Errorf("while it is lost: %+v", s)
	}
	if _, err := store.Retain(ctx, time.Now()); err == nil || !strings.Contains(err.Error(), "retention waits") {
		t.Errorf("retention while it is lost: %v", err)
	}
	server.Run(t)
	heard.until(t, false)
	if s := store.Status(); s.Lost != nil || s.Behind != 0 {
		t.Errorf("after it came back: %+v", s)
	}
	a := archiveOf(t, url)
	rows := ledgertest.All(t, a2store{a}, ledger.Query{})
	if len(rows) != 200 || rows[120].State != rules.Delivered {
		t.Fatalf("%d rows, row 121 is %v", len(rows), rows[120].State)
	}
	incidents, err := a.Incidents(ctx)
	if err != nil || len(incidents) != 1 {
		t.Errorf("incidents: %v %v", incidents, err)
	}
	sound(t, a, 200)
}

// a2store makes an archive readable for the kit.
type a2store struct{ *Archive }

func (a2store) Append(context.Context, []rules.Disclosure) error    { return errors.ErrUnsupported }
func (a2store) Finish(context.Context, []ledger.Outcome) error      { return errors.ErrUnsupported }
func (a2store) SaveIncident(context.Context, rules.Incident) error  { return errors.ErrUnsupported }
func (a2store) SaveBindings(context.Context, []rules.Binding) error { return errors.ErrUnsupported }
func (a2store) Bindings(context.Context, time.Time) ([]rules.Binding, error) {
	return nil, errors.ErrUnsupported
}
func (a2store) Rekey(context.Context, string, ledger.Key) error { return errors.ErrUnsupported }
func (a2store) Mark(context.Context, ledger.Mark) error         { return errors.ErrUnsupported }
func (a2store) Head(context.Context) (ledger.Head, error) {
	return ledger.Head{}, errors.ErrUnsupported
}

func (a2store) SaveCheckpoint(context.Context, ledger.Checkpoint) error { return errors.ErrUnsupported }

func (a2store) Retain(context.Context, time.Time) (int64, error) { return 0, errors.ErrUnsupported }

// sound verifies the database.
func sound(t *testing.T, a *Archive, rows int64) {
	t.Helper()
	v, err := a.Verify(context.Background(), ledger.VerifyOptions{})
	if err != nil || len(v.Faults) != 0 || v.Rows != rows {
		t.Fatalf("verify: %v, %d rows, want %d: %q", err, v.Rows, rows, v.Faults)
	}
}

// A spool is bounded: when it is full rows are refused, nothing of them is kept,
// and when the database is back all is well.
func TestSpoolFull(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t)
	url := database(t, server)
	heard := &told{news: make(chan struct{}, 1)}
	store := open(t, t.TempDir(), url, func(o *Options) { o.Told, o.MaxSpool = heard.hear, 100_000 })
	check(t, store.Append(ctx, ledgertest.Rows(0, 10)))
	server.Kill(t)
	kept, refused := 10, false
	for ; kept < 3000 && !refused; kept += 10 {
		switch err := store.Append(ctx, ledgertest.Rows(kept, 10)); {
		case errors.Is(err, ErrSpoolFull):
			refused = true
			kept -= 10
		case err != nil:
			t.Fatal(err)
		}
	}
	if !refused || kept < 300 || kept > 1000 {
		t.Fatalf("refused %v after %d rows in 100,000 bytes", refused, kept)
	}
	server.Run(t)
	heard.until(t, false)
	check(t, store.Append(ctx, ledgertest.Rows(kept, 10)))
	sound(t, archiveOf(t, url), int64(kept+10))
}

// What the database had does not count into the spool when it is slow later: only
// what waits for it does.
func TestSlowDatabase(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t)
	url := database(t, server)
	heard := &told{news: make(chan struct{}, 1)}
	store := open(t, t.TempDir(), url, func(o *Options) {
		o.Told, o.MaxSpool, o.Patience = heard.hear, 100_000, 500*time.Millisecond
	})
	rows := 0
	for ; rows < 1000; rows += 100 { // more than the spool holds
		check(t, store.Append(ctx, ledgertest.Rows(rows, 100)))
		for store.flush(ctx) != nil { // a machine that is busy itself takes longer than the patience
			heard.until(t, false)
		}
	}
	holder, err := pgx.Connect(ctx, url)
	check(t, err)
	defer func() { _ = holder.Close(ctx) }()
	hold, err := holder.Begin(ctx)
	check(t, err)
	_, err = hold.Exec(ctx, "LOCK TABLE ordergate_block IN ACCESS EXCLUSIVE MODE")
	check(t, err)
	for ; rows < 1050; rows += 10 {
		check(t, store.Append(ctx, ledgertest.Rows(rows, 10)))
	}
	if s := store.Status(); s.Lost == nil || s.Behind > 50*400 {
		t.Errorf("with 50 rows that wait: %+v", s)
	}
	heard.until(t, true)
	check(t, hold.Rollback(ctx))
	heard.until(t, false)
	sound(t, archiveOf(t, url), int64(rows))
}

// A gateway starts without its database, and knows nothing of it that it did not
// know before; what it writes gets there later. One that is started with a
// wrong address says so.
func TestStartWithoutDatabase(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t)
	url, dir := database(t, server), t.TempDir()
	first := open(t, dir, url)
	check(t, first.Append(ctx, ledgertest.Rows(0, 10)))
	check(t, first.Close())
	server.Kill(t)
	heard := &told{news: make(chan struct{}, 1)}
	second := open(t, dir, url, func(o *Options) { o.Told = heard.hear })
	if w := strings.Join(second.Warnings(), "\n"); !strings.Contains(w, "cannot be reached") {
		t.Errorf("it warns of %q", w)
	}
	check(t, second.Append(ctx, ledgertest.Rows(10, 10)))
	check(t, second.Close())
	server.Run(t)
	third := open(t, dir, url)
	check(t, third.Append(ctx, ledgertest.Rows(20, 10)))
	sound(t, archiveOf(t, url), 30)
	for name, test := range map[string]struct{ url, says string }{
		"no database":  {server.URL("nowhere"), "createdb"},
		"no user":      {strings.Replace(url, "ordergate@", "nobody@", 1), "user that may log in"},
		"no address":   {"postgres://host:port:port/", "write postgres://"},
		"no privilege": {locked(t, url), "GRANT CREATE"},
	} {
		dir := t.TempDir()
		_, err := Open(ctx, dir, Options{URL: test.url, Node: node(t, dir)})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// locked is the address of a database for a user who may do nothing in it.
func locked(t *testing.T, url string) string {
	execute(t, url, "CREATE ROLE weak LOGIN", "CREATE DATABASE closed")
	return strings.Replace(replaceName(url, "closed"), "ordergate@", "weak@", 1)
}

func replaceName(url, name string) string {
	from := strings.Index(url, "@/") + 2
	to := strings.Index(url, "?")
	return url[:from] + name + url[to:]
}

// An old copy of data_dir goes on where the database ends; two gateways with one
// data_dir are told apart.
func TestOldCopy(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Start(t)
	url, dir, old := database(t, server), t.TempDir(), t.TempDir()
	store := open(t, dir, url)
	check(t, store.Append(ctx, ledgertest.Rows(0, 10)))
	check(t, store.Close())
	check(t, os.CopyFS(filepath.Join(old, "copy"), os.DirFS(dir)))
	for _, key := range []string{ledger.SignerFile} {
		check(t, os.Chmod(filepath.Join(old, "copy", key), 0o600))
	}
	store = open(t, dir, url)
	check(t, store.Append(ctx, ledgertest.Rows(10, 10)))
	_, err := Open(ctx, filepath.Join(old, "copy"), Options{URL: url, Node: node(t, dir)})
	if !errors.Is(err, ErrTaken) {
		t.Fatalf("beside the gateway itself: %v, want ErrTaken", err)
	}
	check(t, store.Close())
	again := open(t, filepath.Join(old, "copy"), url)
	if w := strings.Join(again.Warnings(), "\n"); !strings.Contains(w, "an old copy") {
		t.Errorf("it warns of %q", w)
	}
	check(t, again.Append(ctx, ledgertest.Rows(20, 10)))
	sound(t, archiveOf(t, url), 30)
	rows := ledgertest.All(t, a2store{archiveOf(t, url)}, ledger.Query{})
	if len(rows) != 30 || rows[29].Sequence != 30 {
		t.Errorf("%d rows", len(rows))
	}
}

// The server may still be at the last statement of a gateway that was killed when
// the next one comes: that one waits for it.
func TestLateGoodbye(t *testing.T) {
	ctx := context.Background()
	url, dir := database(t, pgtest.Start(t)), t.TempDir()
	check(t, open(t, dir, url).Close())
	late, err := pgx.Connect(ctx, url)
	check(t, err)
	var free bool
	check(t, late.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, id) FROM ordergate_node", lockNode).Scan(&free))
	if !free {
		t.Fatal("the node's lock is held without a gateway")
	}
	opened := make(chan error, 1)
	go func() {
		store, err := Open(ctx, dir, Options{URL: url, Node: node(t, dir)})
		if err == nil {
			err = store.Close()
		}
		opened <- err
	}()
	for waits := 0; waits == 0; {
		select {
		case err := <-opened:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		check(t, late.QueryRow(ctx, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waits))
	}
	check(t, late.Close(ctx))
	if err := <-opened; err != nil {
		t.Errorf("after the goodbye: %v", err)
	}
}

// childURL names, in the environment, the database of the child of TestKill.
const childURL = "ORDERGATE_POSTGRES_CHILD_URL"

// childRuns makes this process the child of TestKill, if it is.
func childRuns() bool {
	return ledgertest.ChildRuns(func(dir string) (ledger.Store, error) {
		signer, err := ledger.LoadOrCreateSigner(dir)
		if err != nil {
			return nil, err
		}
		return Open(context.Background(), dir, Options{
			URL: os.Getenv(childURL), Node: Node{Name: signer.Name(), PublicKey: signer.PublicKey(), Key: "child"},
		})
	})
}

// kills is how many times TestKill kills.
var kills = flag.Int("kills", 3, "how many times TestKill kills gateway and server")

// killsEach is how many rounds a ledger lives in TestKill, so that looking at all
// of it after each does not take ever longer.
const killsEach = 10

// Server and gateway are killed at any moment, the server in the middle of
// commits, the gateway while it is lost and after it came back: nothing that was
// acknowledged is missing in the database, and nothing is there twice.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	server := pgtest.Start(t)
	var v killing
	for round := range *kills {
		if round%killsEach == 0 {
			v = killing{url: database(t, server), dir: t.TempDir()}
		}
		v.round(t, server, round)
	}
}

// killing is a ledger whose gateway and server are killed.
type killing struct {
	ledgertest.Killed
	url, dir string
}

func (k *killing) round(t *testing.T, server *pgtest.Server, round int) {
	dir, url := k.dir, k.url
	k.Live(t, dir, round*100_000, func(told int, kill func()) {
		switch told {
		case 200 + round*37%300:
			server.Kill(t)
		case 700 + round*91%300:
			if round%3 > 0 {
				server.Run(t)
			}
		case 1500 + round*53%500:
			kill()
		}
	}, childURL+"="+url)
	if round%3 == 0 {
		server.Run(t)
	}
	// The next gateway ships what the last one left in the spool.
	store := open(t, dir, url)
	k.Check(t, store)
	check(t, store.Close())
	a, err := OpenReadOnly(context.Background(), url)
	check(t, err)
	v, err := a.Verify(context.Background(), ledger.VerifyOptions{})
	if err != nil || len(v.Faults) != 0 {
		t.Fatalf("round %d: verify: %v %q", round, err, v.Faults)
	}
	check(t, a.Close())
}
