package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// member is one name of a JSON object that keeps its order.
type member struct {
	key   string
	value any
}

// object is a JSON object in the order of the selection (GraphQL section 7.2.2).
type object []member

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	out := bytes.NewBufferString("{")
	for i, m := range o {
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, fmt.Errorf("writing the name %q: %w", m.key, err)
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("writing the value of %q: %w", m.key, err)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// unquote reads a quoted string; GraphQL's escapes are JSON's.
func unquote(text string) string {
	var out string
	if json.Unmarshal([]byte(text), &out) != nil {
		return ""
	}
	return out
}

// gqlError is one entry of "errors".
type gqlError struct {
	Message string   `json:"message"`
	Path    []string `json:"path,omitempty"`
}

// gqlAnswer is the body of every answer, with status 200.
type gqlAnswer struct {
	Data   any        `json:"data"`
	Errors []gqlError `json:"errors,omitempty"`
}

// gqlRun executes one query for one session.
type gqlRun struct {
	shop      *Shop
	session   session
	variables map[string]any
	errors    []gqlError
}

// graphql is POST /graphql: customer(id), order(number), me and products.
func (s *Shop) graphql(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	sendJSON(w, r, http.StatusOK, s.answerGraphQL(r, in.Query, in.Variables))
}

// answerGraphQL executes one query.
func (s *Shop) answerGraphQL(r *http.Request, query string, variables map[string]any) gqlAnswer {
	fields, err := parseGraphQL(query)
	if err != nil {
		return gqlAnswer{Errors: []gqlError{{Message: err.Error()}}}
	}
	run := &gqlRun{shop: s, variables: variables}
	if run.session, _ = s.sessions.carried(r, shopperCookie); run.session.customer == "" {
		run.session, _ = s.sessions.carried(r, staffCookie)
	}
	data := object{}
	for _, f := range fields {
		value, err := run.resolve(f)
		if err != nil {
			run.errors = append(run.errors, gqlError{Message: err.Error(), Path: []string{f.key}})
			value = nil
		}
		data = append(data, member{f.key, value})
	}
	return gqlAnswer{Data: data, Errors: run.errors}
}

// argument returns an argument as text, with variables filled in.
func (g *gqlRun) argument(f gqlField, name string) string {
	value := f.arguments[name]
	if v, ok := value.(gqlVariable); ok {
		value = g.variables[string(v)]
	}
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

var (
	errNotLoggedIn = errors.New("log in first")
	errNotYours    = errors.New("not authorised")
)

// resolve answers one top field. An order asks only for some login: the same
// hole as GET /api/orders/{number}.
func (g *gqlRun) resolve(f gqlField) (any, error) {
	switch f.name {
	case "__typename":
		return "Query", nil
	case "products":
		return g.products(f)
	case "me":
		c, ok := g.shop.store.customer(g.session.customer)
		if !ok {
			return nil, errNotLoggedIn
		}
		return g.customer(c, f.selection)
	case "customer":
		id := g.argument(f, "id")
		if g.session.staff == "" && (id == "" || g.session.customer != id) {
			return nil, errNotYours
		}
		c, ok := g.shop.store.customer(id)
		if !ok {
			return nil, nil
		}
		return g.customer(c, f.selection)
	case "order":
		if g.session.customer == "" && g.session.staff == "" {
			return nil, errNotLoggedIn
		}
		n, _ := strconv.Atoi(g.argument(f, "number"))
		o, ok := g.shop.store.order(n)
		if !ok {
			return nil, nil
		}
		return project(o.wire(), f.selection)
	}
	return nil, fmt.Errorf("field %q does not exist on Query", f.name)
}

func (g *gqlRun) products(f gqlField) (any, error) {
	first, err := strconv.Atoi(g.argument(f, "first"))
	if err != nil || first < 0 {
		first = len(g.shop.products)
	}
	list := []any{}
	for _, p := range g.shop.products[:min(first, len(g.shop.products))] {
		item, err := project(p.wire(), f.selection)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// customer is a customer with its orders.
func (g *gqlRun) customer(c Customer, selection []gqlField) (any, error) {
	orders := []orderJSON{}
	for _, o := range g.shop.store.ordersOf(c.ID) {
		orders = append(orders, o.wire())
	}
	return project(struct {
		customerJSON
		Orders []orderJSON `json:"orders"`
	}{c.wire(), orders}, selection)
}

// project keeps of a value what is selected, under the names that were asked for.
func project(value any, selection []gqlField) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing the object: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("reading the object: %w", err)
	}
	return selectFrom(tree, selection)
}

func selectFrom(tree any, selection []gqlField) (any, error) {
	switch v := tree.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			chosen, err := selectFrom(item, selection)
			if err != nil {
				return nil, err
			}
			list = append(list, chosen)
		}
		return list, nil
	case map[string]any:
		if len(selection) == 0 {
			return nil, errors.New("an object needs a selection of fields")
		}
		out := object{}
		for _, f := range selection {
			inner, ok := v[f.name]
			if !ok {
				return nil, fmt.Errorf("field %q does not exist", f.name)
			}
			chosen, err := selectFrom(inner, f.selection)
			if err != nil {
				return nil, err
			}
			out = append(out, member{f.key, chosen})
		}
		return out, nil
	default:
		if len(selection) != 0 {
			return nil, errors.New("a plain value has no fields to select")
		}
		return tree, nil
	}
}
