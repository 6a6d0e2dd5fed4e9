package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ordergate/ordergate/deploy/drill"
	"github.com/ordergate/ordergate/metrics/ledger/report"
)

// ReportDrill is `ordergate report drill`: what a drill has shown, for people who
// were not there, made of what `ordergate drill --json` wrote.
//
// Without Issue it is a draft. With it, it becomes the next numbered version in
// data_dir/reports/drill, in all forms, with the drill's own results beside it;
// an issued version is never changed, and each names the digest of the one
// before.
type ReportDrill struct {
	Results string `arg:"" type:"path" help:"What ordergate drill --json wrote; - for standard input."`
	DataDir string `name:"data-dir" default:"./ordergate-data" type:"path" help:"The gateway's data_dir, where versions are kept."`
	Format  string `enum:"md,json,html" default:"md" help:"md, json, or html (to print or to save as PDF)."`
	Issue   bool   `help:"Keep it as the next numbered version, in all forms, and never change it."`
	Out     string `help:"Write to this file (mode 0600, replaced whole) instead of stdout." placeholder:"FILE" type:"path"`

	// Version is the program's; Now is the time of the report, zero for the time
	// of the call.
	Version string    `kong:"-"`
	Now     time.Time `kong:"-"`
}

// maxDrill bounds in bytes what is read as a drill's results: a thousand seeds of
// everything take 60 MB.
const maxDrill = 128 << 20

// Run writes the report. Wrong flags, and results that are none, give a
// [UsageError].
func (c *ReportDrill) Run(stdin io.Reader, stdout, stderr io.Writer) error {
	text, err := c.read(stdin)
	if err != nil {
		return err
	}
	summary, err := drill.Summarise(text)
	if err != nil {
		return usagef("%s: %v", c.Results, err)
	}
	now := c.Now
	if now.IsZero() {
		now = time.Now()
	}
	summary.GeneratedAt, summary.Tool = now.UTC().Format(time.RFC3339), c.Version
	to := console{stdout, stderr}
	shelf := report.Shelf{Dir: filepath.Join(c.DataDir, "reports"), About: "drill"}
	if c.Issue {
		last, previous, err := shelf.Last()
		if err != nil {
			return err
		}
		summary.Version, summary.Previous = last+1, previous
	}
	issued := map[string][]byte{"results.json": text}
	for form, render := range map[string]func() ([]byte, error){"json": summary.JSON, "md": summary.Markdown, "html": summary.HTML} {
		if issued[form], err = render(); err != nil {
			return fmt.Errorf("writing the drill's report: %w", err)
		}
	}
	if c.Issue {
		if err := shelf.Issue(summary.Version, issued); err != nil {
			return err
		}
		to.note("issued as version %d: %s and its other forms; SHA-256 %s", summary.Version, shelf.Path(summary.Version, "json"), report.Digest(issued["json"]))
	}
	return put(c.Out, to, issued[c.Format])
}

func (c *ReportDrill) read(stdin io.Reader) (text []byte, err error) {
	in := stdin
	if c.Results != "-" {
		file, err := os.Open(c.Results)
		if err != nil {
			return nil, usagef("read the drill's results: %v", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		in = file
	}
	text, err = io.ReadAll(io.LimitReader(in, maxDrill+1))
	if err != nil {
		return nil, fmt.Errorf("read the drill's results: %w", err)
	}
	if len(text) > maxDrill {
		return nil, usagef("%s: more than %d MiB: report fewer seeds at a time", c.Results, maxDrill>>20)
	}
	return text, nil
}
