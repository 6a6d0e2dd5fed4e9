package proxy

import (
	"slices"
	"strings"
)

// matchPath reports whether path matches a glob: * stands for one segment or
// a part of it, ** for any number of segments, none included. Platforms differ in
// what they take for the same path, so that a rule holds for all of it: letters match
// in both cases (Express, IIS), empty segments are none (nginx), and a segment's
// parameters do not belong to it (/orders;a=1, RFC 3986, 3.3; Tomcat). Segments that
// lead elsewhere never get here, see [strays].
func matchPath(glob, path string) bool {
	want, globs, ok := nextSegment(glob)
	if !ok {
		_, _, more := nextSegment(path)
		return !more
	}
	if want == "**" {
		for {
			if matchPath(globs, path) {
				return true
			}
			if _, path, ok = nextSegment(path); !ok {
				return false
			}
		}
	}
	segment, path, ok := nextSegment(path)
	return ok && matchSegment(want, segment) && matchPath(globs, path)
}

// nextSegment cuts the first segment that is not empty off a path, without its
// parameters.
func nextSegment(path string) (segment, rest string, ok bool) {
	for {
		path = strings.TrimLeft(path, "/")
		if path == "" {
			return "", "", false
		}
		segment, rest, _ = strings.Cut(path, "/")
		if segment, _, _ = strings.Cut(segment, ";"); segment != "" {
			return segment, rest, true
		}
		path = rest
	}
}

func matchSegment(glob, segment string) bool {
	before, after, star := strings.Cut(glob, "*")
	if !star {
		return strings.EqualFold(glob, segment)
	}
	return len(segment) >= len(before)+len(after) && strings.EqualFold(segment[:len(before)], before) && strings.EqualFold(segment[len(segment)-len(after):], after)
}

// strays reports whether a path has segments that lead elsewhere: . and .., also
// with parameters, and behind the other slash, which some platforms take for one.
// Browsers resolve them before they ask (RFC 3986, 5.2.4); whoever sends one wants
// another path to be judged than the one that is served.
func strays(path string) bool {
	if !strings.Contains(path, "/.") && !strings.ContainsRune(path, '\\') {
		return false // nearly every path
	}
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// withoutParameters returns a path without its segments' parameters.
func withoutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 {
		return path
	}
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	return strings.Join(segments, "/")
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
