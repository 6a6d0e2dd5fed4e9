package proxy

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// selfNames are the last path segments of routes that answer about whoever
// asks.
var selfNames = map[string]bool{
	"me": true, "account": true, "profile": true, "whoami": true, "my-account": true, "myaccount": true,
	"current-user": true, "current_user": true, "currentuser": true, "current-customer": true, "userinfo": true,
	"konto": true, "mein-konto": true, "meinkonto": true, "mon-compte": true, "moncompte": true, "mi-cuenta": true,
	"mijn-account": true, "minha-conta": true, "il-mio-account": true, "mitt-konto": true, "moje-konto": true,
}

// peopleNames are path segments behind which somebody is named: /users/ada/profile.
var peopleNames = map[string]bool{
	"user": true, "users": true, "customer": true, "customers": true, "client": true, "clients": true, "member": true, "members": true,
	"account": true, "accounts": true, "profile": true, "profiles": true, "person": true, "people": true, "buyer": true, "buyers": true,
	"seller": true, "sellers": true, "vendor": true, "vendors": true, "order": true, "orders": true, "kunde": true, "kunden": true, "u": true,
}

// senderNames are the segments there that name nobody but the sender.
var senderNames = map[string]bool{"me": true, "my": true, "self": true, "current": true, "mine": true}

// apiVersion matches an API's version: V1, v2.1, or a month.
var apiVersion = regexp.MustCompile(`^(?:[vV][0-9]{1,2}(?:\.[0-9]{1,2})?|20[0-9]{2}-(?:0[1-9]|1[0-2]))$`)

// selfParameters are the parameters of such a route that choose what is shown of its
// sender, and how. Any other one could name somebody else.
var selfParameters = map[string]bool{
	"fields": true, "include": true, "expand": true, "populate": true, "embed": true, "select": true, "lang": true, "language": true, "locale": true,
	"currency": true, "page": true, "limit": true, "per_page": true, "tab": true, "format": true, "_": true, "t": true, "ts": true, "v": true,
	"utm_source": true, "utm_medium": true, "utm_campaign": true, "utm_content": true, "utm_term": true,
}

// selfFields are the fields of GraphQL queries that select whoever asks.
var selfFields = map[string]bool{"me": true, "activeCustomer": true, "currentCustomer": true, "currentUser": true, "viewer": true}

// asksForSelf reports whether a request asks about its own sender and names
// nobody else: the answer may bind the session. uri is its target as it came. A
// client writes paths, parameters and documents freely, so what could name somebody
// else is no such request: with a fresh session for each customer every record would
// be its reader's own. under are the words of the path that are no known ones: a
// store's, or somebody's.
func (p *Policy) asksForSelf(r *http.Request, uri string, body []byte) (is bool, under string) {
	way, query, _ := strings.Cut(uri, "?")
	switch r.Method {
	case http.MethodGet:
		if is, under = p.selfPath(way); is && selfQuery(query) {
			return true, under
		}
	case http.MethodPost:
		return graphQLPath(way) && selfDocument(r, body), ""
	}
	return false, ""
}

func (x *exchange) asksForSelf(r *http.Request) (is bool, under string) {
	switch x.rule.Purpose {
	case PurposeAccount:
		return true, ""
	case PurposeCheckout, PurposeOther:
		return false, ""
	case PurposeTold:
	}
	return x.policy.asksForSelf(r, x.uri, x.body)
}

func (p *Policy) selfPath(way string) (is bool, under string) {
	if !plainPath(way) {
		return false, ""
	}
	segments := strings.Split(strings.Trim(way, "/"), "/")
	last := len(segments) - 1
	if !selfNames[strings.ToLower(segments[last])] {
		return false, ""
	}
	var unknown []string
	for i, segment := range segments[:last] {
		version := apiVersion.MatchString(segment)
		if nameless(segment) && !version {
			return false, ""
		}
		if i+1 < last && peopleNames[strings.ToLower(segment)] && !senderNames[strings.ToLower(segments[i+1])] {
			return false, ""
		}
		if _, declared := p.words[segment]; !declared && !version && !fixed(segment) {
			unknown = append(unknown, segment)
		}
	}
	return true, strings.Join(unknown, "/")
}

func selfQuery(query string) bool {
	if query == "" {
		return true
	}
	values, err := url.ParseQuery(query)
	for key := range values {
		if !selfParameters[key] {
			return false
		}
	}
	return err == nil
}

// selfDocument reports whether a GraphQL request is one query that selects its sender
// and has no argument, variable or directive anywhere: it could name somebody else
// beside a null "me".
func selfDocument(r *http.Request, body []byte) bool {
	if bytes.IndexByte(body, '(') >= 0 || bytes.Contains(body, []byte("mutation")) {
		return false // nearly every request: it need not be read
	}
	documents, ok := graphQLDocuments(r, body)
	if !ok || len(documents) != 1 || strings.ContainsAny(documents[0], "(@$") {
		return false
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: documents[0]}, maxGraphQLTokens)
	if err != nil || len(document.Operations) != 1 || document.Operations[0].Operation != ast.Query {
		return false
	}
	for _, selection := range document.Operations[0].SelectionSet {
		if field, is := selection.(*ast.Field); is && selfFields[field.Name] {
			return true
		}
	}
	return false
}

// graphQLPath reports whether a path is a GraphQL endpoint's.
func graphQLPath(path string) bool {
	path = strings.ToLower(strings.TrimRight(withoutParameters(path), "/"))
	return strings.HasSuffix(path, "graphql") || strings.HasSuffix(path, "-api")
}

// graphQLQuery reports whether a POST only asks, so that what it names is no
// claim about its sender.
func graphQLQuery(path string, body []byte) bool {
	return graphQLPath(path) && !bytes.Contains(body, []byte("mutation"))
}
