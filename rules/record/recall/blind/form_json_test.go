package blind

import (
	"fmt"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// aliased renames every key, as a GraphQL query may.
func aliased(m *maker, people []*person) string {
	names := strings.Split("a b c d e f g h i j k l m n o p q r s t u v w", " ")
	var of []node
	for i, p := range people {
		var kids []node
		add := func(field rules.Fields, value string) {
			if p.has(field) {
				kids = append(kids, text(names[len(kids)], value))
			}
		}
		if i%2 == 0 || len(people) > 2 {
			add(rules.FieldName, p.full())
		} else {
			add(rules.FieldName, p.first)
			add(rules.FieldName, p.last)
		}
		add(rules.FieldEmail, p.email)
		add(rules.FieldPhone, p.phone)
		add(rules.FieldAddress, p.street(&p.home))
		add(rules.FieldAddress, p.home.postcode)
		add(rules.FieldAddress, p.home.city)
		add(rules.FieldPaymentCard, p.card)
		add(rules.FieldCredential, p.secret)
		if m.IntN(2) == 0 {
			kids = append(kids, bare(names[len(kids)], "null"))
		}
		of = append(of, object(fmt.Sprint("x", i), kids...))
	}
	if m.IntN(2) == 0 {
		return jsonText(object("", object("data", of...)), false)
	}
	return jsonText(object("", object("data", listOf("r", of...))), false)
}

func jsonAPI(m *maker, people []*person) string {
	k, of := trees(m, people)
	kind := plural(k, people)
	for i, n := range of {
		id := text("id", fmt.Sprint(81+i))
		of[i] = object("", text("type", kind), id, object("attributes", n.kids...),
			object("relationships", object("channel", object("data", text("type", "channels"), text("id", "1")))))
	}
	return jsonText(object("", listOf("data", of...), object("links", text("self", "/api/"+kind))), false)
}

func hal(m *maker, people []*person) string {
	k, of := trees(m, people)
	for i, n := range of {
		of[i] = n.with(object("_links", object("self", text("href", fmt.Sprint("/api/x/", i)))))
	}
	return jsonText(object("", object("_links", object("self", text("href", "/api"))), object("_embedded", listOf(plural(k, people), of...)), bare("total", "3")), false)
}

func ndjson(m *maker, people []*person) string {
	_, of := trees(m, people)
	var b strings.Builder
	escaped := m.IntN(2) == 0
	for _, n := range of {
		b.WriteString(jsonText(n, escaped) + "\n")
	}
	return b.String()
}

func jsonInString(m *maker, people []*person) string {
	_, of := trees(m, people)
	inner := jsonText(listOf("", of...), m.IntN(2) == 0)
	return jsonText(object("", bare("statusCode", "200"), text("body", inner)), false)
}

func jsonInScript(m *maker, people []*person) string {
	k, of := trees(m, people)
	state := jsonText(object("", object("props", object("pageProps", listOf(plural(k, people), of...)))), false)
	switch m.IntN(2) {
	case 0:
		return `<!doctype html><html><body><div id="__next">Loading</div><script id="__NEXT_DATA__" type="application/json">` + state + `</script></body></html>`
	default:
		return "<!doctype html><html><head><script>\nwindow.__INITIAL_STATE__ = " + state + ";\n</script></head><body></body></html>"
	}
}

// jsonLD is a schema.org Order or Person in a page.
func jsonLD(m *maker, people []*person) string {
	var b strings.Builder
	b.WriteString("<!doctype html><html><head>")
	for _, p := range people {
		address := func(key string, a *place) node {
			return object(key, text("@type", "PostalAddress"), text("name", p.full()), text("streetAddress", p.street(a)), text("postalCode", a.postcode),
				text("addressLocality", a.city), text("addressCountry", a.country))
		}
		who := []node{text("@type", "Person")}
		if p.has(rules.FieldName) {
			who = append(who, text("name", p.full()))
		}
		if p.has(rules.FieldEmail) {
			who = append(who, text("email", p.email))
		}
		if p.has(rules.FieldPhone) {
			who = append(who, text("telephone", p.phone))
		}
		if p.has(rules.FieldAddress) {
			who = append(who, address("address", &p.home))
		}
		if p.has(rules.FieldBirthDate) {
			who = append(who, text("birthDate", p.birth.Format("2006-01-02")))
		}
		n := object("", append([]node{text("@context", "https://schema.org")}, who...)...)
		if p.has(rules.FieldPurchase) {
			of := []node{
				text("@context", "https://schema.org"), text("@type", "Order"), text("orderNumber", p.bought.number), text("orderDate", p.bought.date),
				text("price", p.bought.total), text("priceCurrency", "EUR"), object("customer", who...),
			}
			if p.has(rules.FieldBillingAddress) {
				of = append(of, address("billingAddress", &p.home))
			}
			if p.has(rules.FieldDeliveryAddress) {
				of = append(of, object("orderDelivery", text("@type", "ParcelDelivery"), address("deliveryAddress", &p.delivery)))
			}
			n = object("", of...)
		}
		b.WriteString(`<script type="application/ld+json">` + jsonText(n, m.IntN(2) == 0) + "</script>\n")
	}
	return b.String() + "</head><body><h1>OK</h1></body></html>"
}

func plainXML(m *maker, people []*person) string {
	k, of := trees(m, people)
	one := "customer"
	if people[0].has(rules.FieldPurchase) {
		one = k.order
	}
	for i := range of {
		of[i] = of[i].as(one)
	}
	n := object(one+"s", of...)
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	writeXML(&b, &n, "")
	return b.String()
}

func soap(m *maker, people []*person) string {
	k, of := trees(m, people)
	for i := range of {
		of[i] = of[i].as("item")
	}
	n := object(plural(k, people)+"Response", listOf("result", of...))
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:Shop"><SOAP-ENV:Body>`)
	writeXML(&b, &n, "ns1:")
	return b.String() + "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
}
