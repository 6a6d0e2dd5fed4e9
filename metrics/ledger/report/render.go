package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// JSON is the report as JSON, indented, with a line feed at its end: the form
// whose digest the next version names.
func (r *Incident) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Markdown is the report for people who edit it.
func (r *Incident) Markdown() ([]byte, error) { return render("incident.md", r) }

// HTML is the report for people who print it: one page without scripts or
// anything loaded from elsewhere, with a timeline.
func (r *Incident) HTML() ([]byte, error) {
	t, err := htmltemplate.New("incident.html").Funcs(htmltemplate.FuncMap{
		"timeline": func() htmltemplate.HTML { return htmltemplate.HTML(r.SVG()) }, //nolint:gosec // numbers and times of our own making
	}).ParseFS(templates, "templates/incident.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// render fills a text template.
func render(file string, data any) ([]byte, error) {
	t, err := template.New(file).Funcs(template.FuncMap{"md": Escape, "join": strings.Join}).ParseFS(templates, "templates/"+file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// escaper keeps a text from being read as Markdown or HTML.
var escaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "#", `\#`, "\n", " ", "\r", " ")

// Escape is a value as a text that neither Markdown nor HTML reads as anything
// else; an unknown [Fact] says so.
func Escape(value any) string {
	if fact, ok := value.(Fact); ok && fact.Value == "" {
		return fact.String()
	}
	return escaper.Replace(fmt.Sprint(value))
}

// The drawing's size, in its own units.
const (
	drawingWidth, drawingHeight = 960, 220
	drawingLeft, drawingBottom  = 50, 180
	drawingTop                  = 20
)

// SVG is the incident's time as a drawing: a bar for what was released, one
// above it for what was withheld, a line for each moment that counts. It holds
// numbers and times only.
func (r *Incident) SVG() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Records released and withheld over time" font-family="sans-serif" font-size="11">`+"\n", drawingWidth, drawingHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", drawingWidth, drawingHeight)
	if len(r.Timeline) == 0 {
		b.WriteString(`<text x="50" y="100">Nothing was released or withheld.</text>` + "\n</svg>\n")
		return b.Bytes()
	}
	most := 1
	for _, bucket := range r.Timeline {
		most = max(most, bucket.Released+bucket.Withheld)
	}
	from, to := r.Timeline[0].From, r.Timeline[len(r.Timeline)-1].To
	x := func(t time.Time) float64 {
		return drawingLeft + float64(drawingWidth-drawingLeft-20)*float64(t.Sub(from))/float64(to.Sub(from))
	}
	height := func(n int) float64 { return float64(drawingBottom-drawingTop) * float64(n) / float64(most) }
	for _, bucket := range r.Timeline {
		left, width := x(bucket.From), max(x(bucket.To)-x(bucket.From)-1, 0.5)
		released, withheld := height(bucket.Released), height(bucket.Withheld)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#b3261e"><title>%s: %d released</title></rect>`+"\n",
			left, drawingBottom-released, width, released, stamp(bucket.From), bucket.Released)
		if bucket.Withheld > 0 {
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#8ab4f8"><title>%s: %d withheld</title></rect>`+"\n",
				left, drawingBottom-released-withheld, width, withheld, stamp(bucket.From), bucket.Withheld)
		}
	}
	fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#333"/>`+"\n", drawingLeft, drawingBottom, drawingWidth-20, drawingBottom)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%d</text>`+"\n", drawingLeft-5, drawingTop+8, most)
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		drawingLeft, drawingHeight-8, stamp(from), drawingWidth-20, drawingHeight-8, stamp(to))
	for n, moment := range []struct{ what, at string }{{"first signal", r.Clock.FirstSignal}, {"contained", r.Clock.Contained}, {"aware", r.Clock.Aware}} {
		at, err := time.Parse(time.RFC3339, moment.at)
		if err != nil || at.Before(from) || at.After(to) {
			continue
		}
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#333" stroke-dasharray="4 3"/><text x="%.1f" y="%d">%s</text>`+"\n",
			x(at), drawingTop-10, x(at), drawingBottom, x(at)+4, drawingTop+12*n, moment.what)
	}
	b.WriteString(`<text x="60" y="200" fill="#b3261e">■ released</text><text x="140" y="200" fill="#3367d6">■ withheld</text>` + "\n</svg>\n")
	return b.Bytes()
}
