package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ordergate/ordergate/deploy/drill"
)

// adminToken is the environment variable with the token of a target's admin listener.
const adminToken = "ORDERGATE_ADMIN_TOKEN" // #nosec G101 -- a name.

// drillTarget drills a gateway that somebody else started.
func (c *Drill) drillTarget(ctx context.Context, o drill.Options, stdout io.Writer) error {
	if c.Seeds != "" || c.Sessions > 0 {
		return usagef("--seeds and --sessions are for the drill's own gateway: a target is played once, with --seed")
	}
	description, address := c.Target, ""
	if strings.Contains(c.Target, "://") {
		if description, address = c.Shop, c.Target; c.Shop == "" {
			return usagef("--target %s: say with --shop FILE what the shop behind it is like", c.Target)
		}
	} else if c.Shop != "" {
		return usagef("--shop describes a --target that is an address, and %s is none", c.Target)
	}
	target, err := drill.LoadTarget(description, address)
	if err != nil {
		return usagef("%v", err)
	}
	if c.Plan {
		return tellPlan(target, o, stdout)
	}
	if err := target.Consent(ctx, c.IOwn); errors.Is(err, drill.ErrConsent) {
		return usagef("%v", err)
	} else if err != nil {
		return err
	}
	report, err := target.Run(ctx, o, drill.Watch{Metrics: c.Metrics, Incidents: c.Incidents, Token: os.Getenv(adminToken)})
	if errors.Is(err, drill.ErrNothing) {
		return usagef("--only %s: %v", strings.Join(c.Only, ","), err)
	}
	if report == nil {
		return err
	}
	if told := tellReport(report, c.JSON, stdout); told != nil {
		return errors.Join(err, told)
	}
	if n := drill.Missed(report.Results); err == nil && n > 0 {
		return FindingsError{Message: fmt.Sprintf("%d of %d rows miss a goal", n, len(report.Results))}
	}
	return err
}

func tellReport(report *drill.Report, asJSON bool, stdout io.Writer) error {
	if !asJSON {
		return drill.WriteReport(stdout, report)
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(report); err != nil {
		return fmt.Errorf("writing the drill's results: %w", err)
	}
	return nil
}

// tellPlan says what would be played.
func tellPlan(target *drill.Target, o drill.Options, stdout io.Writer) error {
	played, skipped := target.Plan(o)
	var out strings.Builder
	fmt.Fprintf(&out, "%d would be played:\n", len(played))
	for _, name := range played {
		fmt.Fprintf(&out, "  %s\n", name)
	}
	fmt.Fprintf(&out, "%d would not:\n", len(skipped))
	for _, s := range skipped {
		fmt.Fprintf(&out, "  %s %s: %s\n", s.ID, s.Name, s.Why)
	}
	if _, err := io.WriteString(stdout, out.String()); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}
