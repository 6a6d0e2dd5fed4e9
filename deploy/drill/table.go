package drill

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteTable writes the results as two tables, attacks and workloads, with one
// line of reason where a goal was missed.
func WriteTable(to io.Writer, results []Result) error {
	var out strings.Builder
	if slices.ContainsFunc(results, func(r Result) bool { return !r.Benign }) {
		out.WriteString(legend)
	}
	writeRows(&out, results)
	sum(&out, results)
	out.WriteString(limitsKnown)
	_, err := io.WriteString(to, out.String())
	if err != nil {
		return fmt.Errorf("writing the drill's table: %w", err)
	}
	return nil
}

// writeRows writes the attacks, and then the workloads.
func writeRows(out *strings.Builder, results []Result) {
	heading := false
	for i := range results {
		if results[i].Benign {
			continue
		}
		if !heading {
			fmt.Fprintf(out, "%-5s  %-48s %5s %5s %5s  %5s  %-14s  %7s  %-31s %5s %9s %6s %9s  %s\n",
				"", "", "alert", "cont.", "total", "bound", "", "after", "alert by", "caps+", "ledger", "report", "honest", "scale")
			heading = true
		}
		results[i].attack(out)
	}
	heading = false
	for i := range results {
		if !results[i].Benign {
			continue
		}
		if !heading {
			fmt.Fprintf(out, "\nHonest workloads. Everything refused, cut or slowed, and every incident, is false.\n\n%-5s  %-50s %8s %8s %7s %6s  %s\n",
				"", "", "sessions", "requests", "refused", "alerts", "scale")
			heading = true
		}
		results[i].workload(out)
	}
}

// legend says what the columns of attacks are.
const legend = `Attacks, each on a fresh gateway with the default rules, among honest people; w: the attacker knows caps and windows.
Time is virtual and whole: windows are as configured, a day of playbook is a day of the gateway's clock.

  alert, cont., total  distinct customers in the bytes that attackers received: up to the first alert, until the attack came to a
                       standstill (ten requests in a row, or all that are left, refused or slowed), and in all
  bound                the goal for cont.; * for total, where the attacker stays below the caps
  after, alert by      the first alert after the first loss (where nothing was lost, after the beginning), in playbook time; the
                       detectors whose signals are in its incident in the end; "(nothing lost)": no alert, and nothing to tell, as the WAF
                       or a limit for requests refused what was tried, or nobody was found by it
  caps+                customers beyond any cap, in any window
  ledger               precision/recall of the ledger against those bytes, as far as they are text
  report               the share of all losses that "report affected --incident all" names
  honest               honest sessions refused, cut or slowed, of all that there were meanwhile

`

// limitsKnown are printed with every table: what these numbers do not show.
const limitsKnown = `
What this cannot show: all people, attackers too, are made up and use one sample shop. A picture or a document has a subject
only where its address names an order. Staff whose login answers with a cookie alone keep a guest's caps. Clients
without a cookie share the caps of their address. What the WAF refuses raises no incident.
`

func (r *Result) label() string {
	if r.WhiteBox {
		return r.ID + "w"
	}
	return r.ID
}

func (r *Result) attack(out *strings.Builder) {
	contained, star := fmt.Sprint(r.LostBeforeContain), ""
	if r.WholeBound {
		contained, star = "-", "*"
	} else if !r.Contained {
		contained = "never"
	}
	detectors, after, before := strings.Join(r.Detectors, " "), short(r.AlertIn), fmt.Sprint(r.LostBeforeAlert)
	if r.Blind {
		detectors, after, before = "-", "-", "-"
	} else if !r.Alert {
		detectors, after = "none", "-"
		if r.Lost == 0 {
			detectors = "(nothing lost)"
		}
	}
	fmt.Fprintf(out, "%-5s  %-48s %5s %5s %5d  %5d%1s %-14s  %7s  %-31s %5d %4s/%-4s %6s %3d/%-5d  %s\n",
		r.label(), r.Name, before, contained, r.Lost, r.Bound, star, r.BoundOf, after, detectors, r.Violations,
		ratio(r.Precision), ratio(r.Recall), ratio(r.Reported), r.Refused, r.Sessions, r.Scale)
	r.why(out)
}

func (r *Result) workload(out *strings.Builder) {
	scale := r.Scale
	if r.Seeds > 1 {
		scale = fmt.Sprintf("%d times, with seeds from %d on: %s", r.Seeds, r.Seed, scale)
	}
	alerts := fmt.Sprint(r.FalseAlerts)
	if r.Blind {
		alerts = "-"
	}
	fmt.Fprintf(out, "%-5s  %-50s %8d %8d %7d %6s  %s\n", r.label(), r.Name, r.Sessions, r.Requests, r.Refused, alerts, scale)
	r.why(out)
}

// why writes what was missed, and the reason where it is known.
func (r *Result) why(out *strings.Builder) {
	switch {
	case len(r.Missed) > 0 && r.Note != "":
		fmt.Fprintf(out, "       MISSED %s: %s\n", strings.Join(r.Missed, "; "), r.Note)
	case len(r.Missed) > 0:
		fmt.Fprintf(out, "       MISSED %s\n", strings.Join(r.Missed, "; "))
	case r.Note != "":
		fmt.Fprintf(out, "       %s\n", r.Note)
	}
	if len(r.Harms) > 0 && (r.Benign || r.FalseAlerts > 0) {
		fmt.Fprintf(out, "       %s\n", strings.Join(r.Harms, ", "))
	}
}

func ratio(share float64) string {
	if share < 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", share)
}

// short writes seconds as people say them.
func short(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 2*day:
		return fmt.Sprintf("%.1f h", d.Hours())
	default:
		return fmt.Sprintf("%.1f d", d.Hours()/24)
	}
}

// sum writes the last lines.
func sum(out *strings.Builder, results []Result) {
	met, over, sessions, refused, alarms := 0, 0, 0, 0, 0 // sessions, refused and alarms of workloads
	for i := range results {
		r := &results[i]
		if len(r.Missed) == 0 {
			met++
		}
		over += r.Violations
		if r.Benign {
			sessions += r.Sessions
			refused += r.Refused
			alarms += r.FalseAlerts
		}
	}
	fmt.Fprintf(out, "\n%d of %d rows meet their goals; %d customers beyond a cap.\n", met, len(results), over)
	if sessions == 0 {
		return
	}
	fmt.Fprintf(out, "Honest workloads: %d false alerts and %d sessions refused in %d sessions", alarms, refused, sessions)
	if refused == 0 {
		fmt.Fprintf(out, " (with 95 %% confidence at most %.0f refused in a million)", 3e6/float64(sessions))
	}
	out.WriteString(".\n")
}

// Missed counts the results that miss a goal.
func Missed(results []Result) int {
	n := 0
	for i := range results {
		if len(results[i].Missed) > 0 {
			n++
		}
	}
	return n
}
