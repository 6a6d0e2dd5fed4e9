//go:build unix

package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
	"github.com/ordergate/ordergate/rules"
)

// BenchmarkAppend is durable in the segment files.
func BenchmarkAppend(b *testing.B) {
	ledgertest.BenchmarkAppend(b, func(b *testing.B) ledger.Store { return open(b, b.TempDir()) })
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

// BenchmarkPaced is half of 150,000 rows a second whatever the ledger does: 15
// exchanges of 5 rows each millisecond. What counts is how long they wait.
func BenchmarkPaced(b *testing.B) {
	store := open(b, b.TempDir())
	led := ledger.New(store, ledger.Options{Observe: ledger.Observer{Failed: func(err error) { b.Error(err) }}})
	const each = 15
	waits := make([]time.Duration, b.N)
	var running sync.WaitGroup
	var refused atomic.Int64
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	begin := time.Now()
	for n := 0; n < b.N; {
		due := min(int(time.Since(begin)/time.Millisecond+1)*each, b.N) // late ticks are made up for
		for ; n < due; n++ {
			at := n
			running.Go(func() {
				rows := ledgertest.Rows(at*5, 5)
				for i := range rows {
					rows[i].Exchange, rows[i].Time = ledgertest.Exchange(at), begin
				}
				came := time.Now()
				if err := led.Append(context.Background(), rows); errors.Is(err, ledger.ErrFull) {
					refused.Add(1) // this machine does not keep up
				} else if err != nil {
					b.Error(err)
				}
				waits[at] = time.Since(came)
				led.Finish(rows[0].Exchange, rules.Delivered)
			})
		}
		<-tick.C
	}
	running.Wait()
	b.StopTimer()
	if err := led.Close(context.Background()); err != nil {
		b.Error(err)
	}
	slices.Sort(waits)
	b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1e3, "p99-ms")
	b.ReportMetric(float64(refused.Load()), "refused")
	b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
