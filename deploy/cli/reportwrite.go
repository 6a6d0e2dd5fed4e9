package cli

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// affectedList is what `report affected` writes, in either format.
type affectedList struct {
	incident string
	query    ledger.Query
	keys     map[string]int  // disclosures by the id of the key that they are sealed with
	digests  map[string]bool // what makes the digests of those keys
	json     bool
	subjects []ledger.Subject
	counts   ledger.Counts
}

// explain tells what the report counts and what it cannot know.
func (r *affectedList) explain(to console) {
	disclosures, shared := 0, 0
	for _, n := range r.keys {
		disclosures += n
	}
	for i := range r.subjects {
		if r.subjects[i].Shared {
			shared++
		}
	}
	to.note("affected: %d customers (delivered %d, unknown %d); only withheld: %d; requests refused before a record was found: %d; disclosures read: %d",
		len(r.subjects), r.counts.Delivered, r.counts.Unknown, r.counts.Withheld, r.counts.Attempted, disclosures)
	if shared > 0 {
		to.note("%d of them are known only by a phone number or residence that several others have too: they may be the same people", shared)
	}
	if len(r.digests) > 1 {
		to.note("the disclosures were digested with %d different keys: a customer may be counted once for each", len(r.digests))
	}
}

// disclosureColumns are what every report says about a customer, in this order.
var disclosureColumns = [...]string{"fields", "first", "last", "times", "states", "to"}

// disclosureCells are the values of disclosureColumns.
func disclosureCells(s *ledger.Subject) []string {
	var states, to []string
	for _, state := range []struct {
		state rules.State
		n     int
	}{{rules.Delivered, s.Delivered}, {rules.Unknown, s.Unknown}, {rules.Withheld, s.Withheld}} {
		if state.n > 0 {
			states = append(states, fmt.Sprintf("%s:%d", state.state, state.n))
		}
	}
	for _, r := range s.To {
		to = append(to, r.Role.String()+":"+r.Session.String())
	}
	if s.ToCut {
		to = append(to, "more")
	}
	return []string{
		s.Fields.String(), stamp(s.First), stamp(s.Last), strconv.Itoa(s.Times()), strings.Join(states, "|"), strings.Join(to, "|"),
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// defuse keeps a spreadsheet from reading a cell as a formula (OWASP, "CSV
// Injection"). It changes cells in place and returns them.
func defuse(cells []string) []string {
	for i, cell := range cells {
		if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
			cells[i] = "'" + cell
		}
	}
	return cells
}

// The JSON form. The names are part of the stable surface.
type (
	jsonSubject struct {
		Subject     string           `json:"subject"`
		Kind        string           `json:"kind"`
		Identifiers []jsonIdentifier `json:"identifiers"`
		Shared      bool             `json:"shared"`
		jsonDisclosed
	}
	jsonIdentifier struct {
		Kind   string       `json:"kind"`
		Digest rules.Digest `json:"digest"`
	}
	jsonDisclosed struct {
		Fields []string        `json:"fields"`
		First  string          `json:"first"`
		Last   string          `json:"last"`
		Times  int             `json:"times"`
		States jsonStates      `json:"states"`
		To     []jsonRecipient `json:"to"`
		ToCut  bool            `json:"to_cut"`
	}
	jsonStates struct {
		Delivered int `json:"delivered"`
		Unknown   int `json:"unknown"`
		Withheld  int `json:"withheld"`
	}
	jsonRecipient struct {
		Role    string        `json:"role"`
		Session rules.Digest  `json:"session"`
		Account *rules.Digest `json:"account,omitempty"`
	}
	jsonHead struct {
		Incident string        `json:"incident,omitempty"`
		Since    string        `json:"since,omitempty"`
		Until    string        `json:"until,omitempty"`
		Counts   ledger.Counts `json:"counts"`
	}
)

func asJSON(s *ledger.Subject) jsonDisclosed {
	to := make([]jsonRecipient, 0, len(s.To))
	for _, r := range s.To {
		recipient := jsonRecipient{Role: r.Role.String(), Session: r.Session}
		if !r.Account.IsZero() {
			recipient.Account = &r.Account
		}
		to = append(to, recipient)
	}
	return jsonDisclosed{
		Fields: s.Fields.Names(), First: stamp(s.First), Last: stamp(s.Last), Times: s.Times(),
		States: jsonStates{Delivered: s.Delivered, Unknown: s.Unknown, Withheld: s.Withheld}, To: to, ToCut: s.ToCut,
	}
}

// jsonWriter writes one object with one long list in it, element by element.
type jsonWriter struct {
	out  *bufio.Writer
	list int // elements so far
	err  error
}

// begin writes the head's members and opens the list.
func (r *affectedList) begin(out io.Writer, list string) *jsonWriter {
	w := &jsonWriter{out: bufio.NewWriter(out)}
	head := jsonHead{Incident: r.incident, Counts: r.counts}
	if !r.query.Since.IsZero() {
		head.Since = stamp(r.query.Since)
	}
	if !r.query.Until.IsZero() {
		head.Until = stamp(r.query.Until)
	}
	text, err := json.Marshal(head)
	if err != nil {
		w.err = err
		return w
	}
	w.write(strings.TrimSuffix(string(text), "}") + `,"` + list + `":[`)
	return w
}

func (w *jsonWriter) write(text string) {
	if w.err == nil {
		_, w.err = w.out.WriteString(text)
	}
}

func (w *jsonWriter) element(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	separator := "\n  "
	if w.list > 0 {
		separator = ",\n  "
	}
	w.list++
	w.write(separator + string(text))
	return w.err
}

// end closes the list and adds the members that are only known now.
func (w *jsonWriter) end(members string) error {
	w.write("\n]" + members + "}\n")
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}

// writeSubjects writes the report without a customer list.
func (r *affectedList) writeSubjects(out io.Writer) error {
	if r.json {
		w := r.begin(out, "subjects")
		for i := range r.subjects {
			s := &r.subjects[i]
			element := jsonSubject{
				Subject: s.Subject.Digest.String(), Kind: s.Subject.Kind.String(), Identifiers: []jsonIdentifier{},
				Shared: s.Shared, jsonDisclosed: asJSON(s),
			}
			for _, id := range s.Identifiers {
				element.Identifiers = append(element.Identifiers, jsonIdentifier{Kind: id.Kind.String(), Digest: id.Digest})
			}
			if err := w.element(element); err != nil {
				return err
			}
		}
		return w.end("")
	}
	w := csv.NewWriter(out)
	if err := w.Write(append([]string{"subject", "kind"}, disclosureColumns[:]...)); err != nil {
		return err
	}
	for i := range r.subjects {
		s := &r.subjects[i]
		cells := append([]string{s.Subject.Digest.String(), s.Subject.Kind.String()}, disclosureCells(s)...)
		if err := w.Write(defuse(cells)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
