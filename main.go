// Command ordergate is a security gateway for e-commerce order systems: a
// reverse proxy that applies WAF rules, sees every customer record that
// leaves, stops bulk exfiltration while it happens, raises breach alerts
// through metrics, and says afterwards exactly whose data went to whom.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line.
type commands struct {
	Serve    serveCommand `cmd:"" help:"Run the gateway in front of an order platform."`
	Demo     cli.Demo     `cmd:"" help:"Start a sample shop and the gateway, attack the shop, and show what happens."`
	Drill    cli.Drill    `cmd:"" help:"Attack a gateway in front of the sample shop, use it honestly, and say what came of both."`
	Check    cli.Check    `cmd:"" help:"Check a config; print what it comes to, and the worst loss it allows."`
	Inspect  cli.Inspect  `cmd:"" help:"Say which customer records one captured response body holds."`
	Test     cli.Test     `cmd:"" help:"Check rule files and run the tests in them."`
	Report   cli.Reports  `cmd:"" help:"Answer who was affected."`
	Incident cli.Incident `cmd:"" help:"List, show, acknowledge and close incidents of a running gateway."`
	Ledger   cli.Ledgers  `cmd:"" help:"Look after the ledger."`
	Version  struct{}     `cmd:"" help:"Print the version."`
}

type serveCommand struct {
	Config   string `help:"Config file." placeholder:"ordergate.yaml" type:"existingfile"`
	Upstream string `help:"URL of the order platform, when there is no config file." placeholder:"URL"`
	Listen   string `help:"Address for clients, instead of the config's." placeholder:":8080"`
	Admin    string `help:"Address for metrics and health checks, instead of the config's." placeholder:"127.0.0.1:9090"`
	DataDir  string `help:"Folder of the ledger and its key, instead of the config's." placeholder:"DIR"`
}

const description = `A security gateway for e-commerce order systems.

  ordergate demo                                 see it work on a sample shop
  ordergate drill                                20 attacks and 14 workloads, in numbers
  ordergate serve --upstream http://127.0.0.1:3000
  ordergate check --config ordergate.yaml        faults, effective config, worst loss
  ordergate test exfil.yaml                      try your own rules
  ordergate report affected --customers customers.csv
  ordergate incident list

Exit codes: 0 fine, 1 failed, 2 wrong usage or config, 3 findings.`

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("ordergate"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic("BUG: the command line is declared wrongly: " + err.Error())
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		fmt.Fprintf(stderr, "ordergate: %v: see ordergate --help\n", err)
		return cli.ExitUsage
	}
	if err := dispatch(ctx, &c, parsed.Command(), stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "ordergate: %v\n", err)
		return cli.ExitCode(err)
	}
	return cli.ExitOK
}

func dispatch(ctx context.Context, c *commands, command string, stdout, stderr io.Writer) error {
	switch command {
	case "serve":
		return c.Serve.run(ctx, stdout, stderr)
	case "demo":
		return c.Demo.Run(ctx, version(), stdout)
	case "drill":
		return c.Drill.Run(ctx, stdout, stderr)
	case "check":
		return c.Check.Run(stdout, stderr)
	case "inspect <file>":
		return c.Inspect.Run(stdout)
	case "test <files>":
		return c.Test.Run(stdout)
	case "version":
		_, err := fmt.Fprintln(stdout, version())
		return err
	}
	switch group, _, _ := strings.Cut(command, " "); group {
	case "report":
		return c.Report.Run(command, version(), stdout, stderr)
	case "ledger":
		return c.Ledger.Run(command, version(), stdout, stderr)
	}
	return c.Incident.Run(ctx, command, stdout)
}

// load reads the config file, or makes a config from the flags alone.
func (c *serveCommand) load() (config.Config, error) {
	cfg, err := config.Resolve(c.Config, c.Upstream)
	if err != nil {
		return cfg, err
	}
	for from, to := range map[*string]*string{&c.Listen: &cfg.Listen, &c.Admin: &cfg.Admin, &c.DataDir: &cfg.DataDir} {
		if *from != "" {
			*to = *from
		}
	}
	return cfg, cfg.Validate()
}

// run serves until ctx ends or a listener fails; SIGHUP reloads the config.
func (c *serveCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before it serves: a signal that nobody waits for ends the program
	defer signal.Stop(hangup)
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	stdlog.SetOutput(gateway.Withheld{Log: log})
	sockets, err := gateway.Inherited(&cfg)
	if err != nil {
		return err
	}
	g, err := gateway.Start(ctx, cfg, gateway.Options{Version: version(), Log: log, Stdout: stdout, Sockets: sockets})
	if err != nil {
		return errors.Join(err, sockets.Close())
	}
	systemd := gateway.Systemd{Log: log}
	systemd.Ready()
	defer systemd.Watch(g)()
	for {
		select {
		case <-hangup:
			systemd.Reloading()
			if err := g.Reload(c.load); err != nil {
				log.Error("reload failed", "err", err)
			}
			systemd.Ready()
			continue
		case <-g.Ended():
		case <-ctx.Done():
		}
		break
	}
	systemd.Stopping()
	log.Info("stopping", "drain", cfg.Timeouts.Drain.String())
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Timeouts.Drain+10*time.Second)
	defer cancel()
	return g.Stop(deadline)
}

// version is the module's version, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "devel-" + setting.Value[:12]
		}
	}
	return "devel"
}
