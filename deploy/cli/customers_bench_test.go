package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// BenchmarkCustomers joins a customer list, as large as -benchtime says
// (-benchtime 1000000x: a million customers), with 10,000 affected subjects. One
// operation is one customer: 10 million in two minutes are 12,000 ns each. What
// it holds does not grow with the list: heap-MB.
func BenchmarkCustomers(b *testing.B) {
	dir := b.TempDir()
	key, err := ledger.LoadOrCreateKey(dir)
	if err != nil {
		b.Fatal(err)
	}
	hasher, err := rules.NewHasher(key.Secret)
	if err != nil {
		b.Fatal(err)
	}
	var subjects []ledger.Subject
	for n := range 10_000 {
		id := rules.Identifier{Kind: rules.IdentifierEmail, Digest: hasher.Identifier(rules.IdentifierEmail, fmt.Appendf(nil, "customer%d@mail.example", n*100))}
		subjects = append(subjects, ledger.Subject{Subject: id, Identifiers: []rules.Identifier{id}, Delivered: 1})
	}
	path := filepath.Join(dir, "customers.csv")
	file, err := os.Create(path) //nolint:gosec // of our own making
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "customer_id,first_name,last_name,email,phone,street,postcode,city")
	for n := range b.N {
		fmt.Fprintf(w, "%d,Erika,Muster%d,customer%d@mail.example,+61 412 %03d %03d,%d High Street,2000,Sydney\n", 100_000+n, n, n, n/1000%1000, n%1000, n%300+1)
	}
	if w.Flush() != nil || file.Close() != nil {
		b.Fatal("the list cannot be written")
	}
	c := ReportAffected{DataDir: dir, Customers: path, Countries: []string{"AU"}}
	list := affectedList{subjects: subjects, keys: map[string]int{key.ID: len(subjects)}}
	b.ReportAllocs()
	b.ResetTimer()
	if err := c.join(&list, console{io.Discard, io.Discard}); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(memory.HeapSys)/(1<<20), "heap-MB")
}
