package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/report"
	"github.com/ordergate/ordergate/rules"
)

// ReportSubject is `ordergate report subject`: "was I affected?", for the help
// line. It takes what the person names and says which of their data was
// released to somebody else, when, how often and to what kind of recipient; or
// that none was in the kept time, with its gaps. Neither the answer nor an
// error repeats what was typed.
type ReportSubject struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Email      string   `help:"The person's email address."`
	Phone      string   `help:"Their phone number."`
	CustomerID string   `name:"customer-id" help:"Their customer number."`
	Order      string   `help:"The number of one of their orders."`
	Name       string   `help:"Their name; together with --street."`
	Street     string   `help:"Their street and house number; together with --name."`
	Since      string   `help:"From this time on: RFC 3339, a date, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Countries  []string `help:"Countries of the customers (AU,NZ), to read national phone numbers as the gateway does." placeholder:"CC"`
	JSON       bool     `name:"json" help:"Write the answer as JSON."`

	// Now is the time that a duration in Since is counted back from; zero means
	// the time of the call.
	Now time.Time `kong:"-"`
}

// subjectAnswer is what the help line reads. Its JSON form is part of the
// stable surface.
type subjectAnswer struct {
	Affected   bool           `json:"affected"`
	Shared     bool           `json:"shared"` // it may be another's: known only by what several people share
	Disclosed  *jsonDisclosed `json:"disclosed,omitempty"`
	Incidents  []string       `json:"incidents"`
	Own        int            `json:"own"` // responses with their data that went to themselves
	KeptSince  string         `json:"kept_since"`
	KeptUntil  string         `json:"kept_until"` // the newest row
	Gaps       []report.Gap   `json:"gaps"`
	Unjoinable int            `json:"rows_of_other_keys"` // whose are not known
	Unread     int            `json:"unreadable_places"`  // of the ledger, where rows are missing
}

// Run writes the answer. Wrong flags give a [UsageError].
func (c *ReportSubject) Run(stdout, stderr io.Writer) (err error) {
	now := c.Now
	if now.IsZero() {
		now = time.Now()
	}
	since, err := moment("--since", c.Since, now)
	if err != nil {
		return err
	}
	keys, err := loadHashers(c.DataDir)
	if err != nil {
		return err
	}
	ids, err := c.identifiers(keys)
	if err != nil {
		return err
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	answer, err := ask(ctx, store, keys, ids, since)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(stdout).Encode(answer)
	}
	return answer.write(stdout)
}

// identifiers digests what was typed.
func (c *ReportSubject) identifiers(keys *hashers) ([]rules.Identifier, error) {
	var columns, cells []string
	for _, cell := range []struct{ flag, column, value string }{
		{"--email", "email", c.Email},
		{"--phone", "phone", c.Phone},
		{"--customer-id", "customer_id", c.CustomerID},
		{"--order", "order_number", c.Order},
		{"--name", "name", c.Name},
		{"--street", "street", c.Street},
	} {
		if cell.value == "" {
			continue
		}
		alone := cell.column != "name" && cell.column != "street"
		if alone && len(identify(keys, c.Countries, []string{cell.column}, []string{cell.value})) == 0 {
			return nil, usagef("%s cannot be read: type it as the customer writes it; national phone numbers need --countries", cell.flag)
		}
		columns, cells = append(columns, cell.column), append(cells, cell.value)
	}
	ids := identify(keys, c.Countries, columns, cells)
	if len(ids) == 0 {
		return nil, usagef("who is asking? Name --email, --phone, --customer-id or --order, or --name with --street")
	}
	return ids, nil
}

// ask reads the ledger for one person.
func ask(ctx context.Context, store archive, keys *hashers, ids []rules.Identifier, since time.Time) (*subjectAnswer, error) {
	incidents, err := store.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	marks, err := store.Marks(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := store.KeptSince(ctx)
	if err != nil {
		return nil, err
	}
	answer := &subjectAnswer{Incidents: []string{}}
	if ids, err = withOwners(ctx, store, ids, since); err != nil {
		return nil, err
	}
	var affected ledger.Affected
	last := time.Time{}
	own := make(map[rules.ExchangeID]struct{})
	unread := make(map[string]struct{})
	for row, err := range store.Disclosures(ctx, ledger.Query{Since: since, Damaged: func(err error) { unread[err.Error()] = struct{}{} }}) {
		if err != nil {
			return nil, err
		}
		if row.Time.After(last) {
			last = row.Time
		}
		if !keys.has(row.Key) {
			answer.Unjoinable++
		}
		affected.Add(row)
		if !names(&row, ids) {
			continue
		}
		if row.Ownership == rules.Own && row.State != rules.Withheld {
			own[row.Exchange] = struct{}{}
		}
		for i := range incidents {
			query := ledger.IncidentQuery(incidents[i])
			if query.Selects(&row) && ledger.Concerns(&incidents[i], &row) && row.State != rules.Withheld && !slices.Contains(answer.Incidents, incidents[i].ID) {
				answer.Incidents = append(answer.Incidents, incidents[i].ID)
			}
		}
	}
	if since.After(kept) {
		kept = since
	}
	answer.Own, answer.Unread = len(own), len(unread)
	answer.KeptSince, answer.KeptUntil = stampOrNone(kept), stampOrNone(last)
	answer.Gaps = report.Gaps(marks, since, time.Time{})
	subjects, _ := affected.Subjects()
	if found, ok := ledger.NewMatcher(subjects).Match(ids); ok {
		disclosed := asJSON(&found)
		answer.Affected, answer.Shared, answer.Disclosed = true, found.Shared, &disclosed
	}
	return answer, nil
}

func stampOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}

func names(row *ledger.Row, ids []rules.Identifier) bool {
	return slices.ContainsFunc(row.Record.Identifiers, func(id rules.Identifier) bool { return slices.Contains(ids, id) })
}

// withOwners adds whom an order number belongs to: rows with the number name
// their subject. Order numbers alone join nobody.
func withOwners(ctx context.Context, store archive, ids []rules.Identifier, since time.Time) ([]rules.Identifier, error) {
	orders := slices.DeleteFunc(slices.Clone(ids), func(id rules.Identifier) bool { return id.Kind != rules.IdentifierOrder })
	if len(orders) == 0 {
		return ids, nil
	}
	for row, err := range store.Disclosures(ctx, ledger.Query{Since: since, Damaged: func(error) {}}) { // told by whoever reads it again
		if err != nil {
			return nil, err
		}
		if !names(&row, orders) {
			continue
		}
		for _, id := range row.Record.Identifiers {
			if (id == row.Record.Subject || id.Kind == rules.IdentifierEmail || id.Kind == rules.IdentifierCustomerID) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// write says the answer in words that can be read out.
func (a *subjectAnswer) write(out io.Writer) error {
	var b strings.Builder
	if a.Affected {
		d := a.Disclosed
		fmt.Fprintf(&b, "Yes. Data of this person was released to somebody else.\n  what: %s\n  first: %s\n  last: %s\n  times: %d (delivered %d, delivery unknown %d); withheld besides: %d\n",
			strings.Join(d.Fields, ", "), d.First, d.Last, d.Times, d.States.Delivered, d.States.Unknown, d.States.Withheld)
		for _, to := range d.To {
			fmt.Fprintf(&b, "  to: %s %s\n", to.Role, to.Session)
		}
		if a.Shared {
			b.WriteString("  careful: it is known only by something that several people share (a household's phone or address): it may be another's\n")
		}
		if len(a.Incidents) > 0 {
			fmt.Fprintf(&b, "  incidents: %s\n", strings.Join(a.Incidents, ", "))
		}
	} else {
		b.WriteString("No record of this person was disclosed to somebody else in the kept time.\n")
	}
	fmt.Fprintf(&b, "Their own data went to themselves in %d responses.\n", a.Own)
	if a.KeptSince == "" {
		b.WriteString("The ledger holds no rows.\n")
	} else {
		fmt.Fprintf(&b, "Kept time: %s to %s. What left before it is not known.\n", a.KeptSince, a.KeptUntil)
	}
	for _, g := range a.Gaps {
		fmt.Fprintf(&b, "Gap: %s to %s, %s: %s", stamp(g.From), stamp(g.To), g.Kind, g.What)
		if g.Count > 0 {
			fmt.Fprintf(&b, " (%d)", g.Count)
		}
		b.WriteString("\n")
	}
	if a.Unread > 0 {
		fmt.Fprintf(&b, "%d places of the ledger are damaged and cannot be read: whether this person is in them is not known.\n", a.Unread)
	} else if len(a.Gaps) == 0 {
		b.WriteString("No gaps.\n")
	}
	if a.Unjoinable > 0 {
		fmt.Fprintf(&b, "%d rows were digested with another key: whose they are is not known.\n", a.Unjoinable)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
