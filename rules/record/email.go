package record

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxEmail bounds an address, as RFC 5321 section 4.5.3.1.3 does (254 without
// the angle brackets).
const maxEmail = 254

// emailByte says which bytes may stand in an address: 1 in the local part, 2
// in the domain, and which is the dot. The quoted local parts of RFC 5321 are
// left out: shops do not issue them.
var emailByte = func() (t [256]uint8) {
	for b := '0'; b <= 'z'; b++ {
		if b <= '9' || 'A' <= b && b <= 'Z' || b >= 'a' {
			t[b] = 3
		}
	}
	for _, b := range ".-" {
		t[b] = 3
	}
	for _, b := range "_+'%&!#~" {
		t[b] = 1
	}
	t['.'] |= emailDot
	return t
}()

const emailDot = 4

// trust says how much the place of an address speaks for it.
type trust uint8

const (
	inText  trust = iota // inside a longer text
	inValue              // a whole value
	inEmail              // a whole value under a key for addresses
)

// findEmail returns where the first address at or after from lies in s, or
// start < 0. Masked addresses and asset names such as logo@2x.png are none.
func findEmail(s []byte, from int, how trust) (start, end int) {
	for {
		at := bytes.IndexByte(s[from:], '@')
		if at < 0 {
			return -1, -1
		}
		at += from
		from = at + 1
		start, end = at, at+1
		for start > 0 && at-start < 64 && emailByte[s[start-1]]&1 != 0 {
			start--
		}
		for end < len(s) && end-at < maxEmail-64 && (emailByte[s[end]]&2 != 0 || s[end] >= 0x80 && !masks(s[end:])) {
			end++
		}
		if start > 0 && (s[start-1] == '*' || masksBefore(s[:start])) || end < len(s) && s[end] == '*' {
			continue
		}
		for start < at && (s[start] == '.' || s[start] == '\'' || s[start] == '-' || s[start] == '=' || s[start] == '&') {
			start++
		}
		for end > at+1 && (s[end-1] == '.' || s[end-1] == '-' || s[end-1] >= 0x80) {
			end--
		}
		if goodEmail(s[start:at], s[at+1:end], how) {
			return start, end
		}
	}
}

// masks reports whether s starts with a sign that stands for left-out
// letters.
func masks(s []byte) bool {
	return bytes.HasPrefix(s, []byte("•")) || bytes.HasPrefix(s, []byte("…")) || bytes.HasPrefix(s, []byte("●"))
}

func masksBefore(s []byte) bool { return len(s) >= 3 && masks(s[len(s)-3:]) }

func goodEmail(local, domain []byte, how trust) bool {
	if len(local) == 0 || len(domain) < 4 || local[len(local)-1] == '.' || bytes.Contains(domain, []byte("..")) || bytes.Contains(local, []byte("..")) {
		return false
	}
	dot := bytes.LastIndexByte(domain, '.')
	if dot < 1 || domain[0] == '-' || domain[0] == '.' || len(domain)-dot-1 < 2 {
		return false
	}
	tld := domain[dot+1:]
	if how == inText || !odd(tld) {
		if odd(tld) && !bytes.HasPrefix(bytes.ToLower(tld), []byte("xn--")) {
			return false
		}
		return how == inEmail || !assetName(domain, tld)
	}
	// A made-up top level, told from a version (lodash@4.17.21).
	first, _, _ := bytes.Cut(domain, []byte{'.'})
	letters := 0
	for _, b := range domain {
		if shapes[b]&shapeLetter != 0 {
			letters++
		}
	}
	if how == inEmail {
		return letters > 0
	}
	return letters > 1 && len(first) >= 3 && domain[0] != 'v' && !assetName(domain, tld)
}

// odd reports whether no top-level domain is like this one.
func odd(tld []byte) bool {
	for _, b := range tld {
		if b < 0x80 && (b|0x20 < 'a' || b|0x20 > 'z') {
			return true
		}
	}
	return false
}

// assetName reports whether a "domain" is the rest of a file name such as
// logo@2x.png or bundle@min.js.
func assetName(domain, tld []byte) bool {
	if len(tld) <= 5 {
		var low [5]byte
		for i, b := range tld {
			low[i] = b | 0x20
		}
		switch string(low[:len(tld)]) {
		case "png", "jpg", "jpeg", "mp4", "mp3", "m4v", "m4a", "woff2", "gif", "svg", "webp", "avif", "ico", "bmp", "css", "js", "mjs", "cjs", "json", "html", "htm",
			"xml", "pdf", "webm", "woff", "ttf", "eot", "otf", "txt", "scss", "less", "vue", "jsx", "tsx", "php", "asp", "aspx", "jsp", "tiff":
			return true
		}
	}
	i := 0
	for i < len(domain) && (domain[i] >= '0' && domain[i] <= '9' || domain[i] == '.') {
		i++
	}
	return i > 0 && i+1 < len(domain) && domain[i] == 'x' && domain[i+1] == '.'
}

// wholeEmail returns the address that s consists of, blanks, "mailto:" and
// angle brackets aside.
func wholeEmail(s []byte, how trust) ([]byte, bool) {
	if plainEmail(s, how) {
		return s, true
	}
	return packedEmail(s, how)
}

// packedEmail is wholeEmail for any address.
func packedEmail(s []byte, how trust) ([]byte, bool) {
	s = trim(s)
	if len(s) > 7 && bytes.EqualFold(s[:7], []byte("mailto:")) {
		s = s[7:]
	}
	if n := len(s); n > 2 && s[0] == '<' && s[n-1] == '>' {
		s = s[1 : n-1]
	}
	start, end := findEmail(s, 0, how)
	if start != 0 || end != len(s) || len(s) > maxEmail {
		return nil, false
	}
	return s, true
}

// plainEmail reports whether s is an address as most are, of ASCII letters,
// digits and few signs, under a domain of letters: what [findEmail] finds in it
// is all of it.
func plainEmail(s []byte, how trust) bool {
	n := len(s)
	if n > maxEmail-64 || n < 6 || shapes[s[0]]&(shapeLetter|shapeDigit) == 0 {
		return false
	}
	at := 0
	for {
		for at < n && emailByte[s[at]]&(1|emailDot) == 1 {
			at++
		}
		if at == n || s[at] != '.' {
			break
		}
		if s[at-1] == '.' {
			return false
		}
		at++
	}
	if at > 64 || at+1 >= n || s[at] != '@' || s[at-1] == '.' || shapes[s[at+1]]&(shapeLetter|shapeDigit) == 0 {
		return false
	}
	dot := 0
	for i := at + 1; ; i++ {
		for i < n && emailByte[s[i]]&(2|emailDot) == 2 {
			i++
		}
		if i == n {
			break
		}
		if s[i] != '.' || s[i-1] == '.' {
			return false
		}
		dot = i
	}
	return dot > at+1 && n-dot > 2 && !odd(s[dot+1:]) && (how == inEmail || !assetName(s[at+1:], s[dot+1:]))
}

// roleNames are local parts that name an office, not a person.
var roleNames = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(`info infos information support admin administrator contact contactus kontakt contacto contatto
		sales verkauf vertrieb hello hi hallo help helpdesk service services kundenservice kundendienst customerservice customercare care
		serviceclient atencionalcliente office mail email post noreply donotreply nepasrepondre webmaster postmaster abuse
		privacy datenschutz dpo gdpr billing accounting accounts buchhaltung finance invoice invoices rechnung orders order bestellung
		bestellungen commande commandes shop store team press presse media jobs careers hr recruiting marketing newsletter news security
		root feedback returns retouren rma legal impressum donate donations git npm system daemon mailer alerts notifications enquiries
		inquiries smtp mailout hostmaster events api biuro sklep kundtjanst kundeservice asiakaspalvelu klantenservice webshop
		produktsicherheit productsafety gpsr einkauf purchasing wholesale export showroom widerruf reklamation retoure redaktion redactie sekretariat secretariat
		empfang reception zentrale filiale anfrage kundenbetreuung ventas pedidos vendite assistenza amministrazione segreteria contabilidad bonjour hola hej moin
		klantendienst winkel obsluga reklamacje zamowienia datenschutzbeauftragter`) {
		m[name] = true
	}
	return m
})

// roleShape tells most words apart from roleNames: by their first letter, one
// bit for each length that a name with it has.
type roleShape [26]uint32

var roleShapes = sync.OnceValue(func() *roleShape {
	var r roleShape
	for name := range roleNames() {
		r[name[0]-'a'] |= 1 << len(name)
	}
	return &r
})

// may reports whether a word may be one of roleNames, once its signs are left
// out. All of them are lower-case letters.
func (r *roleShape) may(word []byte) bool {
	n, first := 0, byte(0)
	for _, b := range word {
		switch {
		case b-'0' <= 9:
			return false
		case b >= utf8.RuneSelf || b-'A' <= 25:
			return true
		case b-'a' <= 25:
			if n++; n == 1 {
				first = b - 'a'
			}
		}
	}
	return n > 0 && n < 32 && r[first]&(1<<n) != 0
}

// roleAddress reports whether a normalised address names an office: info@,
// support@, no-reply@.
func roleAddress(email []byte) bool {
	local, _, _ := bytes.Cut(email, []byte{'@'})
	local, _, _ = bytes.Cut(local, []byte{'+'})
	if n := len(local); n > 0 && local[n-1]-'0' <= 9 || !roleShapes().may(local) { // no office is numbered
		return false
	}
	var room [24]byte
	word := appendFolded(room[:0], local, len(room))
	return len(word) < len(room) && roleNames()[string(word)]
}

// sampleAddress reports whether a normalised address is what forms show for one: a
// word for its owner at a domain that is nobody's (RFC 2606, section 3).
func sampleAddress(email []byte) bool {
	local, domain, _ := bytes.Cut(email, []byte{'@'})
	if !bytes.HasPrefix(domain, []byte("example.")) || len(domain) > len("example.com") {
		return false
	}
	switch string(local) {
	case "you", "your", "yourname", "your.name", "your-name", "youremail", "your.email", "your-email", "name", "username", "user", "email", "mail", "someone", "somebody", "me",
		"firstname.lastname", "first.last", "vorname.nachname", "ihre", "ihrname", "ihr.name", "ihremail", "prenom.nom", "votre", "nom", "naam", "uw", "jij", "nome", "nome.cognome", "nombre", "correo", "tu", "tucorreo",
		"john.doe", "jane.doe", "johndoe", "janedoe", "john.smith", "jane.roe", "jdoe", "max.mustermann", "erika.mustermann", "jean.dupont", "jan.kowalski", "mario.rossi", "test", "test.user":
		return true
	}
	return false
}
