package proxy

import (
	"slices"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// matchPath reports whether path matches a glob: * stands for one segment or
// a part of it, ** for any number of segments, none included.
func matchPath(glob, path string) bool {
	return matchSegments(strings.Split(strings.Trim(glob, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/"))
}

func matchSegments(glob, path []string) bool {
	for len(glob) > 0 {
		if glob[0] == "**" {
			for i := 0; i <= len(path); i++ {
				if matchSegments(glob[1:], path[i:]) {
					return true
				}
			}
			return false
		}
		if len(path) == 0 || !matchSegment(glob[0], path[0]) {
			return false
		}
		glob, path = glob[1:], path[1:]
	}
	return len(path) == 0
}

func matchSegment(glob, segment string) bool {
	before, after, star := strings.Cut(glob, "*")
	if !star {
		return glob == segment
	}
	return len(segment) >= len(before)+len(after) && strings.HasPrefix(segment, before) && strings.HasSuffix(segment, after)
}

// routeOf returns the first rule for a request to a group, or the zero rule.
func (p *Policy) routeOf(group, method, path string) *RouteRule {
	for i := range p.Routes {
		rule := &p.Routes[i]
		if (rule.Upstream == "" || rule.Upstream == group) && (len(rule.Methods) == 0 || slices.Contains(rule.Methods, method)) && matchPath(rule.Path, path) {
			return rule
		}
	}
	return &RouteRule{}
}

// template names the route of a path without what names a customer or an
// order: segments with a digit, a sign of encoding or more than 32 bytes
// become {id}. At most rules.MaxRoute bytes.
func template(path string) string { return templateWithin(path, rules.MaxRoute) }

// template names the group, too, where it serves hosts of its own: the same path
// means something else there.
func (g *group) template(path string) string {
	if len(g.hosts) == 0 {
		return template(path)
	}
	return g.name + ":" + templateWithin(path, rules.MaxRoute-len(g.name)-1)
}

func templateWithin(path string, most int) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if nameless(segment) {
			segment = "{id}"
		}
		if b.Len()+1+len(segment)+len("/…") > most {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		b.WriteString(segment)
	}
	return b.String()
}

// nameless reports whether a segment is more likely a value than a name.
func nameless(segment string) bool {
	if len(segment) > 32 {
		return true
	}
	version := len(segment) <= 3 && strings.HasPrefix(segment, "v") // v1, v12: an API's version
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
