package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
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
