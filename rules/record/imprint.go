package record

import (
	"bytes"
	"strings"
)

// legalHeads are headings, folded, of what a shop must say of itself, and of its
// people, of whom the press and who looks for work is to write to: no customer is named
// below one of them, up to the next heading of that rank. Those of several words are words
// of the lexicon, as a part of the shop. What is found there counts as
// the shop's as far as a response may say so (aside.take).
var legalHeads = func() map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(`impressum imprint legalnotice mentionslegales avisolegal notelegali colofon
		press presse pers stampa prensa presskontakt pressekontakt perscontact presscontact mediacontact mediencontact pressroom
		jobs careers career karriere vacatures stellenangebote
		privacypolicy privacynotice datenschutz datenschutzerklarung politiquedeconfidentialite privacyverklaring ourteam unserteam meettheteam notreequipe onsteam`) {
		m[word] = true
	}
	return m
}()

// headed notes what the heading says that ends here, if the tag is one.
func (p *page) headed(key uint64) {
	const h1, h2, h3 = 'h' | '1'<<8, 'h' | '2'<<8, 'h' | '3'<<8
	if key != h1 && key != h2 && key != h3 || p.prose.n > 0 || len(p.prose.line) == 0 || len(p.prose.line) > maxLabel || p.zone > 0 {
		return
	}
	may := bytes.IndexByte(p.prose.line, ' ') < 0
	if !may {
		_, may = p.prose.labels(trimLabel(p.prose.line))
	}
	if may {
		var room [maxLabel]byte
		if legalHeads[string(appendFolded(room[:0], p.prose.line, len(room)))] {
			p.prose.legal = true
			return
		}
	}
	if key != h3 {
		p.prose.legal = false
	}
}
