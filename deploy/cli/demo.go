package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/deploy/gateway"
)

// Demo is the command that shows the gateway at work: it starts the sample
// shop and the gateway in front of it, and tells the story.
type Demo struct {
	Serve     bool   `help:"Keep shop and gateway running afterwards, until Ctrl-C."`
	Quick     bool   `help:"Send fewer requests."`
	Listen    string `help:"Address for clients; 127.0.0.1:8080, or a free port." placeholder:"HOST:PORT"`
	Admin     string `help:"Address for metrics; 127.0.0.1:9090, or a free port." placeholder:"HOST:PORT"`
	DataDir   string `help:"Folder for ledger, key, log and customer list; otherwise a temporary one." type:"path" placeholder:"DIR"`
	Customers int    `help:"Number of customers." default:"5000"`

	// Observe, when set, is given the story's numbers: tests assert on them.
	Observe func(demo.Result) `kong:"-"`
}

// stage is what the story plays on.
type stage struct {
	customers []demo.Customer
	list      string // file with the customers, as the retailer has them
	dir       string
	shop      *demo.Shop
	server    *demo.Server
	gateway   *gateway.Gateway
	log       *os.File
}

// Run tells the story; the error says when it did not go as it should.
func (c *Demo) Run(ctx context.Context, version string, stdout io.Writer) (err error) {
	s := &stage{dir: c.DataDir}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "ordergate-demo-"); err != nil {
			return fmt.Errorf("making a folder for the demo: %w", err)
		}
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := c.build(ctx, s, version); err != nil {
		return err
	}
	result, err := demo.Run(ctx, demo.Options{
		ShopURL: s.server.URL, GatewayURL: "http://" + s.gateway.Addr(), AdminURL: "http://" + s.gateway.AdminAddr(),
		Out: stdout, Customers: s.customers, Quick: c.Quick, Affected: s.affected,
		ReportCommand: fmt.Sprintf("go run . report affected --incident all --data-dir %s --customers %s", filepath.Join(s.dir, "ordergate-data"), s.list),
	})
	if c.Observe != nil {
		c.Observe(result)
	}
	if err != nil {
		return err
	}
	if !c.Serve {
		fmt.Fprintf(stdout, "\nLedger, log and customers.csv stay in %s; delete it when you have seen enough.\nWith --serve shop and gateway keep running, to look at the metrics and to try things by hand.\n", s.dir)
		return nil
	}
	fmt.Fprintf(stdout, "\nThe gateway stays at http://%s (shop: %s, metrics: http://%s/metrics).\nLedger, log and customers.csv: %s\nCtrl-C ends it.\n",
		s.gateway.Addr(), s.server.URL, s.gateway.AdminAddr(), s.dir)
	select {
	case <-ctx.Done():
	case <-s.gateway.Ended():
	}
	return nil
}

func (c *Demo) build(ctx context.Context, s *stage, version string) (err error) {
	if c.Customers < 20 || c.Customers > 200_000 {
		return usagef("--customers %d: want 20 to 200000", c.Customers)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", s.dir, err)
	}
	s.customers = demo.Generate(c.Customers, demo.DefaultSeed)
	s.list = filepath.Join(s.dir, "customers.csv")
	var list bytes.Buffer
	if err := demo.WriteCustomersCSV(&list, s.customers); err != nil {
		return err
	}
	if err := os.WriteFile(s.list, list.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the customer list: %w", err)
	}
	if s.log, err = os.OpenFile(filepath.Join(s.dir, "ordergate.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	if s.shop, err = demo.NewShop(s.customers, demo.ShopOptions{}); err != nil {
		return err
	}
	if s.server, err = demo.Listen("127.0.0.1:0", s.shop); err != nil {
		return err
	}
	cfg, err := c.config(s)
	if err != nil {
		return err
	}
	s.gateway, err = gateway.Start(ctx, cfg, gateway.Options{Version: version, Log: slog.New(slog.NewJSONHandler(s.log, nil))})
	return err
}

// config is the sample shop's own config with the addresses of this run.
func (c *Demo) config(s *stage) (config.Config, error) {
	text := fmt.Sprintf("%s\nupstream: %s\nlisten: %q\nadmin: %q\ndata_dir: %q\n", demo.Config(), s.server.URL,
		addressOr(c.Listen, "127.0.0.1:8080"), addressOr(c.Admin, "127.0.0.1:9090"), filepath.Join(s.dir, "ordergate-data"))
	return config.Parse("demo", []byte(text))
}

// addressOr is the address that was asked for, or the usual one, or, when that
// is taken, any free port of it.
func addressOr(asked, usual string) string {
	if asked != "" {
		return asked
	}
	probe, err := net.Listen("tcp", usual) //nolint:noctx // closed at once
	if err != nil {
		return "127.0.0.1:0"
	}
	if err := probe.Close(); err != nil {
		return "127.0.0.1:0"
	}
	return usual
}

// affected runs the real report, over all incidents, and returns the e-mail
// addresses that it names.
func (s *stage) affected(_ context.Context, _ string) ([]string, string, error) {
	report := ReportAffected{
		DataDir: filepath.Join(s.dir, "ordergate-data"), Incident: AllIncidents, Customers: s.list, Format: "csv",
	}
	var out, notes bytes.Buffer
	if err := report.Run(&out, &notes); err != nil {
		return nil, "", err
	}
	rows, err := csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, "", fmt.Errorf("reading the report: %w", err)
	}
	column := slices.Index(rows[0], "email")
	if column < 0 {
		return nil, "", errors.New("the report has no column email")
	}
	emails := make([]string, 0, len(rows))
	for _, row := range rows[1:] {
		emails = append(emails, row[column])
	}
	return emails, out.String(), nil
}

// close ends what was started, in the reverse order.
func (s *stage) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var errs []error
	if s.gateway != nil {
		errs = append(errs, s.gateway.Stop(ctx))
	}
	if s.server != nil {
		errs = append(errs, s.server.Close(ctx))
	}
	if s.shop != nil {
		errs = append(errs, s.shop.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}
