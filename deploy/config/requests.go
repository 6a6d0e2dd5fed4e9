package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ordergate/ordergate/proxy"
)

// Requests are what requests may look like. Over a number the answer is 400 (431
// for headers). A number that is not written in a route keeps that of the whole gateway.
type Requests struct {
	// Methods are those that may be used, such as [GET, POST]; GET allows HEAD. Any
	// other is answered 405, also one in X-HTTP-Method-Override and its like. Empty: every
	// one that the WAF's rules let through; [*] lifts the gateway's list on a route.
	Methods []string `yaml:"methods,omitempty"`
	// ContentTypes are the media types that a body may have, such as
	// application/json or image/*. Any other, and a body without a type, is answered
	// 415. Empty: every one; [*/*] lifts the gateway's list on a route.
	ContentTypes []string `yaml:"content_types,omitempty"`
	// Headers is how many header fields a request may have, 1 to 10000.
	Headers int `yaml:"headers,omitempty"`
	// HeaderBytes is how many bytes the header may have on this route, below
	// limits.request_headers.
	HeaderBytes Size `yaml:"header_bytes,omitempty"`
	// Arguments is how many arguments a query, and a form's body, may have, 1 to 10000.
	Arguments int `yaml:"arguments,omitempty"`
	// Nesting is how deep objects and arrays may stand inside each other in a JSON
	// body, 1 to 10000.
	Nesting int `yaml:"nesting,omitempty"`
	// GraphQL are limits of requests to paths that end in graphql or -api, and of
	// bodies of type application/graphql. A document that cannot be read cannot be
	// measured, and is refused, except at -api, which may be another kind of API.
	GraphQL GraphQL `yaml:"graphql,omitempty"`
}

// GraphQL are limits of one GraphQL request, 1 to 1000000 each.
type GraphQL struct {
	// Batch is how many documents one request may carry.
	Batch int `yaml:"batch,omitempty"`
	// Depth is how deep fields may stand inside each other, through fragments.
	Depth int `yaml:"depth,omitempty"`
	// Fields is how many fields a request may ask for: aliases count, and fragments
	// as often as they are used.
	Fields int `yaml:"fields,omitempty"`
	// Roots is how many fields its operations may have themselves: how many
	// logins or look-ups one request can make by aliases.
	Roots int `yaml:"roots,omitempty"`
}

// over returns what holds on a route: its own where written, else the gateway's.
func (r Requests) over(base Requests) Requests {
	if len(r.Methods) == 0 {
		r.Methods = base.Methods
	}
	if len(r.ContentTypes) == 0 {
		r.ContentTypes = base.ContentTypes
	}
	if r.HeaderBytes == 0 {
		r.HeaderBytes = base.HeaderBytes
	}
	for own, general := range map[*int]int{
		&r.Headers: base.Headers, &r.Arguments: base.Arguments, &r.Nesting: base.Nesting,
		&r.GraphQL.Batch: base.GraphQL.Batch, &r.GraphQL.Depth: base.GraphQL.Depth,
		&r.GraphQL.Fields: base.GraphQL.Fields, &r.GraphQL.Roots: base.GraphQL.Roots,
	} {
		if *own == 0 {
			*own = general
		}
	}
	return r
}

func (r Requests) proxy() proxy.Shape {
	shape := proxy.Shape{
		Methods: r.Methods, ContentTypes: lower(r.ContentTypes), Headers: r.Headers, HeaderBytes: int64(r.HeaderBytes),
		Arguments: r.Arguments, Nesting: r.Nesting, GraphQL: proxy.GraphQLShape(r.GraphQL),
	}
	if len(r.Methods) == 1 && r.Methods[0] == "*" {
		shape.Methods = nil
	}
	if len(r.ContentTypes) == 1 && r.ContentTypes[0] == "*/*" {
		shape.ContentTypes = nil
	}
	return shape
}

var mediaRange = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]+/(\*|[A-Za-z0-9!#$&^_.+-]+)$`)

func (v *checker) requests(path string, r *Requests) {
	for i, method := range r.Methods {
		if method != "*" && (!isToken(method) || method != strings.ToUpper(method)) || method == "*" && len(r.Methods) > 1 {
			v.fault(fmt.Sprintf("%smethods[%d]", path, i), method, "is not a method", "write it in capitals, such as GET or POST, or [\"*\"] alone for all")
		}
	}
	for i, media := range r.ContentTypes {
		if !mediaRange.MatchString(media) && (media != "*/*" || len(r.ContentTypes) > 1) {
			v.fault(fmt.Sprintf("%scontent_types[%d]", path, i), media, "is not a media type", "write one such as application/json or image/*, or [\"*/*\"] alone for all")
		}
	}
	if r.HeaderBytes != 0 {
		v.sized(path+"header_bytes", r.HeaderBytes, 1<<10, 1<<20)
	}
	for _, limit := range []struct {
		key  string
		n    int
		most int
	}{
		{"headers", r.Headers, 10_000},
		{"arguments", r.Arguments, 10_000},
		{"nesting", r.Nesting, 10_000},
		{"graphql.batch", r.GraphQL.Batch, 1_000_000},
		{"graphql.depth", r.GraphQL.Depth, 1_000_000},
		{"graphql.fields", r.GraphQL.Fields, 1_000_000},
		{"graphql.roots", r.GraphQL.Roots, 1_000_000},
	} {
		if limit.n != 0 {
			v.within(path+limit.key, limit.n, 1, limit.most)
		}
	}
}
