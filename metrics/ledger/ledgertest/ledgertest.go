// Package ledgertest is the conformance suite that every ledger store passes:
// a store's own test calls [Test] with a way to open it. Nothing of it runs
// outside tests.
//
// The suite writes through the store's methods, closes it, opens it again, and
// compares what comes back. It checks what the reports and the gate rely on:
// order and numbering, outcomes, filters, retention and legal hold, and that
// readers and the writer do not disturb each other.
package ledgertest

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Test runs the suite. open returns the same store's content at every call
// within one subtest t, and an empty store for every new subtest; the suite
// closes what it opens.
func Test(t *testing.T, open func(t *testing.T) ledger.Store) {
	for name, test := range map[string]func(t *testing.T, open func(t *testing.T) ledger.Store){
		"rows come back":               rowsComeBack,
		"the first outcome counts":     firstOutcomeCounts,
		"outcomes of an earlier life":  outcomesOfEarlierLife,
		"queries select":               queriesSelect,
		"another key from a row on":    anotherKey,
		"keys of tenants":              tenantKeys,
		"a scan can be left":           scanCanBeLeft,
		"all rows or none":             allOrNone,
		"retention keeps a suffix":     retentionKeepsSuffix,
		"an open incident is a hold":   incidentIsHold,
		"incidents come back":          incidentsComeBack,
		"the tree grows":               treeGrows,
		"bindings come back":           bindingsComeBack,
		"readers beside the writer":    readersBesideWriter,
		"an ended context is an error": endedContext,
		"a closed store says so":       closedStore,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// plain drops what the store adds.
func plain(rows []ledger.Row) []rules.Disclosure {
	out := make([]rules.Disclosure, len(rows))
	for i, row := range rows {
		out[i] = row.Disclosure
	}
	return out
}

func numbers(rows []ledger.Row) []int64 {
	out := []int64{}
	for _, row := range rows {
		out = append(out, row.Sequence)
	}
	return out
}

func rowsComeBack(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	rows := Rows(0, 9)
	rows[8] = rules.Disclosure{ // an attempted one has no record, a stranger no keys
		Time: rows[8].Time, Exchange: Exchange(99), State: rules.Attempted, Route: "", Config: "",
	}
	rows[7].Principal = rules.Principal{IP: Digest(7)}
	rows[6].Record.Identifiers = rows[6].Record.Identifiers[:1]
	rows[5].State = rules.Withheld
	if got := All(t, store, ledger.Query{}); len(got) != 0 {
		t.Errorf("an empty store has %d rows", len(got))
	}
	must(t, store.Append(ctx, nil))
	must(t, store.Append(ctx, rows[:3]))
	must(t, store.Append(ctx, rows[3:7]))
	must(t, store.Close())
	store = open(t)
	must(t, store.Append(ctx, rows[7:]))
	must(t, store.Close())
	store = open(t)
	got := All(t, store, ledger.Query{})
	equal(t, "rows", plain(got), rows)
	equal(t, "sequences", numbers(got), []int64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	must(t, store.Close())
}

func states(rows []ledger.Row) (out []rules.State) {
	for _, row := range rows {
		out = append(out, row.State)
	}
	return out
}

func firstOutcomeCounts(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	rows := Rows(0, 6)
	rows[1].State = rules.Withheld // its own state, whatever becomes of the exchange
	must(t, store.Append(ctx, rows[:5]))
	must(t, store.Finish(ctx, nil))
	must(t, store.Finish(ctx, []ledger.Outcome{
		{Exchange: Exchange(0), State: rules.Delivered},
		{Exchange: Exchange(0), State: rules.Withheld},
		{Exchange: Exchange(1), State: rules.Withheld},
		{Exchange: Exchange(77), State: rules.Delivered}, // without rows
	}))
	must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(1), State: rules.Delivered}, {Exchange: Exchange(2), State: rules.Unknown}}))
	// A part of exchange 2 comes later; its outcome is for both parts.
	must(t, store.Append(ctx, rows[5:]))
	must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(2), State: rules.Delivered}}))
	must(t, store.Append(ctx, Rows(6, 1)))
	must(t, store.Close())
	store = open(t)
	want := []rules.State{
		rules.Delivered, rules.Withheld, rules.Withheld, rules.Withheld, rules.Delivered, rules.Delivered, rules.Unknown,
	}
	equal(t, "states", states(All(t, store, ledger.Query{})), want)
	equal(t, "delivered", numbers(All(t, store, ledger.Query{States: []rules.State{rules.Delivered}})), []int64{1, 5, 6})
	equal(t, "unknown or withheld", numbers(All(t, store, ledger.Query{States: []rules.State{rules.Unknown, rules.Withheld}})), []int64{2, 3, 4, 7})
	equal(t, "no state", numbers(All(t, store, ledger.Query{States: []rules.State{}})), []int64{})
	must(t, store.Close())
}

func outcomesOfEarlierLife(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	must(t, store.Append(ctx, Rows(0, 2)))
	must(t, store.Close())
	store = open(t)
	must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(0), State: rules.Delivered}}))
	equal(t, "states", states(All(t, store, ledger.Query{})), []rules.State{rules.Unknown, rules.Unknown})
	must(t, store.Close())
}

func queriesSelect(t *testing.T, open func(t *testing.T) ledger.Store) {
	store := open(t)
	rows := Rows(0, 24)
	rows[3].Time = start.Add(-time.Hour) // the clock stepped
	must(t, store.Append(context.Background(), rows))
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	for name, test := range map[string]struct {
		query ledger.Query
		want  []int64
	}{
		"since is included":   {ledger.Query{Since: at(22)}, []int64{23, 24}},
		"until is not":        {ledger.Query{Until: at(2)}, []int64{1, 2, 4}},
		"both":                {ledger.Query{Since: at(2), Until: at(5)}, []int64{3, 5}},
		"before all":          {ledger.Query{Until: at(-100)}, []int64{}},
		"after all":           {ledger.Query{Since: at(100)}, []int64{}},
		"far away":            {ledger.Query{Since: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Exchange: Exchange(0)}, []int64{1, 2}},
		"session":             {ledger.Query{Session: Digest(1001)}, []int64{5, 6, 7, 8}},
		"account":             {ledger.Query{Account: Digest(2002)}, []int64{11}},
		"session or account":  {ledger.Query{Session: Digest(1001), Account: Digest(2002)}, []int64{5, 6, 7, 8, 11}},
		"exchange":            {ledger.Query{Exchange: Exchange(3)}, []int64{7, 8}},
		"route":               {ledger.Query{Route: "/orders/{id}/1", Until: at(9)}, []int64{2, 5, 8}},
		"an unknown route":    {ledger.Query{Route: "/orders"}, []int64{}},
		"ownership":           {ledger.Query{Ownership: []rules.Ownership{rules.Foreign, rules.Unlinked}, Until: at(6)}, []int64{1, 3, 4, 6}},
		"no ownership":        {ledger.Query{Ownership: []rules.Ownership{}}, []int64{}},
		"everything together": {ledger.Query{Since: at(5), Until: at(20), Session: Digest(1001), Route: "/orders/{id}/0", States: []rules.State{rules.Unknown}}, []int64{7}},
	} {
		equal(t, name, numbers(All(t, store, test.query)), test.want)
	}
	must(t, store.Close())
}

func scanCanBeLeft(t *testing.T, open func(t *testing.T) ledger.Store) {
	store := open(t)
	const n = 5000 // more than a store reads at a time
	must(t, store.Append(context.Background(), Rows(0, n)))
	seen := 0
	for _, err := range store.Disclosures(context.Background(), ledger.Query{}) {
		must(t, err)
		if seen++; seen == 3 {
			break
		}
	}
	// Rows that come after the scan began are not part of it.
	seen = 0
	for row, err := range store.Disclosures(context.Background(), ledger.Query{}) {
		must(t, err)
		if seen++; row.Sequence != int64(seen) {
			t.Fatalf("row %d has sequence %d", seen, row.Sequence)
		}
		if seen == 1 {
			must(t, store.Append(context.Background(), Rows(n, 10)))
		}
	}
	equal(t, "rows seen", seen, n)
	must(t, store.Close())
}

func allOrNone(t *testing.T, open func(t *testing.T) ledger.Store) {
	store := open(t)
	rows := Rows(0, 3)
	rows[2].Exchange = rules.ExchangeID{}
	if err := store.Append(context.Background(), rows); err == nil {
		t.Error("a row without an exchange id was kept")
	}
	equal(t, "rows", len(All(t, store, ledger.Query{})), 0)
	must(t, store.Append(context.Background(), rows[:2]))
	equal(t, "sequences after a failure", numbers(All(t, store, ledger.Query{})), []int64{1, 2})
	must(t, store.Close())
}

// Rows are a minute apart from noon on: 720 are of the first day, 1,440 of each
// day after it.
func retentionKeepsSuffix(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	rows := Rows(0, 4500)
	rows[4400].Time = start.Add(-time.Hour) // old, but behind newer rows
	for from := 0; from < len(rows); from += 180 {
		must(t, store.Append(ctx, rows[from:from+180]))
	}
	must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(2200), State: rules.Delivered}, {Exchange: Exchange(0), State: rules.Withheld}}))
	equal(t, "a late outcome", All(t, store, ledger.Query{Exchange: Exchange(0)})[0].State, rules.Withheld)
	deleted, err := store.Retain(ctx, rows[2500].Time)
	must(t, err)
	equal(t, "deleted", deleted, int64(720+1440))
	got := All(t, store, ledger.Query{})
	equal(t, "first and last", []int64{got[0].Sequence, got[len(got)-1].Sequence}, []int64{2161, 4500})
	equal(t, "outcome of a kept row", got[4400-2160].State, rules.Delivered)
	deleted, err = store.Retain(ctx, rows[2500].Time)
	must(t, err)
	equal(t, "deleted again", deleted, int64(0))
	deleted, err = store.Retain(ctx, rows[4499].Time.Add(1))
	must(t, err)
	equal(t, "deleted the rest", deleted, int64(4500-2160))
	must(t, store.Close())
	store = open(t)
	must(t, store.Append(ctx, Rows(0, 1)))
	equal(t, "numbers are not used twice", numbers(All(t, store, ledger.Query{})), []int64{4501})
	kinds := make(map[ledger.MarkKind]int)
	marks, err := store.Marks(ctx)
	must(t, err)
	for _, mark := range marks {
		kinds[mark.Kind]++
	}
	equal(t, "starts that are still known, retentions", []int{kinds[ledger.MarkStart], kinds[ledger.MarkRetained]}, []int{1, 1})
	must(t, store.Close())
}

func incidentIsHold(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	rows := Rows(0, 4500)
	for from := 0; from < len(rows); from += 180 {
		must(t, store.Append(ctx, rows[from:from+180]))
	}
	incident := rules.Incident{ID: "inc-1", Opened: start.Add(ledger.HoldBefore + 800*time.Minute), Updated: start.Add(60 * time.Hour)}
	must(t, store.SaveIncident(ctx, incident))
	deleted, err := store.Retain(ctx, rows[3900].Time)
	must(t, err)
	equal(t, "deleted under the hold", deleted, int64(720))
	incident.State = rules.IncidentClosed
	must(t, store.SaveIncident(ctx, incident))
	deleted, err = store.Retain(ctx, rows[3900].Time)
	must(t, err)
	equal(t, "deleted after it", deleted, int64(2*1440))
	incidents, err := store.Incidents(ctx)
	must(t, err)
	equal(t, "the incident is older than the limit", len(incidents), 0)
	must(t, store.Close())
}

// The tree has every row, and never what was not kept; a checkpoint comes back
// as it was.
func treeGrows(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	must(t, store.Append(ctx, Rows(0, 5)))
	head, err := store.Head(ctx)
	must(t, err)
	if head.Row != 6 || head.Tree.Size() < 5 {
		t.Errorf("after 5 rows the tree has %d entries, the next row is %d", head.Tree.Size(), head.Row)
	}
	must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(0), State: rules.Delivered}}))
	must(t, store.Mark(ctx, ledger.Mark{Time: start, Kind: ledger.MarkUnrecorded, Count: 3}))
	more, err := store.Head(ctx)
	must(t, err)
	equal(t, "entries of an outcome and a mark", more.Tree.Size(), head.Tree.Size()+2)
	marks, err := store.Marks(ctx)
	must(t, err)
	last := marks[len(marks)-1]
	last.Node = "" // a store of several gateways says whose it is
	equal(t, "the mark", last, ledger.Mark{Time: start, Kind: ledger.MarkUnrecorded, Count: 3})
	signer, err := ledger.LoadOrCreateSigner(t.TempDir())
	must(t, err)
	checkpoint, err := signer.Sign(more, start)
	must(t, err)
	must(t, store.SaveCheckpoint(ctx, checkpoint))
	must(t, store.Close())
	store = open(t)
	checkpoints, err := store.Checkpoints(ctx)
	must(t, err)
	equal(t, "checkpoints", checkpoints, []ledger.Checkpoint{checkpoint})
	again, err := store.Head(ctx)
	must(t, err)
	if again.Row != 6 || again.Tree.Size() < more.Tree.Size() {
		t.Errorf("opened again the tree has %d entries, had %d", again.Tree.Size(), more.Tree.Size())
	}
	must(t, store.Close())
}

func incidentsComeBack(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	one := rules.Incident{
		ID: "inc-00000000000000ab", State: rules.IncidentAcknowledged, Detector: rules.DetectorCap, Severity: rules.SeverityCritical,
		Role: "guest", Route: "/orders/{id}", Session: Digest(1), Account: Digest(2), Opened: start.Add(time.Hour), Updated: start.Add(2 * time.Hour),
		Signals: 3, Refused: 2, Observed: 11, Limit: 10, First: Exchange(1).String(), Last: Exchange(2).String(),
	}
	two := rules.Incident{ID: "inc-00000000000000aa", Opened: start, Updated: start}
	must(t, store.SaveIncident(ctx, one))
	must(t, store.SaveIncident(ctx, two))
	one.Signals = 4
	must(t, store.SaveIncident(ctx, one))
	if err := store.SaveIncident(ctx, rules.Incident{}); err == nil {
		t.Error("an incident without an id was kept")
	}
	must(t, store.Close())
	store = open(t)
	got, err := store.Incidents(ctx)
	must(t, err)
	equal(t, "incidents", got, []rules.Incident{two, one})
	must(t, store.Close())
}

func bindingsComeBack(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	own := rules.Identifier{Kind: rules.IdentifierEmail, Digest: Digest(8)}
	bindings := []rules.Binding{
		{
			Session: Digest(1), Role: rules.RoleStaff, Account: Digest(2), Own: []rules.Identifier{own, {Kind: rules.IdentifierOrder, Digest: Digest(9)}},
			Claims: 2, Issued: start, Seen: start.Add(3 * time.Hour),
		},
		{Session: Digest(3), Seen: start.Add(2 * time.Hour)},
		{Session: Digest(4), Seen: start.Add(time.Hour)},
	}
	must(t, store.SaveBindings(ctx, nil))
	must(t, store.SaveBindings(ctx, bindings))
	bindings[1].Claims = 1
	must(t, store.SaveBindings(ctx, bindings[1:2]))
	must(t, store.Close())
	store = open(t)
	got, err := store.Bindings(ctx, start.Add(2*time.Hour))
	must(t, err)
	equal(t, "bindings", got, bindings[:2])
	_, err = store.Retain(ctx, start.Add(2*time.Hour))
	must(t, err)
	got, err = store.Bindings(ctx, time.Time{})
	must(t, err)
	equal(t, "bindings after retention", got, bindings[:2])
	must(t, store.Close())
}

func readersBesideWriter(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := int64(0); last < 400; {
				last = 0
				for row, err := range store.Disclosures(ctx, ledger.Query{}) {
					if err != nil || row.Sequence != last+1 {
						t.Errorf("row %d after %d: %v", row.Sequence, last, err)
						return
					}
					last = row.Sequence
				}
			}
		})
	}
	for i := range 100 {
		must(t, store.Append(ctx, Rows(i*4, 4)))
		must(t, store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(i * 2), State: rules.Delivered}}))
		must(t, store.SaveBindings(ctx, []rules.Binding{{Session: Digest(i), Seen: start}}))
	}
	readers.Wait()
	must(t, store.Close())
}

func endedContext(t *testing.T, open func(t *testing.T) ledger.Store) {
	store := open(t)
	must(t, store.Append(context.Background(), Rows(0, 1)))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := store.Append(ctx, Rows(1, 1)); err == nil {
		t.Error("Append with an ended context returned nil")
	}
	failed := false
	for _, err := range store.Disclosures(ctx, ledger.Query{}) {
		failed = failed || err != nil
	}
	equal(t, "Disclosures failed", failed, true)
	equal(t, "rows", numbers(All(t, store, ledger.Query{})), []int64{1})
	must(t, store.Close())
}

func closedStore(t *testing.T, open func(t *testing.T) ledger.Store) {
	ctx := context.Background()
	store := open(t)
	must(t, store.Close())
	must(t, store.Close())
	if err := store.Append(ctx, Rows(0, 1)); err == nil {
		t.Error("Append after Close returned nil")
	}
	if err := store.Finish(ctx, []ledger.Outcome{{Exchange: Exchange(0), State: rules.Delivered}}); err == nil {
		t.Error("Finish after Close returned nil")
	}
	if _, err := store.Incidents(ctx); err == nil {
		t.Error("Incidents after Close returned nil")
	}
	if _, err := store.Retain(ctx, start); err == nil {
		t.Error("Retain after Close returned nil")
	}
}
