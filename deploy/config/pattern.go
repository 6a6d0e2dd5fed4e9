package config

import "strings"

// Glob is a pattern of paths: * stands for one segment or a part of one, **
// as a whole segment for any number of segments, none included. The zero
// value means none.
type Glob string

// maxGlob bounds a pattern, in bytes.
const maxGlob = 256

func parseGlob(text string) (Glob, *problem) {
	const remedy = "write a path pattern such as /admin/** or /orders/*/invoice"
	switch {
	case !strings.HasPrefix(text, "/"):
		return "", &problem{"does not begin with /", remedy}
	case len(text) > maxGlob:
		return "", &problem{"is longer than 256 bytes", "write a shorter pattern"}
	case strings.ContainsAny(text, "?#"):
		return "", &problem{"has a ? or #", "a pattern is of the path alone: " + remedy}
	case strings.Contains(text, "//"):
		return "", &problem{"has an empty segment", remedy}
	}
	if strings.Count(text, "/**") > 2 { // matching takes time to the power of their number
		return "", &problem{"has more than two **", "write a pattern with one or two"}
	}
	for segment := range strings.SplitSeq(text[1:], "/") {
		switch {
		case segment != "**" && strings.Count(segment, "*") > 1 && !strings.Contains(segment, "**"):
			return "", &problem{"has more than one * in a segment", "write one * in it"}
		case segment == "." || segment == "..":
			return "", &problem{"has a segment " + segment, "write the path that it stands for"}
		case segment != "**" && strings.Contains(segment, "**"):
			return "", &problem{"has ** inside a segment", "write ** as a whole segment, such as /admin/**"}
		}
	}
	return Glob(text), nil
}

// CarrierKind is a place of a request where a session or token is carried.
type CarrierKind uint8

// The places.
const (
	CarrierBearer CarrierKind = iota // Authorization: Bearer
	CarrierCookie
	CarrierHeader
)

// Carrier is one place where a session or token is carried.
type Carrier struct {
	Kind   CarrierKind
	Name   string // of the cookie or header; for a pattern, what stands before its *
	Prefix bool   // the written name ended in *: every name that begins with Name
}

// String returns the carrier as it is written in the file.
func (c Carrier) String() string {
	star := ""
	if c.Prefix {
		star = "*"
	}
	switch c.Kind {
	case CarrierCookie:
		return "cookie:" + c.Name + star
	case CarrierHeader:
		return "header:" + c.Name + star
	case CarrierBearer:
	}
	return "bearer"
}

func parseCarrier(text string) (Carrier, *problem) {
	const remedy = "write cookie:NAME, header:NAME or bearer, such as cookie:PHPSESSID"
	if text == "bearer" {
		return Carrier{Kind: CarrierBearer}, nil
	}
	place, name, ok := strings.Cut(text, ":")
	c := Carrier{Kind: CarrierCookie}
	switch {
	case place == "query":
		return Carrier{}, &problem{"takes a token from the query", "a query ends up in logs and Referer headers; carry the token in a header or cookie"}
	case !ok || place != "cookie" && place != "header":
		return Carrier{}, &problem{"is not a place where a session is carried", remedy}
	case place == "header":
		c.Kind = CarrierHeader
	}
	c.Name, c.Prefix = strings.CutSuffix(name, "*")
	if !isToken(c.Name) || strings.Contains(c.Name, "*") {
		return Carrier{}, &problem{"has no name that a cookie or header can have", remedy}
	}
	return c, nil
}

// maxName bounds the name of a cookie or header, in bytes.
const maxName = 128

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as the
// names of headers and cookies and methods are.
func isToken(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// Sessions are the carriers in the order in which they are looked for.
type Sessions []Carrier

// noBuiltin is the entry that leaves the built-in names out.
const noBuiltin = "no-builtin"

// withBuiltins returns the written carriers followed by the built-in ones
// that are not among them.
func (s Sessions) withBuiltins() Sessions {
	out := append(Sessions(nil), s...)
	for _, b := range builtinSessions() {
		if !s.has(b) {
			out = append(out, b)
		}
	}
	return out
}

func (s Sessions) has(c Carrier) bool {
	for _, have := range s {
		if have.Kind == c.Kind && have.Prefix == c.Prefix && sameName(have, c) {
			return true
		}
	}
	return false
}

// sameName compares names as HTTP does: headers without regard to case.
func sameName(a, b Carrier) bool {
	if a.Kind == CarrierHeader {
		return strings.EqualFold(a.Name, b.Name)
	}
	return a.Name == b.Name
}
