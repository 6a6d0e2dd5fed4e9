package proxy

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// errand is what a request that names somebody is for. Only one that makes or opens
// something of its sender's (a login, a registration, a checkout) may claim a customer:
// if a look-up could (order tracking, search by e-mail), guessing would make foreign
// records one's own. A client chooses paths, parameters and documents freely, so what
// could be read in two ways creates nothing.
type errand uint8

const (
	errandUnknown errand = iota // the answer's status tells
	errandCreate
	errandOther // a look-up, or written so that it may be one
)

// creates reports whether a request whose answer had such a status may claim.
func (e errand) creates(status int) bool {
	return e == errandCreate || e == errandUnknown && status == http.StatusCreated
}

var (
	// creatingWords in a path, or in the fields of a GraphQL mutation, say that the
	// request creates. Words for an order alone do not: following one
	// (suivi-de-commande) is a look-up.
	creatingWords = []string{
		"login", "signin", "sign-in", "register", "signup", "sign-up", "checkout", "placeorder", "place-order", "createorder", "setcustomer", "createcustomer",
		"kasse", "kassa", "afrekenen", "finalizar-compra", "passer-commande", "paiement", "pagamento", "payment-information",
		"customercreate", "createcart", "cartcreate", "createmycart", "createmyorder", "setguestemail", "buyeridentity",
	}
	// lookUpWords say that it does not, whatever else the path says; frameworks that
	// answer every POST with 201 (NestJS) look up, too.
	lookUpWords = []string{"track", "lookup", "look-up", "look_up", "search", "find", "suivi", "verfolg", "seguimiento", "rastre", "zoeken", "buscar", "recherche"}
	// buyingPages are where parameters that choose a page lead in a checkout, whole.
	buyingPages = map[string]bool{"cart": true, "basket": true, "order": true, "payment": true, "user": true}
)

func hasWord(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func (x *exchange) errandOf(r *http.Request) errand {
	switch x.rule.Purpose {
	case PurposeCheckout:
		return errandCreate
	case PurposeAccount, PurposeOther:
		return errandOther
	case PurposeTold:
	}
	return errandOf(r, x.uri, x.body)
}

// errandOf tells what a request is for; uri is its target as it came.
func errandOf(r *http.Request, uri string, body []byte) errand {
	media, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/graphql" || graphQLPath(r.URL.Path) {
		return graphQLErrand(r, body)
	}
	way, query, _ := strings.Cut(uri, "?")
	if !plainPath(way) || hasWord(way, lookUpWords) || overridden(r.Header) || leadsElsewhere(query, media, parameters["boundary"], body) {
		return errandOther
	}
	if hasWord(way, creatingWords) || hasWord(frontRoute(way, query), creatingWords) {
		return errandCreate
	}
	return errandUnknown
}

// plainPath reports whether a path names the same resource to every reader: it has
// no parameters (/track;checkout), no encoded slashes, and no dots that lead away
// (/checkout/..;/track).
func plainPath(way string) bool {
	decoded, err := url.PathUnescape(way)
	if err != nil || strings.ContainsAny(decoded, ";\\%") || strings.Count(decoded, "/") != strings.Count(way, "/") {
		return false
	}
	clean := path.Clean(decoded)
	return decoded == clean || decoded == clean+"/"
}

// pageParameters choose the page on common platforms, some of them also from a form's
// fields and whatever the path says: WordPress, PrestaShop, OpenCart, OXID, Zen Cart,
// Joomla.
var pageParameters = map[string]bool{
	"pagename": true, "page_id": true, "p": true, "attachment_id": true, "controller": true, "route": true, "wc-ajax": true, "cl": true, "main_page": true, "view": true,
}

// leadsElsewhere reports whether a parameter leads to another page than the path, and
// to none where something is bought; or whether the parameters cannot be read.
func leadsElsewhere(query, media, boundary string, body []byte) bool {
	if anyLeads(query) {
		return true
	}
	switch media {
	case "application/x-www-form-urlencoded":
		return anyLeads(string(body))
	case "multipart/form-data":
		return partLeads(multipart.NewReader(bytes.NewReader(body), boundary))
	}
	return false
}

func anyLeads(pairs string) bool {
	if strings.IndexByte(pairs, ';') >= 0 { // ends a pair for some readers
		return true
	}
	for pair := range strings.SplitSeq(pairs, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return true
		}
		if !chooses(name) {
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil || leads(name, value) {
			return true
		}
	}
	return false
}

var phpName = strings.NewReplacer(" ", "_", ".", "_")

// phpRead reads a name as PHP does (php_register_variable_ex): blanks before it are
// no part of it, an array's bracket ends it.
func phpRead(name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "[")
	return phpName.Replace(strings.ToLower(name))
}

// methodParameter makes a POST another method's request (Rails, Laravel, Symfony and
// whoever else takes it from a form).
const methodParameter = "_method"

// chooses reports whether a parameter of this name may lead elsewhere.
func chooses(name string) bool {
	name = phpRead(name)
	return pageParameters[name] || name == methodParameter
}

// leads reports whether it does, with this value.
func leads(name, value string) bool {
	if phpRead(name) != methodParameter {
		return !buys(value)
	}
	return !writes(value)
}

func writes(method string) bool {
	switch strings.ToUpper(method) {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return true
	}
	return false
}

// overridden reports whether a header makes the request one that may only read.
func overridden(header http.Header) bool {
	return slices.ContainsFunc(overrides, func(name string) bool {
		return slices.ContainsFunc(header.Values(name), func(method string) bool { return !writes(method) })
	})
}

// buys reports whether a page is one of a checkout.
func buys(page string) bool {
	return !hasWord(page, lookUpWords) && (hasWord(page, creatingWords) || buyingPages[page])
}

const (
	maxFields    = 256 // of a multipart form
	maxPageField = 256 // bytes of a field that chooses a page
)

// partLeads is anyLeads for the fields of a multipart form, of which it reads so much
// of each as a page's name may have.
func partLeads(form *multipart.Reader) bool {
	for range maxFields {
		part, err := form.NextRawPart()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		page, err := io.ReadAll(io.LimitReader(part, maxPageField))
		if name := part.FormName(); err != nil || chooses(name) && leads(name, string(page)) {
			return true
		}
	}
	return true
}

// front matches the path of a front page, perhaps in a language: its query may say
// which page is meant.
var front = regexp.MustCompile(`^/(?:[A-Za-z]{2}(?:[-_][A-Za-z]{2,4})?/)?(?:index\.php)?$`)

// besideRoute are the parameters that may stand beside one that routes.
var besideRoute = map[string]bool{"language": true, "lang": true, "currency": true, "customer_token": true}

// frontRoute returns what the query of a shop's front page routes to, where it is the
// query that does (WooCommerce's wc-ajax, OpenCart's route), and nothing else that
// could. A query elsewhere says nothing: whoever looks others up could write it there.
func frontRoute(way, query string) string {
	if !front.MatchString(way) {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	to := ""
	for key, all := range values {
		switch {
		case besideRoute[key]:
		case len(all) == 1 && to == "" && (key == "wc-ajax" || key == "route"):
			to = all[0]
		default:
			return ""
		}
	}
	return to
}

// graphQLErrand tells what a GraphQL request is for: it creates if it is one document
// of one mutation all of whose fields do. Names that the client chooses (aliases, the
// operation's), comments and strings say nothing.
func graphQLErrand(r *http.Request, body []byte) errand {
	documents, ok := graphQLDocuments(r, body)
	if !ok || len(documents) != 1 {
		return errandOther
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: documents[0]}, maxGraphQLTokens)
	if err != nil || len(document.Operations) != 1 || document.Operations[0].Operation != ast.Mutation {
		return errandOther
	}
	if !allCreate(document.Operations[0].SelectionSet) || asksOn(document) {
		return errandOther
	}
	return errandCreate
}

// rootFields lead from what a mutation answers back to the whole schema, where anybody
// can be asked for (Relay's server specification, node; PostGraphile, query).
var rootFields = map[string]bool{"query": true, "node": true, "nodes": true, "viewer": true}

// asksOn reports whether a document asks for one of rootFields anywhere.
func asksOn(document *ast.QueryDocument) bool {
	if selects(document.Operations[0].SelectionSet) {
		return true
	}
	return slices.ContainsFunc(document.Fragments, func(f *ast.FragmentDefinition) bool { return selects(f.SelectionSet) })
}

func selects(selection ast.SelectionSet) bool {
	return slices.ContainsFunc(selection, func(each ast.Selection) bool {
		switch s := each.(type) {
		case *ast.Field:
			return rootFields[s.Name] || selects(s.SelectionSet)
		case *ast.InlineFragment:
			return selects(s.SelectionSet)
		}
		return false
	})
}

// allCreate reports whether every field of a mutation creates; fragments are for the
// fields inside.
func allCreate(selection ast.SelectionSet) bool {
	for _, each := range selection {
		field, is := each.(*ast.Field)
		if !is || !hasWord(field.Name, creatingWords) || hasWord(field.Name, lookUpWords) {
			return false
		}
	}
	return len(selection) > 0
}
