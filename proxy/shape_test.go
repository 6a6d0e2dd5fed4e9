package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// shaped is a shop that says what its requests look like: JSON and forms, and
// pictures under /uploads.
func shaped(s *proxytest.Setup) {
	s.Policy.Shape = proxy.Shape{
		Methods: []string{"GET", "POST"}, ContentTypes: []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data", "application/graphql"},
		Headers: 20, HeaderBytes: 2000, Arguments: 5, Nesting: 4,
		GraphQL: proxy.GraphQLShape{Batch: 2, Depth: 3, Fields: 8, Roots: 3},
	}
	uploads := s.Policy.Shape
	uploads.ContentTypes = []string{"image/*"}
	s.Policy.Routes = []proxy.RouteRule{{Path: "/uploads/**", Shape: &uploads}, {Path: "/free/**", Shape: &proxy.Shape{}}}
}

// TestShape: each limit with a request over it beside one that just keeps it.
func TestShape(t *testing.T) {
	const isJSON, isForm = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"
	graph := func(query string) string { return fmt.Sprintf(`{"query":%q}`, query) }
	parts := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "--b\r\nContent-Disposition: form-data; name=\"f%d\"\r\n\r\nx\r\n", i)
		}
		return b.String() + "--b--\r\n"
	}
	many := func(n int) (headers []string) {
		for i := range n {
			headers = append(headers, fmt.Sprintf("X-H-%d: v", i))
		}
		return headers
	}
	type request struct {
		method, path, body string
		headers            []string
	}
	post := func(path, body string, headers ...string) request { return request{"POST", path, body, headers} }
	get := func(path string, headers ...string) request { return request{"GET", path, "", headers} }
	upload := func(operations string) request {
		return post("/graphql", "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n"+operations+"\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
	}
	cases := []struct {
		name          string
		refused, twin request
		status        int
		limited       proxy.Limited
		allow         string
	}{
		{name: "method", refused: request{"DELETE", "/orders", "", nil}, twin: request{"HEAD", "/orders", "", nil}, status: 405, limited: "method", allow: "GET, POST"},
		{name: "method in a header", refused: post("/x", "a=1", isForm, "X-HTTP-Method-Override: delete"), twin: post("/x", "a=1", isForm, "X-HTTP-Method-Override: POST"), status: 405, limited: "method", allow: "GET, POST"},
		{name: "method of another route", refused: request{"PUT", "/x", "{}", []string{isJSON}}, twin: request{"PUT", "/free/x", "{}", []string{isJSON}}, status: 405, limited: "method", allow: "GET, POST"},
		{name: "type", refused: post("/x", "<a/>", "Content-Type: application/xml"), twin: post("/x", "{}", "Content-Type: Application/JSON; charset=utf-8"), status: 415, limited: "content_type"},
		{name: "no type", refused: post("/x", "{}"), twin: post("/x", ""), status: 415, limited: "content_type"},
		{name: "two types", refused: post("/x", "{}", isJSON, isForm), twin: post("/x", "{}", isJSON), status: 415, limited: "content_type"},
		{name: "type of a route", refused: post("/uploads/1", "{}", isJSON), twin: post("/uploads/1", "\x89PNG", "Content-Type: image/png"), status: 415, limited: "content_type"},
		{name: "headers", refused: get("/x", many(25)...), twin: get("/x", many(15)...), status: 431, limited: "headers"},
		{name: "bytes of headers", refused: get("/x", "X-Long: "+strings.Repeat("v", 2000)), twin: get("/x", "X-Long: "+strings.Repeat("v", 1000)), status: 431, limited: "headers"},
		{name: "arguments of a query", refused: get("/x?a=1&b=2&c=3&d=4&e=5&f=6"), twin: get("/x?a=1&b=2&c=3&d=4&e=5"), status: 400, limited: "arguments"},
		{name: "arguments of a form", refused: post("/x", "a=1&b=2&c=3&d=4&e=5&f=6", isForm), twin: post("/x", "a=1&b=2&c=3&d=4&e=5", isForm), status: 400, limited: "arguments"},
		{name: "parts of a form", refused: post("/x", parts(6), "Content-Type: multipart/form-data; boundary=b"), twin: post("/x", parts(5), "Content-Type: multipart/form-data; boundary=b"), status: 400, limited: "arguments"},
		{name: "nesting", refused: post("/x", `{"a":[{"b":[[1]]}]}`, isJSON), twin: post("/x", `{"a":[{"b":[1],"c":"[[[[[[","d":"\"{{{{{{"}]}`, isJSON), status: 400, limited: "nesting"},
		{name: "nesting under another type", refused: post("/x", ` [[[[[1]]]]]`, isForm), twin: post("/x", `a=1`, isForm), status: 400, limited: "nesting"},
		{name: "GraphQL depth", refused: post("/graphql", graph("{a{b{c{d}}}}"), isJSON), twin: post("/graphql", graph("{a{b{c}}}"), isJSON), status: 400, limited: "graphql_depth"},
		{name: "GraphQL depth by fragments", refused: post("/graphql", graph("{a{...F}} fragment F on T{b{...on U{c{d}}}}"), isJSON), twin: post("/graphql", graph("{a{...F}} fragment F on T{b{c}}"), isJSON), status: 400, limited: "graphql_depth"},
		{name: "GraphQL depth in a query", refused: get("/graphql?query=%7Ba%7Bb%7Bc%7Bd%7D%7D%7D%7D"), twin: get("/graphql?query=%7Ba%7Bb%7Bc%7D%7D%7D"), status: 400, limited: "graphql_depth"},
		{name: "GraphQL depth as a type", refused: post("/x", "{a{b{c{d}}}}", "Content-Type: application/graphql"), twin: post("/x", "{a{b{c}}}", "Content-Type: application/graphql"), status: 400, limited: "graphql_depth"},
		{name: "GraphQL depth in a form", refused: post("/graphql", "query=%7Ba%7Bb%7Bc%7Bd%7D%7D%7D%7D", isForm), twin: post("/graphql", "query=%7Ba%7Bb%7Bc%7D%7D%7D", isForm), status: 400, limited: "graphql_depth"},
		{name: "GraphQL depth beside files", refused: upload(graph("{a{b{c{d}}}}")), twin: upload(graph("{a{b{c}}}")), status: 400, limited: "graphql_depth"},
		{name: "GraphQL in a member that another reader takes", refused: post("/graphql", `{"query":"{a{b{c{d}}}}","Query":"{a}"}`, isJSON), twin: post("/graphql", `{"query":"{a}","variables":{"query":"{a{b{c{d}}}}"}}`, isJSON), status: 400, limited: "graphql_depth"},
		{name: "GraphQL batch", refused: post("/graphql", `[{"query":"{a}"},{"query":"{a}"},{"query":"{a}"}]`, isJSON), twin: post("/graphql", `[{"query":"{a}"},{"query":"{a}"}]`, isJSON), status: 400, limited: "graphql_batch"},
		{name: "GraphQL roots by aliases", refused: post("/graphql", graph("mutation{a:login b:login c:login d:login}"), isJSON), twin: post("/graphql", graph("mutation{a:login b:login c:login}"), isJSON), status: 400, limited: "graphql_roots"},
		{name: "GraphQL roots by a batch", refused: post("/graphql", `[{"query":"{a b}"},{"query":"{a b}"}]`, isJSON), twin: post("/graphql", `[{"query":"{a b}"},{"query":"{a}"}]`, isJSON), status: 400, limited: "graphql_roots"},
		{name: "GraphQL fields by fragments", refused: post("/graphql", graph("{a{...F} b{...F} c{...F}} fragment F on T{x y}"), isJSON), twin: post("/graphql", graph("{a{...F} b{...F}} fragment F on T{x y}"), isJSON), status: 400, limited: "graphql_fields"},
		{name: "GraphQL that cannot be read", refused: post("/graphql", graph("{a{b"), isJSON), twin: post("/graphql", `{"extensions":{"persistedQuery":{"version":1}}}`, isJSON), status: 400, limited: "graphql"},
		{name: "GraphQL or a search", refused: post("/graphql", `{"query":"blue teapot"}`, isJSON), twin: post("/search-api", `{"query":"blue teapot"}`, isJSON), status: 400, limited: "graphql"},
		{name: "GraphQL or a list", refused: post("/graphql", `[1,2,3]`, isJSON), twin: post("/stock-api", `[1,2,3]`, isJSON), status: 400, limited: "graphql"},
		{name: "GraphQL at -api", refused: post("/shop-api/", graph("{a{b{c{d}}}}"), isJSON), twin: post("/shop-api/", graph("{a{b{c}}}"), isJSON), status: 400, limited: "graphql_depth"},
		{name: "GraphQL fragment inside itself", refused: post("/graphql", graph("{a{...F}} fragment F on T{...F}"), isJSON), twin: post("/shop", graph("{a{...F}} fragment F on T{...F}"), isJSON), status: 400, limited: "graphql"},
	}
	w := proxytest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), shaped, func(s *proxytest.Setup) {
		s.WAF.Mode = rules.Observe // CRS has an opinion of its own on some of them
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := w.Do(c.refused.method, c.refused.path, c.refused.body, c.refused.headers...)
			if got.StatusCode != c.status || !strings.Contains(got.Body, "Reference: ") || got.Header.Get("Allow") != c.allow {
				t.Errorf("refused: %d %q Allow %q %v", got.StatusCode, got.Body, got.Header.Get("Allow"), got.Err)
			}
			if s := w.Observer.Next(); s.Limited != c.limited || s.Reason != rules.ReasonPolicy {
				t.Errorf("refused for %q (%s), want %q", s.Limited, s.Reason, c.limited)
			}
			if got := w.Do(c.twin.method, c.twin.path, c.twin.body, c.twin.headers...); got.StatusCode != http.StatusOK {
				t.Errorf("twin: %d %q", got.StatusCode, got.Body)
			}
			if s := w.Observer.Next(); s.Limited != "" {
				t.Errorf("twin limited by %q", s.Limited)
			}
		})
	}
}

// TestShapeObserve: where nothing is refused, the limit is told all the same.
func TestShapeObserve(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), shaped, func(s *proxytest.Setup) { s.Policy.Mode = rules.Observe })
	if got := w.Do("DELETE", "/orders", ""); got.StatusCode != http.StatusOK {
		t.Errorf("%d", got.StatusCode)
	}
	if s := w.Observer.Next(); s.Limited != proxy.LimitedMethod {
		t.Errorf("limited by %q", s.Limited)
	}
	if !strings.Contains(w.Log.String(), `"limited":"method"`) {
		t.Errorf("the log does not say so: %s", w.Log)
	}
}
