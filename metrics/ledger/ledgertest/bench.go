//go:build unix

package ledgertest

import (
	"context"
	"fmt"
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
