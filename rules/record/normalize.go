package record

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/ordergate/ordergate/rules"
)

// maxName and maxStreet bound the normal forms of names and streets in bytes;
// what is longer is cut, on both sides of a join alike.
const (
	maxName     = 96
	maxStreet   = 96
	maxNameWord = 8
)

// NormalizeEmail returns an address in the form that is digested as
// rules.IdentifierEmail: trimmed and in lower case. It is false if raw is not
// one whole, unmasked address.
func NormalizeEmail(raw []byte) ([]byte, bool) {
	email, ok := wholeEmail(raw, inEmail)
	if !ok {
		return nil, false
	}
	return bytes.ToLower(email), true
}

// NormalizePhone returns a phone number in the form that is digested as
// rules.IdentifierPhone: digits only; with the country code where raw has one
// ("+49…", "0049…") or where it is a valid number of one of the countries (ISO
// 3166 codes, tried in order). It is false if raw is no phone number.
func NormalizePhone(raw []byte, countries []string) ([]byte, bool) {
	return normalizePhone(nil, raw, countries)
}

// NormalizeCustomerID returns a customer number in the form that is digested
// as rules.IdentifierCustomerID: trimmed, otherwise as it is. It is false if
// raw is empty, longer than 47 bytes, a placeholder (0, -1, null) or text with
// blanks. Order numbers (rules.IdentifierOrder) have the same form, without a
// leading number sign.
func NormalizeCustomerID(raw []byte) ([]byte, bool) {
	if raw = trim(raw); len(raw) > 1 && raw[0] == '\'' && isDigit(raw[1]) { // a spreadsheet's sign for a text
		raw = raw[1:]
	}
	if len(raw) == 0 || len(raw) > 47 {
		return nil, false
	}
	for _, b := range raw {
		if noNumber[b] {
			return nil, false
		}
	}
	switch string(raw) {
	case "0", "-1", "null", "NULL", "undefined", "none", "None", "-", "nil", "true", "false", `\N`:
		return nil, false
	}
	return raw, true
}

// ink are the signs of ASCII that are no blanks.
var ink = func() (t [256]bool) {
	for b := '!'; b < utf8.RuneSelf; b++ {
		t[b] = true
	}
	return t
}()

// trim is [bytes.TrimSpace], which most values have no need of.
func trim(v []byte) []byte {
	if len(v) == 0 || ink[v[0]] && ink[v[len(v)-1]] {
		return v
	}
	return bytes.TrimSpace(v)
}

// noNumber are signs that no customer number has.
var noNumber = func() (t [256]bool) {
	for _, b := range []byte(" \t\r\n@*<>{}") {
		t[b] = true
	}
	return t
}()

// NormalizeResidence returns a person's name with the street (and house
// number) in the form that is digested as rules.IdentifierResidence: both
// without case, signs and Latin diacritics, the words of the name sorted. It
// is false if either is empty.
func NormalizeResidence(name, street []byte) ([]byte, bool) {
	return appendResidence(nil, name, street)
}

func appendResidence(dst, name, street []byte) ([]byte, bool) {
	from := len(dst)
	dst = appendName(dst, name)
	if len(dst) == from {
		return dst, false
	}
	dst = append(dst, '|')
	mid := len(dst)
	dst = appendFolded(dst, street, maxStreet)
	return dst, len(dst)-mid >= 3
}

// nameBlank are the bytes between the words of a name.
var nameBlank = [256]bool{' ': true, ',': true, '\t': true, '\n': true}

// foldWords folds the words of a name into room, one behind the other, and
// returns how many there are; ends says where each of them ends.
func foldWords(room *[maxName]byte, ends *[maxNameWord]uint8, name []byte) (n int) {
	at := 0
	for rest := name; len(rest) > 0 && n < len(ends); {
		i := 0
		for i < len(rest) && !nameBlank[rest[i]] {
			i++
		}
		if w := appendFolded(room[at:at], rest[:i], len(room)-at); len(w) > 0 {
			at += len(w)
			ends[n] = uint8(at)
			n++
		}
		rest = rest[min(i+1, len(rest)):]
	}
	return n
}

// foldASCII is foldWords for a name in ASCII; it is false for others.
func foldASCII(room *[maxName]byte, ends *[maxNameWord]uint8, name []byte) (n int, ok bool) {
	at, from := 0, 0
	for _, b := range name {
		if b >= utf8.RuneSelf {
			return 0, false
		}
		if r := asciiFold[b]; r != 0 {
			if at < len(room) {
				room[at] = r
				at++
			}
		} else if nameBlank[b] && at > from {
			ends[n], from = uint8(at), at
			if n++; n == len(ends) {
				return n, true
			}
		}
	}
	if at > from {
		ends[n] = uint8(at)
		n++
	}
	return n, true
}

// appendName appends the folded words of a name, sorted, with blanks between.
func appendName(dst, name []byte) []byte {
	var room [maxName]byte
	var ends [maxNameWord]uint8
	n, ok := foldASCII(&room, &ends, name)
	if !ok {
		n = foldWords(&room, &ends, name)
	}
	var words [maxNameWord][]byte
	for i, from := 0, 0; i < n; i++ {
		end := int(ends[i])
		words[i], from = room[from:end], end
	}
	for i := 1; i < n; i++ {
		for j := i; j > 0 && bytes.Compare(words[j], words[j-1]) < 0; j-- {
			words[j], words[j-1] = words[j-1], words[j]
		}
	}
	for i, w := range words[:n] {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, w...)
	}
	return dst
}

// Identify digests the row of a customer list of the retailer's own, so that
// it can be joined with the ledger: columns are the headings (any that the
// finder's lexicon knows: id, customer number, name, first name, email, phone,
// street, house number, address, order number), values the cells beside them.
// A column named id is taken as the customer's; one named as the id of a login
// or an account (user_id) only if the row has nothing better. The result holds every
// identifier that the finder would have reported for these values, strongest
// kind first; it is empty if there is none.
func Identify(h *rules.Hasher, countries []string, columns, values []string) []rules.Identifier {
	var first, last, full, street, house, login []byte
	var ids []rules.Identifier
	add := func(kind rules.IdentifierKind, v []byte, ok bool) {
		if ok {
			ids = append(ids, rules.Identifier{Kind: kind, Digest: h.Identifier(kind, v)})
		}
	}
	for i, column := range columns {
		if i >= len(values) || values[i] == "" {
			continue
		}
		v := bytes.TrimSpace([]byte(values[i]))
		switch c := classify([]byte(column)); c.kind {
		case kindEmail:
			n, ok := NormalizeEmail(v)
			add(rules.IdentifierEmail, n, ok)
		case kindPhone:
			n, ok := NormalizePhone(v, countries)
			add(rules.IdentifierPhone, n, ok)
		case kindID, kindCode, kindCustomerID:
			n, ok := NormalizeCustomerID(v)
			if c.kind == kindCustomerID && c.sense&senseClient == 0 {
				login = n
			} else {
				add(rules.IdentifierCustomerID, n, ok)
			}
		case kindOrder:
			n, ok := NormalizeCustomerID(bytes.TrimPrefix(v, []byte{'#'}))
			add(rules.IdentifierOrder, n, ok)
		case kindFirstName:
			first = append(first, v...)
		case kindLastName:
			last = append(append(last, v...), ' ')
		case kindName, kindFullName:
			full = v
		case kindStreet, kindAddress:
			if street == nil {
				_, street = homeStreet(c.kind, v)
			}
		case kindHouse:
			house = v
		default:
			if n, ok := NormalizeEmail(v); ok {
				add(rules.IdentifierEmail, n, true)
			}
		}
	}
	if login != nil && !slices.ContainsFunc(ids, func(id rules.Identifier) bool { return id.Kind == rules.IdentifierCustomerID }) {
		add(rules.IdentifierCustomerID, login, true)
	}
	if full == nil {
		full = append(append(first, ' '), last...)
	}
	if len(street) > 0 {
		n, ok := NormalizeResidence(full, append(append(street, ' '), house...))
		add(rules.IdentifierResidence, n, ok)
	}
	sortIdentifiers(ids)
	return ids
}

// sortIdentifiers puts the strongest kinds first and keeps the order inside a
// kind.
func sortIdentifiers(ids []rules.Identifier) {
	for i := 1; i < len(ids); i++ {
		for j := i; j > 0 && ids[j].Kind < ids[j-1].Kind; j-- {
			ids[j], ids[j-1] = ids[j-1], ids[j]
		}
	}
}
