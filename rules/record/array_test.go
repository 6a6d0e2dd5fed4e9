package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestArrays: values directly in an array that stands in no object are found,
// and those of one array, or of one line, are not joined with the next one's.
func TestArrays(t *testing.T) {
	for name, c := range map[string]struct {
		body     string
		subjects int
		fields   rules.Fields
	}{
		"phone":            {`["+4722123456"]`, 1, rules.FieldPhone},
		"phone/twin":       {`["4722123456",17,"22-123-456"]`, 0, 0},
		"address":          {`["ada@lund.example"]`, 1, rules.FieldEmail},
		"address/twin":     {`["logo@2x.png"]`, 0, 0},
		"addresses":        {`["ada@lund.example","bo@ek.example"]`, 2, rules.FieldEmail},
		"rows":             {`[["+4722123456"],["+4722123457"]]`, 2, rules.FieldPhone},
		"lines":            {"[\"+4722123456\"]\n[\"+4722123457\"]\n", 2, rules.FieldPhone},
		"lines of nothing": {strings.Repeat("[\"$2y$10$abcdefghijklmnopqrstuv\"]\n", 2*maxDepth), 0, 0},
		"then an object":   {`["+4722123456"]{"name":"Bo Ek","email":"bo@ek.example"}`, 2, rules.FieldPhone | rules.FieldName | rules.FieldEmail},
	} {
		records, f := find(t, "application/json", c.body)
		fields := rules.Fields(0)
		for _, r := range records {
			fields |= r.Fields
		}
		if f.Subjects() != c.subjects || fields != c.fields || f.Uninspected() != rules.UninspectedNone {
			t.Errorf("%s: %d subjects with %v, %q; want %d with %v", name, f.Subjects(), fields, f.Uninspected(), c.subjects, c.fields)
		}
		shortCuts(t, "application/json", []byte(c.body))
	}
}
