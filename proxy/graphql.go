package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// GraphQLShape is what GraphQL requests may look like (GraphQL specification,
// October 2021, section 2); a zero field limits nothing. With any limit, a document that
// cannot be read is refused at a path that ends in graphql: what is not read is not measured.
type GraphQLShape struct {
	Batch  int // documents in one request
	Depth  int // of fields inside fields, through fragments
	Fields int // of one request, aliases and fragments counted as often as they are used
	Roots  int // fields of the operations themselves: how often one request logs in, or looks up
}

// maxGraphQLTokens bounds what is read of one document.
const maxGraphQLTokens = 20_000

// over returns the limit that a request is over.
func (s GraphQLShape) over(r *http.Request, body []byte) Limited {
	if s == (GraphQLShape{}) {
		return ""
	}
	unread := LimitedGraphQL
	if strings.HasSuffix(strings.TrimRight(withoutParameters(r.URL.Path), "/"), "-api") {
		unread = "" // may be another kind of API, whose query is a search: the platform says what it is not
	}
	documents, ok := graphQLDocuments(r, body)
	if !ok {
		return unread
	}
	if s.Batch > 0 && len(documents) > s.Batch {
		return LimitedGraphQLBatch
	}
	size := graphQLSize{}
	for _, text := range documents {
		document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxGraphQLTokens)
		if err != nil {
			return unread
		}
		m := graphQLMeter{document: document, known: make(map[string]graphQLSize)}
		for _, operation := range document.Operations {
			one, ok := m.measure(operation.SelectionSet)
			if !ok {
				return unread
			}
			size = size.beside(one)
		}
	}
	switch {
	case s.Depth > 0 && size.depth > s.Depth:
		return LimitedGraphQLDepth
	case s.Roots > 0 && size.roots > s.Roots:
		return LimitedGraphQLRoots
	case s.Fields > 0 && size.fields > s.Fields:
		return LimitedGraphQLFields
	}
	return ""
}

// graphQLDocuments returns the documents of a request to a GraphQL endpoint, none for any
// other request; false: it cannot be read. A request without a document names
// one that the platform keeps (persisted queries).
func graphQLDocuments(r *http.Request, body []byte) (documents []string, ok bool) {
	contentType, endpoint := r.Header.Get("Content-Type"), graphQLPath(r.URL.Path)
	if !endpoint && !typed(contentType, "application/graphql") {
		return nil, true // nearly every request: its type need not be read
	}
	media, parameters, _ := mime.ParseMediaType(contentType)
	if media == "application/graphql" {
		return []string{string(body)}, true
	}
	if !endpoint {
		return nil, true
	}
	documents = append(documents, r.URL.Query()["query"]...)
	switch {
	case media == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		return append(documents, form["query"]...), err == nil
	case media == "multipart/form-data": // github.com/jaydenseric/graphql-multipart-request-spec
		operations, err := graphQLOperations(multipart.NewReader(bytes.NewReader(body), parameters["boundary"]))
		if err != nil {
			return nil, false
		}
		body = operations
	}
	if !looksLikeJSON(body) {
		return documents, true
	}
	batch := make([]graphQLRequest, 1)
	if body = bytes.TrimLeft(body, " \t\r\n"); body[0] == '[' {
		ok = json.Unmarshal(body, &batch) == nil
	} else {
		ok = json.Unmarshal(body, &batch[0]) == nil
	}
	for _, request := range batch {
		documents = append(documents, request.documents...)
	}
	return documents, ok
}

// graphQLOperations returns the part of a form with files that holds the request.
func graphQLOperations(form *multipart.Reader) ([]byte, error) {
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err //nolint:wrapcheck // it only says that there is one
		case part.FormName() == "operations":
			return io.ReadAll(part) //nolint:wrapcheck // as above; bounded by the body
		}
	}
}

// graphQLRequest holds the documents of one request: every member of that name, since
// of two, and of one in other letters, another reader may take the other.
type graphQLRequest struct{ documents []string }

// UnmarshalJSON implements json.Unmarshaler.
func (g *graphQLRequest) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("no GraphQL request")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err //nolint:wrapcheck // it only says that there is one
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err //nolint:wrapcheck // as above
		}
		if name, _ := key.(string); !strings.EqualFold(name, "query") || string(value) == "null" {
			continue
		}
		var document string
		if err := json.Unmarshal(value, &document); err != nil {
			return err //nolint:wrapcheck // as above
		}
		g.documents = append(g.documents, document)
	}
	return nil
}

// graphQLSize measures a selection of fields.
type graphQLSize struct{ depth, fields, roots int }

// maxGraphQLFields bounds the count: fragments inside fragments double it at each level.
const maxGraphQLFields = 1 << 30

func (a graphQLSize) beside(b graphQLSize) graphQLSize {
	return graphQLSize{max(a.depth, b.depth), min(a.fields+b.fields, maxGraphQLFields), min(a.roots+b.roots, maxGraphQLFields)}
}

// graphQLMeter measures one document; each fragment is measured once.
type graphQLMeter struct {
	document *ast.QueryDocument
	known    map[string]graphQLSize // a negative depth: under way
}

// measure returns the size of a selection; false: a fragment contains itself,
// or is missing.
func (m *graphQLMeter) measure(selection ast.SelectionSet) (size graphQLSize, ok bool) {
	for _, each := range selection {
		var one graphQLSize
		ok = true
		switch s := each.(type) {
		case *ast.Field:
			one, ok = m.measure(s.SelectionSet)
			one = graphQLSize{depth: one.depth + 1, fields: one.fields + 1, roots: 1}
		case *ast.InlineFragment:
			one, ok = m.measure(s.SelectionSet)
		case *ast.FragmentSpread:
			one, ok = m.fragment(s.Name)
		}
		if !ok {
			return size, false
		}
		size = size.beside(one)
	}
	return size, true
}

func (m *graphQLMeter) fragment(name string) (graphQLSize, bool) {
	if size, ok := m.known[name]; ok {
		return size, size.depth >= 0
	}
	fragment := m.document.Fragments.ForName(name)
	if fragment == nil {
		return graphQLSize{}, false
	}
	m.known[name] = graphQLSize{depth: -1}
	size, ok := m.measure(fragment.SelectionSet)
	if ok {
		m.known[name] = size
	}
	return size, ok
}
