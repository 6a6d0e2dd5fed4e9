package record

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// maxShownOrders bounds what [ShownOrders] returns.
const maxShownOrders = 100

var (
	linkTarget   = regexp.MustCompile(`(?i)\b(?:href|src|action)\s*=\s*["']?([^"'\s>]{2,1000})`)
	numberMember = regexp.MustCompile(`"([A-Za-z_-]{2,32})"\s*:\s*(?:"#?([0-9A-Za-z-]{1,47})"|([0-9]{1,18}))`)
)

// ShownOrders digests the order numbers that a list of orders shows, at most
// 100: those that its links name ([NamedOrders]), and the ids and numbers in its
// JSON. A number that asked, the request's address, holds already is left out:
// it may be the client's own word, sent back.
func ShownOrders(text []byte, asked string, h *rules.Hasher) []rules.Identifier {
	n := named{h: h}
	seen := make(map[rules.Identifier]bool)
	var ids []rules.Identifier
	keep := func(found []rules.Identifier) {
		for _, id := range found {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	own := make(map[rules.Identifier]bool)
	for _, token := range numberToken.FindAllString(asked, -1) {
		n.ids = n.ids[:0]
		if n.add(token) {
			own[n.ids[0]] = true
		}
	}
	for _, m := range linkTarget.FindAllSubmatch(text, maxShownOrders*4) {
		if target, err := url.Parse(html.UnescapeString(string(m[1]))); err == nil {
			keep(NamedOrders(target.Path, target.RawQuery, h))
		}
	}
	for _, m := range numberMember.FindAllSubmatch(text, maxShownOrders*16) {
		switch classify(m[1]).kind {
		case kindOrder, kindID, kindCode:
			n.ids = n.ids[:0]
			if n.add(string(bytes.Join(m[2:], nil))) {
				keep(n.ids)
			}
		default:
		}
	}
	told := ids[:0]
	for _, id := range ids {
		if !own[id] {
			told = append(told, id)
		}
	}
	return told[:min(len(told), maxShownOrders)]
}

var numberToken = regexp.MustCompile(`[0-9A-Za-z-]{1,47}`)

// ListsOrders reports whether a path is that of a list of orders, and names
// none itself: /account/orders, /sales/order/history.
func ListsOrders(path string, h *rules.Hasher) bool {
	n := named{h: h}
	noun := false
	for segment := range strings.SplitSeq(path[:min(len(path), maxTarget)], "/") {
		noun = n.segment(segment, noun)
	}
	return n.noun && len(n.ids) == 0
}
