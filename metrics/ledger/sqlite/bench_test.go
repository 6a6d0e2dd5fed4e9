//go:build unix

package sqlite

import (
	"context"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/ledgertest"
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

// BenchmarkPaced is durable in the segment files.
func BenchmarkPaced(b *testing.B) { ledgertest.BenchmarkPaced(b, open(b, b.TempDir())) }
