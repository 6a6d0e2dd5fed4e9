package proxy

import (
	"slices"
	"strings"
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
