package proxy

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// selfNames are the last path segments of routes that answer about whoever
// asks.
var selfNames = map[string]bool{
	"me": true, "account": true, "profile": true, "whoami": true, "my-account": true, "myaccount": true,
	"current-user": true, "current_user": true, "currentuser": true, "current-customer": true, "userinfo": true,
	"konto": true, "mein-konto": true, "meinkonto": true, "mon-compte": true, "moncompte": true, "mi-cuenta": true,
	"mijn-account": true, "minha-conta": true, "il-mio-account": true, "mitt-konto": true, "moje-konto": true,
}

// selfQuery matches a GraphQL selection of whoever asks.
var selfQuery = regexp.MustCompile(`\b(?:me|activeCustomer|currentCustomer|currentUser|viewer)\s*\{`)

// asksForSelf reports whether a request asks about its own sender and names
// nobody else: the answer may bind the session.
func asksForSelf(method, path string, body []byte) bool {
	trimmed := strings.TrimSuffix(path, "/")
	last := strings.ToLower(trimmed[strings.LastIndexByte(trimmed, '/')+1:])
	if method == http.MethodGet && selfNames[last] {
		return true
	}
	// An argument could name somebody else beside a null "me".
	return method == http.MethodPost && graphQLPath(path) && !bytes.ContainsRune(body, '(') && selfQuery.Match(body)
}

// creatingWords in a path, or in a GraphQL mutation, say that the request makes
// or opens something of its sender's. Words for an order alone are none: following
// one (suivi-de-commande) is a look-up.
var creatingWords = []string{
	"login", "signin", "sign-in", "register", "signup", "sign-up", "checkout", "placeorder", "place-order", "createorder", "setcustomer", "createcustomer",
	"kasse", "kassa", "afrekenen", "finalizar-compra", "passer-commande", "paiement", "pagamento", "payment-information",
}

// creates reports whether a request was a create, login or checkout, which may
// claim a customer; a look-up (order tracking, search by e-mail) may not, or
// guessing would make foreign records one's own.
func creates(uri string, body []byte, status int) bool {
	if status == http.StatusCreated {
		return true
	}
	path, query, _ := strings.Cut(uri, "?")
	text := strings.ToLower(path + frontRoute(path, query))
	if bytes.Contains(body, []byte("mutation")) {
		text += strings.ToLower(string(body))
	}
	for _, word := range creatingWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// frontRoute returns what the query of a shop's front page routes to, where it is the
// query that does (WooCommerce's wc-ajax, OpenCart's route). A query elsewhere says
// nothing: whoever looks others up could write it there.
func frontRoute(path, query string) string {
	if path != "/" && path != "/index.php" {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return " " + values.Get("wc-ajax") + " " + values.Get("route")
}

// graphQLPath reports whether a path is a GraphQL endpoint's.
func graphQLPath(path string) bool {
	path = strings.ToLower(strings.TrimSuffix(path, "/"))
	return strings.HasSuffix(path, "graphql") || strings.HasSuffix(path, "-api")
}

// graphQLQuery reports whether a POST only asks, so that what it names is no
// claim about its sender.
func graphQLQuery(path string, body []byte) bool {
	return graphQLPath(path) && !bytes.Contains(body, []byte("mutation"))
}
