package report

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestBusinessDays(t *testing.T) {
	for from, want := range map[string]string{
		"2026-03-02T10:00:00Z": "2026-03-06T10:00:00Z", // Monday
		"2026-03-05T10:00:00Z": "2026-03-11T10:00:00Z", // Thursday
		"2026-03-07T10:00:00Z": "2026-03-12T10:00:00Z", // Saturday
		"2026-03-08T10:00:00Z": "2026-03-12T10:00:00Z", // Sunday
	} {
		if got := BusinessDays(at(from), 4); !got.Equal(at(want)) {
			t.Errorf("4 business days from %s: %s, want %s", from, got, want)
		}
	}
}

// A clock that has not begun has no end.
func TestDeadlines(t *testing.T) {
	for _, d := range deadlines(time.Time{}, time.Time{}) {
		if d.At != "" {
			t.Errorf("%s is due at %s", d.Law, d.At)
		}
	}
}

func TestGaps(t *testing.T) {
	marks := []ledger.Mark{
		{Kind: ledger.MarkStart, Time: at("2026-03-01T08:00:00Z")},
		{Kind: ledger.MarkStop, Time: at("2026-03-01T09:00:00Z")},
		{Kind: ledger.MarkStart, Time: at("2026-03-01T10:00:00Z"), Since: at("2026-03-01T08:59:00Z")},
		{Kind: ledger.MarkIncident, Time: at("2026-03-01T10:30:00Z")},
		{Kind: ledger.MarkStart, Time: at("2026-03-01T12:00:00Z"), Since: at("2026-03-01T11:00:00Z")}, // nothing had stopped it
		{Kind: ledger.MarkTorn, Time: at("2026-03-01T12:00:00Z"), Count: 17},
		{Kind: ledger.MarkUnrecorded, Since: at("2026-03-01T13:00:00Z"), Time: at("2026-03-01T13:05:00Z"), Count: 9},
	}
	kinds := func(since, until time.Time) (kinds []string) {
		for _, g := range Gaps(marks, since, until) {
			kinds = append(kinds, g.Kind+" "+g.From.Format("15:04")+"-"+g.To.Format("15:04"))
		}
		return kinds
	}
	all := []string{"not running 09:00-10:00", "killed 11:00-12:00", "torn 12:00-12:00", "unrecorded 13:00-13:05"}
	if got := kinds(time.Time{}, time.Time{}); !slices.Equal(got, all) {
		t.Errorf("gaps %q, want %q", got, all)
	}
	if got := kinds(at("2026-03-01T10:30:00Z"), at("2026-03-01T11:30:00Z")); !slices.Equal(got, all[1:2]) {
		t.Errorf("gaps of half an hour: %q", got)
	}
}

// Nothing was released: the report stands, and says so.
func TestNothing(t *testing.T) {
	r, subjects := NewEvidence(rules.Incident{ID: "inc-1"}).Build(&Context{Now: at("2026-03-01T08:00:00Z")})
	if len(subjects) != 0 || r.Whose.Affected.Upper != 0 || !strings.Contains(string(r.SVG()), "Nothing was released") {
		t.Errorf("%+v", r.Whose)
	}
	for _, render := range []func() ([]byte, error){r.JSON, r.Markdown, r.HTML} {
		if text, err := render(); err != nil || len(text) == 0 {
			t.Error(err)
		}
	}
	if _, err := Statement("customer", r, nil); err == nil || !strings.Contains(err.Error(), "nobody lost") {
		t.Errorf("a letter to nobody: %v", err)
	}
}

// Whatever a person states is in every form of the report, and nothing is called a
// person's to state that nobody is asked for.
func TestEveryFact(t *testing.T) {
	keys, _ := FactKeys()
	facts := Facts{}
	for i, key := range keys {
		facts[key] = fmt.Sprintf("fact%03dx", i)
	}
	r, _ := NewEvidence(rules.Incident{ID: "inc-1"}).Build(&Context{Now: at("2026-03-01T08:00:00Z"), Facts: facts})
	for form, render := range map[string]func() ([]byte, error){"json": r.JSON, "md": r.Markdown, "html": r.HTML} {
		text, err := render()
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range keys {
			if !strings.Contains(string(text), fmt.Sprintf("fact%03dx", i)) {
				t.Errorf("%s does not say %s", form, key)
			}
		}
		if strings.Contains(strings.ToLower(string(text)), "to be filled in by a person") {
			t.Errorf("%s asks for a fact that has no key:\n%s", form, text)
		}
	}
}

func TestShelfNames(t *testing.T) {
	for _, about := range []string{"", "../../etc/passwd", "a/b", strings.Repeat("a", 101)} {
		s := Shelf{Dir: t.TempDir(), About: about}
		_, _, err := s.Last()
		if issued := s.Issue(1, map[string][]byte{"json": nil}); !errors.Is(err, ErrShelf) || !errors.Is(issued, ErrShelf) {
			t.Errorf("%q: %v, %v", about, err, issued)
		}
	}
}

// Every time of a long incident is in the timeline, which does not grow with it.
func TestTimeline(t *testing.T) {
	e := NewEvidence(rules.Incident{ID: "inc-1", Opened: at("2026-01-01T00:00:00Z")})
	for n := range 5000 {
		row := ledger.Row{Sequence: int64(n + 1), Head: int64(n + 1)}
		row.Time = at("2026-01-01T00:00:00Z").Add(time.Duration(n) * 17 * time.Minute)
		row.Exchange = rules.ExchangeID{byte(n), byte(n >> 8), 1}
		row.Record.Subject = rules.Identifier{Kind: rules.IdentifierEmail, Digest: rules.Digest{byte(n), 1}}
		row.Record.Identifiers = []rules.Identifier{row.Record.Subject}
		e.Add(row)
	}
	r, _ := e.Build(&Context{Now: at("2026-03-10T00:00:00Z"), Recall: 0.5})
	sum := 0
	for _, b := range r.Timeline {
		sum += b.Released
	}
	if sum != 5000 || len(r.Timeline) > maxBuckets+1 || r.Whose.Unknown.Count != 256 || r.Whose.Unknown.Upper != 512 {
		t.Errorf("%d records in %d parts; %+v", sum, len(r.Timeline), r.Whose.Unknown)
	}
}

// The PNG shows what the SVG does: what was released in one colour, what was
// withheld in another, moments and times; its size does not grow with the
// incident.
func TestPNG(t *testing.T) {
	pixels := func(r *Incident) map[color.Color]int {
		t.Helper()
		text, err := r.PNG()
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := png.Decode(bytes.NewReader(text))
		if err != nil || drawn.Bounds() != image.Rect(0, 0, 1920, 440) || len(text) > 64<<10 {
			t.Fatalf("%v, %v in %d bytes", err, drawn.Bounds(), len(text))
		}
		seen := make(map[color.Color]int)
		for y := range 440 {
			for x := range 1920 {
				seen[drawn.At(x, y)]++
			}
		}
		return seen
	}
	r := &Incident{}
	nothing := pixels(r)
	if nothing[ink] == 0 || len(nothing) != 2 {
		t.Errorf("an incident in which nothing was released: %v", nothing)
	}
	for n := range maxBuckets {
		from := at("2026-03-01T00:00:00Z").Add(time.Duration(n) * time.Hour)
		r.Timeline = append(r.Timeline, Bucket{From: from, To: from.Add(time.Hour), Released: n})
	}
	released := pixels(r)
	// The triangle under the bars, a pixel between two of them, and the legend.
	if got, want := released[releasedColor], 1780*320/2; got < want*8/10 || got > want*11/10 || released[withheldColor] != 16*16 {
		t.Errorf("released: %v, want some %d pixels of them", released, want)
	}
	for n := range r.Timeline {
		r.Timeline[n].Withheld = maxBuckets - 1 - n
	}
	r.Clock.FirstSignal = "2026-03-01T05:00:00Z"
	both := pixels(r)
	if both[withheldColor] < released[releasedColor]*8/10 || both[releasedColor] < released[releasedColor]*9/10 || both[ink] <= released[ink] {
		t.Errorf("half of it withheld: %v", both)
	}
}
