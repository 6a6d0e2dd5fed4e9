package rules

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNamesRoundTrip(t *testing.T) {
	for _, r := range Roles() {
		if got, ok := ParseRole(r.String()); !ok || got != r {
			t.Errorf("role %v comes back as %v", r, got)
		}
	}
	for _, o := range Ownerships() {
		if got, ok := ParseOwnership(o.String()); !ok || got != o {
			t.Errorf("ownership %v comes back as %v", o, got)
		}
	}
	for _, s := range States() {
		if got, ok := ParseState(s.String()); !ok || got != s {
			t.Errorf("state %v comes back as %v", s, got)
		}
	}
	for _, s := range Severities() {
		if got, ok := ParseSeverity(s.String()); !ok || got != s {
			t.Errorf("severity %v comes back as %v", s, got)
		}
	}
	for k := IdentifierEmail; k < identifierKinds; k++ {
		if got, ok := ParseIdentifierKind(k.String()); !ok || got != k {
			t.Errorf("identifier kind %v comes back as %v", k, got)
		}
	}
	for _, s := range []IncidentState{IncidentOpen, IncidentAcknowledged, IncidentClosed} {
		text, _ := s.MarshalText()
		var got IncidentState
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("incident state %v comes back as %v, %v", s, got, err)
		}
	}
	if err := new(IncidentState).UnmarshalText([]byte("lost")); err == nil {
		t.Error("an unknown incident state is accepted")
	}
}

func TestFields(t *testing.T) {
	all, err := ParseFields(FieldNames())
	if err != nil || !slices.Equal(all.Names(), FieldNames()) || len(FieldNames()) != 11 {
		t.Errorf("all fields come back as %v, %v", all, err)
	}
	if got := (FieldName | FieldEmail | 1<<15).String(); got != "name|email" {
		t.Errorf("a set with an unknown bit is %q", got)
	}
	if _, err := ParseFields([]string{"shoe_size"}); err == nil || !strings.Contains(err.Error(), "shoe_size") {
		t.Errorf("unknown field: %v", err)
	}
}

// TestZeroValuesAreCareful: what nobody filled in refuses, is foreign, is a
// guest, is unknown.
func TestZeroValuesAreCareful(t *testing.T) {
	var v Verdict
	var d Disclosure
	if v.Action != Refuse || d.Ownership != Foreign || d.Principal.Role != RoleGuest || d.State != Unknown || d.Principal.Issued || Mode(0) != Enforce {
		t.Error("a zero value is generous")
	}
}

func TestHasher(t *testing.T) {
	if _, err := NewHasher(make([]byte, MinKeySize-1)); err == nil {
		t.Error("a short key is accepted")
	}
	a, err := NewHasher(bytes.Repeat([]byte{1}, MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewHasher(bytes.Repeat([]byte{2}, MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	value := []byte("marieke@example.com")
	d := a.Identifier(IdentifierEmail, value)
	for name, other := range map[string]Digest{
		"another key": b.Identifier(IdentifierEmail, value), "another kind": a.Identifier(IdentifierPhone, value),
		"a principal's key": a.Key(KeyKind(IdentifierEmail), value), "another value": a.Identifier(IdentifierEmail, []byte("x")), "none": {},
	} {
		if d == other {
			t.Errorf("the digest is the same for %s", name)
		}
	}
	if again := a.Clone().Identifier(IdentifierEmail, value); again != d || d.IsZero() {
		t.Error("a clone digests differently")
	}
	var parsed Digest
	if err := parsed.UnmarshalText([]byte(d.String())); err != nil || parsed != d {
		t.Errorf("a digest comes back as %v, %v", parsed, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if err := parsed.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted as a digest", bad)
		}
	}
	if got := testing.AllocsPerRun(100, func() { a.Identifier(IdentifierEmail, value) }); got > 0 && !raceEnabled { // where the compiler leaves make in append
		t.Errorf("a digest allocates %v times", got)
	}
}

func TestWindowNames(t *testing.T) {
	var names []string
	for _, w := range append(Windows(), WindowNone, Window(90*time.Second)) {
		names = append(names, w.String())
	}
	if got := strings.Join(names, " "); got != "1m 1h 24h 30d response 1m30s" {
		t.Errorf("windows are called %s", got)
	}
}

func TestExchangeID(t *testing.T) {
	id := ExchangeID{1, 2, 3}
	if got, err := ParseExchangeID(id.String()); err != nil || got != id {
		t.Errorf("comes back as %v, %v", got, err)
	}
	for _, bad := range []string{"", "01", strings.Repeat("x", 32), strings.Repeat("0", 40)} {
		if _, err := ParseExchangeID(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestPrincipalKeys(t *testing.T) {
	p := Principal{Session: Digest{1}, IP: Digest{2}}
	keys := p.Keys(nil)
	if len(keys) != 2 || keys[0].Kind != KeySession || keys[1].Kind != KeyIP {
		t.Errorf("keys %v: want those that are known", keys)
	}
}
