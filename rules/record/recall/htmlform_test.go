package recall

import (
	"fmt"
	"strings"
)

// page is a page of a shop around its content.
func (w *world) page(content string) string {
	head, foot := "", ""
	if w.noise {
		a := w.l.place(w.r, false)
		phone := pattern(w.r, pick(w.r, w.l.phones))
		head = `<header><nav><a href="/">Chairs &amp; Co</a> <a href="tel:` + phone + `">` + phone + `</a> <a href="mailto:info@chairs.example">Contact</a></nav></header>` +
			`<div class="product"><h3>` + escape.Replace(w.product()) + `</h3><img src="chair@2x.jpg" alt="chair"><span class="price">` + pattern(w.r, "%##.##") + `</span><small>SKU ` + w.sku() + `</small></div>`
		foot = "<footer><p>Chairs &amp; Co GmbH, " + escape.Replace(a.one()) + "</p><p>© 2025, VAT DE" + pattern(w.r, "#########") + "</p></footer>"
	}
	return "<!DOCTYPE html>\n<html lang=\"" + w.l.language + "\"><head><title>Shop</title><meta charset=\"utf-8\"></head><body>" + head + "<main>" + content + "</main>" + foot + "</body></html>"
}

// label is the word before a value on a page in the reader's language.
func (w *world) label(l leaf) string {
	names := labels[w.l.language]
	if l.part == cBilling || l.part == cDelivery {
		return names[l.part] + " " + strings.ToLower(names[l.concept])
	}
	return names[l.concept]
}

func htmlTable(w *world) string {
	var b strings.Builder
	b.WriteString(`<table class="grid"><thead><tr><th></th>`)
	for i, p := range w.people {
		all := w.leaves(p)
		if i == 0 {
			for _, l := range all {
				b.WriteString("<th>" + w.label(l) + "</th>")
			}
			b.WriteString("<th></th></tr></thead>\n<tbody>")
		}
		b.WriteString(`<tr><td><input type="checkbox" name="sel" value="` + fmt.Sprint(i) + `"></td>`)
		for _, l := range all {
			b.WriteString("<td>" + escape.Replace(l.text) + "</td>")
		}
		b.WriteString(`<td><a href="/edit?row=` + fmt.Sprint(i) + `">Edit</a></td></tr>` + "\n")
	}
	b.WriteString("</tbody></table>")
	return w.page(b.String())
}

// blocks are a person's values for people to read: a label and its lines.
func (w *world) blocks(p *person) (all []struct {
	label string
	lines []string
},
) {
	names := labels[w.l.language]
	add := func(label string, lines ...string) {
		all = append(all, struct {
			label string
			lines []string
		}{label, lines})
	}
	for _, l := range w.leaves(p) {
		if l.part == cCustomer || l.part == cOrder {
			add(names[l.concept], l.text)
		}
	}
	for _, a := range []struct {
		field  uint16
		part   concept
		a      place
		hidden bool
	}{{uint16(fAddress), cAddress, p.home, true}, {uint16(fBilling), cBilling, p.billing, false}, {uint16(fDelivery), cDelivery, p.delivery, false}} {
		if uint16(p.has)&a.field == 0 {
			continue
		}
		who := p.full
		if a.a.name != "" {
			who = a.a.name
		}
		add(names[a.part], who, a.a.line, a.a.town(), a.a.country)
	}
	return all
}

func escaped(lines []string) (all []string) {
	for _, l := range lines {
		all = append(all, escape.Replace(l))
	}
	return all
}

func htmlDefinitions(w *world) string {
	var b strings.Builder
	b.WriteString("<h1>" + labels[w.l.language][cCustomer] + "</h1><dl>")
	for _, x := range w.blocks(w.people[0]) {
		b.WriteString("<dt>" + x.label + "</dt><dd>" + strings.Join(escaped(x.lines), "<br>") + "</dd>\n")
	}
	return w.page(b.String() + "</dl>")
}

func htmlForm(w *world) string {
	var b strings.Builder
	b.WriteString(`<form method="post"><input type="hidden" name="csrf_token" value="` + letters(w.r, 40, hexDigits) + `">`)
	for _, l := range w.leaves(w.people[0]) {
		kind := "text"
		if l.concept == cEmail {
			kind = "email"
		}
		fmt.Fprintf(&b, `<div class="field"><label>%s</label><input type="%s" name="%s" value="%s"></div>`+"\n",
			w.label(l), kind, escape.Replace(w.v.flat(l.part, l.concept)), escape.Replace(l.text))
	}
	return w.page(b.String() + `<button type="submit">OK</button></form>`)
}

func htmlLines(w *world) string {
	var b strings.Builder
	for _, p := range w.people {
		b.WriteString(`<div class="card">`)
		for _, x := range w.blocks(p) {
			if len(x.lines) == 1 {
				b.WriteString("<p><b>" + x.label + ":</b> " + escape.Replace(x.lines[0]) + "</p>")
			} else {
				b.WriteString("<h4>" + x.label + "</h4><p>" + strings.Join(escaped(x.lines), "<br/>\n") + "</p>")
			}
		}
		b.WriteString("</div>\n")
	}
	return w.page(b.String())
}

func htmlLinks(w *world) string {
	var b strings.Builder
	b.WriteString("<ul>")
	for _, p := range w.people {
		b.WriteString("<li>")
		for _, x := range w.blocks(p) {
			switch line := escape.Replace(strings.Join(x.lines, ", ")); {
			case x.lines[0] == p.email:
				b.WriteString(`<a href="mailto:` + line + `">` + line + `</a> `)
			case x.lines[0] == p.phone:
				b.WriteString(`<a href="tel:` + line + `">` + line + `</a> `)
			default:
				b.WriteString(`<span>` + x.label + `: ` + line + `</span><br>`)
			}
		}
		b.WriteString("</li>\n")
	}
	return w.page(b.String() + "</ul>")
}

// schema are the words of schema.org.
var schema = map[concept]string{
	cID: "identifier", cFirst: "givenName", cLast: "familyName", cFull: "name", cEmail: "email", cPhone: "telephone", cStreet: "streetAddress",
	cPostcode: "postalCode", cCity: "addressLocality", cRegion: "addressRegion", cCountry: "addressCountry", cBirth: "birthDate",
	cOfficial: "taxID", cOrder: "orderNumber", cDate: "orderDate", cTotal: "price", cAddress: "address", cBilling: "billingAddress", cCustomer: "customer",
}

func microdata(w *world) string {
	var b strings.Builder
	for _, p := range w.people {
		b.WriteString(`<div itemscope itemtype="https://schema.org/Person">`)
		open := concept("")
		for _, l := range w.leaves(p) {
			if l.part != open && open != "" {
				b.WriteString("</div>")
				open = ""
			}
			if l.part == cAddress && open == "" {
				b.WriteString(`<div itemprop="address" itemscope itemtype="https://schema.org/PostalAddress">`)
				open = l.part
			}
			if schema[l.concept] == "" {
				b.WriteString("<span>" + w.label(l) + ": " + escape.Replace(l.text) + "</span><br>")
			} else {
				fmt.Fprintf(&b, `<span itemprop="%s">%s</span>`+"\n", schema[l.concept], escape.Replace(l.text))
			}
		}
		if open != "" {
			b.WriteString("</div>")
		}
		b.WriteString("</div>\n")
	}
	return w.page(b.String())
}

func jsonLD(w *world) string {
	n := object("", text("@context", "https://schema.org"), text("@type", "Person"))
	address := object("address", text("@type", "PostalAddress"))
	for _, l := range w.leaves(w.people[0]) {
		if l.part == cAddress {
			address.kids = append(address.kids, text(schema[l.concept], l.text))
		} else if schema[l.concept] != "" {
			n.kids = append(n.kids, text(schema[l.concept], l.text))
		}
	}
	if len(address.kids) > 1 {
		n.kids = append(n.kids, address)
	}
	return w.page(`<script type="application/ld+json">` + n.String() + `</script><p>Welcome back</p>`)
}

func inlineScript(w *world) string {
	state := object("", object("user", bare("loggedIn", "true")), values(w.plural(), w.trees("")...))
	if chance(w.r, 2) {
		return w.page(`<div id="app"></div><script>window.__STATE__ = ` + state.String() + `;</script>`)
	}
	return w.page(`<div id="__next"></div><script id="__NEXT_DATA__" type="application/json">` + object("", object("props", object("pageProps", state.kids...))).String() + `</script>`)
}
