package record

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testHasher(t testing.TB) *rules.Hasher {
	t.Helper()
	h, err := rules.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// find runs a finder over a body in one piece and returns the merged records
// and the finder.
func find(t testing.TB, contentType, body string) ([]rules.Record, *Finder) {
	t.Helper()
	f := NewFinder(&Config{}, testHasher(t), contentType)
	if n, err := f.Write([]byte(body)); n != len(body) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m := merger{at: map[rules.Identifier]int{}}
	m.add(f.Take(nil))
	return m.records, f
}
