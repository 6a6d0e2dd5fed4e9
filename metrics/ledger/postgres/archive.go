package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// Archive reads the ledger of all gateways in a database. It is safe for
// concurrent use. Make one with [OpenReadOnly].
type Archive struct{ archive }

// archive is what reads the database.
type archive struct {
	pool *pgxpool.Pool
	own  string // the node that numbers are of where several have them; empty: none
}

// OpenReadOnly connects to a database for reports, beside running gateways.
func OpenReadOnly(ctx context.Context, url string) (*Archive, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the ledger's database: %w: write postgres://user@host/database", err)
	}
	config.MaxConns, config.MinConns = 4, 0
	config.ConnConfig.ConnectTimeout = openTime
	config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, err
	}
	a := &Archive{archive{pool: pool}}
	version, err := schemaOf(ctx, pool)
	if err == nil && version == 0 {
		err = errors.New("the ledger's database holds no ledger: name the one of ledger.store in the gateway's config")
	}
	if err != nil {
		pool.Close()
		return nil, explain(err)
	}
	return a, nil
}

// Close ends the connections.
func (a *Archive) Close() error {
	a.pool.Close()
	return nil
}

// member is a node with its id in the database and where it stands.
type member struct {
	Node
	id     int32
	leaves int64
	row    int64
	edge   []byte
	quiet  string // since when it has not written, RFC 3339
}

func (a *archive) members(ctx context.Context) ([]member, error) {
	rows, err := a.pool.Query(ctx, "SELECT id, name, public_key, key, host, leaves, next_row, edge, to_char(seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM ordergate_node ORDER BY id")
	if err != nil {
		return nil, explain(err)
	}
	members, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m member, err error) {
		return m, row.Scan(&m.id, &m.Name, &m.PublicKey, &m.Key, &m.Host, &m.leaves, &m.row, &m.edge, &m.quiet)
	})
	return members, explain(err)
}

func (a *archive) stretches(ctx context.Context, node int32) ([]stretch, error) {
	rows, err := a.pool.Query(ctx, "SELECT first_leaf, to_char(day, 'YYYY-MM-DD'), first_row, edge, leaves, rows, first_at, last_at FROM ordergate_stretch WHERE node = $1 ORDER BY first_leaf", node)
	if err != nil {
		return nil, explain(err)
	}
	stretches, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x stretch, err error) {
		return x, row.Scan(&x.firstLeaf, &x.day, &x.firstRow, &x.edge, &x.leaves, &x.rows, &x.firstAt, &x.lastAt)
	})
	return stretches, explain(err)
}

// within reports whether a stretch may have rows that the query selects.
func (x *stretch) within(q *ledger.Query) bool {
	return x.firstAt != nil && (q.Since.IsZero() || *x.lastAt >= nanos(q.Since)) && (q.Until.IsZero() || *x.firstAt < nanos(q.Until))
}

// A page is what is read at a time.
const (
	pageBlocks = 4096
	pageBytes  = 4 << 20 // and one block, at most
)

// entry is an entry and its number.
type entry struct {
	leaf int64
	data []byte
}

// every kind of entry: see [archive.each].
const everyKind ledger.EntryKind = 0

// span is the entries of a node's stretch that come before number end.
type span struct {
	node int32
	*stretch
	end int64
	// damaged is told of blocks that cannot be read, and the reader goes on behind
	// them; nil: the reader ends there with the error.
	damaged func(*blockError)
}

// page reads the blocks of a span that have the entry with number leaf and those
// behind it, if they have entries of a kind.
func (a *archive) page(ctx context.Context, s span, leaf int64, kind ledger.EntryKind) ([]block, error) {
	inBlock, bare := "", ""
	if kind != everyKind {
		inBlock = fmt.Sprintf("AND kinds & %d <> 0", kindBit(kind))
		bare = fmt.Sprintf("AND get_byte(entry, 0) = %d", kind) // the condition of a partial index
	}
	sql := fmt.Sprintf(`WITH page AS (
			SELECT leaf, leaves, kinds, entries FROM ordergate_block WHERE day = $1::text::date AND node = $2 AND leaf < $4 AND leaf + leaves > $3 %s
				AND leaf >= coalesce((SELECT max(leaf) FROM ordergate_block WHERE day = $1::text::date AND node = $2 AND leaf <= $3), $3)
			UNION ALL
			SELECT leaf, 0, 0::smallint, entry FROM ordergate_entry WHERE day = $1::text::date AND node = $2 AND leaf >= $3 AND leaf < $4 %s
			ORDER BY leaf LIMIT %d
		), sized AS (SELECT *, sum(octet_length(entries)) OVER (ORDER BY leaf) - octet_length(entries) AS before FROM page)
		SELECT leaf, leaves, kinds, entries FROM sized WHERE before < %d ORDER BY leaf`, inBlock, bare, pageBlocks, pageBytes)
	rows, err := a.pool.Query(ctx, sql, s.day, s.node, leaf, s.end)
	if err != nil {
		return nil, explain(err)
	}
	blocks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b block, err error) {
		return b, row.Scan(&b.leaf, &b.leaves, &b.kinds, &b.data)
	})
	return blocks, explain(err)
}

// each calls do for the entries of a span that are of a kind; what it is given is
// valid until it returns.
func (a *archive) each(ctx context.Context, s span, kind ledger.EntryKind, do func(entry) error) error {
	s.end = min(s.end, s.firstLeaf+s.leaves)
	var p packer
	defer p.close()
	for leaf := s.firstLeaf; leaf < s.end; {
		blocks, err := a.page(ctx, s, leaf, kind)
		if err != nil || len(blocks) == 0 {
			return err
		}
		for i := range blocks {
			err := p.unpack(&blocks[i], func(e entry) error {
				if e.leaf < leaf || e.leaf >= s.end || // a block may begin before
					kind != everyKind && ledger.EntryKind(e.data[0]) != kind {
					return nil
				}
				return do(e)
			})
			var damage *blockError
			if errors.As(err, &damage) && s.damaged != nil {
				s.damaged(damage)
			} else if err != nil {
				return err
			}
		}
		leaf = max(leaf, blocks[len(blocks)-1].end())
	}
	return nil
}

// errEnough ends a scan whose caller has seen enough.
var errEnough = errors.New("seen enough")

// errDeleted says that retention was faster than a reader.
var errDeleted = errors.New("these rows were past their retention and were deleted while the ones before them were read: begin anew")

// Disclosures yields rows as [ledger.Store.Disclosures] says, of all nodes, by
// node, then by Sequence. It holds one page at a time and the outcomes of one
// stretch.
func (a *archive) Disclosures(ctx context.Context, query ledger.Query) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		members, err := a.members(ctx)
		for i := range members {
			if err != nil {
				break
			}
			r := reader{archive: a, member: &members[i], query: query, yield: yield}
			err = r.run(ctx)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(ledger.Row{}, err)
		}
	}
}

// reader is one pass over the rows of one node.
type reader struct {
	*archive
	member  *member
	query   ledger.Query
	yield   func(ledger.Row, error) bool
	late    map[int64]rules.State // by head
	own     map[int64]rules.State // of the stretch being read
	decoder ledger.Decoder
}

func (r *reader) run(ctx context.Context) error {
	stretches, err := r.stretches(ctx, r.member.id)
	if err != nil || len(stretches) == 0 {
		return err
	}
	if err := r.readLate(ctx); err != nil {
		return err
	}
	begun := false
	for i := range stretches {
		x := &stretches[i]
		if !x.within(&r.query) {
			continue
		}
		if err := r.stretch(ctx, x); err != nil {
			return err
		}
		there := false
		if err := r.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM ordergate_stretch WHERE node = $1 AND first_leaf = $2)", r.member.id, x.firstLeaf).Scan(&there); err != nil {
			return explain(err)
		}
		if !there && begun {
			return errDeleted
		}
		begun = true
	}
	return nil
}

// readLate reads the outcomes that came later than their row's stretch.
func (r *reader) readLate(ctx context.Context) error {
	r.late = make(map[int64]rules.State)
	rows, err := r.pool.Query(ctx, "SELECT head, state FROM ordergate_late WHERE node = $1 AND leaf < $2 ORDER BY leaf", r.member.id, r.member.leaves)
	if err != nil {
		return explain(err)
	}
	var head int64
	var state int16
	_, err = pgx.ForEachRow(rows, []any{&head, &state}, func() error {
		if _, ok := r.late[head]; !ok {
			r.late[head] = rules.State(state)
		}
		return nil
	})
	return explain(err)
}

// stretch yields the rows of one stretch.
func (r *reader) stretch(ctx context.Context, x *stretch) error {
	r.own = make(map[int64]rules.State)
	read := span{node: r.member.id, stretch: x, end: r.member.leaves}
	if told := r.query.Damaged; told != nil {
		read.damaged = func(err *blockError) { told(r.explain(err)) }
	}
	err := r.each(ctx, read, ledger.EntryOutcomes, func(e entry) error {
		endings, err := ledger.DecodeOutcomes(e.data)
		for _, ending := range endings {
			if _, ok := r.own[ending.Head]; !ok {
				r.own[ending.Head] = ending.State
			}
		}
		return err
	})
	if err == nil {
		err = r.each(ctx, read, ledger.EntryRow, r.row)
	}
	var damage *blockError
	if errors.As(err, &damage) {
		return r.explain(err)
	}
	return err
}

// explain says whose entries cannot be read, and what to do.
func (r *reader) explain(err error) error {
	return fmt.Errorf("the ledger of %s: %w: run `ordergate ledger verify`", r.member.Name, err)
}

func (r *reader) row(e entry) error {
	row := ledger.Row{}
	if err := r.decoder.Row(e.data, &row); err != nil {
		return fmt.Errorf("entry %d of %s: %w: run `ordergate ledger verify`", e.leaf, r.member.Name, err)
	}
	row.Node = r.member.Name
	if row.State == rules.Unknown {
		state, ok := r.own[row.Head]
		if !ok {
			state = r.late[row.Head]
		}
		row.State = state
	}
	if r.query.Takes(&row) && !r.yield(row, nil) {
		return errEnough
	}
	return nil
}

// KeptSince is the time of the earliest kept row of any node, zero without rows.
func (a *archive) KeptSince(ctx context.Context) (time.Time, error) {
	var first *int64
	if err := a.pool.QueryRow(ctx, "SELECT min(first_at) FROM ordergate_stretch").Scan(&first); err != nil || first == nil {
		return time.Time{}, explain(err)
	}
	return time.Unix(0, *first).UTC(), nil
}

// Marks returns the marks of all nodes, by node, in the order in which they were
// written.
func (a *archive) Marks(ctx context.Context) ([]ledger.Mark, error) {
	members, err := a.members(ctx)
	if err != nil {
		return nil, err
	}
	var marks []ledger.Mark
	for i := range members {
		own, err := a.marksOf(ctx, &members[i])
		if err != nil {
			return nil, err
		}
		marks = append(marks, own...)
	}
	return marks, nil
}

func (a *archive) marksOf(ctx context.Context, m *member) ([]ledger.Mark, error) {
	stretches, err := a.stretches(ctx, m.id)
	if err != nil {
		return nil, err
	}
	var marks []ledger.Mark
	for i := range stretches {
		read := span{node: m.id, stretch: &stretches[i], end: m.leaves}
		err := a.each(ctx, read, ledger.EntryMark, func(e entry) error {
			mark, err := ledger.DecodeMark(e.data)
			mark.Node = m.Name
			marks = append(marks, mark)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// incidentTexts returns the incidents of a node, or of all with 0.
func (a *archive) incidentTexts(ctx context.Context, node int32) ([]ledger.IncidentText, error) {
	rows, err := a.pool.Query(ctx, "SELECT id, body FROM ordergate_incident WHERE $1 = 0 OR node = $1 ORDER BY opened, id", node)
	if err != nil {
		return nil, explain(err)
	}
	texts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t ledger.IncidentText, err error) {
		return t, row.Scan(&t.ID, &t.Body)
	})
	return texts, explain(err)
}

// Incidents returns the incidents of all nodes, by Opened, then by ID.
func (a *archive) Incidents(ctx context.Context) ([]rules.Incident, error) {
	texts, err := a.incidentTexts(ctx, 0)
	if err != nil {
		return nil, err
	}
	incidents := make([]rules.Incident, len(texts))
	for i := range texts {
		if err := json.Unmarshal([]byte(texts[i].Body), &incidents[i]); err != nil {
			return nil, fmt.Errorf("incident %s in the database: %w", texts[i].ID, err)
		}
	}
	return incidents, nil
}

// Checkpoints returns the checkpoints of all nodes, by node, then by size.
func (a *archive) Checkpoints(ctx context.Context) ([]ledger.Checkpoint, error) {
	members, err := a.members(ctx)
	if err != nil {
		return nil, err
	}
	var all []ledger.Checkpoint
	for i := range members {
		own, err := a.checkpointsOf(ctx, members[i].id)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	return all, nil
}

func (a *archive) checkpointsOf(ctx context.Context, node int32) ([]ledger.Checkpoint, error) {
	rows, err := a.pool.Query(ctx, "SELECT size, note FROM ordergate_checkpoint WHERE node = $1 ORDER BY size", node)
	if err != nil {
		return nil, explain(err)
	}
	checkpoints, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ledger.Checkpoint, error) {
		var size int64
		var note string
		if err := row.Scan(&size, &note); err != nil {
			return ledger.Checkpoint{}, err
		}
		c, err := ledger.ReadCheckpoint(note)
		if err != nil || c.Size != size {
			c = ledger.Checkpoint{Size: size, Note: note} // whoever verifies it says what is wrong
		}
		return c, nil
	})
	return checkpoints, explain(err)
}
