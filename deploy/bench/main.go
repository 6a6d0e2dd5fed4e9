//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Run    flags  `cmd:"" default:"withargs" help:"Measure."`
	Worker worker `cmd:"" hidden:""`
}

// flags say what is measured and for how long.
type flags struct {
	Only    []string `help:"Only these contenders beside the bare proxy." placeholder:"NAME"`
	Routes  []string `help:"Of the measure routes only these kinds of request." placeholder:"NAME"`
	Measure []string `help:"Only these: mix, routes, mixing, attacks, body, parameters, paranoia, principals." placeholder:"NAME"`
	Rounds  int      `help:"How often the contenders take their turns." default:"3"`
	Seconds float64  `help:"How long a turn lasts; in the mix it is followed by another one at half load." default:"2"`
	Into    string   `help:"File of samples: those in it are counted together with this run's, which are added." placeholder:"FILE"`
	Results string   `help:"Write the tables to this file, too, such as deploy/bench/RESULTS.md." placeholder:"FILE"`
	JSON    bool     `name:"json" help:"Write JSON instead of tables."`
	Install bool     `help:"Install nginx, Apache, their ModSecurity modules and HAProxy from Debian first, as root or with sudo; no service is started."`
	Other   string   `help:"Another ordergate program, measured beside this one." placeholder:"FILE" type:"existingfile"`
	Profile string   `help:"Folder for CPU profiles of the Go contenders." placeholder:"DIR" type:"existingdir"`
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	// Servers are told to end when the thread that started them does: this one
	// lasts as long as the process.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("bench"), kong.Description("Measures ordergate beside nginx, Apache, HAProxy, Coraza and a bare proxy."),
		kong.Writers(os.Stdout, os.Stderr), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		panic("BUG: the command line is declared wrongly: " + err.Error())
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err == nil && strings.HasPrefix(parsed.Command(), "worker") {
		if err := c.Worker.run(ctx, os.Stdin, os.Stderr); err != nil {
			fmt.Fprintf(os.Stderr, "bench worker: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
	if err == nil {
		err = c.Run.validate()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return exitUsage
	}
	if err := bench(ctx, &c.Run, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// measures are what can be measured, in order.
var measures = []string{"mix", "routes", "mixing", "attacks", "body", "parameters", "paranoia", "principals"}

func (f *flags) validate() error {
	for _, name := range f.Only {
		if !slices.ContainsFunc(contenders, func(c contender) bool { return c.name == name }) {
			return fmt.Errorf("--only %s: want some of %s", name, names())
		}
	}
	for _, name := range f.Measure {
		if !slices.Contains(measures, name) {
			return fmt.Errorf("--measure %s: want some of %s", name, strings.Join(measures, ", "))
		}
	}
	for _, name := range f.Routes {
		if !slices.Contains(kindNames[:], name) {
			return fmt.Errorf("--routes %s: want some of %s", name, strings.Join(kindNames[:], ", "))
		}
	}
	if f.Rounds < 1 || f.Rounds > 100 {
		return fmt.Errorf("--rounds %d: want 1 to 100", f.Rounds)
	}
	if !(f.Seconds >= 0.05 && f.Seconds <= 60) {
		return fmt.Errorf("--seconds %g: want 0.05 to 60", f.Seconds)
	}
	return nil
}

// wants reports whether a measure is wanted.
func (f *flags) wants(measure string) bool {
	return len(f.Measure) == 0 || slices.Contains(f.Measure, measure)
}

// takes reports whether a contender takes part.
func (f *flags) takes(name string) bool {
	if name == "other" {
		return f.Other != ""
	}
	return len(f.Only) == 0 || name == contenders[0].name || slices.Contains(f.Only, name)
}

// tell says how far it is.
func tell(to io.Writer, format string, args ...any) { fmt.Fprintf(to, format+"\n", args...) }
