package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/report"
	"github.com/ordergate/ordergate/metrics/ledger/sealed"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/rules"
)

// reportFlags are what every report about an incident asks for.
type reportFlags struct {
	Incident string `arg:"" help:"Id of the incident, such as inc-0123456789abcdef."`
	DataDir  string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Aware    string `help:"When the organisation became aware (the clocks of GDPR, OAIC and California): RFC 3339, a date, or how long ago." placeholder:"TIME"`
	Material string `help:"When it was decided that the incident is material (the SEC's clock): likewise." placeholder:"TIME"`
	Facts    string `help:"What only people know: a YAML file of key: text. --fact-keys lists the keys." placeholder:"FILE" type:"path"`
	FactKeys bool   `name:"fact-keys" help:"Print the keys of --facts and what they are, and nothing else."`
	Verify   bool   `default:"true" negatable:"" help:"Verify the whole ledger first, and say in the report what was found."`
	Out      string `help:"Write to this file (mode 0600, replaced whole) instead of stdout." placeholder:"FILE" type:"path"`

	// Version is the program's; Now is the time of the report, zero for the time
	// of the call.
	Version string    `kong:"-"`
	Now     time.Time `kong:"-"`
}

// about names the versions of a report: those for a tenant are apart.
func (c *reportFlags) about() string {
	if c.Tenant == "" {
		return c.Incident
	}
	return c.Incident + "-" + c.Tenant
}

// ReportIncident is `ordergate report incident`: everything that is known of an
// incident, with what is not known marked as such. It holds keyed digests only.
//
// Without Issue it is a draft. With it, it becomes the next numbered version in
// data_dir/reports/incident-ID, in all forms, with one row a person in a file
// of its own; an issued version is never changed, and each names the digest of
// the one before.
type ReportIncident struct {
	reportFlags

	Format string `enum:"md,json,html,svg,png" default:"md" help:"md, json, html (to print or to save as PDF), or the timeline alone as svg or png."`
	Issue  bool   `help:"Keep it as the next numbered version, in all forms, and never change it."`
}

// ReportStatement is `ordergate report statement`: drafts of what the law and
// decency want told, from the same evidence as [ReportIncident].
type ReportStatement struct {
	reportFlags

	Kind   string   `required:"" enum:"california,customer,gdpr33,gdpr34,helpline,oaic,sec8k" help:"oaic, gdpr33, gdpr34, california, sec8k, customer (letter) or helpline (script)."`
	Fields []string `help:"Only the text for people who lost exactly these fields, such as name,email." placeholder:"FIELD"`
	Issue  bool     `help:"Keep it as the next numbered version, and never change it."`
}

// made is a report and what it was made of.
type made struct {
	report   *report.Incident
	subjects []ledger.Subject
	counts   ledger.Counts
	missing  unread // what could not be read
}

// Run writes the report. Wrong flags give a [UsageError].
func (c *ReportIncident) Run(stdout, stderr io.Writer) error {
	to := console{stdout, stderr}
	if c.FactKeys {
		return tellFacts(to)
	}
	shelf := report.Shelf{Dir: filepath.Join(c.DataDir, "reports"), About: "incident-" + c.about()}
	m, err := c.make(shelf, c.Issue, to)
	if err != nil {
		return err
	}
	forms := map[string]func() ([]byte, error){
		"json": m.report.JSON, "md": m.report.Markdown, "html": m.report.HTML, "png": m.report.PNG,
		"svg": func() ([]byte, error) { return m.report.SVG(), nil },
	}
	if !c.Issue {
		text, err := forms[c.Format]()
		if err != nil {
			return err
		}
		return m.put(c.Out, to, text)
	}
	var rows bytes.Buffer
	list := affectedList{incident: c.Incident, subjects: m.subjects, counts: m.counts}
	if err := list.writeSubjects(&rows); err != nil {
		return err
	}
	version := m.report.Identity.Version
	m.report.Subjects.File, m.report.Subjects.SHA256 = filepath.Base(shelf.Path(version, "subjects.csv")), report.Digest(rows.Bytes())
	issued := map[string][]byte{"subjects.csv": rows.Bytes()}
	for form, text := range forms {
		if issued[form], err = text(); err != nil {
			return err
		}
	}
	if err := shelf.Issue(version, issued); err != nil {
		return err
	}
	to.note("issued as version %d: %s and its other forms; SHA-256 %s", version, shelf.Path(version, "json"), report.Digest(issued["json"]))
	return m.put(c.Out, to, issued[c.Format])
}

// Run writes the drafts. Wrong flags give a [UsageError].
func (c *ReportStatement) Run(stdout, stderr io.Writer) error {
	to := console{stdout, stderr}
	if c.FactKeys {
		return tellFacts(to)
	}
	if _, err := rules.ParseFields(c.Fields); err != nil {
		return usagef("--fields: %v", err)
	}
	shelf := report.Shelf{Dir: filepath.Join(c.DataDir, "reports"), About: "statement-" + c.Kind + "-" + c.about()}
	m, err := c.make(shelf, false, to)
	if err != nil {
		return err
	}
	drafts, err := report.Statement(c.Kind, m.report, c.Fields)
	if err != nil {
		return usagef("%v", err)
	}
	var text bytes.Buffer
	for i, d := range drafts {
		if i > 0 {
			text.WriteString("\n---\n\n")
		}
		text.WriteString(d.Text)
	}
	if !c.Issue {
		return m.put(c.Out, to, text.Bytes())
	}
	last, previous, err := shelf.Last()
	if err != nil {
		return err
	}
	m.report.Identity.Version, m.report.Identity.Previous = last+1, previous
	basis, err := m.report.JSON()
	if err != nil {
		return err
	}
	if err := shelf.Issue(last+1, map[string][]byte{"json": basis, "md": text.Bytes()}); err != nil {
		return err
	}
	to.note("issued as version %d: %s, with the facts that it was made from beside it; SHA-256 %s", last+1, shelf.Path(last+1, "md"), report.Digest(text.Bytes()))
	return m.put(c.Out, to, text.Bytes())
}

// put writes a text, and fails if the report lacks rows that cannot be read.
func (m *made) put(path string, to console, text []byte) error {
	if err := put(path, to, text); err != nil {
		return err
	}
	return m.missing.err()
}

// put writes a text to a file or to stdout.
func put(path string, to console, text []byte) error {
	return deliver(path, to, func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
}

func tellFacts(to console) error {
	keys, meanings := report.FactKeys()
	for _, key := range keys {
		if _, err := fmt.Fprintf(to.out, "%s: # %s\n", key, meanings[key]); err != nil {
			return err
		}
	}
	return nil
}

// context reads the flags.
func (c *reportFlags) context() (ctx report.Context, err error) {
	ctx.Tenant = c.Tenant
	ctx.Now, ctx.Tool = c.Now, c.Version
	if ctx.Now.IsZero() {
		ctx.Now = time.Now()
	}
	if ctx.Aware, err = moment("--aware", c.Aware, ctx.Now); err != nil {
		return ctx, err
	}
	if ctx.Material, err = moment("--material", c.Material, ctx.Now); err != nil {
		return ctx, err
	}
	if c.Facts != "" {
		text, err := os.ReadFile(c.Facts)
		if err != nil {
			return ctx, fmt.Errorf("read the facts: %w", err)
		}
		if err := yaml.Unmarshal(text, &ctx.Facts); err != nil {
			return ctx, usagef("facts %s: want lines of key: text: %v", c.Facts, err)
		}
		if err := ctx.Facts.Check(); err != nil {
			return ctx, usagef("facts %s: %v", c.Facts, err)
		}
	}
	if share, measured := config.Recall(); measured {
		ctx.Recall = share
	}
	return ctx, nil
}

// make reads the ledger and makes the report: of the next version if issue.
func (c *reportFlags) make(shelf report.Shelf, issue bool, to console) (m made, err error) {
	about, err := c.context()
	if err != nil {
		return m, err
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if c.Incident == AllIncidents {
		return m, usagef("a report is about one incident: name its id; `ordergate incident list` shows them, `report affected` takes all")
	}
	incidents, err := findIncidents(ctx, store, c.Incident)
	if err != nil {
		return m, err
	}
	if issue {
		if about.Version, about.Previous, err = shelf.Last(); err != nil {
			return m, err
		}
		about.Version++
	}
	evidence := report.NewEvidence(incidents[0])
	selected := selection{ledger.IncidentQuery(incidents[0]), &incidents[0]}
	m.missing = unread{to: to}
	selected.query.Damaged = m.missing.add
	for row, err := range store.Disclosures(ctx, selected.query) {
		if err != nil {
			return m, err
		}
		if selected.concerns(&row) {
			evidence.Add(row)
		}
	}
	if err := c.integrity(ctx, store, &about); err != nil {
		return m, err
	}
	if about.Segments, err = c.segments(&incidents[0], about.Now); err != nil {
		return m, err
	}
	if about.Networks, err = sealed.Load(c.DataDir, c.Incident); err != nil {
		return m, err
	}
	about.Held = !incidents[0].State.Ended()
	m.report, m.subjects = evidence.Build(&about)
	m.counts = ledger.Counts{
		Delivered: m.report.Whose.Delivered.Count, Unknown: m.report.Whose.Unknown.Count,
		Withheld: m.report.Whose.Withheld.Count, Attempted: m.report.Whose.Attempted.Count,
	}
	return m, nil
}

// segments are the files of the days that the incident's evidence may be in.
func (c *reportFlags) segments(incident *rules.Incident, now time.Time) (files []report.File, err error) {
	if !c.inFiles() {
		return nil, nil
	}
	if incident.State.Ended() {
		now = incident.Updated
	}
	from, to := incident.Opened.Add(-ledger.HoldBefore).UTC().Format(time.DateOnly), now.UTC().Format(time.DateOnly)
	paths, err := filepath.Glob(filepath.Join(c.DataDir, sqlite.Segments, "*"+segment.Suffix))
	for _, path := range paths {
		name := filepath.Base(path)
		if _, day, _ := strings.Cut(strings.TrimSuffix(name, segment.Suffix), "-"); day < from || day > to {
			continue
		}
		counted := counter{hash: sha256.New()}
		content, err := os.Open(path)
		if err == nil {
			_, err = io.Copy(&counted, content)
			err = errors.Join(err, content.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("read the ledger's segment %s: %w", name, err)
		}
		files = append(files, report.File{Name: name, Bytes: counted.bytes, SHA256: hex.EncodeToString(counted.hash.Sum(nil))})
	}
	return files, err
}

// integrity reads why the ledger can be believed.
func (c *reportFlags) integrity(ctx context.Context, store archive, about *report.Context) (err error) {
	if about.Marks, err = store.Marks(ctx); err != nil {
		return err
	}
	if about.Checkpoints, err = store.Checkpoints(ctx); err != nil {
		return err
	}
	if about.KeptSince, err = store.KeptSince(ctx); err != nil {
		return err
	}
	key, err := verifier("", c.DataDir)
	if err != nil {
		return err
	}
	if key != nil {
		text, err := os.ReadFile(filepath.Join(c.DataDir, ledger.PublicKeyFile))
		if err != nil {
			return err
		}
		about.PublicKey = strings.Join(strings.Fields(string(text)), " ")
	}
	if !c.inFiles() {
		key = nil // the database has the logs of other gateways, too, each with its key
	}
	if c.Verify {
		found, err := store.Verify(ctx, ledger.VerifyOptions{Verifier: key})
		if err != nil {
			return err
		}
		about.Verification = &found
	}
	return nil
}
