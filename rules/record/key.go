package record

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

const (
	maxKey    = 96 // bytes of a key that are looked at; longer keys say nothing
	maxTokens = 10
)

// tokens are the words of a key: "shippingAddressLine1" has shipping,
// address, line and 1.
type tokens struct {
	text [maxKey * 2]byte
	end  [maxTokens + 1]uint8 // end[i] is where token i-1 ends
	n    int
}

func (t *tokens) span(from, to int) []byte { return t.text[t.end[from]:t.end[to]] }

func (t *tokens) cut(at int) bool {
	if at == int(t.end[t.n]) {
		return true
	}
	if t.n == maxTokens {
		return false
	}
	t.n++
	t.end[t.n] = uint8(at)
	return true
}

// split cuts a key at signs, at changes from lower to upper case, and between
// letters and digits.
func (t *tokens) split(key []byte) bool {
	for _, b := range key {
		if b >= utf8.RuneSelf {
			return t.splitRunes(key)
		}
	}
	at, last, prev := 0, byte(0), byte(0)
	for i, b := range key {
		f := asciiFold[b]
		edge := f == 0 || last != 0 && (b-'0' <= 9) != (last-'0' <= 9)
		if b-'A' <= 25 {
			edge = edge || prev-'a' <= 25 || prev-'A' <= 25 && i+1 < len(key) && key[i+1]-'a' <= 25
		}
		if edge && !t.cut(at) {
			return false
		}
		prev, last = b, f
		if f != 0 {
			t.text[at] = f
			at++
		}
	}
	return t.cut(at)
}

// splitRunes is split for keys of any script.
func (t *tokens) splitRunes(key []byte) bool {
	at, last, prev := 0, rune(0), rune(0)
	for i := 0; i < len(key); {
		r, size := utf8.DecodeRune(key[i:])
		next, _ := utf8.DecodeRune(key[i+size:])
		i += size
		f := foldRune(r)
		edge := f == 0 || unicode.IsUpper(r) && (unicode.IsLower(prev) || unicode.IsLower(next) && unicode.IsUpper(prev)) ||
			unicode.IsDigit(r) != unicode.IsDigit(last) && last != 0
		if edge && !t.cut(at) {
			return false
		}
		prev, last = r, f
		if f == 0 {
			continue
		}
		if at+utf8.RuneLen(f) > len(t.text) {
			return false
		}
		at += utf8.EncodeRune(t.text[at:], f)
	}
	return t.cut(at)
}

// classify looks a key up in the lexicon: the longest run of its words that
// has a kind gives the kind, runs at the end before runs at the start; what is
// left over gives the sense. A key beyond maxKey says nothing.
func classify(key []byte) class {
	var t tokens
	words := lexicon()
	if string(key) == "@type" {
		return words["@type"]
	}
	if typedKeys[string(key)] {
		return class{kind: kindTyped}
	}
	if bytes.HasPrefix(key, []byte("/")) || bytes.Contains(key, []byte("://")) {
		return class{} // where it came from, as caches of pages have it: api.shop.example says nothing of what it is
	}
	if at := bytes.IndexByte(key, '@'); at > 0 && len(key) <= maxKey {
		if _, is := wholeEmail(key, inText); is {
			return class{kind: kindKeyed}
		}
	}
	if len(key) > maxKey || !t.split(key) || t.n == 0 || t.n == 1 && len(t.span(0, 1)) < 2 && t.text[0] < utf8.RuneSelf {
		return class{}
	}
	if c, ok := words[string(t.span(0, t.n))]; ok {
		if c.kind != kindColumns && c.kind != kindRelated { // fields: {…} is what it stands in
			c.sense |= senseKnown
		}
		return c
	}
	if t.n > 1 && t.digits(t.n-1) { // address2, street_line_1, email1
		if c, ok := words[string(t.span(0, t.n-1))]; ok {
			c.sense |= senseKnown
			if c.kind == kindAddress { // shipping_address_1
				c.kind = kindStreet
			}
			return c
		}
	}
	if t.n == 1 {
		return splitCompound(t.span(0, 1))
	}
	c, from, to := t.kind(words)
	client := c.kind != kindCustomerID || c.sense&senseClient != 0
	known := true
	for i := 0; i < t.n; i++ {
		if i >= from && i < to || t.digits(i) {
			continue
		}
		w, ok := words[string(t.span(i, i+1))]
		known = known && ok
		if w.kind == kindPrice {
			w.sense |= senseProduct
		}
		c.sense |= w.sense &^ (senseTransparent | senseRoots)
	}
	if c.kind == kindToken && (!known || c.sense&^(senseCustomer|senseClient) != 0) {
		c.kind = kindOpaque
	}
	if c.kind == kindPassword && !known { // passwordChangedAt
		c.kind = kindNone
	}
	c.sense &^= senseKnown
	if !client { // customer_user_id
		c.sense &^= senseClient
	}
	if known {
		c.sense |= senseKnown
	}
	return c.settle()
}

func (t *tokens) digits(i int) bool {
	for _, b := range t.span(i, i+1) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// kind finds the longest run of words with a kind and returns its class and
// where it stands.
func (t *tokens) kind(words map[string]class) (c class, from, to int) {
	end := t.n
	for end > 1 && t.digits(end-1) {
		end--
	}
	if end > 1 && end < t.n { // delivery_line_1
		if c, ok := words[string(t.span(end-1, end+1))]; ok && c.kind != kindNone {
			return c, end - 1, end + 1
		}
	}
	for size := end; size > 0; size-- {
		for _, at := range [...]int{end - size, 0} {
			c, ok := words[string(t.span(at, at+size))]
			if !ok || c.kind == kindNone {
				continue
			}
			if c.kind == kindAddress && at == 0 && size < end { // shipping_address_phone
				if last, from, to := t.tail(words, size, end); last.kind != kindNone {
					return last, from, to
				}
			}
			return c, at, at + size
		}
	}
	return class{}, 0, 0
}

// tail finds the longest run of words with a kind among the words from one to
// another that reaches the end.
func (t *tokens) tail(words map[string]class, from, to int) (c class, at, end int) {
	for at := from; at < to; at++ {
		if c, ok := words[string(t.span(at, to))]; ok && c.kind != kindNone {
			return c, at, to
		}
	}
	return class{}, 0, 0
}

// splitCompound reads a key written together, such as "shippingstreet" or
// "kundenemail", as two words of the lexicon.
func splitCompound(word []byte) class {
	words := lexicon()
	if len(word) > 4 && word[0] == 'o' && word[1] == 'x' { // OXID's columns: oxstreet, oxbillstreet
		if c, ok := words[string(word[2:])]; ok {
			c.sense |= senseKnown
			return c
		}
		word = word[2:]
	}
	if len(word) < 7 {
		return class{}
	}
	for i := len(word) - 2; i >= 3; i-- {
		head, ok1 := words[string(word[:i])]
		tail, ok2 := words[string(word[i:])]
		if !ok1 || !ok2 || len(word)-i < 3 {
			continue
		}
		if tail.kind == kindNone {
			head, tail = tail, head
		}
		if head.sense != 0 && tail.kind != kindNone {
			return class{tail.kind, tail.sense | head.sense | senseKnown}.settle()
		}
	}
	return class{}
}

// settle removes what contradicts itself: an e-mail's type is no e-mail, a
// product's name is no person's.
func (c class) settle() class {
	if c.sense&senseVeto != 0 {
		c.kind = kindNone
	}
	if c.kind == kindName && c.sense&(senseCustomer|sensePlace) != 0 {
		c.kind = kindFullName
	}
	if c.kind == kindID && c.sense&senseCustomer != 0 && c.sense&(sensePlace|senseThing|senseProduct|senseShop) == 0 {
		c.kind = kindCustomerID
	}
	if (c.kind == kindID || c.kind == kindCode) && c.sense&senseOrder != 0 && c.sense&(senseThing|senseProduct) == 0 {
		c.kind = kindOrder
	}
	if c.kind == kindCode && c.sense&senseClient != 0 && c.sense&(senseOrder|senseThing|senseProduct|sensePlace|senseOther) == 0 { // N° client
		c.kind = kindCustomerID
	}
	if c.kind == kindDate && c.sense&senseOrder != 0 {
		c.kind = kindOrderDate
	}
	if c.sense&(senseProduct|senseThing) != 0 {
		switch c.kind {
		case kindName, kindFullName, kindFirstName, kindLastName, kindID, kindCode, kindCustomerID, kindStreet:
			c.kind = kindNone
		}
	}
	return c
}
