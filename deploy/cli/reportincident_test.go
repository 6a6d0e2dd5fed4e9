package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/report"
	"github.com/ordergate/ordergate/rules"
)

const theIncident = "inc-00000000000000aa"

// breach is shop with an incident without a principal, so that all of it is
// evidence, with a gap in its time, a hostile route, and a checkpoint.
func breach(t *testing.T) *evidence {
	t.Helper()
	e := newEvidence(t)
	e.sent(func(d *rules.Disclosure) { d.Route = "/<script>|`x`" }, "email=erika@example.org", "phone=+61 412 345 678")
	e.sent(func(d *rules.Disclosure) {
		d.Record.Fields = rules.FieldName | rules.FieldEmail | rules.FieldPaymentCard
	}, "email=ann@example.org", "order_number=40001234")
	e.sent(nil, "email=erika@example.org")
	e.sent(func(d *rules.Disclosure) { d.State = rules.Withheld }, "email=withheld@example.org")
	e.sent(func(d *rules.Disclosure) { d.State = rules.Attempted; d.Record = rules.Record{} }, "email=x@example.org")
	e.sent(func(d *rules.Disclosure) { d.Ownership = rules.Own }, "email=own@example.org")
	e.sent(nil, "email=gone@example.org")
	e.keep(7)
	ctx := context.Background()
	gap := ledger.Mark{Kind: ledger.MarkUnrecorded, Since: noon.Add(90 * time.Second), Time: noon.Add(100 * time.Second), Count: 4}
	incident := rules.Incident{
		ID: theIncident, Detector: rules.DetectorCap, Severity: rules.SeverityHigh, Role: "guest", Route: "/orders/{id}",
		Opened: noon.Add(2 * time.Minute), Updated: noon.Add(8 * time.Minute), Signals: 3, Refused: 2, Observed: 4, Limit: 3,
		Detectors: map[rules.Detector]int{rules.DetectorCap: 2, rules.DetectorCanary: 1}, Linked: []rules.Link{{Session: rules.Digest{9}, Why: rules.LinkFrontier, Strength: 2}},
		Containment: &rules.Containment{Step: rules.StepRefuse, Since: noon.Add(5 * time.Minute), Until: noon.Add(time.Hour)},
	}
	for _, err := range []error{e.store.Mark(ctx, gap), e.store.SaveIncident(ctx, incident)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e.sign()
	return e
}

// reportOf runs the command and returns what it wrote.
func reportOf(t *testing.T, e *evidence, c ReportIncident) (string, string) {
	t.Helper()
	var out, notes bytes.Buffer
	c.DataDir, c.Incident, c.Now, c.Version = e.dir, theIncident, noon.Add(24*time.Hour), "v1"
	c.Verify = true
	if err := c.Run(&out, &notes); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	return out.String(), notes.String()
}

// readable are the customers' values in the evidence: none may be in a report.
var readable = []string{"erika", "ann@", "gone@", "withheld@", "412 345", "412345", "40001234"}

func unreadable(t *testing.T, what, text string) {
	t.Helper()
	for _, value := range readable {
		if strings.Contains(strings.ToLower(text), value) {
			t.Errorf("%s holds %q in readable form", what, value)
		}
	}
}

func TestReportIncident(t *testing.T) {
	e := breach(t)
	facts := e.file("facts.yaml", "entity.legal_name: Muster Pty Ltd\nwhat.narrative: An order page was open.\n")
	flags := reportFlags{Aware: "2026-03-01T13:00:00Z", Material: "2026-03-06T10:00:00Z", Facts: facts}
	text, _ := reportOf(t, e, ReportIncident{reportFlags: flags, Format: "json"})
	var r report.Incident
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	w := r.Whose
	if w.Delivered.Count != 2 || w.Unknown.Count != 1 || w.Withheld.Count != 1 || w.Attempted.Count != 1 || w.Affected.Count != 3 ||
		w.Affected.Lower != 2 || w.Affected.Upper < 3+4 || w.Canaries != 1 {
		t.Errorf("whose: %+v", w)
	}
	due := map[string]string{}
	for _, d := range r.Clock.Due {
		due[d.Law] = d.At
	}
	if due["GDPR Art. 33"] != "2026-03-04T13:00:00Z" || due["California Civ. Code 1798.82"] != "2026-03-31T13:00:00Z" ||
		due["SEC Form 8-K Item 1.05"] != "2026-03-12T10:00:00Z" { // Friday and four business days
		t.Errorf("due: %v", due)
	}
	if r.Identity.Version != 0 || r.Entity.LegalName.Value != "Muster Pty Ltd" || r.Entity.DPO.Value != "" || !r.Entity.DPO.Human ||
		r.Clock.FirstExposure != "2026-03-01T12:01:00Z" || r.Clock.LastExposure != "2026-03-01T12:07:00Z" || r.Clock.Contained != "2026-03-01T12:05:00Z" {
		t.Errorf("identity %+v\nclock %+v", r.Identity, r.Clock)
	}
	if len(r.ToWhom.Principals) != 6 || r.ToWhom.Refused != 2 || len(r.ToWhom.Linked) != 1 || r.Data.Orders != 1 || len(r.Data.Combinations) != 2 ||
		r.Data.Combinations[0] != (report.Count{Name: "name + email", Count: 2}) {
		t.Errorf("to whom %+v\ndata %+v", r.ToWhom, r.Data)
	}
	n := r.Integrity
	if !n.Verified || len(n.Gaps) != 1 || n.Gaps[0].Count != 4 || n.AtOpen == "" || n.Newest == "" || n.Key == "" || !strings.Contains(n.Statement, "1 gaps") {
		t.Errorf("integrity: %+v", n)
	}
	released := 0
	for _, b := range r.Timeline {
		released += b.Released
	}
	if released != 4 {
		t.Errorf("the timeline has %d released records, want 4", released)
	}
	for format, want := range map[string][]string{
		"md":   {"# Incident inc-00000000000000aa", "| **affected** (to be told) | **3** | 2 |", "Muster Pty Ltd", "[TO BE FILLED IN BY A PERSON]", `/&lt;script&gt;\|\`, "unrecorded"},
		"html": {"<title>Incident inc-00000000000000aa</title>", "<svg ", "/&lt;script&gt;|`x`", "to be filled in by a person", "@page"},
		"svg":  {"<svg ", "first signal", "contained"},
		"png":  {"\x89PNG\r\n"},
	} {
		text, _ := reportOf(t, e, ReportIncident{reportFlags: flags, Format: format})
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", format, want, text)
			}
		}
		if strings.Contains(text, "<script>") || strings.Contains(text, "<no value>") {
			t.Errorf("%s holds what it must not:\n%s", format, text)
		}
		unreadable(t, format, text)
	}
	unreadable(t, "json", text)
}

// everyField is what responders, regulators and courts ask of an incident report, by
// section, and where it is in the JSON form: filled in from the ledger, or (with a
// star) a person's to state.
const everyField = `
identity: identity.incident_id identity.schema_version identity.report_version identity.previous_version_digest identity.status identity.severity
identity: identity.confidence* identity.generated_at identity.generated_by* identity.tool_version identity.config_digests
entity: entity.legal_name* entity.trading_name* entity.registration* entity.contact* entity.data_protection_officer* entity.controller_or_processor* entity.other_entities*
clock: clock.first_exposure_at clock.last_exposure_at clock.first_signal_at clock.alert_at clock.acknowledged* clock.contained_at clock.aware_at clock.aware_reason*
clock: clock.materiality_decided_at clock.due clock.time_zone clock.clock_source clock.clock_steps clock.first_row clock.last_row
what: what_happened.mechanism what_happened.endpoints what_happened.requests* what_happened.detectors what_happened.detection_conditions what_happened.narrative* what_happened.vulnerability*
whom: to_whom.principals to_whom.principals_not_listed to_whom.linked_sessions to_whom.exchanges_refused_or_cut to_whom.networks to_whom.not_kept to_whom.origin*
whose: whose.delivered whose.released_delivery_unknown whose.withheld whose.attempted whose.affected whose.recogniser_recall whose.canary_signals
whose: whose.jurisdictions* whose.minors* whose.third_parties whose.known_only_by_shared_identifiers
data: which_data.subjects_by_field which_data.subjects_by_combination which_data.distinct_order_numbers which_data.form
subjects: subjects.file subjects.sha256 subjects.rows subjects.note subjects.notified*
consequences: consequences.likely_harm* consequences.risk_rating* consequences.rationale* consequences.remedial_action* consequences.serious_harm_prevented*
measures: measures.automatic measures.manual* measures.tokens_revoked* measures.vulnerability_fixed_at* measures.collateral*
notification: notification.told* notification.law_enforcement_delay* notification.steps_recommended*
integrity: integrity.segments integrity.tree_root integrity.checkpoint_at_open integrity.checkpoint_newest integrity.checkpoint_key integrity.external_timestamp*
integrity: integrity.gaps integrity.legal_hold integrity.completeness integrity.verified integrity.digest_keys
custody: custody.made_at custody.made_by* custody.purpose* custody.handlers*
limits: cannot_know`

func TestEveryField(t *testing.T) {
	e := breach(t)
	text, _ := reportOf(t, e, ReportIncident{reportFlags: reportFlags{Aware: "2026-03-01T13:00:00Z", Material: "2026-03-06T10:00:00Z"}, Format: "json", Issue: true})
	var r map[string]any
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	// Nothing was issued before, nothing was left out, no network was seen.
	empty := []string{"identity.previous_version_digest", "to_whom.networks", "to_whom.principals_not_listed", "clock.clock_steps", "whose.known_only_by_shared_identifiers"}
	for line := range strings.Lines(strings.TrimSpace(everyField)) {
		for _, path := range strings.Fields(line)[1:] {
			path, human := strings.CutSuffix(path, "*")
			var value any = r
			for _, name := range strings.Split(path, ".") {
				value = value.(map[string]any)[name]
			}
			fact, isFact := value.(map[string]any)
			isFact = isFact && fact["human"] == true
			switch {
			case human && !isFact:
				t.Errorf("%s is not marked as a person's to state: %v", path, value)
			case !human && isFact:
				t.Errorf("%s is a person's to state", path)
			case !human && !slices.Contains(empty, path) && (value == nil || value == "" || value == 0.0 || fmt.Sprint(value) == "[]"):
				t.Errorf("%s is empty: %v", path, value)
			}
		}
	}
}

// An issued version stays what it is; the next one names its digest.
func TestReportIssued(t *testing.T) {
	e := breach(t)
	read := func(version string) (string, string) {
		dir := filepath.Join(e.dir, "reports", "incident-"+theIncident)
		text, err := os.ReadFile(filepath.Join(dir, version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		sums, err := os.ReadFile(filepath.Join(dir, version+".sha256"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(sums)) {
			digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || report.Digest(content) != digest {
				t.Errorf("%s: %v, digest %s", name, err, digest)
			}
			unreadable(t, name, string(content))
		}
		if n := strings.Count(string(sums), "\n"); n != 6 {
			t.Errorf("%d forms were issued, want 6:\n%s", n, sums)
		}
		return string(text), string(sums)
	}
	out, notes := reportOf(t, e, ReportIncident{Format: "md", Issue: true})
	if !strings.Contains(notes, "issued as version 1") || !strings.Contains(out, "Version 1; generated") {
		t.Errorf("%s\n%s", notes, out)
	}
	first, sums := read("v0001")
	e.rows = nil
	e.sent(nil, "email=later@example.org")
	e.keep()
	reportOf(t, e, ReportIncident{Format: "md", Issue: true})
	again, sumsAgain := read("v0001")
	if again != first || sumsAgain != sums {
		t.Error("issuing again changed version 1")
	}
	var second report.Incident
	text, _ := read("v0002")
	if err := json.Unmarshal([]byte(text), &second); err != nil {
		t.Fatal(err)
	}
	if second.Identity.Version != 2 || second.Identity.Previous != report.Digest([]byte(first)) || second.Whose.Affected.Count != 4 || second.Subjects.Rows != 4 {
		t.Errorf("version 2: %+v", second.Identity)
	}
	shelf := report.Shelf{Dir: filepath.Join(e.dir, "reports"), About: "incident-" + theIncident}
	if err := shelf.Issue(1, map[string][]byte{"json": []byte("{}")}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("issuing version 1 again: %v, want fs.ErrExist", err)
	}
}

func statementOf(t *testing.T, e *evidence, c ReportStatement) string {
	t.Helper()
	var out, notes bytes.Buffer
	c.DataDir, c.Incident, c.Now, c.Verify = e.dir, theIncident, noon.Add(24*time.Hour), true
	if err := c.Run(&out, &notes); err != nil {
		t.Fatalf("%s: %v\n%s", c.Kind, err, notes.String())
	}
	return out.String()
}

// Every draft says what its law wants, with the true fields of whom it is for.
func TestReportStatement(t *testing.T) {
	e := breach(t)
	flags := reportFlags{Aware: "2026-03-01T13:00:00Z", Facts: e.file("facts.yaml", "entity.trading_name: Muster Shop\nentity.contact: 1800 000 000\n")}
	for kind, wants := range map[string][]string{
		"oaic":       {"s 26WK", "Particular kinds of information", "name (3 people)", "Recommended steps", "2026-03-31T13:00:00Z"},
		"gdpr33":     {"2026-03-04T13:00:00Z", "3 (between 2 and", "delivered 2, released with delivery unknown 1", "Likely consequences", "payment\\_card: 1"},
		"gdpr34":     {"Nature of the breach", "Likely consequences", "Measures taken"},
		"california": {"## What Happened", "## What Information Was Involved", "## What We Are Doing", "## What You Can Do", "## For More Information"},
		"sec8k":      {"Nature", "Scope", "Timing", "Impact", "[--material]", "[4 business days from the decision"},
		"customer":   {"Dear customer", "Your name and your email address", "Muster Shop", "1 gaps", "1800 000 000"},
		"helpline":   {"Was I affected?", "report subject", "your name, your email address and a payment card number"},
	} {
		text := statementOf(t, e, ReportStatement{reportFlags: flags, Kind: kind})
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", kind, want, text)
			}
		}
		if strings.Contains(text, "<no value>") || strings.Contains(text, "<script>") || !strings.HasPrefix(text, "> DRAFT") {
			t.Errorf("%s holds what it must not, or is not marked as a draft:\n%s", kind, text)
		}
		unreadable(t, kind, text)
	}
	one := statementOf(t, e, ReportStatement{reportFlags: flags, Kind: "customer", Fields: []string{"email", "name"}})
	if strings.Contains(one, "payment card") || !strings.Contains(one, "For 2 people") || strings.Contains(one, "\n---\n") {
		t.Errorf("the letter for name and email:\n%s", one)
	}
	statementOf(t, e, ReportStatement{reportFlags: flags, Kind: "customer", Issue: true})
	statementOf(t, e, ReportStatement{reportFlags: flags, Kind: "customer", Issue: true})
	if _, err := os.Stat(filepath.Join(e.dir, "reports", "statement-customer-"+theIncident, "v0002.md")); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		c    ReportStatement
		want string
	}{
		"a field":       {ReportStatement{Kind: "customer", Fields: []string{"shoe size"}}, "--fields"},
		"a combination": {ReportStatement{Kind: "customer", Fields: []string{"birth_date"}}, "nobody lost exactly"},
		"a kind":        {ReportStatement{Kind: "press"}, "write one of"},
		"an incident":   {ReportStatement{reportFlags: reportFlags{Incident: "inc-1"}, Kind: "oaic"}, "no incident"},
		"all":           {ReportStatement{reportFlags: reportFlags{Incident: AllIncidents}, Kind: "oaic"}, "one incident"},
		"a time":        {ReportStatement{reportFlags: reportFlags{Aware: "soon"}, Kind: "oaic"}, "--aware"},
		"a fact":        {ReportStatement{reportFlags: reportFlags{Facts: e.file("bad.yaml", "weather: fine\n")}, Kind: "oaic"}, `fact "weather"`},
		"no facts":      {ReportStatement{reportFlags: reportFlags{Facts: e.file("list.yaml", "- a\n")}, Kind: "oaic"}, "want lines of key: text"},
	} {
		if test.c.Incident == "" {
			test.c.Incident = theIncident
		}
		test.c.DataDir = e.dir
		if err := test.c.Run(&bytes.Buffer{}, &bytes.Buffer{}); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	var keys bytes.Buffer
	if err := (&ReportIncident{reportFlags: reportFlags{FactKeys: true}}).Run(&keys, &keys); err != nil || !strings.Contains(keys.String(), "entity.legal_name: # legal name") {
		t.Errorf("the keys of facts: %v\n%s", err, keys.String())
	}
}

func TestReportSubject(t *testing.T) {
	e := breach(t)
	ask := func(c ReportSubject) (string, error) {
		var out bytes.Buffer
		c.DataDir, c.Now = e.dir, noon.Add(24*time.Hour)
		err := c.Run(&out, &out)
		return out.String(), err
	}
	for name, test := range map[string]struct {
		c    ReportSubject
		want []string
	}{
		"by email":        {ReportSubject{Email: " Erika@Example.org"}, []string{"Yes.", "what: name, email\n", "first: 2026-03-01T12:01:00Z", "times: 2 (delivered 2", "incidents: " + theIncident, "Gap: ", "(4)"}},
		"by phone":        {ReportSubject{Phone: "0412 345 678", Countries: []string{"AU"}}, []string{"Yes.", "times: 2"}},
		"by order":        {ReportSubject{Order: "40001234"}, []string{"Yes.", "payment_card"}},
		"withheld only":   {ReportSubject{Email: "withheld@example.org"}, []string{"No record of this person was disclosed to somebody else in the kept time", "Kept time: 2026-03-01T12:01:00Z to 2026-03-01T12:07:00Z", "Gap: "}},
		"only their own":  {ReportSubject{Email: "own@example.org"}, []string{"No record", "in 1 responses"}},
		"never a visitor": {ReportSubject{Email: "nobody@example.org"}, []string{"No record", "in 0 responses"}},
	} {
		out, err := ask(test.c)
		for _, want := range test.want {
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %v, does not say %q:\n%s", name, err, want, out)
			}
		}
		unreadable(t, name, out)
		test.c.JSON = true
		out, err = ask(test.c)
		var answer subjectAnswer
		if err != nil || json.Unmarshal([]byte(out), &answer) != nil || answer.Affected != (test.want[0] == "Yes.") || len(answer.Gaps) != 1 {
			t.Errorf("%s as JSON: %v\n%s", name, err, out)
		}
	}
	for name, test := range map[string]struct {
		c    ReportSubject
		want string
	}{
		"nobody":           {ReportSubject{}, "who is asking?"},
		"no email":         {ReportSubject{Email: "erika"}, "--email cannot be read"},
		"a national phone": {ReportSubject{Phone: "0412"}, "--phone cannot be read"},
		"a name alone":     {ReportSubject{Name: "Erika Muster"}, "who is asking?"},
		"a time":           {ReportSubject{Email: "a@b.example", Since: "x"}, "--since"},
	} {
		out, err := ask(test.c)
		if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\n%s, want %q", name, err, out, test.want)
		}
		unreadable(t, name, err.Error())
	}
}
