package recall

import (
	_ "embed"
	"strings"
	"unicode/utf8"
)

// vocabulary is how one platform, or the shops of one country, name things.
// Written after the platforms' own API documents and schemas, and for the
// countries as their shops' exports are headed; never after the recogniser's
// lexicon, which would measure nothing.
type vocabulary struct {
	name string
	join byte // how two words are joined: '_', '-', 'C' for camel case, ' '
	keys map[concept]string
}

//go:embed testdata/vocabularies.txt
var vocabularyText string

// reservedText are vocabularies that nothing was tuned on: only the published
// seed measures with them, and the lexicon was not looked at with them.
//
//go:embed testdata/reserved.txt
var reservedText string

var (
	vocabularies = parse(vocabularyText)
	reserved     = parse(reservedText)
)

func parse(text string) (all []vocabulary) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		words := strings.Fields(line)
		v := vocabulary{name: words[0], join: words[1][0], keys: map[concept]string{}}
		for _, w := range words[2:] {
			name, key, _ := strings.Cut(w, "=")
			v.keys[concept(name)] = key
		}
		all = append(all, v)
	}
	return all
}

// platforms are the vocabularies that are nobody's language.
const platforms = 17

func vocabularyOf(name string) vocabulary {
	for _, v := range vocabularies {
		if v.name == name {
			return v
		}
	}
	panic("no vocabulary " + name)
}

// flat is the key of a value inside a part, for forms without structure:
// billing_city, billingCity, billing-city.
func (v vocabulary) flat(part, c concept) string {
	key := v.keys[c]
	if part == "" || part == cCustomer || part == cAddress || part == cOrder {
		return key
	}
	head := v.keys[part]
	for _, end := range []string{"_address", "-address", "_addresses", "Address"} {
		head = strings.TrimSuffix(head, end)
	}
	if v.join != 'C' {
		return head + string(v.join) + key
	}
	r, n := utf8.DecodeRuneInString(key)
	return head + strings.ToUpper(string(r)) + key[n:]
}

//go:embed testdata/labels.txt
var labelText string

// labels are the words before values on a page, in a language.
var labels = func() map[string]map[concept]string {
	all := map[string]map[concept]string{}
	for line := range strings.Lines(strings.TrimSpace(labelText)) {
		lang, rest, _ := strings.Cut(strings.TrimSpace(line), "|")
		all[lang] = map[concept]string{}
		for _, w := range list(rest) {
			name, label, _ := strings.Cut(w, "=")
			all[lang][concept(name)] = label
		}
	}
	return all
}()
