package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/drill"
)

// Drill is `ordergate drill`: attack playbooks and honest workloads against a
// gateway that it starts itself in front of the sample shop, or against a target.
type Drill struct {
	Only     []string `help:"Only these playbooks and workloads, such as A05,B02." placeholder:"ID"`
	Seed     uint64   `help:"Seed of the shop's people and of what is random." default:"0"`
	Seeds    string   `help:"Several seeds, such as 0-19, instead of one." placeholder:"FROM-TO"`
	Benign   bool     `help:"Only the honest workloads."`
	Sessions int      `help:"Play the honest workloads, seed after seed from --seed on, until there were so many honest sessions; 100000 take hours." placeholder:"N"`
	WhiteBox bool     `help:"Also the variants in which the attacker knows thresholds and windows." default:"true" negatable:""`
	Parallel int      `help:"How many are played at a time; they wait for the disk more than they compute." default:"4"`
	JSON     bool     `name:"json" help:"Write JSON instead of tables."`

	Target    string `help:"Drill this gateway and shop instead, in real time: its address, with --shop, or a description with the address in it. Made-up customers only: what is lost is really sent." placeholder:"URL|FILE" group:"target"`
	Shop      string `help:"Description of the target: customers, roles, actions and pace (YAML; deploy/drill/targets has examples)." type:"path" placeholder:"FILE" group:"target"`
	IOwn      string `name:"i-own" help:"Host of a target on another machine that does not say at /.well-known/ordergate-drill that it may be attacked." placeholder:"HOST" group:"target"`
	Metrics   string `help:"Address of the target's /metrics: when was the alert?" placeholder:"URL" group:"target"`
	Incidents string `help:"Address of the target's /incidents, on its admin listener: says more." placeholder:"URL" group:"target"`
	Plan      bool   `help:"Only say what would be played against the target and what not, and why." group:"target"`
}

// Run drills and writes what came of it; a [FindingsError] says that a goal
// was missed.
func (c *Drill) Run(ctx context.Context, stdout, stderr io.Writer) error {
	seeds, err := c.seeds()
	if err != nil {
		return err
	}
	if c.Parallel < 1 || c.Parallel > 64 {
		return usagef("--parallel %d: want 1 to 64", c.Parallel)
	}
	if c.Sessions < 0 || c.Sessions > maxSessions || c.Sessions > 0 && c.Seeds != "" {
		return usagef("--sessions %d: want 1 to %d, from --seed on, without --seeds", c.Sessions, maxSessions)
	}
	if c.Target == "" && (c.Shop != "" || c.IOwn != "" || c.Metrics != "" || c.Incidents != "" || c.Plan) {
		return usagef("--shop, --i-own, --metrics, --incidents and --plan are about a --target: name it")
	}
	options := drill.Options{Seeds: seeds, Only: c.Only, Benign: c.Benign, Plain: !c.WhiteBox, Parallel: c.Parallel}
	if options.Progress = stderr; !isTerminal(stderr) {
		options.Progress = &sparse{to: stderr, now: time.Now, told: time.Now()}
	}
	if c.Target != "" {
		return c.drillTarget(ctx, options, stdout)
	}
	run := drill.Run
	if c.Sessions > 0 {
		run = func(ctx context.Context, o drill.Options) ([]drill.Result, error) {
			return drill.Many(ctx, o, c.Sessions)
		}
	}
	results, err := run(ctx, options)
	var unfinished *drill.Unfinished
	if errors.Is(err, drill.ErrNothing) {
		return usagef("--only %s: %v", strings.Join(c.Only, ","), err)
	} else if err != nil && !errors.As(err, &unfinished) {
		return err
	}
	if told := c.tell(results, unfinished, stdout); told != nil {
		return errors.Join(err, told)
	}
	if n := drill.Missed(results); err == nil && n > 0 {
		return FindingsError{Message: fmt.Sprintf("%d of %d rows miss a goal; each says why", n, len(results))}
	}
	return err
}

// tell writes the rows there are, and in tables which ones are missing; a list in
// JSON has no place for that, and the error says it.
func (c *Drill) tell(results []drill.Result, unfinished *drill.Unfinished, stdout io.Writer) error {
	if c.JSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(results); err != nil {
			return fmt.Errorf("writing the drill's results: %w", err)
		}
	} else if err := drill.WriteTable(stdout, results); err != nil {
		return err
	}
	if unfinished == nil || c.JSON {
		return nil
	}
	if _, err := fmt.Fprintf(stdout, "\nIncomplete: %v.\n", unfinished); err != nil {
		return fmt.Errorf("writing the drill's table: %w", err)
	}
	return nil
}

// sparseEvery is how often a log is told how far a drill is.
const sparseEvery = 30 * time.Second

// sparse passes a line on once in a while, and says how many there were. Not safe for
// concurrent use: a drill tells of one result after the other.
type sparse struct {
	to    io.Writer
	now   func() time.Time
	told  time.Time
	lines int
}

func (s *sparse) Write(line []byte) (int, error) {
	s.lines++
	if s.now().Sub(s.told) < sparseEvery {
		return len(line), nil
	}
	s.told = s.now()
	if _, err := fmt.Fprintf(s.to, "drill: %d played so far; the last: %s", s.lines, line); err != nil {
		return 0, fmt.Errorf("telling how far the drill is: %w", err)
	}
	return len(line), nil
}

// isTerminal reports whether somebody may be watching.
func isTerminal(to io.Writer) bool {
	file, ok := to.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// maxSessions bounds how many honest sessions one run plays.
const maxSessions = 10_000_000

// maxSeeds bounds how many seeds one run takes.
const maxSeeds = 1000

func (c *Drill) seeds() ([]uint64, error) {
	if c.Seeds == "" {
		return []uint64{c.Seed}, nil
	}
	first, last, ranged := strings.Cut(c.Seeds, "-")
	from, err := strconv.ParseUint(first, 10, 32)
	to := from
	if err == nil && ranged {
		to, err = strconv.ParseUint(last, 10, 32)
	}
	if err != nil || to < from || to-from >= maxSeeds {
		return nil, usagef("--seeds %q: write a seed or a range of at most %d, such as 0-19", c.Seeds, maxSeeds)
	}
	var seeds []uint64
	for seed := from; seed <= to; seed++ {
		seeds = append(seeds, seed)
	}
	return seeds, nil
}
