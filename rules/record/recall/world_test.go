package recall

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// world is what one body tells about: people, and what stands around them.
type world struct {
	r      *rand.Rand
	l      *locale
	v      vocabulary
	s      set
	people []*person
	full   bool // names in one piece
	split  bool // house numbers apart
	noise  bool // things that are nobody's stand between
}

// leaf is one value of a person's record.
type leaf struct {
	part    concept // "", customer, address, billing, delivery, order
	concept concept
	text    string
}

// leaves are a person's values, in the order in which a body has them.
func (w *world) leaves(p *person) (all []leaf) {
	add := func(part, c concept, text string) {
		if text != "" {
			all = append(all, leaf{part, c, text})
		}
	}
	if p.has&fPurchase != 0 {
		add(cOrder, cOrder, p.order)
		add(cOrder, cDate, p.date)
		add(cOrder, cTotal, p.total)
	}
	if p.number {
		add(cCustomer, cID, p.id)
	}
	if p.has&fName != 0 {
		w.name(add, cCustomer, p.first, p.last, p.full)
	}
	if p.has&fEmail != 0 {
		add(cCustomer, cEmail, p.email)
	}
	if p.has&fPhone != 0 {
		add(cCustomer, cPhone, p.phone)
	}
	if p.has&fBirth != 0 {
		add(cCustomer, cBirth, p.birth)
	}
	if p.has&fOfficial != 0 {
		add(cCustomer, cOfficial, p.official)
	}
	if p.has&fCred != 0 {
		add(cCustomer, cPassword, p.password)
		if w.full {
			add(cCustomer, cToken, p.token)
		}
	}
	if p.has&fCard != 0 {
		add(cCustomer, cCard, p.card)
	} else if w.s.masked {
		add(cCustomer, cCard, p.masked)
	}
	if p.has&fAddress != 0 {
		w.address(add, cAddress, p, p.home)
	}
	if p.has&fBilling != 0 {
		w.address(add, cBilling, p, p.billing)
	}
	if p.has&fDelivery != 0 {
		w.address(add, cDelivery, p, p.delivery)
	}
	return all
}

func (w *world) name(add func(part, c concept, text string), part concept, first, last, full string) {
	if w.full {
		add(part, cFull, full)
		return
	}
	add(part, cFirst, first)
	add(part, cLast, last)
}

func (w *world) address(add func(part, c concept, text string), part concept, p *person, a place) {
	switch {
	case part == cAddress:
	case a.name != "":
		w.name(add, part, a.first, a.last, a.name)
	default:
		w.name(add, part, p.first, p.last, p.full)
	}
	add(part, cStreet, a.street)
	add(part, cHouse, a.house)
	add(part, cPostcode, a.postcode)
	add(part, cCity, a.city)
	add(part, cRegion, a.region)
	add(part, cCountry, a.country)
}

// node is a value, an object or a list of a structured body.
type node struct {
	key  string
	text string
	kids []node
	list bool
	bare bool // a number or a truth value
}

func object(key string, kids ...node) node { return node{key: key, kids: kids} }
func values(key string, kids ...node) node { return node{key: key, kids: kids, list: true} }
func text(key, s string) node              { return node{key: key, text: s} }
func bare(key, s string) node              { return node{key: key, text: s, bare: true} }

// tree is a person's record as platforms nest it.
func (w *world) tree(key string, p *person) node {
	parts := map[concept][]node{}
	for _, l := range w.leaves(p) {
		n := text(w.v.keys[l.concept], l.text)
		n.bare = l.concept == cTotal || l.concept == cID && strings.Trim(l.text, "0123456789") == "" && len(l.text)%2 == 0
		parts[l.part] = append(parts[l.part], n)
	}
	out := object(key)
	if p.has&fPurchase != 0 {
		out.kids = append(out.kids, parts[cOrder]...)
		out.kids = append(out.kids, values(w.v.keys[cItems], w.line(), w.line()))
		out.kids = append(out.kids, object(w.v.keys[cCustomer], parts[cCustomer]...))
	} else {
		out.kids = append(out.kids, parts[cCustomer]...)
	}
	if w.noise {
		out.kids = append(out.kids, w.trifles()...)
	}
	for _, part := range []concept{cAddress, cBilling, cDelivery} {
		if len(parts[part]) == 0 {
			continue
		}
		n := object(w.v.keys[part], parts[part]...)
		if strings.HasSuffix(n.key, "esses") || strings.HasSuffix(n.key, "anden") {
			n = values(n.key, object("", parts[part]...))
		}
		out.kids = append(out.kids, n)
	}
	return out
}

// line is a line of an order.
func (w *world) line() node {
	return object("", text("sku", w.sku()), text("name", w.product()), bare("quantity", "1"), bare("price", pattern(w.r, "%#.##")))
}

// trifles are what records hold beside the person.
func (w *world) trifles() []node {
	all := []node{
		text("uuid", w.uuid()), text("updated_at", "2025-03-0"+pattern(w.r, "%T1#:2#:3#Z")), bare("is_active", "true"),
		text("group", pick(w.r, list("General|Wholesale|VIP"))), bare("store_id", "1"), text("language", w.l.language),
		text("avatar", "avatar@2x.png"), text("etag", letters(w.r, 32, hexDigits)), bare("newsletter", "false"),
	}
	w.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:3+w.r.IntN(4)]
}

func (w *world) uuid() string {
	h := letters(w.r, 32, hexDigits)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// sku makes a product number; many look like telephone numbers, some like
// payment cards.
func (w *world) sku() string {
	switch w.r.IntN(5) {
	case 0:
		return pattern(w.r, "0301-######")
	case 1:
		d := pattern(w.r, "4##############")
		return d + fmt.Sprint(luhnDigit(d))
	case 2:
		return pattern(w.r, "020 7946 0###")
	case 3:
		return pattern(w.r, "CH-%###-BLK")
	}
	return pattern(w.r, "%#############")
}

var (
	brands = list("Hugo Boss|Calvin Klein|Karl Lagerfeld|Jack Wolfskin|Tommy Hilfiger|Ralph Lauren|Estée Lauder|Villeroy Boch|Miss Sixty|Anna Field")
	things = list("Oak Chair|Lamp 77c|Desk Lamp Street 12|Garden Bench|Leather Wallet|Road Bike 29|Tea Set|Winter Jacket|Hauptstraße Poster 40x60|Ring 17 mm|Stuhl Anna|Via Sofa 3")
	firsts = list("Anna|Tom|Marie|Luca|Ola|Yuki|Priya|João")
)

func (w *world) product() string { return pick(w.r, brands) + " " + pick(w.r, things) }

// goods is an object of a catalogue.
func (w *world) goods(key string) node {
	return object(key, bare("id", pattern(w.r, "%###")), text("name", w.product()), text("sku", w.sku()), text("ean", pattern(w.r, "40########"+"###")),
		text("brand", pick(w.r, brands)), bare("price", pattern(w.r, "%##.##")), bare("stock", pattern(w.r, "##")),
		text("image", pick(w.r, list("chair@2x.jpg|lamp@3x.webp|hero@1080p.mp4|logo@2x.png"))),
		text("description", "Fits 12 Main Street style, 30x40 cm. Item 0049 30 123456, batch "+pattern(w.r, "%########")+"."),
		text("url_key", "oak-chair-"+pattern(w.r, "###")), text("updated_at", "2025-01-02T10:11:12Z"))
}

// shop is the shop's own contact data.
func (w *world) shop(key string) node {
	a := w.l.place(w.r, false)
	return object(key, text("name", "Chairs & Co"), text("email", pick(w.r, list("support@chairs.example|info@chairs.example|service@chairs.example"))),
		text("phone", pattern(w.r, pick(w.r, w.l.phones))), text("street", a.line), text("postcode", a.postcode), text("city", a.city))
}

func quote(s string) string {
	b := &strings.Builder{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// json writes a node's value.
func (n node) json(b *strings.Builder) {
	switch {
	case n.list || n.kids != nil:
		open, end := "{", "}"
		if n.list {
			open, end = "[", "]"
		}
		b.WriteString(open)
		for i, kid := range n.kids {
			if i > 0 {
				b.WriteString(",")
			}
			if !n.list {
				b.WriteString(quote(kid.key) + ":")
			}
			kid.json(b)
		}
		b.WriteString(end)
	case n.bare:
		b.WriteString(n.text)
	default:
		b.WriteString(quote(n.text))
	}
}

func (n node) String() string {
	var b strings.Builder
	n.json(&b)
	return b.String()
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// xml writes a node as an element; an element of a list is named after it.
func (n node) xml(b *strings.Builder, name string) { n.element(b, name, "") }

// element is xml with an attribute that says the type, as SOAP encodes.
func (n node) element(b *strings.Builder, name, typed string) {
	name = strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' {
			return '_'
		}
		return r
	}, name)
	fmt.Fprintf(b, "<%s%s>", name, typed)
	for _, kid := range n.kids {
		if n.list {
			kid.element(b, strings.TrimSuffix(strings.TrimSuffix(name, "es"), "s")+"Item", typed)
		} else {
			kid.element(b, kid.key, typed)
		}
	}
	b.WriteString(escape.Replace(n.text))
	fmt.Fprintf(b, "</%s>\n", name)
}
