//go:build unix

package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// BenchmarkAppend measures the whole way into a store, which open makes anew for
// every size: many exchanges at a time, each with some records, durable one by
// one, each with its outcome.
func BenchmarkAppend(b *testing.B, open func(b *testing.B) ledger.Store) {
	for _, per := range []int{1, 5, 50} {
		for _, callers := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("rows=%d/callers=%d", per, callers), func(b *testing.B) {
				benchmarkAppend(b, open(b), per, callers)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, store ledger.Store, per, callers int) {
	var batches, exchanges atomic.Int64
	led := ledger.New(store, ledger.Options{Observe: ledger.Observer{
		Appended: func(int, time.Duration) { batches.Add(1) },
		Failed:   func(err error) { b.Error(err) },
	}})
	b.SetParallelism(max(callers/2, 1))
	b.ReportAllocs()
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		rows := Rows(0, per)
		for pb.Next() {
			id := Exchange(int(exchanges.Add(1)))
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
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/total, "cpu-ns/row")
	b.ReportMetric(total/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(total/float64(max(batches.Load(), 1)), "rows/commit")
}

// BenchmarkPaced is half of 150,000 rows a second whatever the ledger does: 15
// exchanges of 5 rows each millisecond. What counts is how long they wait, from when
// they come.
func BenchmarkPaced(b *testing.B, store ledger.Store) {
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
			at, came := n, time.Now()
			running.Go(func() {
				rows := Rows(at*5, 5)
				for i := range rows {
					rows[i].Exchange, rows[i].Time = Exchange(at), begin
				}
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

// cpu is the time that this process has computed: unlike rows/s it does not
// depend on who else uses the machine.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
