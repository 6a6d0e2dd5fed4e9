package proxy

import (
	"net/url"
	"strings"
)

// renaming are the parameters by which a client selects fields, and may give them names
// of its own: select=name:column of PostgREST, $compute=column as name of OData (version
// 4.01), and others like them.
var renaming = map[string]bool{"select": true, "$select": true, "$compute": true, "$apply": true, "columns": true, "fields": true, "projection": true}

// renames reports whether the request may have chosen the names of its answer's keys:
// what they say of a value is nobody's word then. GraphQL always may, by aliases.
func (x *exchange) renames() bool {
	return graphQLPath(x.path) || renamesFields(rawQuery(x.uri))
}

func renamesFields(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || !renaming[strings.ToLower(name)] {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil || strings.Contains(value, ":") || strings.Contains(strings.ToLower(value), " as ") {
			return true
		}
	}
	return false
}
