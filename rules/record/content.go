package record

import (
	"bytes"
	"cmp"
	"strings"

	"golang.org/x/net/html/atom"
)

// form is the form of a body.
type form uint8

const (
	formUnknown form = iota
	formJSON
	formHTML
	formXML
	formCSV
	formSQL
	formText
	formPairs
	formLines     // key: value
	formEvents    // server-sent
	formMultipart // parts with headers of their own
	formMail      // headers and a body
	formCard      // vCard
	formEDI       // EDIFACT, X12
	formScript    // JavaScript that may hold data
	formOpaque    // not read

	formGzip // forms of binary files: see binary.go
	formZlib
	formZip
	formTar
	formPDF
	formProtobuf
	formGRPC
	formGRPCText // base64
	formPack     // MessagePack
	formBSON
)

// mediaType returns the type without parameters, in lower case.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// formOf returns what a Content-Type promises.
func formOf(contentType string) form {
	switch t := mediaType(contentType); {
	case t == "", t == "application/octet-stream", t == "binary/octet-stream", t == "application/force-download", t == "application/x-download":
		return formUnknown
	case strings.HasPrefix(t, "application/grpc"):
		return binaryForm(t)
	case strings.HasSuffix(t, "json"), strings.Contains(t, "ndjson"), strings.Contains(t, "graphql"), strings.HasSuffix(t, "json-seq"), strings.HasSuffix(t, "jsonlines"), t == "text/json":
		return formJSON
	case t == "text/html", t == "application/xhtml+xml":
		return formHTML
	case strings.HasSuffix(t, "/xml"), strings.HasSuffix(t, "+xml") && !strings.HasPrefix(t, "image/"):
		return formXML
	case strings.Contains(t, "csv"), strings.Contains(t, "tab-separated"), t == "application/vnd.ms-excel":
		return formCSV
	case t == "application/sql", t == "application/x-sql", t == "text/x-sql":
		return formSQL
	case t == "application/x-www-form-urlencoded":
		return formPairs
	case strings.HasSuffix(t, "/yaml"), strings.HasSuffix(t, "/x-yaml"), strings.HasSuffix(t, "+yaml"), t == "text/x-java-properties":
		return formLines
	case t == "text/css":
		return formOpaque
	case strings.HasSuffix(t, "/javascript"), strings.HasSuffix(t, "/x-javascript"), strings.HasSuffix(t, "/ecmascript"), t == "text/jscript", t == "application/json-p":
		return formScript
	case t == "text/event-stream":
		return formEvents
	case t == "text/vcard", t == "text/x-vcard", t == "text/directory", t == "text/card":
		return formCard
	case strings.HasPrefix(t, "multipart/"):
		return formMultipart
	case strings.HasPrefix(t, "message/"), t == "application/http", t == "application/mbox":
		return formMail
	case strings.HasPrefix(t, "text/"), strings.HasPrefix(t, "application/edi"):
		return formText
	}
	return binaryForm(mediaType(contentType))
}

// Inspectable reports whether the finder reads bodies of a Content-Type. A
// missing or general type (application/octet-stream) is read if its first
// bytes are text.
func Inspectable(contentType string) bool { return formOf(contentType) != formOpaque }

// Harmless reports whether a Content-Type that is not [Inspectable] is one
// that carries no customer records: style sheets, fonts, images, audio and
// video.
func Harmless(contentType string) bool {
	t := mediaType(contentType)
	switch t {
	case "text/css", "application/wasm", "application/vnd.ms-fontobject", "application/x-font-ttf", "application/x-font-woff", "application/manifest+json":
		return true
	}
	return strings.HasPrefix(t, "image/") || strings.HasPrefix(t, "font/") || strings.HasPrefix(t, "audio/") || strings.HasPrefix(t, "video/")
}

// maxSniff is how many bytes are gathered before the form is decided.
const maxSniff = 512

// sniff decides the form of a body from its type and first bytes. The type is
// a hint: JSON and markup are told by how they begin.
func sniff(promised form, head []byte) form {
	if promised = sniffBinary(promised, head); promised > formOpaque {
		return promised
	}
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	text := bytes.TrimLeft(head, " \t\r\n\x00\x1E")
	if len(text) == 0 {
		if promised == formUnknown {
			return formText
		}
		return promised
	}
	if promised == formCSV || promised == formPairs {
		if text[0] == '<' && markup(text) {
			return formHTML
		}
		if text[0] != '{' && text[0] != '[' {
			return promised
		}
	}
	if promised == formXML && text[0] != '<' {
		promised = formText // the type lies
	}
	switch text[0] {
	case '{', '[':
		if rest := bytes.TrimLeft(text[1:], " \t\r\n"); promised == formJSON || len(rest) > 0 && bytes.IndexByte([]byte(`"{[}]`), rest[0]) >= 0 || len(rest) > 0 && text[0] == '[' && rest[0] >= '0' && rest[0] <= '9' {
			return formJSON
		}
	case '<':
		if promised == formOpaque && !markup(text) {
			return formOpaque
		}
		if promised == formXML || bytes.HasPrefix(text, []byte("<?xml")) && !bytes.Contains(bytes.ToLower(text), []byte("<html")) {
			return formXML
		}
		if (promised == formUnknown || promised == formText) && foreignRoot(text) {
			return formXML
		}
		if promised != formJSON || markup(text) {
			return formHTML
		}
	}
	switch promised {
	case formEvents, formCard:
		if promised == formEvents && eventful(text) {
			return formEvents
		}
		return sniffText(formText, head, text)
	case formMultipart, formMail, formScript, formLines:
		return promised
	case formJSON:
		if guarded(text) {
			return formScript
		}
	case formUnknown, formText, formSQL, formHTML:
		if f := sniffText(promised, head, text); f != formUnknown {
			return f
		}
	}
	return promised
}

// foreignRoot reports whether markup begins with an element that HTML does not have:
// XML without its declaration, whose elements part what stands in them.
func foreignRoot(text []byte) bool {
	name := text[1:]
	n := 0
	for n < len(name) && (name[n]|0x20-'a' <= 25 || name[n]-'0' <= 9 || name[n] == ':' || name[n] == '_' || name[n] == '-' || name[n] == '.') {
		n++
	}
	return n > 0 && n < len(name) && (name[n] == '>' || name[n] == ' ') && name[0]|0x20-'a' <= 25 && atom.Lookup(bytes.ToLower(name[:n])) == 0
}

func markup(text []byte) bool {
	low := bytes.ToLower(text[:min(len(text), 256)])
	for _, start := range []string{"<!doctype", "<html", "<?xml", "<head", "<body", "<div", "<table", "<form", "<ul", "<p", "<span", "<!--", "<script", "<section"} {
		if bytes.HasPrefix(low, []byte(start)) {
			return true
		}
	}
	return false
}

// sniffText tells dumps, delimited text and plain text apart.
func sniffText(promised form, head, text []byte) form {
	if interchange(text) {
		return formEDI
	}
	if binaryHead(head) {
		if promised == formUnknown {
			return formOpaque
		}
		return promised
	}
	low := bytes.ToLower(text)
	if promised == formSQL {
		return formSQL
	}
	if promised != formHTML && flightText(text) {
		return formJSON
	}
	for _, start := range []string{"--", "/*", "insert into", "truncate", "create table", "drop table", "set ", "copy ", "begin;"} {
		if bytes.HasPrefix(low, []byte(start)) && (start != "--" && start != "/*" && start != "set " || bytes.Contains(low, []byte("insert")) || bytes.Contains(low, []byte("dump")) || bytes.Contains(low, []byte("table"))) {
			return formSQL
		}
	}
	if promised == formHTML {
		return formHTML
	}
	if bytes.HasPrefix(text, []byte("data:")) || bytes.HasPrefix(text, []byte("event: ")) {
		return formEvents
	}
	if guarded(text) {
		return formScript
	}
	if bytes.HasPrefix(low, []byte("begin:vcard")) || bytes.HasPrefix(low, []byte("begin:vcalendar")) {
		return formCard
	}
	if mailLike(text) {
		return formMail
	}
	if promised != formHTML && paired(head) {
		return formLines
	}
	if framed := unframed(head); delimiter(framed) != 0 && headed(framed) {
		return formCSV
	}
	if promised == formUnknown && bytes.IndexByte(text, '<') >= 0 && bytes.Contains(low, []byte("</")) {
		return formHTML
	}
	return formText
}

// unframed cuts the line of dashes above a table, as clients of databases draw it.
func unframed(head []byte) []byte {
	line, rest, _ := bytes.Cut(head, []byte{'\n'})
	if len(line) > 3 && len(bytes.Trim(line, "+-\r")) == 0 {
		return rest
	}
	return head
}

// binaryHead reports whether the first bytes are no text.
func binaryHead(head []byte) bool {
	control := 0
	for _, b := range head {
		if b < 0x20 && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != 0x1B && b != 0x1E {
			control++
		}
	}
	return bytes.HasPrefix(head, []byte("%PDF-")) || control*20 > len(head)
}

// delimiter returns the delimiter of delimited text, or 0: the sign that
// stands most often in the first line, outside of quotes.
func delimiter(head []byte) byte {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	best, most := byte(0), 0
	for _, d := range []byte{',', ';', '\t', '|'} {
		n, quoted := 0, false
		for _, b := range line {
			if b == '"' {
				quoted = !quoted
			} else if b == d && !quoted {
				n++
			}
		}
		if n > most {
			best, most = d, n
		}
	}
	return best
}

// columned returns the delimiter of text whose type says that it is delimited:
// what the line sep= says, or that of the first line that names columns, or of
// the first one that has any.
func columned(head []byte) byte {
	first := byte(0)
	for n := 0; n < maxLead && len(head) > 0; n++ {
		line, rest, _ := bytes.Cut(head, []byte{'\n'})
		if line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))); len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) {
			return line[4]
		}
		if d := delimiter(head); d != 0 {
			if headed(head) {
				return d
			}
			if first == 0 {
				first = d
			}
		}
		head = rest
	}
	return cmp.Or(first, ',')
}

// headed reports whether the first line names columns, or whether the first
// two lines have equally many cells.
func headed(head []byte) bool {
	d := delimiter(head)
	lines := bytes.SplitN(head, []byte{'\n'}, 3)
	cells, known := bytes.Split(lines[0], []byte{d}), headings(head, d)
	if len(cells) > 1 && known*2 >= len(cells) {
		return true
	}
	return len(lines) > 1 && len(cells) > 2 && bytes.Count(lines[0], []byte{d}) == bytes.Count(lines[1], []byte{d})
}

// headings returns how many cells of the first line are words of the lexicon.
func headings(head []byte, delimiter byte) (known int) {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	for cell := range bytes.SplitSeq(line, []byte{delimiter}) {
		if classify(bytes.Trim(cell, "\" \r\t")).sense&senseKnown != 0 {
			known++
		}
	}
	return known
}
