package record

import (
	"net/url"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxNamed  = 4       // orders that one address names
	maxTarget = 2 << 10 // bytes of an address that are read
	maxQuery  = 32      // pairs of a query that are read
)

// NamedOrders digests the order numbers that a request's path and query name,
// at most 4: a segment after a word for an order (/orders/1001/invoice.pdf,
// /bestellung-1001.pdf) and the values of keys that mean an order's number
// (?order_id=1001, or ?id=1001 behind such a word). The words are the finder's lexicon.
// It is for responses that cannot be read; the numbers prove nothing.
func NamedOrders(path, rawQuery string, h *rules.Hasher) []rules.Identifier {
	n := named{h: h}
	path = path[:min(len(path), maxTarget)]
	noun := false
	for segment := range strings.SplitSeq(path, "/") {
		noun = n.segment(segment, noun)
	}
	about := noun || n.noun // of an order, whose number the query has
	rawQuery = rawQuery[:min(len(rawQuery), maxTarget)]
	for i := 0; i < maxQuery && rawQuery != ""; i++ {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		n.pair(pair, about)
	}
	return n.ids
}

// named gathers the orders that an address names.
type named struct {
	h    *rules.Hasher
	ids  []rules.Identifier
	noun bool // a segment was a word for an order
}

// segment reads a segment of a path; after says that the one before it is a
// word for an order. It returns whether this one is.
func (n *named) segment(segment string, after bool) bool {
	base, _, _ := strings.Cut(segment, ".")
	if orderNoun(base) {
		n.noun = true
		return true
	}
	if after && n.add(base) {
		return false
	}
	for _, sign := range []string{"-", "_"} { // invoice-1001
		if word, number, ok := strings.Cut(base, sign); ok && orderNoun(word) {
			n.noun = true
			n.add(number)
			return false
		}
	}
	return false
}

func (n *named) pair(pair string, about bool) {
	key, value, _ := strings.Cut(pair, "=")
	key, err := url.QueryUnescape(key)
	if err != nil || value == "" {
		return
	}
	switch c := classify([]byte(key)); {
	case c.kind == kindOrder, about && (c.kind == kindID || c.kind == kindCode):
		if value, err = url.QueryUnescape(value); err == nil {
			n.add(value)
		}
	default:
	}
}

// add takes an order number; false: it is none.
func (n *named) add(number string) bool {
	v, ok := NormalizeCustomerID([]byte(strings.TrimPrefix(number, "#")))
	if !ok || !digital(v) || len(n.ids) == maxNamed {
		return false
	}
	id := rules.Identifier{Kind: rules.IdentifierOrder, Digest: n.h.Identifier(rules.IdentifierOrder, v)}
	for _, have := range n.ids {
		if have == id {
			return true
		}
	}
	n.ids = append(n.ids, id)
	return true
}

// orderNoun reports whether a word means an order, an invoice or a part of one.
func orderNoun(word string) bool {
	if len(word) < 3 || len(word) > maxKey || digital([]byte(word)) {
		return false
	}
	switch strings.ToLower(word) {
	case "sale", "sales", "cart", "carts", "basket", "baskets", "checkout":
		return false // numbered apart from orders, or a bargain's banner
	}
	c := classify([]byte(word))
	return c.sense&senseKnown != 0 && c.sense&senseOrder != 0 && c.sense&(senseProduct|senseThing|senseVeto) == 0
}

// Opaque reports whether bodies of a Content-Type may carry customer data
// that is not text: pictures, documents, archives, anything unnamed. Behind the
// address of an order they are somebody's invoice or label.
func Opaque(contentType string) bool {
	switch formOf(contentType) {
	case formJSON, formHTML, formXML, formCSV, formSQL, formText, formPairs, formLines, formEvents, formMail, formCard, formScript, formEDI:
		return false
	default:
	}
	t := mediaType(contentType)
	return !Harmless(contentType) || strings.HasPrefix(t, "image/")
}

// Checks reports whether a key of a query means what an order or a person that
// the query names is checked by: a postcode, a name, a birth date.
func Checks(key string) bool {
	if len(key) > maxKey {
		return false
	}
	switch classify([]byte(key)).kind {
	case kindPostcode, kindLastName, kindFullName, kindName, kindCity, kindBirth:
		return true
	default:
		return false
	}
}

// NamesOne reports whether a key of a query means the number or the name of one
// thing or person: an id, an order's number, an e-mail address, a phone number.
func NamesOne(key string) bool {
	if len(key) > maxKey {
		return false
	}
	switch classify([]byte(key)).kind {
	case kindID, kindOrder, kindCode, kindCustomerID, kindEmail, kindPhone:
		return true
	default:
		return false
	}
}

// NamesThing reports whether a key of a query is the bare word for an order, a
// person or a document: with a number it says which one (order=10001), and without
// it may as well be how a list is sorted (order=asc).
func NamesThing(key string) bool {
	switch strings.ToLower(key) {
	case "order", "customer", "user", "account", "member", "invoice", "client", "shipment", "parcel", "tracking", "booking", "reservation":
		return true
	}
	return false
}
