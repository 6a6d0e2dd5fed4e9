package proxy

import (
	"bytes"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// Shape is what requests may look like, whatever they say. A zero field limits
// nothing. What is over a limit is refused before the WAF reads it.
type Shape struct {
	// Methods are those that may be used, upper case; GET allows HEAD. Others: 405.
	Methods []string
	// ContentTypes are the media types that a body may have, lower case:
	// application/json, image/*, */*. Others, and a body without one or with two: 415.
	ContentTypes []string
	Headers      int   // fields of the header; 431 beyond
	HeaderBytes  int64 // their names and values; 431 beyond
	Arguments    int   // of the query, and of a form's body; 400 beyond
	Nesting      int   // of objects and arrays in a JSON body; 400 beyond
	GraphQL      GraphQLShape
}

// Limited is the limit of a Shape that a request was over; empty: none.
type Limited string

// The limits.
const (
	LimitedMethod        Limited = "method"
	LimitedContentType   Limited = "content_type"
	LimitedHeaders       Limited = "headers"
	LimitedArguments     Limited = "arguments"
	LimitedNesting       Limited = "nesting"
	LimitedGraphQLBatch  Limited = "graphql_batch"
	LimitedGraphQLDepth  Limited = "graphql_depth"
	LimitedGraphQLFields Limited = "graphql_fields"
	LimitedGraphQLRoots  Limited = "graphql_roots"
	LimitedGraphQL       Limited = "graphql" // it cannot be read, so not measured
)

// shape is what the exchange's request may look like.
func (x *exchange) shape() *Shape {
	if x.rule.Shape != nil {
		return x.rule.Shape
	}
	return &x.policy.Shape
}

// over notes which limit a request is over, and refuses it.
func (x *exchange) over(limit Limited, status int) rules.Verdict {
	x.Limited = limit
	return x.enforce(rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonPolicy, Status: status})
}

// shapedHeader judges what stands before a body.
func (x *exchange) shapedHeader(r *http.Request) rules.Verdict {
	shape := x.shape()
	switch {
	case len(shape.Methods) > 0 && !shape.method(r):
		return x.over(LimitedMethod, http.StatusMethodNotAllowed)
	case shape.Headers > 0 && fields(r.Header) > shape.Headers, shape.HeaderBytes > 0 && headerBytes(r) > shape.HeaderBytes:
		return x.over(LimitedHeaders, http.StatusRequestHeaderFieldsTooLarge)
	case shape.Arguments > 0 && pairs(r.URL.RawQuery) > shape.Arguments:
		return x.over(LimitedArguments, http.StatusBadRequest)
	case len(shape.ContentTypes) > 0 && r.ContentLength != 0 && !shape.contentType(r.Header["Content-Type"]):
		return x.over(LimitedContentType, http.StatusUnsupportedMediaType)
	}
	return rules.Passed
}

// overrides are headers by which frameworks let a POST be another method.
var overrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// method reports whether a request's method may be used, also the one that it
// is to be taken for.
func (s *Shape) method(r *http.Request) bool {
	may := func(method string) bool {
		return slices.Contains(s.Methods, method) || method == http.MethodHead && slices.Contains(s.Methods, http.MethodGet)
	}
	for _, name := range overrides {
		for _, method := range r.Header[name] {
			if !may(strings.ToUpper(strings.TrimSpace(method))) {
				return false
			}
		}
	}
	return may(r.Method)
}

// contentType reports whether a body may have the type that its header says.
func (s *Shape) contentType(header []string) bool {
	if len(header) != 1 {
		return false
	}
	media, _, err := mime.ParseMediaType(header[0])
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.ContentTypes, func(pattern string) bool {
		if kind, ok := strings.CutSuffix(pattern, "*"); ok {
			return kind == "*/" || strings.HasPrefix(media, kind)
		}
		return media == pattern
	})
}

func fields(header http.Header) (n int) {
	for _, values := range header {
		n += len(values)
	}
	return n
}

func headerBytes(r *http.Request) (n int64) {
	for name, values := range r.Header {
		for _, value := range values {
			n += int64(len(name) + len(value))
		}
	}
	return n + int64(len(r.RequestURI)+len(r.Host))
}

// pairs counts the arguments of a query or a form.
func pairs(text string) int {
	if text == "" {
		return 0
	}
	return strings.Count(text, "&") + 1
}

// shapedBody judges the body, as far as it was read.
func (x *exchange) shapedBody(r *http.Request) rules.Verdict {
	shape := x.shape()
	if shape.Arguments > 0 && len(x.body) > 0 && formPairs(r.Header.Get("Content-Type"), x.body) > shape.Arguments {
		return x.over(LimitedArguments, http.StatusBadRequest)
	}
	if shape.Nesting > 0 && looksLikeJSON(x.body) && nesting(x.body) > shape.Nesting {
		return x.over(LimitedNesting, http.StatusBadRequest)
	}
	if limit := shape.GraphQL.over(r, x.body); limit != "" {
		return x.over(limit, http.StatusBadRequest)
	}
	return rules.Passed
}

// formPairs counts the arguments of a form's body, urlencoded or in parts.
func formPairs(contentType string, body []byte) int {
	if !typed(contentType, "application/x-www-form-urlencoded") && !typed(contentType, "multipart/form-data") {
		return 0
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return 0
	case media == "application/x-www-form-urlencoded":
		return bytes.Count(body, []byte("&")) + 1
	case media == "multipart/form-data" && parameters["boundary"] != "":
		return bytes.Count(body, []byte("--"+parameters["boundary"])) - 1 // the last one ends the body
	}
	return 0
}

// typed reports whether a Content-Type begins with a media type, in small letters.
func typed(contentType, media string) bool {
	return len(contentType) >= len(media) && strings.EqualFold(contentType[:len(media)], media)
}

// looksLikeJSON reports whether a body begins as an object or array, whatever
// its type says: platforms read it all the same.
func looksLikeJSON(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// nesting is how deep objects and arrays stand inside each other, brackets in
// texts aside. It is right for JSON (RFC 8259), and some number for anything else.
func nesting(body []byte) (deepest int) {
	depth, text := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{', c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}', c == ']':
			depth--
		}
	}
	return deepest
}
