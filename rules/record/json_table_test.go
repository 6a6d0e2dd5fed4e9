package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestTableInString: a table in delimited text, in a string of JSON, is read as one if
// it is longer than a value.
func TestTableInString(t *testing.T) {
	table := func(head, row string) string {
		var b strings.Builder
		b.WriteString(`{"file":"export","content":"` + head)
		for i := range 90 {
			fmt.Fprintf(&b, row, 'A'+i%26, 'a'+i/26, i+1)
		}
		return b.String() + `"}`
	}
	customers, products := table("Name;Street;Postcode", `\nAd%c%c Lund;Storgata %d;0155`), table("Title;Vendor;Price", `\nAd%c%c Lund;Storgata %d;0155`)
	for body, want := range map[string]int{customers: 90, products: 0} {
		records, f := find(t, "application/json", body)
		if f.Subjects() != want || want > 0 && records[0].Fields != rules.FieldName|rules.FieldAddress {
			t.Errorf("%d subjects, want %d: %.80s", f.Subjects(), want, body)
		}
		same(t, "application/json", []byte(body), 1)
	}
}
