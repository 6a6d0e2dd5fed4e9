package ledger_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// entryOf is a row as a store keeps it.
func entryOf(row *rules.Disclosure, sequence int64) []byte {
	return ledger.AppendRowEntry(nil, &ledger.Row{Sequence: sequence, Head: sequence, Key: "0011223344556677", Disclosure: *row})
}

func TestRowEntries(t *testing.T) {
	rows := ledgertest.Rows(0, 50)
	rows[7] = rules.Disclosure{Time: rows[7].Time, Exchange: ledgertest.Exchange(7), State: rules.Attempted}
	var decoder ledger.Decoder
	for i := range rows {
		var got ledger.Row
		if err := decoder.Row(entryOf(&rows[i], int64(i+1)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Sequence != int64(i+1) || got.Key != "0011223344556677" || !reflect.DeepEqual(got.Disclosure, rows[i]) {
			t.Errorf("row %d comes back as %+v", i, got)
		}
	}
	outcomes := []ledger.Ending{{Head: 1, State: rules.Delivered}, {Head: 300, State: rules.Withheld}}
	if got, err := ledger.DecodeOutcomes(ledger.AppendOutcomesEntry(nil, outcomes)); err != nil || !reflect.DeepEqual(got, outcomes) {
		t.Errorf("outcomes come back as %v, %v", got, err)
	}
	mark := ledger.Mark{Time: time.Unix(1, 0).UTC(), Kind: ledger.MarkTorn, Count: 3}
	entry, err := ledger.AppendMarkEntry(nil, &mark)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.DecodeMark(entry); err != nil || got != mark {
		t.Errorf("a mark comes back as %+v, %v", got, err)
	}
}

// Whatever the bytes: reading them ends, and what is read is written the same
// way again, so that no row has two forms with different hashes.
func FuzzEntry(f *testing.F) {
	rows := ledgertest.Rows(0, 6)
	for i := range rows {
		f.Add(entryOf(&rows[i], int64(i+1)))
	}
	f.Add(ledger.AppendOutcomesEntry(nil, []ledger.Ending{{Head: 5, State: rules.Delivered}}))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var row ledger.Row
		if err := new(ledger.Decoder).Row(data, &row); err == nil {
			again := ledger.AppendRowEntry(nil, &row)
			var second ledger.Row
			if err := new(ledger.Decoder).Row(again, &second); err != nil {
				t.Fatalf("written again it cannot be read: %v", err)
			}
			if !bytes.Equal(ledger.AppendRowEntry(nil, &second), again) {
				t.Errorf("%x is written as %x, then otherwise", data, again)
			}
		}
		if endings, err := ledger.DecodeOutcomes(data); err == nil {
			if got, err := ledger.DecodeOutcomes(ledger.AppendOutcomesEntry(nil, endings)); err != nil || !reflect.DeepEqual(got, endings) {
				t.Errorf("outcomes %v come back as %v, %v", endings, got, err)
			}
		}
		_, _ = ledger.DecodeMark(data)
	})
}
