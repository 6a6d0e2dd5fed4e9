package recall

import (
	"fmt"
	"strings"
)

// contrast is a body without any customer's data that looks as if it had some.
type contrast struct {
	name        string
	contentType string
	write       func(w *world) string
}

var contrasts = []contrast{
	{"catalogue, JSON", "application/json", catalogueJSON},
	{"catalogue, HTML", "text/html", catalogueHTML},
	{"catalogue, CSV", "text/csv", catalogueCSV},
	{"catalogue, XML", "application/xml", catalogueXML},
	{"catalogue, MySQL dump", "application/sql", catalogueSQL},
	{"reviews, JSON", "application/json", reviewsJSON},
	{"reviews, HTML", "text/html", reviewsHTML},
	{"store locator, JSON", "application/json", storesJSON},
	{"store locator without a word for it", "application/json", placesJSON},
	{"store locator, HTML", "text/html", storesHTML},
	{"seller's page, JSON", "application/json", sellerJSON},
	{"imprint, HTML", "text/html", imprint},
	{"team page, HTML", "text/html", team},
	{"blog, JSON", "application/json", blog},
	{"masked accounts, JSON", "application/json", maskedJSON},
	{"parcel tracking, JSON", "application/json", trackingJSON},
	{"cart of nobody, JSON", "application/json", cartJSON},
	{"packages, JSON", "application/json", packagesJSON},
	{"images, JSON", "application/json", imagesJSON},
	{"places on a map, JSON", "application/json", mapJSON},
	{"help page, HTML", "text/html", helpHTML},
	{"help text, plain", "text/plain", helpText},
	{"empty address form, HTML", "text/html", emptyForm},
	{"log lines, plain", "text/plain", logLines},
	{"numbers, CSV", "text/csv", numbersCSV},
	{"schema, JSON", "application/json", schemaJSON},
}

func some(n int, make func(i int) node) (all []node) {
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func catalogueJSON(w *world) string {
	return object("", bare("total", "120"), values(pick(w.r, list("products|items|results|data")), some(8, func(int) node { return w.goods("") })...)).String()
}

func catalogueHTML(w *world) string {
	var b strings.Builder
	for range 6 {
		fmt.Fprintf(&b, `<div class="product" itemscope itemtype="https://schema.org/Product"><h2 itemprop="name">%s</h2><p itemprop="description">%s, 12 Main Street style</p><span itemprop="sku">%s</span><b itemprop="price">%s</b><img src="chair@2x.jpg" data-src="chair@3x.jpg"></div>`+"\n",
			escape.Replace(w.product()), pick(w.r, things), w.sku(), pattern(w.r, "%##.##"))
	}
	w.noise = true
	return w.page(b.String())
}

func catalogueCSV(w *world) string {
	rows := pick(w.r, []string{"sku,name,brand,price,stock,ean,image\n", "id,title,vendor,cost,qty,barcode,picture\n", "artikelnr,bezeichnung,marke,preis,bestand,ean,bild\n"})
	for range 9 {
		rows += strings.Join([]string{w.sku(), w.product(), pick(w.r, brands), pattern(w.r, "%#.##"), pattern(w.r, "##"), pattern(w.r, "40########"+"###"), "chair@2x.jpg"}, ",") + "\n"
	}
	return rows
}

func catalogueXML(w *world) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>Chairs</title>`)
	for range 6 {
		w.goods("").xml(&b, "item")
	}
	return b.String() + "</channel></rss>"
}

func catalogueSQL(w *world) string {
	rows := "INSERT INTO `catalog_product` (`id`, `sku`, `name`, `manufacturer`, `price`, `ean`, `image`) VALUES\n"
	for i := range 7 {
		rows += fmt.Sprintf("(%d,'%s','%s','%s',%s,'%s','lamp@2x.png'),\n", i+1, w.sku(), w.product(), pick(w.r, brands), pattern(w.r, "%#.##"), pattern(w.r, "40########"+"###"))
	}
	return strings.TrimSuffix(rows, ",\n") + ";\n"
}

func reviewsJSON(w *world) string {
	name := pick(w.r, list("nickname|author|reviewer|name|displayName|userNickname|firstName|customerName"))
	return object("", object("product", w.goods("").kids...), values("reviews", some(5, func(int) node {
		return object("", bare("id", pattern(w.r, "%####")), text(name, pick(w.r, firsts)), bare("rating", pattern(w.r, "%")), text("title", "Great chair"),
			text("text", "Bought it for Anna, stands at 12 Main Street now. 100% ok"), text("created_at", "2025-02-03T04:05:06Z"), bare("verified", "true"))
	})...)).String()
}

func reviewsHTML(w *world) string {
	var b strings.Builder
	for range 5 {
		fmt.Fprintf(&b, `<article class="review"><h4>%s %s.</h4><time>2025-02-03</time><p>Stands in my room in %s now, order came in 3 days. 5/5</p></article>`+"\n", pick(w.r, firsts), string(w.product()[0]), w.l.place(w.r, false).city)
	}
	return w.page("<h2>" + escape.Replace(w.product()) + "</h2>" + b.String())
}

func (w *world) branch(names ...string) node {
	a := w.l.place(w.r, false)
	return object("", bare("id", pattern(w.r, "%##")), text(names[0], "Chairs "+a.city), text("street", a.line), text("postcode", a.postcode), text("city", a.city),
		text("phone", pattern(w.r, pick(w.r, w.l.phones))), text("email", "store"+pattern(w.r, "##")+"@chairs.example"),
		bare("latitude", pattern(w.r, "%#.######")), bare("longitude", pattern(w.r, "-%.######")),
		object("openingHours", text("mon", "09:00-18:00"), text("sat", "10:00-16:00")))
}

func storesJSON(w *world) string {
	return object("", values(pick(w.r, list("stores|storeLocations|branches|pickupPoints|shops|warehouses")), some(5, func(int) node { return w.branch("name") })...)).String()
}

func placesJSON(w *world) string {
	return values("", some(5, func(int) node { return w.branch(pick(w.r, list("name|title|displayName"))) })...).String()
}

func storesHTML(w *world) string {
	var b strings.Builder
	for range 4 {
		a := w.l.place(w.r, false)
		phone := pattern(w.r, pick(w.r, w.l.phones))
		fmt.Fprintf(&b, `<div class="store"><h3>Chairs %s</h3><p>%s<br>%s</p><p>Mon-Sat 09:00-18:00</p><a href="tel:%s">%s</a></div>`+"\n", a.city, escape.Replace(a.line), escape.Replace(a.town()), phone, phone)
	}
	return w.page("<h1>Stores</h1>" + b.String())
}

func sellerJSON(w *world) string {
	p := w.people[0]
	return object("", object(pick(w.r, list("seller|vendor|merchant|shop")), bare("id", "17"), text("name", p.last+" Antiques"), text("email", "hello@antiques.example"),
		text("phone", p.phone), text("address", p.home.one()), bare("rating", "4.8")), values("products", w.goods(""), w.goods(""))).String()
}

func imprint(w *world) string {
	p := w.people[0]
	phone := pattern(w.r, pick(w.r, w.l.phones))
	return w.page(`<h1>Imprint</h1><p>Chairs &amp; Co GmbH<br>` + escape.Replace(p.home.line) + `<br>` + escape.Replace(p.home.town()) + `</p><p>Managing director: ` + escape.Replace(p.full) +
		`</p><p>Phone: ` + phone + `<br>E-mail: info@chairs.example</p><p>VAT: DE` + pattern(w.r, "#########") + `</p>`)
}

func team(w *world) string {
	var b strings.Builder
	for _, job := range list("Founder|Head of Design|Customer Service|Carpenter") {
		fmt.Fprintf(&b, `<div><img src="team@2x.jpg"><h3>%s %s</h3><p>%s</p></div>`+"\n", pick(w.r, w.l.first), pick(w.r, w.l.last), job)
	}
	return w.page("<h1>Our team</h1>" + b.String())
}

func blog(w *world) string {
	return object("", values("posts", some(4, func(int) node {
		return object("", bare("id", pattern(w.r, "%##")), text("title", "How "+pick(w.r, brands)+" found "+w.l.place(w.r, false).city),
			object("author", bare("id", "3"), text("name", pick(w.r, w.l.first)+" "+pick(w.r, w.l.last)), text("url", "/authors/3")),
			text("content", "<p>It began in 1968 at "+escape.Replace(w.l.place(w.r, false).line)+".</p>"), text("date", "2025-01-02"))
	})...)).String()
}

func maskedJSON(w *world) string {
	return object("", values("accounts", some(4, func(int) node {
		return object("", text("email", pick(w.r, list("m***@mail.example|j••••e@post.example|a*****@***.example"))), text("phone", "+49 *** *** "+pattern(w.r, "##")), text("card", "**** **** **** "+pattern(w.r, "####")), text("initials", "J. D."))
	})...)).String()
}

func trackingJSON(w *world) string {
	a := w.l.place(w.r, false)
	return object("", text("trackingNumber", pattern(w.r, pick(w.r, list("00340434#############|1Z999AA10########|##########|4###############")))), text("carrier", "DHL"), text("status", "in_transit"),
		values("events", some(4, func(i int) node {
			return object("", text("timestamp", fmt.Sprintf("2025-03-0%dT08:00:00Z", i+1)), text("location", a.city), text("postcode", a.postcode), text("description", "Arrived at hub 12"))
		})...)).String()
}

func cartJSON(w *world) string {
	return object("", text("cartId", w.uuid()), values("items", w.line(), w.line(), w.line()), bare("subtotal", pattern(w.r, "%##.##")), text("currency", "EUR"),
		object("shippingMethod", text("name", "Standard"), bare("price", "4.90")), object("billingAddress"), bare("email", "null")).String()
}

func packagesJSON(w *world) string {
	return object("", object("dependencies", text("lodash", "lodash@4.17.21"), text("react", "react@18.2.0"), text("x", "@scope/pkg@1.0."+pattern(w.r, "#")), text("git", "git@github.com:acme/chair.git")),
		text("generator", "webpack@5.90.1"), text("build", letters(w.r, 40, hexDigits)), text("version", pattern(w.r, "%.#.##"))).String()
}

func imagesJSON(w *world) string {
	return object("", values("images", some(6, func(int) node {
		return object("", text("src", pick(w.r, list("https://cdn.example/sofa@2x.png|/a/icon@3x.webp|video@1080p.mp4|hero@min.js"))), text("alt", w.product()), bare("width", "1200"), text("hash", letters(w.r, 32, hexDigits)))
	})...)).String()
}

func mapJSON(w *world) string {
	return object("", text("type", "FeatureCollection"), values("features", some(5, func(int) node {
		a := w.l.place(w.r, false)
		return object("", text("type", "Feature"), object("geometry", text("type", "Point"), values("coordinates", bare("", pattern(w.r, "1#.######")), bare("", pattern(w.r, "5#.######")))),
			object("properties", text("name", a.city), text("postcode", a.postcode), text("region", a.region)))
	})...)).String()
}

func helpHTML(w *world) string {
	phone := pattern(w.r, pick(w.r, w.l.phones))
	return w.page(`<h1>Help</h1><h3>How do I return a chair?</h3><p>Call us on <a href="tel:` + phone + `">` + phone + `</a> or write to <a href="mailto:support@chairs.example">support@chairs.example</a>. Quote order 10001234 or item ` + w.sku() +
		`.</p><h3>Which cards?</h3><p>Visa, for example 4111 1111 1111 1111.</p><p>Delivery address: where you want it.</p>`)
}

func helpText(w *world) string {
	return "Returns\n\nSend parcels within 14 days. Item numbers look like " + w.sku() + ", order numbers like 10001234.\n\nQuestions? info@chairs.example, Mon-Fri 9-17.\n\n" + w.product() + " is made in " + w.l.place(w.r, false).city + ".\n"
}

func emptyForm(w *world) string {
	var b strings.Builder
	for _, c := range []concept{cFirst, cLast, cEmail, cPhone, cStreet, cPostcode, cCity} {
		fmt.Fprintf(&b, `<div><label>%s</label><input name="%s" value="" placeholder="%s"></div>`, labels[w.l.language][c], escape.Replace(w.v.keys[c]), "you@mail.example")
	}
	return w.page(`<form><input type="hidden" name="form_key" value="` + letters(w.r, 16, crypt64[2:]) + `">` + b.String() + `<select name="country"><option value="DE">Germany</option><option>Anna Land</option></select></form>`)
}

func logLines(w *world) string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "2025-03-04T05:06:%02dZ INFO order 10001%03d shipped in 12 ms, batch %s, host 10.0.%d.%d\n", i, i, w.uuid(), w.r.IntN(255), w.r.IntN(255))
	}
	return b.String()
}

func numbersCSV(w *world) string {
	var b strings.Builder
	for range 8 {
		b.WriteString(strings.Join([]string{pattern(w.r, "0301######"), w.product(), pattern(w.r, "%###.##"), pattern(w.r, "########"), "2025-01-02", w.uuid()}, ",") + "\n")
	}
	return b.String()
}

func schemaJSON(w *world) string {
	return object("", values("fields", some(1, func(int) node {
		return object("", text("name", "email"), text("label", labels[w.l.language][cEmail]), bare("required", "true"), text("type", "string"))
	})...), object("messages", text("phone", labels[w.l.language][cPhone]), text("street", labels[w.l.language][cStreet]), text("email", "you@mail"), text("firstName", labels[w.l.language][cFirst]), text("birthday", "DD.MM.YYYY"))).String()
}
