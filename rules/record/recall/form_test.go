package recall

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// bodyForm is one form in which records leave. A new form is a line in forms.
type bodyForm struct {
	name        string
	contentType string
	mute        bool // its keys say nothing, or it has none
	one         bool // it tells about one person
	write       func(w *world) string
	never       rules.Fields // what it has no words for
}

var forms = []bodyForm{
	{"JSON list", "application/json", false, false, jsonList, 0},
	{"JSON object", "application/json", false, true, jsonObject, 0},
	{"GraphQL edges", "application/json", false, false, graphqlEdges, 0},
	{"GraphQL aliases", "application/graphql-response+json", false, false, graphqlAliases, 0},
	{"GraphQL renamed keys", "application/json", true, false, graphqlRenamed, 0},
	{"JSON:API", "application/vnd.api+json", false, false, jsonAPI, 0},
	{"HAL", "application/hal+json", false, false, hal, 0},
	{"JSON lines", "application/x-ndjson", false, false, jsonLines, 0},
	{"JSON text sequence", "application/json-seq", false, false, jsonSequence, 0},
	{"JSON in JSON", "application/json", false, false, jsonInJSON, 0},
	{"server-sent events", "text/event-stream", false, false, events, 0},
	{"HTML table", "text/html; charset=utf-8", false, false, htmlTable, 0},
	{"HTML definition list", "text/html", false, true, htmlDefinitions, 0},
	{"HTML form", "text/html", false, true, htmlForm, 0},
	{"HTML lines", "text/html", false, false, htmlLines, 0},
	{"HTML links", "text/html", false, false, htmlLinks, 0},
	{"HTML microdata", "text/html", false, false, microdata, fBilling | fDelivery | fPurchase | fCard | fCred},
	{"JSON-LD", "text/html", false, true, jsonLD, fBilling | fDelivery | fPurchase | fCard | fCred | fOfficial},
	{"JSON in a script", "text/html", false, false, inlineScript, 0},
	{"XML elements", "application/xml", false, false, xmlElements, 0},
	{"XML attributes", "text/xml", false, false, xmlAttributes, 0},
	{"SOAP", "application/soap+xml", false, false, soap, 0},
	{"CSV, comma", "text/csv", false, false, func(w *world) string { return delimited(w, ",", true) }, 0},
	{"CSV, semicolon", "application/octet-stream", false, false, func(w *world) string { return delimited(w, ";", true) }, 0},
	{"TSV", "text/tab-separated-values", false, false, func(w *world) string { return delimited(w, "\t", true) }, 0},
	{"CSV without heading", "text/csv", true, false, func(w *world) string { return delimited(w, ",", false) }, 0},
	{"MySQL dump", "application/sql", false, false, mysqlDump, 0},
	{"MySQL dump without columns", "application/octet-stream", true, false, mysqlValues, 0},
	{"PostgreSQL dump", "application/octet-stream", false, false, postgresDump, 0},
	{"plain text", "text/plain; charset=utf-8", false, false, plainText, 0},
	{"mail", "text/plain", false, true, letter, 0},
	{"form pairs", "application/x-www-form-urlencoded", false, true, formPairs, 0},
}

func (w *world) trees(key string) (all []node) {
	for _, p := range w.people {
		all = append(all, w.tree(key, p))
		if w.noise && chance(w.r, 3) {
			all[len(all)-1].kids = append(all[len(all)-1].kids, object("featuredProduct", w.goods("").kids...))
		}
	}
	return all
}

// plural is a key for a list of what the set is about.
func (w *world) plural() string {
	if w.s.fields&fPurchase != 0 {
		return "orders"
	}
	return pick(w.r, list("customers|data|items|results"))
}

func jsonList(w *world) string {
	rows := values(w.plural(), w.trees("")...)
	if chance(w.r, 3) {
		return rows.String()
	}
	top := object("", bare("total_count", fmt.Sprint(len(w.people))), bare("page", "1"), rows)
	if w.noise {
		top.kids = append(top.kids, w.shop("store"), values("recommended_products", w.goods(""), w.goods("")))
	}
	return top.String()
}

func jsonObject(w *world) string {
	n := w.tree("", w.people[0])
	if w.noise {
		n.kids = append(n.kids, w.shop("store"))
	}
	if chance(w.r, 2) {
		return object("", bare("success", "true"), object("data", n.kids...)).String()
	}
	return n.String()
}

func graphqlEdges(w *world) string {
	edges := values("edges")
	for _, t := range w.trees("node") {
		edges.kids = append(edges.kids, object("", t, text("cursor", letters(w.r, 12, crypt64[2:]))))
	}
	top := object(w.plural(), edges, object("pageInfo", bare("hasNextPage", "false")))
	return object("", object("data", top)).String()
}

func graphqlAliases(w *world) string {
	data := object("data")
	for i, t := range w.trees("") {
		t.key = fmt.Sprintf("c%d", i+1)
		data.kids = append(data.kids, t)
	}
	return object("", data).String()
}

func graphqlRenamed(w *world) string {
	rows := values("q")
	for _, p := range w.people {
		row := object("")
		for i, l := range w.leaves(p) {
			row.kids = append(row.kids, text(string(rune('a'+i)), l.text))
		}
		rows.kids = append(rows.kids, row)
	}
	return object("", object("data", object("x", rows))).String()
}

func jsonAPI(w *world) string {
	data := values("data")
	for i, t := range w.trees("attributes") {
		data.kids = append(data.kids, object("", text("type", strings.TrimSuffix(w.plural(), "s")), text("id", fmt.Sprint(i+1)), t,
			object("links", text("self", "https://api.shop.example/v1/things/"+fmt.Sprint(i+1)))))
	}
	return object("", data, object("jsonapi", text("version", "1.0"))).String()
}

func hal(w *world) string {
	rows := values(w.plural())
	for _, t := range w.trees("") {
		t.kids = append([]node{object("_links", object("self", text("href", "/rest/"+w.uuid())))}, t.kids...)
		rows.kids = append(rows.kids, t)
	}
	return object("", object("_links", object("self", text("href", "/rest?page=1"))), bare("total", "9"), object("_embedded", rows)).String()
}

func jsonLines(w *world) string {
	var b strings.Builder
	for _, t := range w.trees("") {
		b.WriteString(t.String() + "\n")
	}
	return b.String()
}

func jsonSequence(w *world) string {
	var b strings.Builder
	for _, t := range w.trees("") {
		b.WriteString("\x1e" + t.String() + "\n")
	}
	return b.String()
}

func jsonInJSON(w *world) string {
	rows := values("", w.trees("")...)
	return object("", bare("ok", "true"), text("payload", rows.String()), text("requestId", w.uuid())).String()
}

func events(w *world) string {
	var b strings.Builder
	b.WriteString(": ping\n\n")
	for i, t := range w.trees("") {
		fmt.Fprintf(&b, "id: %d\nevent: record\ndata: %s\n\n", i, t)
	}
	return b.String()
}

func xmlElements(w *world) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<export>\n")
	name := pick(w.r, list("row|record|customer"))
	for _, t := range w.trees("") {
		t.xml(&b, name)
	}
	return b.String() + "</export>\n"
}

func xmlAttributes(w *world) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<rows>\n")
	for _, p := range w.people {
		b.WriteString("<row")
		for _, l := range w.leaves(p) {
			fmt.Fprintf(&b, " %s=\"%s\"", w.v.flat(l.part, l.concept), escape.Replace(l.text))
		}
		b.WriteString("/>\n")
	}
	return b.String() + "</rows>\n"
}

func soap(w *world) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:Shop"><SOAP-ENV:Body><ns1:listResponse><storeView>` + "\n")
	for _, t := range w.trees("") {
		t.element(&b, "item", ` xsi:type="xsd:anyType"`)
	}
	return b.String() + "</storeView></ns1:listResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>"
}

func delimited(w *world, delim string, heading bool) string {
	var b strings.Builder
	quoted := func(s string) string {
		if strings.ContainsAny(s, delim+"\"\n") || chance(w.r, 9) {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		return s
	}
	row := func(cells []string) { b.WriteString(strings.Join(cells, delim) + "\r\n") }
	for i, p := range w.people {
		var heads, cells []string
		for _, l := range w.leaves(p) {
			heads = append(heads, quoted(w.v.flat(l.part, l.concept)))
			cells = append(cells, quoted(l.text))
		}
		if w.noise {
			heads = append(heads, "uuid", "active", "sku")
			cells = append(cells, w.uuid(), "1", w.sku())
		} else if len(cells) == 1 {
			heads, cells = append(heads, "active"), append(cells, "1")
		}
		if i == 0 && heading {
			row(heads)
		}
		row(cells)
	}
	return b.String()
}

func (w *world) table() string {
	if w.s.fields&fPurchase != 0 {
		return pick(w.r, list("sales_order|oc_order|orders"))
	}
	return pick(w.r, list("customer_entity|ps_customer|users"))
}

func (w *world) sqlRow(p *person) string {
	var cells []string
	for _, l := range w.leaves(p) {
		s := "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(l.text) + "'"
		if l.concept == cTotal {
			s = l.text
		}
		cells = append(cells, s)
	}
	return "(" + strings.Join(append(cells, "NULL", "1"), ",") + ")"
}

func mysqlDump(w *world) string {
	var heads, rows []string
	for _, l := range w.leaves(w.people[0]) {
		heads = append(heads, "`"+w.v.flat(l.part, l.concept)+"`")
	}
	for _, p := range w.people {
		rows = append(rows, w.sqlRow(p))
	}
	return "-- MySQL dump 10.13\n\nINSERT INTO `" + w.table() + "` (" + strings.Join(append(heads, "`deleted_at`", "`is_active`"), ", ") + ") VALUES\n" + strings.Join(rows, ",\n") + ";\n"
}

func mysqlValues(w *world) string {
	var b strings.Builder
	b.WriteString("/*!40101 SET NAMES utf8 */;\n-- dump of a table\n")
	for _, p := range w.people {
		b.WriteString("INSERT INTO `" + w.table() + "` VALUES " + w.sqlRow(p) + ";\n")
	}
	return b.String()
}

func postgresDump(w *world) string {
	var b strings.Builder
	var heads []string
	for _, l := range w.leaves(w.people[0]) {
		heads = append(heads, `"`+w.v.flat(l.part, l.concept)+`"`)
	}
	b.WriteString("--\n-- PostgreSQL database dump\n--\n\nCOPY public." + w.table() + " (" + strings.Join(append(heads, "active"), ", ") + ") FROM stdin;\n")
	for _, p := range w.people {
		var cells []string
		for _, l := range w.leaves(p) {
			cells = append(cells, l.text)
		}
		b.WriteString(strings.Join(append(cells, "t"), "\t") + "\n")
	}
	return b.String() + "\\.\n"
}

func plainText(w *world) string {
	var b strings.Builder
	for _, p := range w.people {
		for _, x := range w.blocks(p) {
			if len(x.lines) == 1 {
				b.WriteString(x.label + ": " + x.lines[0] + "\n")
			} else {
				b.WriteString(x.label + ":\n" + strings.Join(x.lines, "\n") + "\n")
			}
		}
		b.WriteString("\n----------------\n\n")
	}
	return b.String()
}

func letter(w *world) string {
	p := w.people[0]
	var b strings.Builder
	names := labels[w.l.language]
	b.WriteString("From: Chairs & Co <info@chairs.example>\n")
	if p.has&fEmail != 0 {
		b.WriteString("To: ")
		if p.has&fName != 0 {
			b.WriteString(`"` + p.full + `" `)
		}
		b.WriteString("<" + p.email + ">\n")
	}
	b.WriteString("Subject: Chairs & Co\nDate: Mon, 3 Mar 2025 10:11:12 +0100\nMessage-ID: <" + letters(w.r, 12, hexDigits) + "@mail.chairs.example>\n\n")
	for _, x := range w.blocks(p) {
		switch {
		case x.lines[0] == p.email:
		case x.lines[0] == p.full && len(x.lines) == 1 && p.has&fEmail != 0:
			b.WriteString(p.full + ",\n\n")
		case len(x.lines) == 1:
			b.WriteString(x.label + ": " + x.lines[0] + "\n")
		default:
			b.WriteString("\n" + x.label + "\n\n" + strings.Join(x.lines, "\n") + "\n\n")
		}
	}
	return b.String() + "\n" + names[cTotal] + "\n-- \nChairs & Co GmbH\n"
}

func formPairs(w *world) string {
	var all []string
	for _, l := range w.leaves(w.people[0]) {
		all = append(all, url.QueryEscape(w.v.flat(l.part, l.concept))+"="+url.QueryEscape(l.text))
	}
	return strings.Join(all, "&")
}
