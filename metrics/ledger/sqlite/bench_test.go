package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// BenchmarkAppend is the whole way: many exchanges at a time, each with some
// records, durable one by one, each with its outcome.
func BenchmarkAppend(b *testing.B) {
	for _, per := range []int{1, 5, 50} {
		for _, callers := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("rows=%d/callers=%d", per, callers), func(b *testing.B) {
				benchmarkAppend(b, per, callers)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, per, callers int) {
	store := open(b, b.TempDir())
	var batches, exchanges atomic.Int64
	led := ledger.New(store, ledger.Options{Observe: ledger.Observer{
		Appended: func(int, time.Duration) { batches.Add(1) },
		Failed:   func(err error) { b.Error(err) },
	}})
	b.SetParallelism(max(callers/2, 1))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		rows := ledgertest.Rows(0, per)
		for pb.Next() {
			id := ledgertest.Exchange(int(exchanges.Add(1)))
			for i := range rows {
				rows[i].Exchange = id
			}
			if err := led.Append(context.Background(), rows); err != nil {
				b.Error(err)
				return
			}
			led.Finish(id, rules.Delivered)
		}
	})
	if err := led.Close(context.Background()); err != nil {
		b.Error(err)
	}
	total := float64(exchanges.Load()) * float64(per)
	b.ReportMetric(total/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(total/float64(max(batches.Load(), 1)), "rows/commit")
}

func BenchmarkDisclosures(b *testing.B) {
	store := open(b, b.TempDir())
	const n = 50_000
	if err := store.Append(context.Background(), ledgertest.Rows(0, n)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		got := 0
		for _, err := range store.Disclosures(context.Background(), ledger.Query{}) {
			if err != nil {
				b.Fatal(err)
			}
			got++
		}
		if got != n {
			b.Fatalf("%d rows, want %d", got, n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
