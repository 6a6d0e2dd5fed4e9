package record

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// Declaration says what a place of the shop's own data means, where its name
// says nothing or the wrong thing. Exactly one of Name, Pointer and Select is
// set.
type Declaration struct {
	// Name is a key of JSON, a column of CSV, SQL or a table, a label, or the
	// name of a form's field; case, blanks and signs do not count.
	Name string
	// Pointer is a JSON Pointer (RFC 6901) into JSON bodies; * stands for any key
	// or index. At most 16 tokens.
	Pointer string
	// Select names elements of HTML by one class (.kd-mail), id (#kd-mail) or
	// attribute (itemprop=mail): their text is what is declared.
	Select string
	// Is is what stands there: one of [Meanings].
	Is string
}

// MaxPointers is how many pointers a config may declare: one bit each.
const MaxPointers = 64

const maxPointer = 16 // tokens of a pointer

// meanings are what a declaration may say.
var meanings = map[string]class{
	"name": {kind: kindFullName}, "first_name": {kind: kindFirstName}, "last_name": {kind: kindLastName},
	"email": {kind: kindEmail}, "phone": {kind: kindPhone}, "street": {kind: kindStreet}, "house_number": {kind: kindHouse}, "postcode": {kind: kindPostcode},
	"address": {kindAddress, senseAddress}, "delivery_address": {kindAddress, senseDelivery}, "billing_address": {kindAddress, senseBilling},
	"customer_id": {kindCustomerID, senseClient}, "order": {kind: kindOrder}, "birth_date": {kind: kindBirth}, "payment_card": {kind: kindCard},
	"credential": {kind: kindPassword}, "government_id": {kind: kindGovernment},
	"customer": {kindNone, senseCustomer | senseClient}, // an object, a row or an element that is one customer's
	"nothing":  {kind: kindIgnored},                     // never personal, whatever it looks like
}

// Meanings returns what [Declaration.Is] may be, sorted.
func Meanings() []string {
	names := make([]string, 0, len(meanings))
	for name := range meanings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Check says what is wrong with a declaration and what to write instead.
func (d *Declaration) Check() error {
	if _, ok := meanings[d.Is]; !ok {
		return fmt.Errorf("is: %q is not known: write one of %s", d.Is, strings.Join(Meanings(), ", "))
	}
	set := 0
	for _, s := range []string{d.Name, d.Pointer, d.Select} {
		if s != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("%d of name, pointer and select are written: write one", set)
	case d.Pointer != "":
		return checkPointer(d.Pointer)
	case d.Select != "":
		_, err := selector(d.Select)
		return err
	case len(appendFolded(nil, []byte(d.Name), maxKey)) == 0:
		return fmt.Errorf("name: %q has no letter and no digit: write the key or heading as it stands in the data", d.Name)
	}
	return nil
}

func checkPointer(p string) error {
	switch tokens := strings.Split(p, "/"); {
	case tokens[0] != "" || len(tokens) < 2:
		return fmt.Errorf("pointer: %q does not begin with a slash: write one such as /data/*/mail", p)
	case len(tokens)-1 > maxPointer:
		return fmt.Errorf("pointer: %q has %d tokens: write at most %d", p, len(tokens)-1, maxPointer)
	}
	return nil
}

// selector brings a selector into the form in which elements are looked up:
// the attribute's name, =, one word of its value.
func selector(s string) (string, error) {
	attr, value, ok := strings.Cut(strings.Trim(s, "[]"), "=")
	switch {
	case strings.HasPrefix(s, "."):
		attr, value, ok = "class", s[1:], true
	case strings.HasPrefix(s, "#"):
		attr, value, ok = "id", s[1:], true
	}
	value = strings.Trim(value, `"'`)
	if !ok || attr == "" || value == "" || strings.ContainsAny(attr+value, " >+~:,*.#[]") {
		return "", fmt.Errorf("select: %q is not one class, id or attribute: write one such as .kd-mail, #kd-mail or itemprop=mail", s)
	}
	return strings.ToLower(attr) + "=" + value, nil
}

// declarations are those of a config, ready for use. It is read only.
type declarations struct {
	names    map[string]class // by folded name
	selects  map[string]class // by attribute=word
	attrs    map[string]bool  // attributes that selects name
	pointers []pointer
	pool     sync.Pool // of key caches that know the names
}

// selected returns what is declared for an element by one of its attributes.
func (d *declarations) selected(attr, value []byte) (class, bool) {
	var room [2 * maxKey]byte
	for len(value) > 0 {
		var word []byte
		word, value = nextField(value)
		if len(word) == 0 || len(attr)+1+len(word) > len(room) {
			continue
		}
		by := append(append(append(room[:0], attr...), '='), word...)
		if c, ok := d.selects[string(by)]; ok {
			return c, true
		}
	}
	return class{}, false
}

// nextField cuts the first of the words that blanks divide.
func nextField(s []byte) (word, rest []byte) {
	s = bytes.TrimLeft(s, " \t\r\n\f")
	if at := bytes.IndexAny(s, " \t\r\n\f"); at >= 0 {
		return s[:at], s[at:]
	}
	return s, nil
}

// pointer is a compiled JSON Pointer.
type pointer struct {
	tokens []string // * for any
	class  class
}

// newDeclarations compiles declarations that have passed Check; others are left
// out. It returns nil for none.
func newDeclarations(list []Declaration) *declarations {
	if len(list) == 0 {
		return nil
	}
	d := &declarations{names: map[string]class{}, selects: map[string]class{}, attrs: map[string]bool{}}
	for i := range list {
		if list[i].Check() != nil {
			continue
		}
		c := meanings[list[i].Is]
		c.sense |= senseKnown | senseDeclared
		switch {
		case list[i].Name != "":
			d.names[string(appendFolded(nil, []byte(list[i].Name), maxKey))] = c
		case list[i].Select != "":
			by, _ := selector(list[i].Select) // checked
			d.selects[by] = c
			attr, _, _ := strings.Cut(by, "=")
			d.attrs[attr] = true
		case len(d.pointers) < MaxPointers:
			d.pointers = append(d.pointers, newPointer(list[i].Pointer, c))
		}
	}
	d.pool.New = func() any { return &keys{seed: maphash.MakeSeed(), declared: d} }
	return d
}

func newPointer(p string, c class) pointer {
	tokens := strings.Split(p, "/")[1:]
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~") // RFC 6901, section 4
	}
	return pointer{tokens, c}
}
