package demo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// columns is how wide the story is printed.
const columns = 88

// teller prints the story. A terminal gets bold headings; nothing else is
// ever coloured. What cannot be written is left out: the story goes on.
type teller struct {
	out  io.Writer
	bold bool
}

func newTeller(out io.Writer) *teller {
	t := &teller{out: out}
	if file, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := file.Stat()
		t.bold = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

func (t *teller) line(text string) { _, _ = fmt.Fprintln(t.out, text) }

func (t *teller) heading(text string) {
	if t.bold {
		t.line("\n\x1b[1m" + text + "\x1b[0m")
		return
	}
	t.line("\n" + text)
	t.line(strings.Repeat("-", len([]rune(text))))
}

// text prints a paragraph, broken at spaces.
func (t *teller) text(paragraph string) {
	line := ""
	for word := range strings.FieldsSeq(paragraph) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > columns {
			t.line(line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	t.line(line)
}

// row prints a name and what belongs to it.
func (t *teller) row(name, text string) { t.line(fmt.Sprintf("  %-22s %s", name, text)) }

// look prints a command, on a line of its own so that it can be copied.
func (t *teller) look(command string) {
	t.line("  Look yourself:")
	t.line("    " + command)
}

// attack prints one attack's numbers.
func (t *teller) attack(a AttackResult, adminURL string) {
	t.line("")
	t.row("Straight at the shop:", fmt.Sprintf("%s, %s taken", plural(a.Direct.Requests, "request"), customersText(len(a.Direct.Received))))
	t.row("Through the gateway:", fmt.Sprintf("%s, %s taken", plural(a.Through.Requests, "request"), customersText(len(a.Through.Received))))
	marks := fmt.Sprintf("served %d, refused %d, cut %d, nothing there %d", a.Through.Count(MarkServed),
		a.Through.Count(MarkRefused), a.Through.Count(MarkCut), a.Through.Count(MarkNothing))
	t.row("", marks+statusText(a.Through.Statuses))
	t.bar(a.Through.Trace)
	if adminURL == "" {
		return
	}
	t.row("The gateway says:", fmt.Sprintf("%.0f records went to others, %.0f caps tripped, %.0f incidents open",
		a.After.Disclosed-a.Before.Disclosed, a.After.CapTrips-a.Before.CapTrips, a.After.Incidents))
	alert := "off"
	if len(a.After.Alerts) > 0 {
		alert = "on (" + strings.Join(a.After.Alerts, ", ") + ")"
	}
	t.row("Breach alert:", alert)
	t.look("curl -s " + adminURL + "/metrics | grep -E 'incidents_open|cap_trips|breach_alert'")
}

// barWidth is how many marks a timeline has at most.
const barWidth = 60

// bar prints the timeline: one mark for each request, or for several.
func (t *teller) bar(trace []Mark) {
	if len(trace) == 0 {
		return
	}
	each := (len(trace) + barWidth - 1) / barWidth
	var out strings.Builder
	for part := range slices.Chunk(trace, each) {
		out.WriteByte(byte(commonest(part)))
	}
	t.row("Timeline:", out.String())
	t.row("", fmt.Sprintf("# served  x refused  / cut  . nothing there; one mark is %s", plural(each, "request")))
}

// commonest returns the mark that most of the part have. "Nothing there" is
// shown only where there was nothing else: a rare hit among guesses matters.
func commonest(part []Mark) Mark {
	count := map[Mark]int{}
	for _, m := range part {
		count[m]++
	}
	if len(count) > 1 {
		delete(count, MarkNothing)
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(count)), func(a, b Mark) int { return cmp.Compare(count[a], count[b]) })
}

// people prints how honest people fared.
func (t *teller) people(who string, result TrafficResult) {
	text := fmt.Sprintf("%s as they should be, %d refused, %d failed", plural(result.Visits, "visit"), result.Refused, result.Failed)
	t.row(who+":", text)
	for _, fault := range result.Faults {
		t.row("", "collateral: "+fault)
	}
}

// statusText lists the statuses, such as " (200 ×5, 429 ×20)".
func statusText(statuses map[int]int) string {
	parts := make([]string, 0, len(statuses))
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		name := strconv.Itoa(status)
		if status == 0 {
			name = "no status"
		}
		parts = append(parts, fmt.Sprintf("%s x%d", name, statuses[status]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// plural writes "1 request" or "12,345 requests".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func customersText(n int) string { return plural(n, "customer") }

// thousands writes 12345 as "12,345".
func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
