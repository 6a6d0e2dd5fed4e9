package blind

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
)

// node is a value of a tree as JSON and XML write it: an object or a list of
// nodes, or a text.
type node struct {
	key   string
	value string
	kids  []node
	list  bool // kids have no keys
	bare  bool // value is a number, true or null
}

func text(key, value string) node        { return node{key: key, value: value} }
func bare(key, value string) node        { return node{key: key, value: value, bare: true} }
func object(key string, of ...node) node { return node{key: key, kids: of} }
func listOf(key string, of ...node) node { return node{key: key, kids: of, list: true} }
func (n node) as(key string) node        { n.key = key; return n }
func (n node) with(more ...node) node    { n.kids = append(more, n.kids...); return n }
func isContainer(n *node) bool           { return n.list || n.kids != nil }
func jsonText(n node, escaped bool) string {
	var b strings.Builder
	writeJSON(&b, &n, escaped)
	return b.String()
}

// writeJSON writes n without its key; escaped writes every sign beyond ASCII
// as an escape, as PHP does.
func writeJSON(b *strings.Builder, n *node, escaped bool) {
	switch {
	case isContainer(n):
		open, shut := byte('{'), byte('}')
		if n.list {
			open, shut = '[', ']'
		}
		b.WriteByte(open)
		for i := range n.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			if !n.list {
				b.WriteString(quoteJSON(n.kids[i].key, escaped))
				b.WriteByte(':')
			}
			writeJSON(b, &n.kids[i], escaped)
		}
		b.WriteByte(shut)
	case n.bare:
		b.WriteString(n.value)
	default:
		b.WriteString(quoteJSON(n.value, escaped))
	}
}

func quoteJSON(s string, escaped bool) string {
	quoted, _ := json.Marshal(s)
	if !escaped {
		return string(quoted)
	}
	var b strings.Builder
	for _, r := range string(quoted) {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hexDigits[u>>shift&15])
			}
		}
	}
	return b.String()
}

var xmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// writeXML writes n as an element with the given prefix; members of lists are
// called item.
func writeXML(b *strings.Builder, n *node, prefix string) {
	name := prefix + strings.ReplaceAll(strings.TrimPrefix(n.key, "@"), " ", "_")
	b.WriteString("<" + name + ">")
	for i := range n.kids {
		kid := n.kids[i]
		if n.list && kid.key == "" {
			kid.key = "item"
		}
		writeXML(b, &kid, prefix)
	}
	b.WriteString(xmlEscape.Replace(n.value))
	b.WriteString("</" + name + ">\n")
}
