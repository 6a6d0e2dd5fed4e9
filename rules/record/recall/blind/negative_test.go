package blind

import (
	"fmt"
	"strings"
)

// negative is a kind of body that holds nobody's record and looks as if it
// did.
type negative struct {
	name, contentType string
	write             func(m *maker, at *locale) string
}

// negatives are all of them; a new one is a line here.
var negatives = []negative{
	{"Catalogue, SKUs pass Luhn", "application/json", catalogue},
	{"Catalogue, SKUs like phones", "application/json", phoneSKUs},
	{"Catalogue as a table", "text/html", catalogueTable},
	{"Catalogue as CSV", "text/csv", catalogueCSV},
	{"Stock as CSV without header", "text/csv", stockCSV},
	{"Order references and tracking numbers", "application/json", tracking},
	{"Coordinates and prices", "application/json", coordinates},
	{"UUIDs, hashes and timestamps", "application/json", identifiers},
	{"Asset names like e-mails", "text/html", assets},
	{"Masked people", "application/json", masked},
	{"Reviews with a first name", "application/json", reviews},
	{"Reviews on a page", "text/html", reviewPage},
	{"Store locator", "application/json", locator},
	{"Store locator on a page", "text/html", locatorPage},
	{"Seller's public page", "text/html", seller},
	{"Brands like people", "application/json", brands},
	{"Staff", "application/json", staffList},
	{"Imprint", "text/html", imprint},
	{"Shipping methods and countries", "application/json", methods},
	{"Product page with JSON-LD", "text/html", productLD},
	{"Translations and labels", "application/json", labels},
	{"Empty checkout form", "text/html", emptyForm},
}

// luhnSKU is a number of n digits that passes the Luhn check.
func luhnSKU(m *maker, n int) string {
	s := m.fill(strings.Repeat("#", n-1))
	return s + string(checkDigit(s))
}

func ean(m *maker) string {
	s := m.fill("40########12")
	sum := 0
	for i := range len(s) {
		sum += int(s[i]-'0') * (1 + 2*(i%2))
	}
	return s + fmt.Sprint((10-sum%10)%10)
}

func repeat(m *maker, of func(i int) node) []node {
	var all []node
	for i := range 3 + m.IntN(6) {
		all = append(all, of(i))
	}
	return all
}

func catalogue(m *maker, _ *locale) string {
	return jsonText(object("", listOf("products", repeat(m, func(i int) node {
		return object("", bare("id", fmt.Sprint(i+1)), text("name", pick(m, wares)), text("sku", luhnSKU(m, 16)), text("gtin13", ean(m)), text("mpn", m.card()),
			text("code", luhnSKU(m, 14)), text("price", m.fill("##.##")), text("slug", "oak-chair"), text("barcode", m.fill("4###############")))
	})...)), false)
}

func phoneSKUs(m *maker, at *locale) string {
	return jsonText(object("", listOf("items", repeat(m, func(i int) node {
		return object("", text("sku", m.fill(pick(m, at.phones)[0])), text("title", pick(m, wares)), text("number", m.fill("0###-######")), text("article_no", m.fill("49 ### ######")), bare("qty", "4"))
	})...)), false)
}

func catalogueTable(m *maker, _ *locale) string {
	var b strings.Builder
	for range 6 {
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>€ %s</td></tr>", luhnSKU(m, 16), pick(m, wares), ean(m), m.fill("0### ######"), m.fill("##,##"))
	}
	return page("Products", "<table><tr><th>SKU</th><th>Name</th><th>EAN</th><th>Article</th><th>Price</th></tr>"+b.String()+"</table>")
}

func catalogueCSV(m *maker, _ *locale) string {
	b := "sku,name,ean,manufacturer,price,created_at\r\n"
	for range 8 {
		b += luhnSKU(m, 16) + "," + pick(m, wares) + "," + ean(m) + ",Hugo Boss," + m.fill("##.##") + ",2026-01-0" + m.fill("#") + " 10:00:00\r\n"
	}
	return b
}

func stockCSV(m *maker, _ *locale) string {
	b := ""
	for range 8 {
		b += m.fill("0##########") + "," + pick(m, wares) + "," + ean(m) + "," + pick(m, []string{"Paul Smith", "Karl Kani", "Stella McCartney"}) + "," + m.fill("##.##") + "\r\n"
	}
	return b
}

func tracking(m *maker, _ *locale) string {
	return jsonText(object("", listOf("shipments", repeat(m, func(i int) node {
		return object("", text("order", m.fill("SO-2#####")), text("tracking_number", m.fill("1Z999AA1##########")), text("parcel", m.fill("00340434###########")),
			text("reference", luhnSKU(m, 16)), text("carrier", "Royal Post"), text("eta", "2026-08-22T10:00:00Z"), text("weight", m.fill("#.##")))
	})...)), false)
}

func coordinates(m *maker, at *locale) string {
	return jsonText(object("", listOf("points", repeat(m, func(i int) node {
		return object("", text("lat", m.fill("52.######")), text("lng", m.fill("13.#######")), text("label", at.cities[i%3][1]), text("value", m.fill("+13.#######")), text("price", m.fill("1 ###.##")))
	})...)), false)
}

func identifiers(m *maker, _ *locale) string {
	return jsonText(object("", listOf("events", repeat(m, func(i int) node {
		return object("", text("id", m.letters(hexDigits, 8)+"-"+m.letters(hexDigits, 4)+"-4"+m.letters(hexDigits, 3)+"-a"+m.letters(hexDigits, 3)+"-"+m.letters(hexDigits, 12)),
			text("etag", m.letters(hexDigits, 32)), text("sha256", m.letters(hexDigits, 64)), bare("ts", m.fill("17###########")), text("t", m.fill("202608221#####")), text("cache", m.letters(hexDigits, 40)))
	})...)), false)
}

func assets(m *maker, _ *locale) string {
	return page("Home", `<img src="/img/chair@2x.jpg" srcset="/img/hero@2x.png 2x, /img/hero@3x.webp 3x"><script src="https://cdn.shop.example/npm/swiper@8.4.5/swiper.min.js"></script>`+
		`<link href="/npm/@fancy/ui@1.2.3/dist/index.css" rel="stylesheet"><p>package@1.2.3 icon-`+m.fill("##")+`@2x.png</p><a href="https://social.example/@ourshop">@ourshop</a>`)
}

func masked(m *maker, at *locale) string {
	return jsonText(object("", listOf("customers", repeat(m, func(i int) node {
		p := m.person(at)
		return object("", text("email", p.email[:1]+"****@m***.example"), text("name", "*** ***"), text("phone", "*** *** "+m.fill("##")), text("card", "**** **** **** "+m.fill("####")), text("last4", m.fill("####")))
	})...)), false)
}

func first(p *person) string { return p.first }

func reviews(m *maker, at *locale) string {
	return jsonText(object("", listOf("reviews", repeat(m, func(i int) node {
		p := m.person(at)
		return object("", bare("rating", "5"), text("author", first(p)+" "+string([]rune(p.last)[0])+"."), text("nickname", first(p)), text("title", "Great"), text("text", "Arrived in 2 days, ordered "+m.fill("0### ###")+" again."), text("city", p.home.city), text("date", "2026-05-14"))
	})...)), false)
}

func reviewPage(m *maker, at *locale) string {
	b := ""
	for range 5 {
		p := m.person(at)
		b += `<div class="review" itemprop="review" itemscope itemtype="https://schema.org/Review"><span itemprop="author">` + esc(p.first) + `</span> <time>2026-05-14</time><p>5/5 Sehr gut, 10 Stück gekauft.</p></div>`
	}
	return page("Chair", "<h1>Oak Chair 44</h1><p>SKU "+luhnSKU(m, 16)+"</p>"+b)
}

func shopPlace(m *maker, at *locale) (*person, string) {
	p := m.person(at)
	return p, pick(m, []string{"Filiale ", "Store ", "Boutique "}) + p.home.city
}

func locator(m *maker, at *locale) string {
	return jsonText(object("", listOf("stores", repeat(m, func(i int) node {
		p, name := shopPlace(m, at)
		return object("", bare("id", fmt.Sprint(i)), text("name", name), text("street", p.street(&p.home)), text("postcode", p.home.postcode), text("city", p.home.city),
			text("phone", p.phone), text("email", "store"+fmt.Sprint(i)+"@shop.example"), text("opening_hours", "Mo-Sa 10:00-20:00"), text("lat", m.fill("52.####")))
	})...)), false)
}

func locatorPage(m *maker, at *locale) string {
	b := ""
	for range 4 {
		p, name := shopPlace(m, at)
		b += "<div class=\"store\"><h3>" + esc(name) + "</h3><p>" + esc(p.street(&p.home)) + "<br>" + esc(p.town(&p.home)) + "<br>Tel. " + esc(p.phone) + "</p><p>10:00 - 20:00</p></div>"
	}
	return page("Stores", "<h1>Our stores</h1>"+b)
}

func seller(m *maker, at *locale) string {
	p := m.person(at)
	return page("Seller", `<div itemscope itemtype="https://schema.org/Organization"><h1 itemprop="name">Atelier Nord GmbH</h1><p>4.8 stars, 1`+m.fill("###")+` sales since 2019</p><p>`+esc(p.home.city)+`</p><a href="mailto:info@atelier-nord.example">Contact the seller</a></div>`)
}

func brands(m *maker, _ *locale) string {
	return jsonText(object("", listOf("brands", repeat(m, func(i int) node {
		return object("", bare("id", fmt.Sprint(i)), text("name", pick(m, []string{"Calvin Klein", "Tommy Hilfiger", "Jack Wolfskin", "Paul Smith", "Stella McCartney"})), text("slug", "ck"), text("url", "/brand/ck"), bare("products", m.fill("##")))
	})...)), false)
}

func staffList(m *maker, at *locale) string {
	return jsonText(object("", listOf("employees", repeat(m, func(i int) node {
		p := m.person(at)
		return object("", text("firstName", p.first), text("lastName", p.last), text("department", "Service"), text("role", "employee"), text("photo", "/p/1.jpg"))
	})...)), false)
}

func imprint(m *maker, at *locale) string {
	p := m.person(at)
	return page("Impressum", "<h1>Impressum</h1><p>Muster Handels GmbH<br>"+esc(p.street(&p.home))+"<br>"+esc(p.town(&p.home))+"</p><p>Tel.: "+esc(p.phone)+"<br>E-Mail: <a href=\"mailto:info@shop.example\">info@shop.example</a></p><p>Geschäftsführer: "+esc(p.full())+"</p>")
}

func methods(m *maker, at *locale) string {
	return jsonText(object("", listOf("shippingMethods", object("", text("id", "1"), text("name", "Express Delivery"), text("price", "4.90"), text("description", "1-2 days, call "+m.fill("0800 ######")))),
		listOf("countries", object("", text("code", at.code), text("name", "San Marino")), object("", text("code", "NO"), text("name", "Costa Rica"))), text("currency", "EUR")), false)
}

func productLD(m *maker, _ *locale) string {
	return page("Chair", `<script type="application/ld+json">`+jsonText(object("", text("@context", "https://schema.org"), text("@type", "Product"), text("name", "Paul Smith Shirt 41"), text("sku", luhnSKU(m, 16)), text("gtin13", ean(m)),
		object("brand", text("@type", "Brand"), text("name", "Paul Smith")), object("offers", text("@type", "Offer"), text("price", "59.90"), object("seller", text("@type", "Organization"), text("name", "Shop GmbH"), text("telephone", m.fill("+49 30 #######"))))), false)+`</script>`)
}

func labels(m *maker, at *locale) string {
	w := &at.words
	return jsonText(object("", object("messages", text("email", w.email), text("phone", w.phone), text("firstName", w.first), text("lastName", w.last), text("street", w.street), text("address", w.address),
		text("placeholder_email", "name@domain.tld"), text("hint_phone", "+49 123 4567890"[:m.IntN(6)]+"…"))), false)
}

func emptyForm(m *maker, at *locale) string {
	w := &at.words
	b := ""
	for _, label := range []string{w.first, w.last, w.email, w.phone, w.street, w.postcode, w.city} {
		b += "<label>" + esc(label) + "</label><input name=\"x\" value=\"\" placeholder=\"" + esc(label) + "\">"
	}
	return page("Checkout", "<form><input type=\"hidden\" name=\"cart\" value=\""+m.letters(hexDigits, 32)+"\">"+b+"</form>")
}
