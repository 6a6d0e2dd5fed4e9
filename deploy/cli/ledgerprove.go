package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// LedgerProve is `ordergate ledger prove`: it writes a proof that a row is in
// the ledger that a checkpoint signs for, or that the ledger of a kept
// checkpoint is the beginning of today's. Anybody checks it with the public key
// alone: `ordergate ledger verify --proof FILE --public-key KEY`. The row in it is as it
// is kept: its digests are sealed with the ledger key that it names.
type LedgerProve struct {
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir."`
	Source
	Row        int64  `help:"Prove the row with this sequence." placeholder:"N"`
	Exchange   string `help:"Prove the first row of this exchange (a reference id)." placeholder:"ID"`
	Checkpoint string `help:"Prove that the first checkpoint in this file is of the beginning of the ledger." placeholder:"FILE" type:"path"`
	Node       string `help:"Of the log of this gateway, where several write one database: the name of its checkpoint key." placeholder:"NAME"`
	Out        string `help:"Write to this file (mode 0600, replaced whole) instead of stdout." placeholder:"FILE" type:"path"`
}

// Run writes the proof as JSON.
func (c *LedgerProve) Run(stdout, stderr io.Writer) (err error) {
	if err := c.ofAll(); err != nil {
		return err
	}
	if c.Row == 0 && c.Exchange == "" && c.Checkpoint == "" {
		return usagef("prove what? Name --row N, --exchange ID or --checkpoint FILE")
	}
	if c.Row < 0 || c.Row > 0 && c.Exchange != "" {
		return usagef("--row %d: want one row from 1 on, or --exchange", c.Row)
	}
	ctx := context.Background()
	store, err := c.open(ctx, c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if c.Exchange != "" {
		if err := c.findRow(ctx, store); err != nil {
			return err
		}
	}
	proof, err := c.prove(ctx, store)
	if err != nil {
		return err
	}
	to := console{stdout, stderr}
	return deliver(c.Out, to, func(out io.Writer) error {
		w := json.NewEncoder(out)
		w.SetIndent("", "  ")
		return w.Encode(proof)
	})
}

// findRow sets Row and Node to the first row of the exchange.
func (c *LedgerProve) findRow(ctx context.Context, store archive) error {
	id, err := rules.ParseExchangeID(c.Exchange)
	if err != nil {
		return usagef("--exchange: %v", err)
	}
	for row, err := range store.Disclosures(ctx, ledger.Query{Exchange: id}) {
		c.Row, c.Node = row.Sequence, row.Node
		return err
	}
	return usagef("no row of exchange %s in this ledger: it disclosed nothing, or is past its retention", c.Exchange)
}

func (c *LedgerProve) prove(ctx context.Context, store archive) (*ledger.Proof, error) {
	checkpoints, err := store.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if len(checkpoints) == 0 {
		return nil, errUnsigned
	}
	node := ""
	if !c.inFiles() {
		if node, err = nodeOf(checkpoints, c.Node); err != nil {
			return nil, err
		}
		checkpoints = slices.DeleteFunc(checkpoints, func(c ledger.Checkpoint) bool { return c.Origin() != node })
		if len(checkpoints) == 0 {
			return nil, errUnsigned
		}
	}
	newest := checkpoints[len(checkpoints)-1]
	older := int64(0)
	var kept ledger.Checkpoint
	if c.Checkpoint != "" {
		several, err := readCheckpoints(c.Checkpoint)
		if err != nil {
			return nil, err
		}
		kept = several[0]
		if older = kept.Size; older > newest.Size {
			return nil, fmt.Errorf("the kept checkpoint signs for %d entries, the newest of this ledger for %d: rows were cut off, or an old copy was restored", older, newest.Size)
		}
	}
	proof, err := store.Prove(ctx, node, c.Row, newest.Size, older)
	if err != nil {
		return nil, err
	}
	proof.Checkpoint, proof.Older = newest.Note, kept.Note
	return proof, nil
}

// checkProof checks a proof and says what it shows.
func (c *LedgerVerify) checkProof(to console) error {
	if c.PublicKey == "" {
		return usagef("--proof needs --public-key: the signer's key (%s), got from somebody you trust, not from the proof", ledger.PublicKeyFile)
	}
	v, err := verifier(c.PublicKey, c.DataDir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Proof)
	if err != nil {
		return fmt.Errorf("read the proof: %w", err)
	}
	var proof ledger.Proof
	if err := json.Unmarshal(text, &proof); err != nil {
		return usagef("%s is no proof: %v", c.Proof, err)
	}
	proven, err := ledger.CheckProof(&proof, v)
	if err != nil {
		return FindingsError{err.Error()}
	}
	if c.JSON {
		return writeProvenJSON(to.out, proven)
	}
	return writeProven(to.out, proven)
}

func writeProven(out io.Writer, proven *ledger.Proven) error {
	var b strings.Builder
	fmt.Fprintf(&b, "checkpoint of %s: %d entries, rows up to %d\n", stamp(proven.Checkpoint.Time), proven.Checkpoint.Size, proven.Checkpoint.Row)
	if proven.Older != nil {
		fmt.Fprintf(&b, "proven: the ledger of %s (%d entries) is the beginning of it\n", stamp(proven.Older.Time), proven.Older.Size)
	}
	for i := range proven.Rows {
		r := asProven(&proven.Rows[i], proven.Endings)
		fmt.Fprintf(&b, "proven: row %d at %s, exchange %s, %s %s on %s, %s, fields %s\n",
			r.Row, r.Time, r.Exchange, r.Role, r.Session, r.Route, r.State, strings.Join(r.Fields, "|"))
		for _, id := range r.Identifiers {
			fmt.Fprintf(&b, "  about %s %s (key %s)\n", id.Kind, id.Digest, r.Key)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// provenRow is a row as its proof shows it.
type provenRow struct {
	Row         int64            `json:"row"`
	Time        string           `json:"time"`
	Exchange    string           `json:"exchange"`
	Role        string           `json:"role"`
	Session     rules.Digest     `json:"session"`
	Route       string           `json:"route"`
	Ownership   string           `json:"ownership"`
	State       string           `json:"state"`
	Fields      []string         `json:"fields"`
	Identifiers []jsonIdentifier `json:"identifiers"`
	Key         string           `json:"key"`
}

// asProven reads a row; its state is that of a proven outcome, if there is one.
func asProven(row *ledger.Row, endings []ledger.Ending) provenRow {
	r := provenRow{
		Row: row.Sequence, Time: row.Time.Format(time.RFC3339Nano), Exchange: row.Exchange.String(), Role: row.Principal.Role.String(),
		Session: row.Principal.Session, Route: row.Route, Ownership: row.Ownership.String(), State: row.State.String(),
		Fields: row.Record.Fields.Names(), Identifiers: []jsonIdentifier{}, Key: row.Key,
	}
	for _, id := range row.Record.Identifiers {
		r.Identifiers = append(r.Identifiers, jsonIdentifier{Kind: id.Kind.String(), Digest: id.Digest})
	}
	for _, e := range endings {
		if e.Head == row.Head && row.State == rules.Unknown {
			r.State = e.State.String()
			break
		}
	}
	return r
}

func writeProvenJSON(out io.Writer, proven *ledger.Proven) error {
	result := struct {
		Signed  string      `json:"signed"`
		Entries int64       `json:"entries"`
		Older   string      `json:"older,omitempty"` // when the older one was signed
		Rows    []provenRow `json:"rows"`
	}{Signed: stamp(proven.Checkpoint.Time), Entries: proven.Checkpoint.Size, Rows: []provenRow{}}
	if proven.Older != nil {
		result.Older = stamp(proven.Older.Time)
	}
	for i := range proven.Rows {
		result.Rows = append(result.Rows, asProven(&proven.Rows[i], proven.Endings))
	}
	return json.NewEncoder(out).Encode(result)
}
