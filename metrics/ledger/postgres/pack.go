package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"
)

// packAfter is how long a day is over before it is packed.
const packAfter = time.Hour

// packDays merges the blocks of days that are over: a shop that sells one thing a
// second writes a block a second, with a row or two, and a day of these takes
// three times the room of the same entries in blocks of blockSize.
func (s *Store) packDays(ctx context.Context) error {
	for {
		if packed, err := s.packDay(ctx); err != nil || !packed {
			return explain(err)
		}
	}
}

// packDay packs the first day that is not, in one transaction: writers into that
// day wait, and so do readers at its end. A day that has anything else than what
// the stretches say is left as it is, as evidence.
func (s *Store) packDay(ctx context.Context) (packed bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var free bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, 0)", lockRetain).Scan(&free); err != nil || !free {
			return err
		}
		var day string
		var leaves int64
		err := tx.QueryRow(ctx, `
			SELECT to_char(day, 'YYYY-MM-DD'), sum(leaves)::bigint FROM ordergate_stretch s WHERE day < $1::text::date GROUP BY day
			HAVING sum(leaves) <> coalesce((SELECT leaves FROM ordergate_packed p WHERE p.day = s.day), 0) ORDER BY 1 LIMIT 1`,
			s.opts.Now().UTC().Add(-packAfter).Format(time.DateOnly)).Scan(&day, &leaves)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.repack(ctx, tx, day); err != nil {
			return err
		}
		packed = true
		_, err = tx.Exec(ctx, "INSERT INTO ordergate_packed (day, leaves) VALUES ($1::text::date, $2) ON CONFLICT (day) DO UPDATE SET leaves = excluded.leaves", day, leaves)
		return err
	})
	return packed && err == nil, err
}

// repack puts larger blocks in the place of those of a day, which nobody writes
// into meanwhile.
func (s *Store) repack(ctx context.Context, tx pgx.Tx, day string) error {
	if err := ensurePartition(ctx, tx, day); err != nil {
		return err
	}
	tables := []string{partition(day)}
	var old bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", entryPartition(day)).Scan(&old); err != nil {
		return err
	} else if old {
		tables = append(tables, entryPartition(day))
	}
	there := int64(0)
	for i, table := range tables {
		tables[i] = pgx.Identifier{table}.Sanitize()
		n, count := int64(0), "coalesce(sum(leaves), 0)"
		if i > 0 {
			count = "count(*)"
		}
		for _, statement := range []string{"SET LOCAL lock_timeout = '" + lockPatience + "'", "LOCK TABLE " + tables[i] + " IN SHARE MODE"} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if err := tx.QueryRow(ctx, "SELECT "+count+" FROM "+tables[i]).Scan(&n); err != nil {
			return err
		}
		there += n
	}
	if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE ordergate_packing (LIKE ordergate_block INCLUDING STORAGE) ON COMMIT DROP"); err != nil {
		return err
	}
	found, err := s.copyPacked(ctx, tx, day)
	if err != nil || found != there {
		return err
	}
	for _, table := range tables {
		if _, err := tx.Exec(ctx, "TRUNCATE "+table); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+tables[0]+" SELECT * FROM ordergate_packing ORDER BY node, leaf")
	return err
}

// copyPacked fills ordergate_packing with a day's entries and returns how many
// they are.
func (s *Store) copyPacked(ctx context.Context, tx pgx.Tx, day string) (found int64, err error) {
	members, err := s.members(ctx)
	if err != nil {
		return 0, err
	}
	for i := range members {
		stretches, err := s.stretches(ctx, members[i].id)
		if err != nil {
			return 0, err
		}
		for k := range stretches {
			if stretches[k].day != day {
				continue
			}
			m := merger{ctx: ctx, tx: tx, day: day, node: members[i].id}
			read := span{node: m.node, stretch: &stretches[k], end: members[i].leaves, damaged: func(*blockError) {}}
			if err := s.each(ctx, read, everyKind, m.add); err != nil {
				return 0, err
			}
			if err := m.flush(); err != nil {
				return 0, err
			}
			m.check.close()
			found += m.found
		}
	}
	return found, nil
}

// merger makes the large blocks of one stretch.
type merger struct {
	ctx     context.Context //nolint:containedctx // of the one call that it lives for
	tx      pgx.Tx
	day     string
	node    int32
	entries [][]byte
	size    int
	next    int64 // the number behind the last entry
	found   int64
	packer  packer
	check   packer
}

func (m *merger) add(e entry) error {
	if len(m.entries) > 0 && (e.leaf != m.next || m.size >= blockSize) {
		if err := m.flush(); err != nil {
			return err
		}
	}
	m.entries = append(m.entries, bytes.Clone(e.data))
	m.size += len(e.data)
	m.next = e.leaf + 1
	m.found++
	return nil
}

// flush writes what has gathered, after it was read back.
func (m *merger) flush() error {
	if len(m.entries) == 0 {
		return nil
	}
	b, err := m.packer.pack(m.next-int64(len(m.entries)), m.entries, zstd.SpeedDefault)
	if err != nil {
		return err
	}
	i := 0
	err = m.check.unpack(&b, func(e entry) error {
		if !bytes.Equal(e.data, m.entries[i]) {
			return errBlock
		}
		i++
		return nil
	})
	if err != nil {
		return fmt.Errorf("packing the ledger's entries from %d on: %w", b.leaf, err)
	}
	m.entries, m.size = m.entries[:0], 0
	_, err = m.tx.Exec(m.ctx, "INSERT INTO ordergate_packing (day, node, leaf, leaves, kinds, entries) VALUES ($1::text::date,$2,$3,$4,$5,$6)", m.day, m.node, b.leaf, b.leaves, b.kinds, b.data)
	return err
}
