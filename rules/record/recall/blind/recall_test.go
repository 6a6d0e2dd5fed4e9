package blind

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

var (
	update = flag.Bool("update", false, "write BLIND.md anew")
	seed   = flag.Uint64("seed", publishedSeed, "seed of the bodies")
	show   = flag.String("show", "", "print the bodies of this form, or of form/country, that are not read exactly")
)

const (
	tableFile  = "BLIND.md"
	figureFile = "../blind.txt"
)

func testHasher(t testing.TB) *rules.Hasher {
	t.Helper()
	h, err := rules.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestBlind measures, and compares with the published table.
func TestBlind(t *testing.T) {
	h := testHasher(t)
	bodies := Generate(*seed)
	var sum summary
	for i := range bodies {
		b := &bodies[i]
		o := score(h, b)
		sum.add(b, &o)
		if (*show == b.Form || *show == b.Form+"/"+b.Country || *show == b.Country) && (o.exact < o.people || o.excess > 0) {
			printMiss(t.Output(), b, &o)
		}
	}
	text := sum.markdown(*seed)
	if *update {
		publish(t, text, sum.all.recall())
		return
	}
	if *seed != publishedSeed || *show != "" {
		fmt.Fprintln(t.Output(), text)
		return
	}
	for name, want := range map[string]string{tableFile: text, figureFile: sum.all.recall() + "\n"} {
		if have, _ := os.ReadFile(name); string(have) != want {
			t.Errorf("%s is not what is measured; go test ./rules/record/recall/blind -run TestBlind -update\n%s", name, want)
		}
	}
}

// publish writes the table and the figure.
func publish(t *testing.T, table, recall string) {
	t.Helper()
	for name, text := range map[string]string{tableFile: table, figureFile: recall + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // sources are read by everybody
			t.Fatal(err)
		}
	}
}

func printMiss(w io.Writer, b *Body, o *outcome) {
	var extra, missed rules.Fields
	for bit, hit := range o.fields {
		if hit.extra > 0 {
			extra |= 1 << bit
		}
		if hit.missed > 0 {
			missed |= 1 << bit
		}
	}
	fmt.Fprintf(w, "--- %s %s: people %d found %d exact %d excess %d extra %v missed %v\n%.1200s\n", b.Form, b.Country, o.people, o.found, o.exact, o.excess, extra, missed, b.Text)
}
