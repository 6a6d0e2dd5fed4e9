package contract

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Document is an OpenAPI 3 document. Safe for concurrent use.
type Document struct {
	router     routers.Router
	operations map[*openapi3.Operation]*Operation
}

// Operation is one operation of a document. Its name is safe to log: it is the
// document's own, and holds nothing of a request.
type Operation struct {
	// Name is the method and the path template, such as "GET /orders/{id}".
	Name    string
	answers map[string]answers // by status, "2XX" and "default" included
}

// answers are the shapes of an answer by media type.
type answers map[string]*shape

// Load reads a document. read is asked for the document itself and for each file
// that it refers to, by the path beside it; a reference that leaves its folder, or
// the machine, is an error. Errors say where in the document what is wrong.
func Load(file string, read func(file string) ([]byte, error)) (*Document, error) {
	folder := path.Dir(file)
	loader := openapi3.NewLoader()
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, location *url.URL) ([]byte, error) {
		name := path.Clean(location.Path)
		if location.Scheme != "" || location.Host != "" || name != path.Clean(file) && !strings.HasPrefix(name, folder+"/") && folder != "." {
			return nil, fmt.Errorf("%s: refers to what is not below its folder: %s: put it there", file, location.Redacted())
		}
		if folder == "." && (path.IsAbs(name) || strings.HasPrefix(name, "../")) {
			return nil, fmt.Errorf("%s: refers to what is not below its folder: %s: put it there", file, name)
		}
		return read(name)
	}
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	doc, err := loader.LoadFromDataWithPath(text, &url.URL{Path: file})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return compile(file, doc)
}

// compile prepares a document that is valid.
func compile(file string, doc *openapi3.T) (*Document, error) {
	local(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: its paths cannot be told apart: %w", file, err)
	}
	d := &Document{router: router, operations: make(map[*openapi3.Operation]*Operation)}
	b := newBuilder()
	for template, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			d.operations[operation] = &Operation{Name: method + " " + template, answers: b.answers(operation)}
		}
	}
	if b.over() {
		return nil, fmt.Errorf("%s: its answers have more than %d different schemas: split the document", file, maxShapes)
	}
	return d, nil
}

// local leaves the paths of the servers: the gateway stands before one of them,
// whatever its name is.
func local(doc *openapi3.T) {
	for _, server := range doc.Servers {
		if u, err := url.Parse(server.URL); err == nil && u.Host != "" {
			server.URL = u.EscapedPath()
		}
		if server.URL == "" {
			server.URL = "/"
		}
	}
}
