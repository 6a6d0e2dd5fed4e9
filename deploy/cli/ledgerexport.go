package cli

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// LedgerExport is `ordergate ledger export`: rows for somebody else's hands, in
// a new folder: the rows as CSV or Parquet, the checkpoints and the public key
// that they are signed with, a manifest with every file's SHA-256 and the
// custody of the export, and the manifest's signature. It holds keyed digests
// only, opened with the keys in data_dir, so that rows of several keys can be compared;
// those of a key that is not there are as they are kept. `ordergate ledger verify --export DIR --public-key KEY` checks it.
type LedgerExport struct {
	Dir     string `arg:"" help:"Folder to make and to write to." type:"path"`
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Format   string `enum:"csv,parquet" default:"csv" help:"csv or parquet."`
	Since    string `help:"Rows from this time on: RFC 3339, a date, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Until    string `help:"Rows before this time: likewise." placeholder:"TIME"`
	Incident string `help:"Only the evidence of this incident." placeholder:"ID"`

	By      string `help:"Custody: who makes the export (name, title)." placeholder:"TEXT"`
	Phone   string `help:"Custody: their phone number." placeholder:"TEXT"`
	For     string `help:"Custody: whom it is given to." placeholder:"TEXT"`
	Purpose string `help:"Custody: what for." placeholder:"TEXT"`
	Media   string `help:"Custody: what it is handed over on." placeholder:"TEXT"`

	// Version is the program's; Now is the time of the export, zero for the time
	// of the call.
	Version string    `kong:"-"`
	Now     time.Time `kong:"-"`
}

// Names of an export's files besides the rows.
const (
	manifestFile    = "manifest.json"
	signatureFile   = "manifest.sig"
	checkpointsFile = "checkpoints.txt"
)

// exportManifest says what an export holds. Its form is part of the stable
// surface.
type exportManifest struct {
	Format   string         `json:"format"`
	Tool     string         `json:"tool_version"`
	Incident string         `json:"incident,omitempty"`
	Tenant   string         `json:"tenant,omitempty"` // whose rows alone it has; empty: all
	Since    string         `json:"since,omitempty"`
	Until    string         `json:"until,omitempty"`
	Rows     int64          `json:"rows"`
	First    int64          `json:"first_row"`
	Last     int64          `json:"last_row"`
	Files    []exportedFile `json:"files"`
	Custody  exportCustody  `json:"custody"`
}

type exportedFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// exportCustody is the first line of the chain of custody (NIST SP 800-61r2,
// section 3.2); the empty ones are for people to fill in on paper.
type exportCustody struct {
	At      string `json:"at"`
	Zone    string `json:"time_zone"`
	By      string `json:"by"`
	Phone   string `json:"phone"`
	For     string `json:"to"`
	Purpose string `json:"purpose"`
	Media   string `json:"media"`
}

// exportFormat is exportManifest.Format.
const exportFormat = "ordergate-export-1"

// exportedRow is a row in CSV and Parquet, in this order of columns. Digests are
// hexadecimal; times RFC 3339 with nanoseconds in UTC; lists are joined by "|".
type exportedRow struct {
	Sequence    int64  `parquet:"sequence"`
	Time        string `parquet:"time"`
	Exchange    string `parquet:"exchange"`
	State       string `parquet:"state"`
	Ownership   string `parquet:"ownership"`
	Role        string `parquet:"role"`
	Session     string `parquet:"session"`
	Account     string `parquet:"account"`
	IP          string `parquet:"ip"`
	Prefix      string `parquet:"prefix"`
	ASN         string `parquet:"asn"`
	TLS         string `parquet:"tls_fingerprint"`
	Credential  bool   `parquet:"credential"`
	Issued      bool   `parquet:"issued"`
	Route       string `parquet:"route"`
	Fields      string `parquet:"fields"`
	Subject     string `parquet:"subject"`
	Identifiers string `parquet:"identifiers"`
	Key         string `parquet:"key"`
	Config      string `parquet:"config"`
	Node        string `parquet:"node"` // of several gateways with one database
}

var exportColumns = []string{
	"sequence", "time", "exchange", "state", "ownership", "role", "session", "account", "ip", "prefix", "asn", "tls_fingerprint",
	"credential", "issued", "route", "fields", "subject", "identifiers", "key", "config", "node",
}

func (r *exportedRow) cells() []string {
	return []string{
		strconv.FormatInt(r.Sequence, 10), r.Time, r.Exchange, r.State, r.Ownership, r.Role, r.Session, r.Account, r.IP, r.Prefix, r.ASN, r.TLS,
		strconv.FormatBool(r.Credential), strconv.FormatBool(r.Issued), r.Route, r.Fields, r.Subject, r.Identifiers, r.Key, r.Config, r.Node,
	}
}

func asExported(row *ledger.Row) exportedRow {
	text := func(d rules.Digest) string {
		if d.IsZero() {
			return ""
		}
		return d.String()
	}
	named := func(id rules.Identifier) string {
		if id.Digest.IsZero() {
			return ""
		}
		return id.Kind.String() + ":" + id.Digest.String()
	}
	var ids []string
	for _, id := range row.Record.Identifiers {
		ids = append(ids, named(id))
	}
	p := &row.Principal
	return exportedRow{
		Sequence: row.Sequence, Time: row.Time.Format(time.RFC3339Nano), Exchange: row.Exchange.String(), State: row.State.String(), Ownership: row.Ownership.String(),
		Role: p.Role.String(), Session: text(p.Session), Account: text(p.Account), IP: text(p.IP), Prefix: text(p.Prefix), ASN: text(p.ASN), TLS: text(p.TLS),
		Credential: p.Credential, Issued: p.Issued, Route: row.Route, Fields: row.Record.Fields.String(), Subject: named(row.Record.Subject),
		Identifiers: strings.Join(ids, "|"), Key: row.Key, Config: row.Config, Node: row.Node,
	}
}

// Run writes the folder. Wrong flags give a [UsageError].
func (c *LedgerExport) Run(stdout, stderr io.Writer) (err error) {
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	selected := selection{}
	if selected.query.Since, err = moment("--since", c.Since, c.Now); err != nil {
		return err
	}
	if selected.query.Until, err = moment("--until", c.Until, c.Now); err != nil {
		return err
	}
	if c.Incident != "" && (c.Since != "" || c.Until != "") {
		return usagef("an incident has a period of its own: leave out either --incident or --since and --until")
	}
	signer, err := ledger.LoadSigner(c.DataDir)
	if err != nil {
		return fmt.Errorf("an export is signed: %w", err)
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if c.Incident != "" {
		incidents, err := findIncidents(ctx, store, c.Incident)
		if err != nil {
			return err
		}
		if len(incidents) != 1 {
			return usagef("--incident %s: name one", c.Incident)
		}
		selected = selection{ledger.IncidentQuery(incidents[0]), &incidents[0]}
	}
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the export's folder: %w: name one that does not exist yet", err)
	}
	x := exporting{dir: c.Dir, manifest: exportManifest{
		Format: exportFormat, Tool: c.Version, Incident: c.Incident, Tenant: c.Tenant, Files: []exportedFile{},
		Custody: exportCustody{At: c.Now.UTC().Format(time.RFC3339), Zone: "UTC", By: c.By, Phone: c.Phone, For: c.For, Purpose: c.Purpose, Media: c.Media},
	}}
	if !selected.query.Since.IsZero() {
		x.manifest.Since = stamp(selected.query.Since)
	}
	if !selected.query.Until.IsZero() {
		x.manifest.Until = stamp(selected.query.Until)
	}
	if err := x.write(ctx, store, selected, c.Format, signer); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d rows exported to %s, signed by %s\n", x.manifest.Rows, c.Dir, signer.Name())
	return err
}

// exporting writes one export.
type exporting struct {
	dir      string
	manifest exportManifest
}

func (x *exporting) write(ctx context.Context, store archive, selected selection, format string, signer *ledger.Signer) error {
	rows := func(out io.Writer) error { return x.csv(ctx, store, selected, out) }
	if format == "parquet" {
		rows = func(out io.Writer) error { return x.parquet(ctx, store, selected, out) }
	}
	checkpoints := func(out io.Writer) error {
		list, err := store.Checkpoints(ctx)
		for _, c := range list {
			if err == nil {
				_, err = io.WriteString(out, c.Note+"\n")
			}
		}
		return err
	}
	key := func(out io.Writer) error {
		_, err := io.WriteString(out, signer.PublicKey()+"\n")
		return err
	}
	for _, file := range []struct {
		name string
		fill func(io.Writer) error
	}{{"rows." + format, rows}, {checkpointsFile, checkpoints}, {ledger.PublicKeyFile, key}} {
		written, err := x.file(file.name, file.fill)
		if err != nil {
			return err
		}
		x.manifest.Files = append(x.manifest.Files, written)
	}
	text, err := json.MarshalIndent(&x.manifest, "", "  ")
	if err != nil {
		return err
	}
	signature, err := signer.SignText(exportFormat, text)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{manifestFile: text, signatureFile: signature} {
		if _, err := x.file(name, func(out io.Writer) error {
			_, err := out.Write(content)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// file writes one file and counts and hashes it.
func (x *exporting) file(name string, fill func(io.Writer) error) (exportedFile, error) {
	file, err := os.OpenFile(filepath.Join(x.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return exportedFile{}, fmt.Errorf("write the export: %w", err)
	}
	counted := counter{hash: sha256.New()}
	err = fill(io.MultiWriter(file, &counted))
	err = errors.Join(err, file.Sync(), file.Close())
	return exportedFile{name, counted.bytes, hex.EncodeToString(counted.hash.Sum(nil))}, err
}

type counter struct {
	hash  hash.Hash
	bytes int64
}

// Write implements [io.Writer].
func (c *counter) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	return c.hash.Write(b)
}

// each calls do for every selected row.
func (x *exporting) each(ctx context.Context, store archive, selected selection, do func(exportedRow) error) error {
	for row, err := range store.Disclosures(ctx, selected.query) {
		if err != nil {
			return err
		}
		if !selected.concerns(&row) {
			continue
		}
		if x.manifest.Rows == 0 {
			x.manifest.First = row.Sequence
		}
		x.manifest.Last = row.Sequence
		x.manifest.Rows++
		if err := do(asExported(&row)); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporting) csv(ctx context.Context, store archive, selected selection, out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write(exportColumns); err != nil {
		return err
	}
	err := x.each(ctx, store, selected, func(row exportedRow) error { return w.Write(defuse(row.cells())) })
	w.Flush()
	return errors.Join(err, w.Error())
}

// parquetGroup is how many rows a row group holds: what is held in memory.
const parquetGroup = 50_000

func (x *exporting) parquet(ctx context.Context, store archive, selected selection, out io.Writer) error {
	w := parquet.NewGenericWriter[exportedRow](out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(parquetGroup))
	err := x.each(ctx, store, selected, func(row exportedRow) error {
		_, err := w.Write([]exportedRow{row})
		return err
	})
	return errors.Join(err, w.Close())
}

// checkExport checks a folder that LedgerExport wrote.
func (c *LedgerVerify) checkExport(to console) error {
	if c.PublicKey == "" {
		return usagef("--export needs --public-key: the signer's key (%s), got from somebody you trust, not from the export", ledger.PublicKeyFile)
	}
	v, err := verifier(c.PublicKey, c.DataDir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(c.Export, manifestFile))
	if err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	signature, err := os.ReadFile(filepath.Join(c.Export, signatureFile))
	if err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	if err := v.CheckText(exportFormat, text, signature); err != nil {
		return FindingsError{fmt.Sprintf("the export %s is not what was signed: %v", c.Export, err)}
	}
	var manifest exportManifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return usagef("%s is no export: %v", c.Export, err)
	}
	for _, file := range manifest.Files {
		if filepath.Base(file.Name) != file.Name {
			return FindingsError{fmt.Sprintf("the export names a file outside itself: %q", file.Name)}
		}
		counted := counter{hash: sha256.New()}
		content, err := os.Open(filepath.Join(c.Export, file.Name))
		if err == nil {
			_, err = io.Copy(&counted, content)
			err = errors.Join(err, content.Close())
		}
		if err != nil {
			return FindingsError{fmt.Sprintf("the export lacks %s: %v", file.Name, err)}
		}
		if hex.EncodeToString(counted.hash.Sum(nil)) != file.SHA256 {
			return FindingsError{fmt.Sprintf("%s was changed after the export was signed", file.Name)}
		}
	}
	_, err = fmt.Fprintf(to.out, "export of %s: %d rows (%d to %d), %d files, all as signed\n", manifest.Custody.At, manifest.Rows, manifest.First, manifest.Last, len(manifest.Files))
	return err
}
