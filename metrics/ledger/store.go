package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Errors that callers branch on.
var (
	// ErrFull says that as many rows wait as [Options.MaxQueue] allows; nothing was written.
	ErrFull = errors.New("ledger queue is full: the disk does not keep up; nothing was written")
	// ErrClosed says that the ledger was closed; nothing was written.
	ErrClosed = errors.New("ledger is closed; nothing was written")
	// ErrUncertain says that the caller gave up after its rows were handed to
	// the store: they may or may not be kept, in state unknown.
	ErrUncertain = errors.New("gave up waiting for the ledger while the batch was being written: its rows may be kept")
)

// Outcome says what became of the rows that one exchange left as unknown.
type Outcome struct {
	Exchange rules.ExchangeID
	State    rules.State // rules.Delivered or rules.Withheld; others change nothing
}

// Row is a stored disclosure.
type Row struct {
	// Node is the gateway that wrote the row, named by its checkpoint key; empty in
	// a store of one gateway.
	Node string
	// Sequence numbers the rows of one node from 1, without gaps, in the order
	// in which they became durable. It is never used twice.
	Sequence int64
	// Head is the Sequence of the first row of the same exchange in this store;
	// an outcome is kept by it.
	Head int64
	// Key is the id of the key that the row was sealed with ([Key.ID]). Digests that
	// are sealed with different keys cannot be compared.
	Key string
	rules.Disclosure
}

// Query selects rows. Conditions are joined by "and"; the zero value selects
// everything.
type Query struct {
	Since time.Time // rows at or after it; zero: from the first
	Until time.Time // rows before it; zero: to the last

	// Session and Account select the rows of that session or of that account;
	// with both, the rows of either.
	Session, Account rules.Digest
	Exchange         rules.ExchangeID
	Route            string            // a route template, exactly
	States           []rules.State     // nil: every state
	Ownership        []rules.Ownership // nil: every ownership

	// Keys open the rows, before they are selected; a row of another key stays
	// sealed, and so do all with nil.
	Keys *Keyring

	// Damaged is told of each place that cannot be read, perhaps twice, and the
	// scan goes on behind it. Nil: the scan ends there with the error.
	Damaged func(err error)
}

// Store keeps rows durably. Its methods are safe for concurrent use. Times
// come back in UTC with nanoseconds kept, from 1970 to 2261.
type Store interface {
	// Append keeps rows: all are durable (fsynced) when it returns nil, none
	// is kept when it returns an error, except that an error of the commit
	// itself, or a ctx that ends during it, leaves that open. It does not keep
	// rows or anything they refer to.
	Append(ctx context.Context, rows []rules.Disclosure) error

	// Finish sets the state of rows that are still unknown, of exchanges whose
	// rows were appended through this very Store value: what an earlier process
	// left unknown stays so, because nobody knows better. The first outcome of
	// an exchange counts, repeating it changes nothing, an exchange without
	// rows is no error. It need not be durable when it returns: a lost outcome
	// leaves "unknown", which is true.
	Finish(ctx context.Context, outcomes []Outcome) error

	// SaveIncident inserts the incident or replaces the one with its ID; durable.
	SaveIncident(ctx context.Context, incident rules.Incident) error
	// Incidents returns the kept incidents, by Opened, then by ID.
	Incidents(ctx context.Context) ([]rules.Incident, error)

	// SaveBindings inserts bindings or replaces those of the same session; durable.
	SaveBindings(ctx context.Context, bindings []rules.Binding) error
	// Bindings returns the bindings seen at or after since, the last seen
	// first, at most [MaxBindings].
	Bindings(ctx context.Context, since time.Time) ([]rules.Binding, error)

	// Rekey seals the rows that are appended after it with a key, those before stay
	// as they are; a mark of kind [MarkKey] is between them, durably. With the name
	// of a tenant it is the key of that tenant's rows alone, and the zero Key takes it
	// away again; rows of a tenant without one, and with an empty name all others, are
	// sealed with the gateway's own. With an error the key before goes on.
	Rekey(ctx context.Context, tenant string, key Key) error

	// Mark keeps a note about the ledger itself among the rows, durably.
	Mark(ctx context.Context, mark Mark) error
	// Marks returns the kept marks in the order in which they came. A store adds
	// its own: see [MarkKind].
	Marks(ctx context.Context) ([]Mark, error)

	// Head makes all that was kept durable and returns where the tree over it
	// stands. The tree has every row, outcome and mark as an entry, in the order
	// in which they came, and nothing ever leaves it.
	Head(ctx context.Context) (Head, error)
	// SaveCheckpoint keeps a checkpoint; durable. One with the same size stays.
	SaveCheckpoint(ctx context.Context, checkpoint Checkpoint) error
	// Checkpoints returns the kept checkpoints by size. Old ones are thinned out.
	Checkpoints(ctx context.Context) ([]Checkpoint, error)

	// Disclosures yields the selected rows by Sequence, up to the last row that
	// was kept when it began. It ends after the first error, which it yields
	// with a zero Row. It holds no lock while the caller works.
	Disclosures(ctx context.Context, query Query) iter.Seq2[Row, error]

	// Retain deletes the oldest rows, a day's (UTC) at a time: those of the first
	// days that have no row at or after before, so that the numbers of the kept
	// ones have no gap. An incident that is not closed is a legal hold: nothing
	// since [HoldBefore] its opening is deleted. Bindings last seen before that time and incidents
	// that were closed and last updated before it go as well. It returns how
	// many rows were deleted, also with an error.
	Retain(ctx context.Context, before time.Time) (deleted int64, err error)

	// Close releases the store. Calls after it return errors.
	Close() error
}

// Stager is a [Store] that keeps rows in two places, one after the other. A
// [Ledger] in front of it hands it the next batch while earlier ones are on their
// way to the second place, so that what gathers there shares one transaction,
// too.
type Stager interface {
	Store
	// Stage does the first half of Append: an error says that no row is kept, as
	// Append has it. settle is the second half, to be called once: it blocks
	// until the rows are durable in both places, or the second is given up, and
	// does not fail. Settles of earlier calls never end after those of later ones.
	Stage(ctx context.Context, rows []rules.Disclosure) (settle func(), err error)
}

const (
	// MaxBindings bounds what [Store.Bindings] returns: as many sessions as
	// rules/exfil remembers by default.
	MaxBindings = 1_000_000
	// HoldBefore is how long before its opening an incident's evidence begins.
	HoldBefore = 24 * time.Hour
)

// HoldTime returns how far a retention up to before may go, given the kept
// incidents: the earlier of before and the first legal hold.
func HoldTime(before time.Time, incidents []rules.Incident) time.Time {
	for _, incident := range incidents {
		if hold := incident.Opened.Add(-HoldBefore); !incident.State.Ended() && hold.Before(before) {
			before = hold
		}
	}
	return before
}
