package record

import (
	"bytes"
	"math/bits"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// streetWords are words, or ends of words, that name streets.
var streetWords = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(`street str strasse strase st road rd avenue ave av lane ln drive dr boulevard blvd bd bvd way court ct place pl
		square sq terrace tce crescent cres parade pde highway hwy parkway pkwy close grove gardens row mews walk hill glade path view mall
		rue allee allees chemin impasse quai voie cours passage route faubourg esplanade
		weg gasse platz ring damm ufer steig pfad hof allee chaussee
		via viale piazza piazzale corso vicolo largo strada contrada borgo lungomare
		calle c avenida avda plaza paseo carrera camino ronda carretera ramal parcela travesia urbanizacion poligono jardines rambla glorieta
		rua travessa praca alameda rodovia estrada
		straat laan plein gracht kade singel dijk steeg dreef
		ulica ul aleja al plac osiedle os
		gata gatan vag vagen gatu torg vej gade alle gate veien vei katu tie kuja polku
		utca ut ter korut sokak sk cadde cad mahallesi mah bulvari bulevardul
		trida namesti nabrezi улица ул проспект пр переулок jalan jl`) {
		m[w] = true
	}
	return m
})

var streetEnds = [...]string{"strasse", "strase", "str", "gasse", "weg", "platz", "allee", "damm", "ufer", "ring", "straat", "laan", "plein", "gracht", "kade", "singel", "dijk", "gatan", "gata", "vagen", "vej", "gade", "veien", "katu", "utca", "steig", "pfad"}

// noStreet are signs that no street line has.
var noStreet = func() (t [256]bool) {
	for _, b := range []byte("@$%<>{}[]=|\"*_?!;") {
		t[b] = true
	}
	return t
}()

// streetLike reports how much a line of text looks like street and house
// number: 0 not at all, 1 a number beside words, 2 with a word for street.
func streetLike(s []byte) int {
	s = trim(s)
	if len(s) < 4 || len(s) > 100 {
		return 0
	}
	if bytes.IndexByte(s, ' ') < 0 {
		return blockLike(s)
	}
	kind := shape(0)
	for _, b := range s {
		kind |= shapes[b]
		if noStreet[b] {
			return 0
		}
	}
	if kind&(shapeDigit|shapeHigh) == 0 && !unnumbered(s) {
		return 0
	}
	return streetScore(s)
}

// streetScore is streetLike for a line with blanks and without the signs of
// noStreet.
func streetScore(s []byte) int {
	words, digits, letters, word, edge := 0, 0, 0, false, false
	var room [48]byte
	for rest := s; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if len(w) == 0 {
			continue
		}
		f := appendFolded(room[:0], w, len(room))
		if len(f) == 0 {
			continue
		}
		words++
		last := len(rest) == 0
		if f[0] >= '0' && f[0] <= '9' {
			digits++
			edge = edge || words == 1 || last || words == 2 || len(rest) == 1 // 153 B
			if len(f) > 6 {
				return 0
			}
			continue
		}
		if bytes.Equal(f, []byte("sn")) && words > 1 && last {
			digits, edge = digits+1, true
		}
		letters += utf8.RuneCount(f)
		word = word || namesStreet(f)
	}
	switch {
	case words < 2 || words > 10 || letters < 3 || digits == 0:
		return 0
	case word:
		return 2
	case edge && words <= 6:
		return 1
	}
	return 0
}

// unnumbered reports whether a line of ASCII may end in s/n, of a house without
// number.
func unnumbered(s []byte) bool {
	for i := len(s) - 1; i >= 0; i-- {
		if shapes[s[i]]&shapeLetter != 0 {
			return s[i]|0x20 == 'n'
		}
	}
	return false
}

// streetWord reports whether a text has a word for street.
func streetWord(s []byte) bool {
	var room [48]byte
	for rest := s; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if f := appendFolded(room[:0], w, len(room)); len(f) > 1 && namesStreet(f) {
			return true
		}
	}
	return false
}

// namesStreet reports whether a folded word is a word for street, or ends in one.
func namesStreet(f []byte) bool {
	return streetShapes().may(f) && streetWords()[string(f)] || endsLikeStreet(f)
}

// streetShape tells most words apart from streetWords: by their first letter,
// one bit for each length that a word for street with it has.
type streetShape [26]uint32

var streetShapes = sync.OnceValue(func() *streetShape {
	s := new(streetShape)
	for w := range streetWords() {
		if i := w[0] - 'a'; i <= 25 {
			s[i] |= 1 << len(w)
		}
	}
	return s
})

// may reports whether a folded word, which is not empty, may be one of
// streetWords.
func (s *streetShape) may(f []byte) bool {
	i := f[0] - 'a'
	return i > 25 || s[i]&(1<<len(f)) != 0
}

// streetTails say which of streetEnds, a bit each, end in two letters.
var streetTails = func() (t [32 * 32]uint32) {
	for i, end := range streetEnds {
		t[int(end[len(end)-2]-'a')<<5|int(end[len(end)-1]-'a')] |= 1 << i
	}
	return t
}()

// blockLike is streetLike for scripts without blanks, whose addresses name
// block and number: 神田町1-2-3, 赤坂2丁目3番4号.
func blockLike(s []byte) int {
	if r, _ := utf8.DecodeRune(s); r < 0x2E80 || !digital(s) || len(s) > 100 {
		return 0
	}
	for _, sign := range [...]string{"丁目", "番地", "番", "町", "区", "市", "路", "街", "号", "동", "로", "길"} {
		if bytes.Contains(s, []byte(sign)) {
			return 2
		}
	}
	if last := s[len(s)-1]; isDigit(last) && bytes.IndexByte(s, '-') > 0 {
		return 2
	}
	return 1
}

func endsLikeStreet(f []byte) bool {
	n := len(f)
	if n < 3 {
		return false
	}
	a, b := f[n-2]-'a', f[n-1]-'a'
	if a > 25 || b > 25 {
		return false
	}
	for left := streetTails[int(a)<<5|int(b)]; left != 0; left &= left - 1 {
		if end := streetEnds[bits.TrailingZeros32(left)]; n > len(end)+2 && string(f[n-len(end):]) == end {
			return true
		}
	}
	return false
}

// parts reads a whole address in one line: "Name, Street 1, 12345 Town". name
// is nil when there is none; street is all of it when no part looks like one.
func parts(v []byte) (name, street []byte) {
	rest, first := v, true
	for len(rest) > 0 {
		part, after, _ := bytes.Cut(rest, []byte{','})
		part = bytes.TrimSpace(part)
		next, _, _ := bytes.Cut(after, []byte{','})
		next = bytes.TrimSpace(next)
		if n := len(next); n > 0 && (house(next) && !digital(part) && !personLike(part) || door(part)) { // Via Roma, 12; Flat 2, 7 High Street; 29, rue Haute
			part = rest[:len(rest)-len(after)+bytes.Index(after, next)+n]
			part = bytes.TrimSpace(part)
		}
		if n := streetLike(part); n == 2 || n == 1 && (first || !postcodeLike(part) || numbered(part)) {
			return name, part
		}
		if first && personLike(part) {
			name = part
		}
		rest, first = after, false
	}
	return nil, v
}

// house reports whether a part of an address is a house number: 12, 12b, 12/B,
// 12 - apto 32.
func house(part []byte) bool {
	i := 0
	for i < len(part) && isDigit(part[i]) {
		i++
	}
	if i == 0 || i > 4 || len(part) > 24 {
		return false
	}
	rest := part[i:]
	return len(rest) <= 2 && bytes.IndexByte(rest, ' ') < 0 || len(rest) > 0 && (rest[0] == '/' || rest[0] == '-') || bytes.HasPrefix(rest, []byte(" -"))
}

// numbered reports whether a part of an address begins or ends with a house
// number of at most three digits: 119 The Green, Södra Torget 153 B.
func numbered(part []byte) bool {
	end := len(part)
	for end > 0 && !isDigit(part[end-1]) && end > len(part)-2 {
		end--
	}
	digits := 0
	for end > 0 && isDigit(part[end-1]) {
		end--
		digits++
	}
	if digits > 0 && digits <= 3 && end > 3 && part[end-1] == ' ' && !isDigit(part[end-2]) {
		return true
	}
	i := 0
	for i < len(part) && isDigit(part[i]) {
		i++
	}
	if i == 0 || i > 3 || i+2 >= len(part) {
		return false
	}
	if part[i] != ' ' { // 119b
		i++
	}
	return part[i] == ' ' && !isDigit(part[i+1])
}

// door reports whether a part of an address is a door or a number before the
// street: Flat 2, Unit 3, 29.
func door(part []byte) bool {
	if len(part) == 0 || len(part) > 12 || !digital(part) {
		return false
	}
	if isDigit(part[0]) {
		return len(part) <= 4
	}
	w, _ := nextWord(part)
	var room [12]byte
	switch string(appendFolded(room[:0], w, len(room))) {
	case "flat", "unit", "apt", "apartment", "suite", "shop", "lot", "level", "floor", "door", "house", "hno", "plot", "no", "lgh", "apto", "wohnung":
		return true
	}
	return false
}

// nextWord cuts the first word off s; blanks and commas divide words.
func nextWord(s []byte) (word, rest []byte) {
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != ',' && s[i] != '\t' {
		i++
	}
	word = s[:i]
	for i < len(s) && (s[i] == ' ' || s[i] == ',' || s[i] == '\t') {
		i++
	}
	return word, s[i:]
}

// particles may stand in lower case inside a person's name.
func particle(f []byte) bool {
	switch string(f) {
	case "van", "von", "de", "der", "den", "het", "ter", "ten", "zu", "zur", "vom", "da", "das", "do", "dos", "del", "della", "di", "du", "des",
		"la", "le", "el", "al", "bin", "ibn", "y", "e", "af", "av", "op", "t", "d":
		return true
	}
	return false
}

// particular reports whether a family name begins with a particle: van den
// Berg.
func particular(s []byte) bool {
	w, rest := nextWord(s)
	return len(rest) > 0 && particle(w)
}

// personLike reports whether a line of text looks like a person's full name:
// two to six capitalised words (or ones without capitals in their script), no
// digits, none of them a word of the lexicon.
func personLike(s []byte) bool {
	s = trim(s)
	if len(s) < 4 || len(s) > 80 {
		return false
	}
	words, lower := 0, 0
	var room [64]byte
	for rest := s; len(rest) > 0; {
		var w []byte
		w, rest = nextWord(rest)
		if len(w) == 0 {
			continue
		}
		if bytes.HasPrefix(w, []byte("'")) || bytes.HasPrefix(w, []byte("’")) { // van 't Hof
			w = bytes.TrimLeft(w, "'’")
		}
		r, size := utf8.DecodeRune(w)
		if !unicode.IsLetter(r) || !wordOfName(w[size:]) {
			return false
		}
		f := appendFolded(room[:0], w, len(room))
		if len(f) > 2 && lexiconGrams().may(f) {
			if c, ok := lexicon()[string(f)]; ok && (c.kind != kindNone || c.sense != 0) && c.kind != kindText && !particle(f) {
				return false
			}
		}
		if len(f) > 3 && streetShapes().may(f) && streetWords()[string(f)] {
			return false
		}
		words++
		if unicode.IsLower(r) && !particle(f) {
			lower++
		}
	}
	if incorporated(s) {
		return false
	}
	if words == 1 { // scripts that write names without a blank
		r, _ := utf8.DecodeRune(s)
		n := utf8.RuneCount(s)
		return r >= 0x2E80 && n >= 2 && n <= 8
	}
	return words <= 6 && lower == 0
}

// clientLike is [personLike] for a value that is called the customer: a family name
// may be a word of the lexicon there, one of trade, as Marchand and Price are.
func clientLike(s []byte) bool {
	if personLike(s) {
		return true
	}
	s = trim(s)
	at := bytes.LastIndexByte(s, ' ')
	if at < 1 || len(s) > 80 || incorporated(s) {
		return false
	}
	var room [64]byte
	c, ok := lexicon()[string(appendFolded(room[:0], s[at+1:], len(room)))]
	if !ok || c.kind != kindNone && c.kind != kindPrice || c.sense&^(senseShop|senseProduct) != 0 {
		return false
	}
	first, rest := nextWord(s[:at])
	if r, _ := utf8.DecodeRune(s[at+1:]); !unicode.IsUpper(r) {
		return false
	}
	return len(first) > 1 && personLike(append(append(room[:0], first...), " Xx"...)) && (len(rest) == 0 || personLike(s[:at]))
}

// incorporated reports whether a name ends in the legal form of a company, or in a word
// for a part of one.
func incorporated(s []byte) bool {
	switch string(s[bytes.LastIndexByte(s, ' ')+1:]) {
	case "Team", "Support", "Service", "Department", "GmbH", "mbH", "AG", "KG", "OHG", "UG", "KGaA", "eG", "SE", "Ltd", "Ltd.", "Limited", "LTD", "PLC", "plc", "LLP", "LLC", "Inc", "Inc.", "Corp", "Corp.", "Co.",
		"SARL", "SAS", "SASU", "S.A.", "SA", "NV", "N.V.", "BV", "B.V.", "AB", "AS", "ASA", "A/S", "ApS", "Oy", "Oyj", "SpA", "S.p.A.", "Srl", "S.r.l.", "SL", "S.L.", "Ltda", "Ltda.", "Kft", "Kft.", "s.r.o.", "株式会社":
		return true
	}
	return false
}

// wordsOfName is wordOfName for words with blanks between.
func wordsOfName(s []byte) bool {
	for {
		w, rest, more := bytes.Cut(s, []byte{' '})
		if !wordOfName(w) {
			return false
		}
		if s = rest; !more {
			return true
		}
	}
}

func wordOfName(s []byte) bool {
	ascii := true
	for _, b := range s {
		ascii = ascii && nameByte[b] && b < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range string(s) {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' && r != '’' && r != '-' && r != '.' && r != '·' {
			return false
		}
	}
	return true
}

// postcodeLike reports whether a line holds a postal code beside a place name
// ("12345 Town", "Town AB1 2CD"), or nothing but one.
func postcodeLike(s []byte) bool {
	s = trim(s)
	if len(s) < 4 || len(s) > 80 {
		return false
	}
	digits, letters, run, best := 0, 0, 0, 0
	for i, size := 0, 0; i < len(s); i += size {
		r := rune(s[i])
		if size = 1; r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(s[i:])
		}
		switch {
		case r >= '0' && r <= '9':
			digits++
			run++
			best = max(best, run)
			continue
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
		case r != ' ' && r != '-' && r != ',' && r != '.' && r != '\'' && r != '/' && r != '(' && r != ')' && r != '〒':
			return false
		}
		run = 0
	}
	return digits >= 3 && digits <= 10 && best <= 7 && (best >= 4 || letters >= 2)
}
