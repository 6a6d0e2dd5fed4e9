package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Incident is the command for the incidents of a running gateway.
type Incident struct {
	Admin string `help:"Admin address of the gateway." default:"127.0.0.1:9090"`
	Token string `help:"Admin token, where one is set." env:"ORDERGATE_ADMIN_TOKEN"`
	JSON  bool   `help:"Print JSON."`

	List  struct{}  `cmd:"" help:"List the incidents that are not closed."`
	Show  oneByName `cmd:"" help:"Show one incident."`
	Ack   oneByName `cmd:"" help:"Say that somebody works on an incident: its breach alert goes to 0."`
	Close oneByName `cmd:"" help:"Close an incident and let its principals go; the next signal opens a new one."`

	Contain    containOne `cmd:"" help:"Hold the principals of an incident: slow, mask, cut, refuse or revoke them. Example: ordergate incident contain inc-0123456789abcdef --step mask --for 24h"`
	Release    oneByName  `cmd:"" help:"Let the principals of an incident go."`
	FalseAlarm oneByName  `cmd:"" help:"Close an incident in which there was nothing, and let its principals go."`
}

type containOne struct {
	ID        string        `arg:"" help:"Id of the incident, such as inc-0123456789abcdef."`
	Step      string        `help:"slow: each request waits; mask: other people's data is starred out in what it is sent (what cannot be masked is cut); cut: responses with other people's data are refused, all others pass; refuse: all requests of the session are refused; revoke: those of all sessions of its account too." enum:"slow,mask,cut,refuse,revoke" default:"refuse"`
	For       time.Duration `help:"How long." default:"1h"`
	Linked    bool          `help:"The sessions linked to the incident too."`
	Addresses bool          `help:"Everybody at the addresses that the incident has seen too. Danger: an address may be a whole office."`
}

type oneByName struct {
	ID string `arg:"" help:"Id of the incident, such as inc-0123456789abcdef."`
}

// Run carries out one of the commands, named as kong names it.
func (c *Incident) Run(ctx context.Context, command string, stdout io.Writer) error {
	switch {
	case strings.HasPrefix(command, "incident ack"):
		return c.act(ctx, c.Ack.ID, rules.IncidentAcknowledged.String(), stdout)
	case strings.HasPrefix(command, "incident contain"):
		query := url.Values{"step": {c.Contain.Step}, "for": {c.Contain.For.String()}, "linked": {strconv.FormatBool(c.Contain.Linked)}, "addresses": {strconv.FormatBool(c.Contain.Addresses)}}
		return c.act(ctx, c.Contain.ID, "contain?"+query.Encode(), stdout)
	case strings.HasPrefix(command, "incident release"):
		return c.act(ctx, c.Release.ID, "release", stdout)
	case strings.HasPrefix(command, "incident false-alarm"):
		return c.act(ctx, c.FalseAlarm.ID, rules.IncidentFalseAlarm.String(), stdout)
	case strings.HasPrefix(command, "incident close"):
		return c.act(ctx, c.Close.ID, rules.IncidentClosed.String(), stdout)
	}
	var open []rules.Incident
	if err := c.call(ctx, http.MethodGet, "/incidents", &open); err != nil {
		return err
	}
	if strings.HasPrefix(command, "incident show") {
		for i := range open {
			if open[i].ID == c.Show.ID {
				return c.show(stdout, &open[i])
			}
		}
		return fmt.Errorf("incident %q is not open: see ordergate incident list", c.Show.ID)
	}
	return c.print(stdout, open)
}

// act asks the gateway to do something about an incident.
func (c *Incident) act(ctx context.Context, id, what string, stdout io.Writer) error {
	var incident rules.Incident
	if err := c.call(ctx, http.MethodPost, "/incidents/"+id+"/"+what, &incident); err != nil {
		return err
	}
	return c.print(stdout, []rules.Incident{incident})
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

func (c *Incident) call(ctx context.Context, method, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Admin+path, http.NoBody)
	if err != nil {
		return UsageError{fmt.Sprintf("admin address %q or incident id cannot be used: write host:port and an id such as inc-0123456789abcdef", c.Admin)}
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("asking the gateway at %s: %w: is it running, and is this its admin address?", c.Admin, err)
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the gateway's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("the gateway refused: " + strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return nil
}

// show tells one incident at length, and what to do next.
func (c *Incident) show(stdout io.Writer, in *rules.Incident) error {
	if c.JSON {
		return c.print(stdout, []rules.Incident{*in})
	}
	whom := "every principal of the route without a credential"
	switch {
	case !in.Session.IsZero():
		whom = "session " + in.Session.String()
	case in.Detector != rules.DetectorUnauthenticated:
		whom = "the whole site"
	}
	if !in.Account.IsZero() {
		whom += ", account " + in.Account.String()
	}
	_, err := fmt.Fprintf(stdout, `%s  %s, severity %s
what      %s on %s: %d observed, the limit is %d
to whom   %s (role %s)
when      %s to %s
signals   %d, of which %d refused%s
exchanges first %s, last %s
%s%snext      ordergate report affected --incident %s --customers customers.csv
          ordergate incident contain %s  (its principals are held; see --help)
          ordergate incident ack %s      (its alert ends)
          ordergate incident close %s    (the next signal opens a new one)
`, in.ID, in.State, in.Severity, in.Detector, in.Route, in.Observed, in.Limit, whom, in.Role,
		in.Opened.Format(time.RFC3339), in.Updated.Format(time.RFC3339), in.Signals, in.Refused, seenBy(in.Detectors), in.First, in.Last, ruleOf(in)+heldBy(in.Containment), linked(in.Linked), in.ID, in.ID, in.ID, in.ID)
	return err //nolint:wrapcheck // standard output
}

// seenBy tells how many signals each detector gave, in the order of the design.
func seenBy(detectors map[rules.Detector]int) string {
	var parts []string
	for _, d := range rules.Detectors() {
		if n := detectors[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", d, n))
		}
	}
	if len(parts) < 2 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// ruleOf names the rule of a rule file that spoke first.
func ruleOf(in *rules.Incident) string {
	if in.Rule == "" {
		return ""
	}
	return "rule      " + in.Rule + "\n"
}

// heldBy tells what holds the incident's principals.
func heldBy(c *rules.Containment) string {
	if c == nil {
		return ""
	}
	by := "a detector"
	if c.Person {
		by = "a person"
	}
	whom := ""
	if c.Linked {
		whom += ", linked sessions too"
	}
	if c.Addresses {
		whom += ", everybody at its addresses too"
	}
	return fmt.Sprintf("held      %s until %s, by %s%s\n", c.Step, c.Until.Format(time.RFC3339), by, whom)
}

// maxShownLinks is how many linked sessions are shown; --json has them all.
const maxShownLinks = 10

// linked tells which other sessions take part, and why.
func linked(links []rules.Link) string {
	if len(links) == 0 {
		return "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "linked    %d sessions, strongest first\n", len(links))
	for _, l := range links[:min(len(links), maxShownLinks)] {
		fmt.Fprintf(&b, "          %s  %s, %d customers\n", l.Session, l.Why, l.Strength)
	}
	if more := len(links) - maxShownLinks; more > 0 {
		fmt.Fprintf(&b, "          and %d more: --json has them\n", more)
	}
	return b.String() + "\n"
}

func (c *Incident) print(stdout io.Writer, incidents []rules.Incident) error {
	if c.JSON {
		return json.NewEncoder(stdout).Encode(incidents) //nolint:wrapcheck // standard output
	}
	if len(incidents) == 0 {
		_, err := fmt.Fprintln(stdout, "no incident is open")
		return err //nolint:wrapcheck // standard output
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tSEVERITY\tDETECTOR\tROLE\tROUTE\tOPENED\tSIGNALS\tREFUSED\tOBSERVED/LIMIT")
	for i := range incidents {
		in := &incidents[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d/%d\n", in.ID, in.State, in.Severity, in.Detector, in.Role, in.Route,
			in.Opened.Format(time.RFC3339), in.Signals, in.Refused, in.Observed, in.Limit)
	}
	return table.Flush() //nolint:wrapcheck // standard output
}
