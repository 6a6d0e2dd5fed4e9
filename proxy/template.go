package proxy

import (
	_ "embed"
	"encoding/hex"
	"strings"
	"sync"

	"github.com/ordergate/ordergate/rules"
)

// maxWord is the longest segment of a path that is looked up as a word, in
// bytes. Longer ones name something.
const maxWord = 32

//go:embed routewords.txt
var routeWords string

// lexicon returns the words of routewords.txt.
var lexicon = sync.OnceValue(func() map[string]struct{} {
	words := make(map[string]struct{}, 2048)
	for line := range strings.Lines(routeWords) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			words[word] = struct{}{}
		}
	}
	return words
})

// declared returns the segments that the operator has written down as fixed: those
// without a * of the paths of routes, roles and upstream groups.
func (p *Policy) declared(groups *groups) map[string]struct{} {
	words := make(map[string]struct{})
	add := func(glob string) {
		for segment := range strings.SplitSeq(glob, "/") {
			if !strings.Contains(segment, "*") {
				words[segment] = struct{}{}
			}
		}
	}
	for i := range p.Routes {
		add(p.Routes[i].Path)
	}
	for i := range p.Roles {
		add(p.Roles[i].Path)
	}
	for _, g := range groups.named {
		for _, path := range g.paths {
			add(path)
		}
	}
	return words
}

// template names the route of an exchange without what names a customer or an
// order, in at most rules.MaxRoute bytes. A segment of the path is kept if it is
// known to be a fixed word: the operator declared it, or it is made of words of
// the lexicon. One with a digit, an encoded sign or more than 32 bytes becomes
// {id}. Any other may be a name (/customers/janssen) or a word of a shop whose
// language we do not know (/tellimused), which nobody can tell by looking: it
// becomes 24 bits of its keyed digest, {5e1f0c}. So routes stay apart, for the
// detectors and reports that group by them, and nobody without the ledger's key
// reads a name. It names the upstream group, too, where that serves hosts of its own:
// the same path means something else there.
func (x *exchange) template() string {
	var b strings.Builder
	b.Grow(len(x.path) + len("/{id}"))
	if len(x.group.hosts) > 0 {
		b.WriteString(x.group.name)
		b.WriteByte(':')
	}
	for segment := range strings.SplitSeq(strings.Trim(x.path, "/"), "/") {
		segment = x.word(segment)
		if b.Len()+1+len(segment)+len("/…") > rules.MaxRoute {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		b.WriteString(segment)
	}
	return b.String()
}

// word returns what stands for a segment of the path in the template.
func (x *exchange) word(segment string) string {
	if _, ok := x.policy.words[segment]; ok && len(segment) <= maxWord {
		return segment
	}
	if nameless(segment) {
		return "{id}"
	}
	if fixed(segment) || strings.ContainsAny(segment, "0123456789") { // with digits it is an API's version
		return segment
	}
	digest := x.hasher.Segment([]byte(segment))
	var out [8]byte
	out[0], out[7] = '{', '}'
	hex.Encode(out[1:7], digest[:3])
	return string(out[:])
}

// fixed reports whether a segment of letters, '-', '_' and '.' is made of words of
// the lexicon, or is a single letter: order-history, OrderHistory, cart.php, p.
func fixed(segment string) bool {
	if len(segment) <= 1 {
		return true
	}
	var lower [maxWord]byte
	from := 0
	for i := range len(segment) {
		c := segment[i]
		apart := c == '-' || c == '_' || c == '.'
		capital := c >= 'A' && c <= 'Z'
		if apart || capital && i > from && lower[i-1] == segment[i-1] { //nolint:gosec // i is above from; a capital behind a small letter begins a word
			if i > from && !known(lower[from:i]) {
				return false
			}
			from = i
		}
		switch {
		case apart:
			from = i + 1
		case capital:
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return from == len(segment) || known(lower[from:len(segment)])
}

func known(word []byte) bool {
	_, ok := lexicon()[string(word)]
	return ok
}

// nameless reports whether a segment is more likely a value than a name.
func nameless(segment string) bool {
	if len(segment) > maxWord {
		return true
	}
	version := len(segment) <= 3 && strings.HasPrefix(segment, "v") && strings.Trim(segment[1:], "0123456789") == "" // v1, v12: an API's version
	for i := range len(segment) {
		c := segment[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.':
		case c >= '0' && c <= '9' && version:
		default:
			return true
		}
	}
	return false
}
