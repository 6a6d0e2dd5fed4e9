package blind

import (
	"fmt"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

var esc = xmlEscape.Replace

func page(title, body string) string {
	return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title + "</title></head><body><nav><a href=\"/\">Home</a> <a href=\"/account\">Account</a></nav>\n" + body +
		"\n<footer><a href=\"/imprint\">Imprint</a> © 2026 Shop</footer></body></html>"
}

func definitions(m *maker, people []*person) string {
	parted := m.IntN(2) == 0
	var b strings.Builder
	for _, c := range cells(people[0], parted) {
		fmt.Fprintf(&b, "<dt>%s:</dt><dd>%s</dd>\n", esc(c.heading), esc(c.value))
	}
	return page("Details", "<dl class=\"data\">"+b.String()+"</dl>")
}

// inputs is a form filled with values, its inputs named as a platform names
// them.
func inputs(m *maker, people []*person) string {
	k := &namings[m.IntN(len(namings))]
	var b strings.Builder
	var put func(path string, n *node)
	put = func(path string, n *node) {
		for i := range n.kids {
			kid := &n.kids[i]
			switch {
			case path == "":
				put(kid.key, kid)
			case kid.key == "":
				put(path+"[]", kid)
			default:
				put(path+"["+kid.key+"]", kid)
			}
		}
		if !isContainer(n) && !n.bare {
			fmt.Fprintf(&b, "<div class=\"field\"><input type=\"text\" name=\"%s\" value=\"%s\"></div>\n", esc(path), esc(n.value))
		}
	}
	n := k.tree(people[0])
	put("", &n)
	return page("Edit", "<form method=\"post\" action=\"/save\"><input type=\"hidden\" name=\"form_key\" value=\""+m.letters(base64s[:62], 16)+"\">"+b.String()+"<button>Save</button></form>")
}

// addressLines are the lines of an address under a name.
func addressLines(p *person, a *place) []string {
	lines := []string{p.full(), p.street(a), p.town(a)}
	if p.at.code == "JP" {
		lines = []string{p.town(a), p.street(a), p.full() + " 様"}
	}
	if p.has(rules.FieldPhone) {
		lines = append(lines, p.phone)
	}
	return lines
}

// textLines is an order page with its addresses as lines of text.
func textLines(m *maker, people []*person) string {
	p := people[0]
	w := &p.at.words
	var b strings.Builder
	if p.has(rules.FieldPurchase) {
		fmt.Fprintf(&b, "<h1>%s %s</h1><p>%s: %s</p>", esc(w.order), p.bought.number, esc(w.date), p.bought.date[:10])
	}
	if p.has(rules.FieldEmail) {
		fmt.Fprintf(&b, "<p>%s: %s</p>\n", esc(w.email), esc(p.email))
	}
	for _, a := range []struct {
		field   rules.Fields
		heading string
		at      *place
	}{{rules.FieldAddress, w.address, &p.home}, {rules.FieldBillingAddress, w.billing, &p.home}, {rules.FieldDeliveryAddress, w.delivery, &p.delivery}} {
		if p.has(a.field) {
			fmt.Fprintf(&b, "<div class=\"box\"><h3>%s</h3><address>%s</address></div>\n", esc(a.heading), esc(strings.Join(addressLines(p, a.at), "|")))
		}
	}
	if !p.has(rules.FieldAddress) && !p.has(rules.FieldDeliveryAddress) {
		if p.has(rules.FieldName) {
			fmt.Fprintf(&b, "<p>%s</p>", esc(p.full()))
		}
		if p.has(rules.FieldPhone) {
			fmt.Fprintf(&b, "<p>%s</p>", esc(p.phone))
		}
	}
	if p.has(rules.FieldPurchase) {
		fmt.Fprintf(&b, "<table><tr><td>%s</td><td>%s</td><td>1</td></tr><tr><td>%s</td><td>%s €</td></tr></table>", p.bought.sku, esc(p.bought.line), esc(w.total), p.bought.total)
	}
	return page("Order", strings.ReplaceAll(b.String(), "|", "<br>\n"))
}

func microdata(m *maker, people []*person) string {
	var b strings.Builder
	for _, p := range people {
		b.WriteString("<div itemscope itemtype=\"https://schema.org/Person\">")
		if p.has(rules.FieldName) {
			fmt.Fprintf(&b, "<span itemprop=\"name\">%s</span>", esc(p.full()))
		}
		if p.has(rules.FieldEmail) {
			fmt.Fprintf(&b, "<a itemprop=\"email\" href=\"mailto:%s\">%s</a>", esc(p.email), esc(p.email))
		}
		if p.has(rules.FieldPhone) {
			fmt.Fprintf(&b, "<span itemprop=\"telephone\">%s</span>", esc(p.phone))
		}
		if p.has(rules.FieldAddress) {
			fmt.Fprintf(&b, "<div itemprop=\"address\" itemscope itemtype=\"https://schema.org/PostalAddress\"><span itemprop=\"streetAddress\">%s</span> <span itemprop=\"postalCode\">%s</span> <span itemprop=\"addressLocality\">%s</span></div>",
				esc(p.street(&p.home)), p.home.postcode, esc(p.home.city))
		}
		if p.has(rules.FieldBirthDate) {
			fmt.Fprintf(&b, "<time itemprop=\"birthDate\" datetime=\"%s\"></time>", p.birth.Format("2006-01-02"))
		}
		b.WriteString("</div>\n")
	}
	return page("People", b.String())
}

// links is a list of people with mailto: and tel: links.
func links(m *maker, people []*person) string {
	var b strings.Builder
	for _, p := range people {
		b.WriteString("<li class=\"customer\">")
		if p.has(rules.FieldName) {
			fmt.Fprintf(&b, "<b>%s</b> ", esc(p.full()))
		}
		if p.has(rules.FieldEmail) {
			fmt.Fprintf(&b, "<a href=\"mailto:%s\">✉</a> ", esc(p.email))
		}
		if p.has(rules.FieldPhone) {
			fmt.Fprintf(&b, "<a href=\"tel:%s\">%s</a>", strings.ReplaceAll(p.intl, " ", ""), esc(p.phone))
		}
		b.WriteString("</li>\n")
	}
	return page("Customers", "<ul>"+b.String()+"</ul>")
}
