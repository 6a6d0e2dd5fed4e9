package blind

import (
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const (
	allFields = rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress | rules.FieldDeliveryAddress |
		rules.FieldBillingAddress | rules.FieldPurchase | rules.FieldBirthDate | rules.FieldPaymentCard | rules.FieldCredential | rules.FieldGovernmentID
	contactFields = rules.FieldName | rules.FieldEmail | rules.FieldPhone
	personFields  = allFields &^ (rules.FieldPurchase | rules.FieldDeliveryAddress | rules.FieldBillingAddress)
)

// form is one form that records leave in.
type form struct {
	name, contentType string
	fields            rules.Fields // what it can show
	people            int          // the most people in a body
	numbers           bool         // it can show customer numbers
	write             func(m *maker, people []*person) string
}

// profiles are the sets of fields that bodies show.
var profiles = []struct {
	name     string
	fields   rules.Fields
	numbered bool
}{
	{"contact", rules.FieldName | rules.FieldEmail, true},
	{"customer", contactFields | rules.FieldAddress, true},
	{"order", contactFields | rules.FieldBillingAddress | rules.FieldDeliveryAddress | rules.FieldPurchase, true},
	{"guest order", rules.FieldName | rules.FieldEmail | rules.FieldDeliveryAddress | rules.FieldPurchase, false},
	{"parcel", rules.FieldName | rules.FieldPhone | rules.FieldDeliveryAddress | rules.FieldPurchase, false},
	{"caller", rules.FieldName | rules.FieldPhone, true},
	{"resident", rules.FieldName | rules.FieldAddress, false},
	{"identity", rules.FieldName | rules.FieldEmail | rules.FieldBirthDate | rules.FieldGovernmentID, false},
	{"login", rules.FieldEmail | rules.FieldCredential, true},
	{"payer", rules.FieldName | rules.FieldEmail | rules.FieldPaymentCard, true},
	{"address only", rules.FieldEmail, false},
}

// Body is one body and what is true of it.
type Body struct {
	Form, Country, ContentType, Text string
	people                           []*person // nobody: a hard negative
}

// Generate makes the bodies of a seed: of every form, in every country, of
// every set of fields that the form can show; then the hard negatives.
func Generate(seed uint64) []Body {
	var all []Body
	for i, f := range forms {
		for j, at := range locales {
			m := newMaker(seed, uint64(i*1000+j))
			for _, profile := range profiles {
				if profile.fields&^f.fields != 0 {
					continue
				}
				people := make([]*person, 1+m.IntN(f.people))
				for n := range people {
					people[n] = m.person(at)
					people[n].shown, people[n].numbered = profile.fields, profile.numbered && f.numbers
				}
				all = append(all, Body{f.name, at.code, f.contentType, f.write(m, people), people})
			}
		}
	}
	for i, n := range negatives {
		for j, at := range locales {
			m := newMaker(seed, uint64(1_000_000+i*1000+j))
			for range 3 {
				all = append(all, Body{Form: n.name, Country: at.code, ContentType: n.contentType, Text: n.write(m, at)})
			}
		}
	}
	return all
}

// forms are all forms; a new one is a line here.
var forms = []form{
	{"JSON list", "application/json", allFields, 4, true, jsonList},
	{"GraphQL edges", "application/json", allFields, 4, true, graphQLEdges},
	{"GraphQL aliases", "application/json", contactFields | rules.FieldAddress | rules.FieldPaymentCard | rules.FieldCredential, 3, false, aliased},
	{"JSON:API", "application/vnd.api+json", allFields, 4, true, jsonAPI},
	{"HAL", "application/hal+json", allFields, 4, true, hal},
	{"NDJSON", "application/x-ndjson", allFields, 4, true, ndjson},
	{"JSON in a JSON string", "application/json", allFields, 4, true, jsonInString},
	{"JSON in a script", "text/html", allFields, 4, true, jsonInScript},
	{"JSON-LD", "text/html", allFields &^ (rules.FieldPaymentCard | rules.FieldCredential | rules.FieldGovernmentID), 2, false, jsonLD},
	{"XML", "application/xml", allFields, 4, true, plainXML},
	{"SOAP", "text/xml", allFields, 4, true, soap},
	{"HTML table", "text/html", allFields, 4, true, htmlTable},
	{"Definition list", "text/html", allFields, 1, true, definitions},
	{"HTML form", "text/html", allFields, 1, true, inputs},
	{"Text with <br>", "text/html", allFields &^ (rules.FieldPaymentCard | rules.FieldCredential | rules.FieldGovernmentID | rules.FieldBirthDate), 1, false, textLines},
	{"Microdata", "text/html", contactFields | rules.FieldAddress, 4, false, microdata},
	{"CSV ;", "text/csv", allFields, 4, true, csvSemicolon},
	{"CSV TAB", "text/tab-separated-values", allFields, 4, true, csvTab},
	{"CSV without header", "text/csv", contactFields | rules.FieldAddress | rules.FieldCredential, 5, true, csvBare},
	{"CSV as octet-stream", "application/octet-stream", allFields, 4, true, csvComma},
	{"SQL INSERT", "application/sql", allFields, 4, true, sqlInsert},
	{"PostgreSQL COPY", "application/octet-stream", allFields, 4, true, sqlCopy},
	{"Mail", "text/plain", allFields, 1, true, mail},
	{"PDF", "application/pdf", allFields, 1, true, pdf},
	{"XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", allFields, 4, true, xlsx},
	{"ZIP of CSV", "application/zip", allFields, 4, true, zipCSV},
	{"mailto: and tel:", "text/html", contactFields, 4, false, links},
}

// trees are the people in the naming of one platform.
func trees(m *maker, people []*person) (*naming, []node) {
	k := &namings[m.IntN(len(namings))]
	of := make([]node, len(people))
	for i, p := range people {
		of[i] = k.tree(p)
	}
	return k, of
}

func plural(k *naming, people []*person) string {
	if people[0].has(rules.FieldPurchase) {
		return k.order + "s"
	}
	return "customers"
}

func jsonList(m *maker, people []*person) string {
	k, of := trees(m, people)
	list := listOf("", of...)
	switch m.IntN(3) {
	case 0:
		return jsonText(list, m.IntN(3) == 0)
	case 1:
		return jsonText(object("", list.as("items"), bare("total_count", "71")), false)
	}
	return jsonText(object("", list.as(plural(k, people)), object("meta", bare("page", "1"))), m.IntN(3) == 0)
}

func graphQLEdges(m *maker, people []*person) string {
	k, of := trees(m, people)
	for i, n := range of {
		of[i] = object("", text("cursor", m.letters(base64s[:62], 16)), n.as("node"))
	}
	return jsonText(object("", object("data", object(plural(k, people), listOf("edges", of...), object("pageInfo", bare("hasNextPage", "true"))))), false)
}

// cell is a value below, or beside, a heading.
type cell struct{ heading, value string }

// cells are the values of a person as people read them, in their language.
// parted writes names and addresses in several cells.
func cells(p *person, parted bool) []cell {
	w := &p.at.words
	var of []cell
	if p.numbered {
		of = append(of, cell{w.customer, p.number})
	}
	if p.has(rules.FieldPurchase) {
		of = append(of, cell{w.order, p.bought.number}, cell{w.date, p.bought.date[:10]}, cell{w.total, strings.ReplaceAll(p.bought.total, ".", ",")})
	}
	switch {
	case !p.has(rules.FieldName):
	case parted:
		of = append(of, cell{w.first, p.first}, cell{w.last, p.last})
	default:
		of = append(of, cell{w.full, p.full()})
	}
	for _, f := range []struct {
		field          rules.Fields
		heading, value string
	}{
		{rules.FieldEmail, w.email, p.email},
		{rules.FieldPhone, w.phone, p.phone},
		{rules.FieldBirthDate, w.birth, p.birth.Format(p.at.birth)},
		{rules.FieldPaymentCard, w.card, p.card},
		{rules.FieldCredential, w.password, p.secret},
		{rules.FieldGovernmentID, w.govt, p.government},
		{rules.FieldBillingAddress, w.billing, p.whole(&p.home)},
		{rules.FieldDeliveryAddress, w.delivery, p.whole(&p.delivery)},
	} {
		if p.has(f.field) {
			of = append(of, cell{f.heading, f.value})
		}
	}
	switch {
	case !p.has(rules.FieldAddress):
	case parted:
		of = append(of, cell{w.street, p.street(&p.home)}, cell{w.postcode, p.home.postcode}, cell{w.city, p.home.city})
	default:
		of = append(of, cell{w.address, p.whole(&p.home)})
	}
	return of
}

// whole is an address in one line.
func (p *person) whole(a *place) string {
	if p.at.code == "JP" {
		return p.town(a) + p.street(a)
	}
	return p.street(a) + ", " + p.town(a)
}

func htmlTable(m *maker, people []*person) string {
	parted := m.IntN(2) == 0
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html><head><title>Admin</title></head><body><table class=\"grid\"><thead><tr>")
	for _, c := range cells(people[0], parted) {
		b.WriteString("<th>" + xmlEscape.Replace(c.heading) + "</th>")
	}
	b.WriteString("<th></th></tr></thead>\n<tbody>")
	for _, p := range people {
		b.WriteString("<tr>")
		for _, c := range cells(p, parted) {
			b.WriteString("<td>" + xmlEscape.Replace(c.value) + "</td>")
		}
		b.WriteString("<td><a href=\"/edit\">Edit</a></td></tr>\n")
	}
	return b.String() + "</tbody></table></body></html>"
}
