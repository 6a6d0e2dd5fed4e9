package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestBrokenLines: a line that breaks off takes none of the next line's record
// with it, wherever the pieces end; what only looks like another text stays in
// the one it stands in.
func TestBrokenLines(t *testing.T) {
	const ada, bo = `{"name":"Ada Lund","email":"ada@lund.example"}`, `{"name":"Bo Ek","email":"bo@ek.example"}`
	for name, c := range map[string]struct {
		body     string
		subjects int
		fault    rules.Uninspected
	}{
		"in a value":          {`{"name":"Cy` + "\n" + ada + "\n" + `{"name":"Di` + "\n" + bo + "\n", 2, rules.UninspectedSyntax},
		"in a person's value": {`{"email":"cy@cy.example","note":"Cy` + "\n" + ada + "\n" + bo + "\n", 3, rules.UninspectedSyntax},
		"in a key":            {`{"na` + "\n" + ada, 1, rules.UninspectedSyntax},
		"in an escape":        {`{"name":"Cy\` + "\n" + ada, 1, rules.UninspectedSyntax},
		"in a number":         {`{"id":12` + "\n" + ada + "\n" + bo, 2, rules.UninspectedSyntax},
		"behind a key":        {`{"email":"cy@cy.example","name"` + "\n" + ada, 2, rules.UninspectedSyntax},
		"behind a value":      {`{"email":"cy@cy.example"` + "\n" + ada, 2, rules.UninspectedSyntax},
		"behind a comma":      {`{"email":"cy@cy.example",` + "\n" + ada, 2, rules.UninspectedSyntax},
		"deep in a structure": {`{"orders":[{"email":"cy@cy.example","lines":[{"sku":"A` + "\n" + ada, 2, rules.UninspectedSyntax},
		"in a long text":      {`{"name":"Cy Orr","phone":"+4722334455","note":"` + strings.Repeat("Made of oak, folds flat. ", 120) + "\n" + ada + "\n" + bo, 3, rules.UninspectedSyntax},
		"in a long JSON text": {`{"name":"Cy Orr","phone":"+4722334455","note":"{\"a\":\"` + strings.Repeat("Made of oak, folds flat. ", 120) + "\n" + ada + "\n" + bo, 3, rules.UninspectedSyntax},
		"behind a colon":      {bo + "\n" + `{"name":"Cy Orr","phone":"+4722334455","name":` + "\n" + ada + "\n" + bo, 3, rules.UninspectedSyntax},
		"in a list":           {bo + "\n" + `{"name":"Cy Orr","phone":"+4722334455","tags":[` + "\n" + ada + "\n" + bo, 3, rules.UninspectedSyntax},
		"in a part's list":    {bo + "\n" + `{"name":"Cy Orr","phone":"+4722334455","groups":[{"tags":[` + "\n" + `{"name":"Ada Lund","phone":"+4722334466"}` + "\n" + bo, 3, rules.UninspectedSyntax},
		"lists in lines":      {ada + "\n" + `{"email":"bo@ek.example","lines":[` + "\n {\"sku\":\"A\"}\n]}\n", 2, rules.UninspectedNone},
		"whole lines":         {ada + "\n" + bo + "\n", 2, rules.UninspectedNone},
		"rows of an array":    {"[\n" + ada + ",\n" + bo + "\n]", 2, rules.UninspectedNone},
		"a value of its own":  {`{"customer":` + "\n" + ada + "\n}", 1, rules.UninspectedNone},
		"an escaped feed":     {`{"email":"ada@lund.example","note":"if x \n{\"a\":1}","name":"Ada Lund"}`, 1, rules.UninspectedNone},
		"pretty":              {"{\n\"customer\": {\n\"name\": \"Ada Lund\",\n\"email\": \"ada@lund.example\"\n}\n}", 1, rules.UninspectedNone},
	} {
		_, f := find(t, "application/x-ndjson", c.body)
		if f.Subjects() != c.subjects || f.Uninspected() != c.fault {
			t.Errorf("%s: %d subjects, %q; want %d, %q", name, f.Subjects(), f.Uninspected(), c.subjects, c.fault)
		}
		same(t, "application/x-ndjson", []byte(c.body), 1)
		shortCuts(t, "application/x-ndjson", []byte(c.body))
	}
}
