package drill

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteTable writes the results as two tables, attacks and workloads, with one
// line of reason where a goal was missed.
func WriteTable(to io.Writer, results []Result) error {
	var out strings.Builder
	out.WriteString("Attacks. Lost: distinct customers in the bytes that the attackers received, before the first alert, before the attack came to a\n" +
		"standstill, and in all; bound: the goal for \"contained\" (for \"total\" where the attacker never runs into a cap, *). Ledger: precision and\n" +
		"recall against these bytes, text only; report: the share of all that is lost that `report affected --incident all` names.\n\n")
	fmt.Fprintf(&out, "%-6s %-50s %6s %9s %6s %6s  %-24s %-17s %8s %5s %11s %6s %s\n",
		"", "attack", "alert", "contained", "total", "bound", "which is", "first alert by", "after", "caps+", "ledger P/R", "report", "collateral")
	attacks, benign := 0, 0
	for i := range results {
		if results[i].Benign {
			benign++
			continue
		}
		attacks++
		results[i].attack(&out)
	}
	if attacks == 0 {
		out.Reset()
	}
	if benign > 0 {
		fmt.Fprintf(&out, "\nHonest workloads. Everything refused, cut or slowed, and every incident, is false.\n\n%-6s %-50s %9s %8s %7s %6s  %s\n",
			"", "workload", "sessions", "requests", "refused", "alerts", "scale")
		for i := range results {
			if results[i].Benign {
				results[i].workload(&out)
			}
		}
	}
	sum(&out, results)
	_, err := io.WriteString(to, out.String())
	if err != nil {
		return fmt.Errorf("writing the drill's table: %w", err)
	}
	return nil
}

func (r *Result) label() string {
	if r.WhiteBox {
		return r.ID + "w"
	}
	return r.ID
}

func (r *Result) attack(out *strings.Builder) {
	contained, star := fmt.Sprint(r.LostBeforeContain), ""
	if !r.Contained {
		contained = "-"
	}
	detector, after := string(r.Detector), short(r.AlertIn)
	if !r.Alert {
		detector, after = "none", "-"
	}
	fmt.Fprintf(out, "%-6s %-50s %6d %9s %6d %5d%1s  %-24s %-17s %8s %5d %5s/%-5s %6s %d of %d\n",
		r.label(), r.Name, r.LostBeforeAlert, contained, r.Lost, r.Bound, star, r.BoundOf, detector, after, r.Violations,
		ratio(r.Precision), ratio(r.Recall), ratio(r.Reported), r.Refused, r.Sessions)
	r.why(out)
}

func (r *Result) workload(out *strings.Builder) {
	fmt.Fprintf(out, "%-6s %-50s %9d %8d %7d %6d  %s\n", r.label(), r.Name, r.Sessions, r.Requests, r.Refused, r.FalseAlerts, r.Scale)
	r.why(out)
}

// why writes what was missed, and the reason where it is known.
func (r *Result) why(out *strings.Builder) {
	if len(r.Missed) == 0 {
		return
	}
	fmt.Fprintf(out, "       missed: %s", strings.Join(r.Missed, "; "))
	if r.Note != "" {
		fmt.Fprintf(out, ": %s", r.Note)
	}
	out.WriteString("\n")
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
	met, over, sessions, refused, alarms := 0, 0, 0, 0, 0
	for i := range results {
		r := &results[i]
		if len(r.Missed) == 0 {
			met++
		}
		over += r.Violations
		sessions += r.Sessions
		if r.Benign {
			refused += r.Refused
			alarms += r.FalseAlerts
		}
	}
	fmt.Fprintf(out, "\n%d of %d rows meet their goals. Cap violations: %d. Honest workloads: %d false alerts, %d sessions refused; %d honest sessions in all.\n",
		met, len(results), over, alarms, refused, sessions)
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
