package ledger

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Subject is one affected customer: what all disclosures about them add up to.
type Subject struct {
	// Subject is the strongest identifier: it names the subject in reports.
	Subject rules.Identifier
	// Identifiers are all that join disclosures or customers to the subject,
	// strongest kinds first, each once. A customer number, phone or residence
	// that several subjects share is in each of them.
	Identifiers []rules.Identifier

	Fields      rules.Fields // everything that was disclosed
	First, Last time.Time    // of the disclosures, UTC

	// Delivered, Unknown and Withheld count the responses that carried the
	// subject, by what became of them. Fields, times and To do not tell of
	// withheld ones.
	Delivered, Unknown, Withheld int

	// To is whom the data went to, by first appearance, at most MaxRecipients;
	// ToCut says that there were more.
	To    []Recipient
	ToCut bool

	// Shared says that the subject is known only by a customer number, phone or
	// residence that two or more other subjects have too: it may be one of them.
	Shared bool
}

// Times is how many responses carried the subject and were not withheld.
func (s *Subject) Times() int { return s.Delivered + s.Unknown }

// Recipient is a principal that data went to.
type Recipient struct {
	Role    rules.Role
	Session rules.Digest
	Account rules.Digest // zero: none known
}

// MaxRecipients bounds [Subject.To].
const MaxRecipients = 32

// Counts say what became of the data of a period. A subject is counted once,
// in the first of the states delivered, unknown, withheld that any of its
// responses has.
type Counts struct {
	Delivered int `json:"delivered"`
	Unknown   int `json:"unknown"`
	Withheld  int `json:"withheld"`
	// Attempted counts requests that were refused before a record was found:
	// whom they were about is not known.
	Attempted int `json:"attempted"`
}

// IncidentQuery selects an incident's evidence: the foreign and unlinked rows
// of its session or account or, for records that went to no credential and for
// a walk of many sessions, of its route, or else of the whole site, from [HoldBefore] its opening on. A closed
// incident ends with its last update; one that is not goes on. Of the rows,
// those that [Concerns] names count.
func IncidentQuery(incident rules.Incident) Query {
	query := Query{
		Since:     incident.Opened.Add(-HoldBefore),
		Session:   incident.Session,
		Account:   incident.Account,
		Ownership: []rules.Ownership{rules.Foreign, rules.Unlinked},
	}
	if incident.State.Ended() {
		query.Until = incident.Updated.Add(1) // included
	}
	switch incident.Detector {
	case rules.DetectorUnauthenticated:
		query.Route = incident.Route
	case rules.DetectorWalk, rules.DetectorGuess:
		if incident.Session.IsZero() {
			query.Route = incident.Route
		}
	case rules.DetectorLogin: // who has somebody's password is sent that person's own data
		query.Ownership = nil
	default:
	}
	return query
}

// Concerns reports whether a row that [IncidentQuery] selects is evidence of
// the incident: of logins with stolen passwords, and of guesses that many share, those of the linked
// sessions are, of records that went to no credential only such rows, of
// credentials that nobody issued only theirs, of a site-wide incident those of
// guests and shoppers, whom the budget is for.
func Concerns(incident *rules.Incident, row *Row) bool {
	switch {
	case incident.Detector == rules.DetectorLogin,
		incident.Detector == rules.DetectorGuess && incident.Session.IsZero():
		return slices.ContainsFunc(incident.Linked, func(l rules.Link) bool { return l.Session == row.Principal.Session })
	case incident.Detector == rules.DetectorUnauthenticated:
		return !row.Principal.Credential
	case incident.Detector == rules.DetectorIssuance:
		return row.Principal.Credential && !row.Principal.Issued
	case incident.Session.IsZero() && incident.Account.IsZero():
		return row.Principal.Role == rules.RoleGuest || row.Principal.Role == rules.RoleShopper
	}
	return true
}

// rankOf returns how surely a kind of identifier names one customer: an email
// address is one person's, a customer number may be another's in a table of
// another kind, a household shares a phone and a residence.
func rankOf(kind rules.IdentifierKind) rank {
	if kind == rules.IdentifierEmail {
		return rankEmail
	}
	if kind == rules.IdentifierCustomerID {
		return rankCustomer
	}
	return rankOther
}

// joins reports whether an identifier takes part in telling subjects apart: a
// card or an order number does only as the one thing that names a record.
func joins(id rules.Identifier, record *rules.Record) bool {
	return id.Kind >= rules.IdentifierEmail && id.Kind <= rules.IdentifierResidence || id == record.Subject
}

// compareIdentifiers orders by strength, then by digest.
func compareIdentifiers(a, b rules.Identifier) int {
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	return bytes.Compare(a.Digest[:], b.Digest[:])
}

// trace is what the disclosures of one anchor add up to.
type trace struct {
	fields      rules.Fields
	first, last int64    // Unix nanoseconds; of disclosed rows only
	responses   []uint64 // 62 bits of the exchange id, then the state
	to          []Recipient
	toCut       bool
}

func (t *trace) add(row *Row) {
	response := binary.BigEndian.Uint64(row.Exchange[:8])&^3 | uint64(row.State)
	if n := len(t.responses); n == 0 || t.responses[n-1] != response {
		t.responses = append(t.responses, response)
	}
	if row.State == rules.Withheld {
		return
	}
	at := row.Time.UnixNano()
	if t.last == 0 || at > t.last {
		t.last = at
	}
	if t.first == 0 || at < t.first {
		t.first = at
	}
	t.fields |= row.Record.Fields
	t.send(Recipient{Role: row.Principal.Role, Session: row.Principal.Session, Account: row.Principal.Account})
}

func (t *trace) send(to Recipient) {
	switch {
	case slices.Contains(t.to, to):
	case len(t.to) >= MaxRecipients:
		t.toCut = true
	default:
		t.to = append(t.to, to)
	}
}

// merge adds another trace of the same subject.
func (t *trace) merge(other *trace) {
	t.fields |= other.fields
	if other.first != 0 && (t.first == 0 || other.first < t.first) {
		t.first = other.first
	}
	t.last = max(t.last, other.last)
	t.responses = append(t.responses, other.responses...)
	for _, to := range other.to {
		t.send(to)
	}
	t.toCut = t.toCut || other.toCut
}

// fill writes the trace into a subject.
func (t *trace) fill(s *Subject) {
	slices.Sort(t.responses)
	t.responses = slices.Compact(t.responses)
	for _, response := range t.responses {
		switch rules.State(response & 3) {
		case rules.Delivered:
			s.Delivered++
		case rules.Withheld:
			s.Withheld++
		case rules.Unknown, rules.Attempted:
			s.Unknown++
		}
	}
	s.Fields, s.To, s.ToCut = t.fields, t.to, t.toCut
	if t.first != 0 {
		s.First, s.Last = time.Unix(0, t.first).UTC(), time.Unix(0, t.last).UTC()
	}
}
