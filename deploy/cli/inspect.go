package cli

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// Inspect is the command that says what the gateway sees in one response body.
type Inspect struct {
	File    string `arg:"" help:"The body, as received." type:"existingfile"`
	Headers string `help:"File with the response's header lines (Content-Type, Content-Encoding), as curl -D writes it." type:"existingfile"`
	URL     string `help:"Where the body came from; for people, it changes nothing."`
	Config  string `help:"Config file, for records.countries and records.ignore_emails." type:"existingfile" placeholder:"ordergate.yaml"`
	JSON    bool   `help:"Print JSON."`
}

// Run inspects the file with a key of its own: no digest leaves, and no value.
func (c *Inspect) Run(stdout io.Writer) error {
	header := http.Header{}
	if c.Headers != "" {
		var err error
		if header, err = readHeaders(c.Headers); err != nil {
			return err
		}
	}
	key := make([]byte, rules.MinKeySize)
	rand.Read(key) // never fails (crypto/rand, Go 1.24)
	hasher, err := rules.NewHasher(key)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	settings := &record.Config{}
	if c.Config != "" {
		cfg, err := config.Load(c.Config)
		if err != nil {
			return err
		}
		settings = cfg.RecordConfig(hasher)
	}
	body, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("opening the body: %w", err)
	}
	defer body.Close() //nolint:errcheck // nothing was written
	seen, err := record.Inspect(settings, hasher, header.Get("Content-Type"), header.Get("Content-Encoding"), body)
	if err != nil {
		return fmt.Errorf("inspecting %s: %w", c.File, err)
	}
	if c.JSON {
		encoder := json.NewEncoder(stdout)
		return encoder.Encode(seen) //nolint:wrapcheck // standard output
	}
	return printInspection(stdout, &seen)
}

// readHeaders reads header lines; a status line before them is skipped, and
// of several header blocks (redirects) the last one counts.
func readHeaders(path string) (http.Header, error) {
	text, err := os.ReadFile(path) //nolint:gosec // named by the user
	if err != nil {
		return nil, fmt.Errorf("reading the headers: %w", err)
	}
	blocks := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")), "\n\n")
	block := blocks[len(blocks)-1]
	if strings.HasPrefix(block, "HTTP/") {
		_, block, _ = strings.Cut(block, "\n")
	}
	reader := textproto.NewReader(bufio.NewReader(strings.NewReader(block + "\n\n")))
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return nil, UsageError{fmt.Sprintf("headers file %s has a line that is no header: write lines such as Content-Type: application/json", path)}
	}
	return http.Header(header), nil
}

func printInspection(stdout io.Writer, seen *record.Inspection) error {
	fmt.Fprintf(stdout, "%d subjects", seen.Subjects)
	if seen.Uninspected != "" {
		fmt.Fprintf(stdout, "; not wholly inspected: %s", seen.Uninspected)
	}
	fmt.Fprintln(stdout)
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for i, r := range seen.Records {
		var ids []string
		for kind, n := range r.Identifiers {
			ids = append(ids, fmt.Sprintf("%s %d", kind, n))
		}
		if r.Weak > 0 {
			fmt.Fprintf(table, "-\t%s\tof %d people whom nothing names exactly: no subjects\n", strings.Join(r.Fields, ", "), r.Weak)
			continue
		}
		slices.Sort(ids)
		fmt.Fprintf(table, "%d\t%s\t%s\n", i+1, strings.Join(r.Fields, ", "), strings.Join(ids, ", "))
	}
	return table.Flush() //nolint:wrapcheck // standard output
}
