package demo

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// The credentials that drills know, and the header that joins a request to
// what [ShopOptions.Told] says of its answer.
const (
	DrillRequest = "X-Drill-Request"
	ERPKey       = "erp-drill-key-6f2c1b7de05a4c8f9a3b" // #nosec G101 -- made up, and meant to be known.
	PickerKey    = "picker-drill-key-1d9e4b60c27f4f8e"  // #nosec G101 -- likewise.
	AppKey       = "app-drill-key-80b1f3a95c6e4d27"     // #nosec G101 -- likewise.
	FlatKey      = "flat-drill-key-42e7c19ad0b84f63"    // #nosec G101 -- likewise.

	signedPrefix = "signed."
)

// SignedToken returns a session that the drill's shop takes for the customer's
// though nobody ever logged in: made with a stolen signing key. The salt makes
// several of one customer.
func SignedToken(customerID, salt string) string { return signedPrefix + customerID + "." + salt }

// Agent returns the login and the password of the i-th support agent of a
// drill's shop; Partner of the i-th partner, Seller of the i-th seller.
func Agent(i int) (login, password string)   { return drillLogin("agent", i) }
func Partner(i int) (login, password string) { return drillLogin("partner", i) } //nolint:revive // see Agent
func Seller(i int) (login, password string)  { return drillLogin("seller", i) }  //nolint:revive // see Agent

func drillLogin(kind string, i int) (login, password string) {
	login = kind + strconv.Itoa(i) + "@ternandthistle.example"
	return login, drillPassword(login, kind)
}

// drillPassword is the password of a made-up login, or nothing for a login of
// another kind.
func drillPassword(login, kind string) string {
	if !strings.HasPrefix(login, kind) || !strings.HasSuffix(login, "@ternandthistle.example") {
		return ""
	}
	sum := sha256.Sum256([]byte("ordergate drill password " + login))
	return hex.EncodeToString(sum[:8])
}

// drillRoutes are routes that the demo lacks, each with the hole that one of
// the playbooks goes through, or that one of the workloads needs.
func (s *Shop) drillRoutes() {
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /confirm/{number}":            s.confirm,
		"GET /orders/{number}/label.png":   s.label,
		"GET /orders/{number}/invoice.pdf": s.invoice,
		"GET /old-api/contacts/{id}":       s.oldContact,
		"GET /v2/accounts/{id}":            s.flatAccount,
		"GET /app/profile/{id}":            s.appProfile,
		"GET /api/customers/{id}/profile":  s.oldContact,
		"GET /api/customers/me":            s.meByParameter,
		"POST /api/state":                  s.stateByEmail,
		"POST /checkout/":                  s.stateByEmail, // a form's field chooses the page
		"GET /api/people":                  s.people,
		"GET /api/lookup":                  s.lookup,
		"POST /api/lookup":                 s.lookupMany,
		"POST /track/postcode":             s.trackPostcode,
		"GET /browse":                      s.browse,
		"POST /graphql/batch":              s.graphqlBatch,
		"GET /api/v3/orders":               s.newOrders,
		"GET /api/live":                    s.live,

		"POST /partner/login":            s.partnerLogin,
		"GET /partner/assets/{tag}":      s.partnerAsset,
		"POST /seller/login":             s.sellerLogin,
		"GET /seller/orders":             s.sellerOrders,
		"GET /seller/labels.pdf":         s.sellerLabels,
		"GET /erp/orders":                s.erpOrders,
		"GET /warehouse/orders/{number}": s.picking,
	} {
		s.mux.HandleFunc(pattern, handle)
	}
}

// pathOrder returns the order that the path names; without one it has
// answered 404.
func (s *Shop) pathOrder(w http.ResponseWriter, r *http.Request) (Order, bool) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	o, ok := s.store.order(n)
	if !ok {
		s.notFound(w, r)
	}
	return o, ok
}

// confirm is the page behind "thank you for your order": for whoever has the
// number.
func (s *Shop) confirm(w http.ResponseWriter, r *http.Request) {
	if o, ok := s.pathOrder(w, r); ok {
		page(w, r, http.StatusOK, s.pages.order, view{Title: "Order " + o.NumberText(), Data: o})
	}
}

// oldContact is on an API that everybody has forgotten: no login at all.
func (s *Shop) oldContact(w http.ResponseWriter, r *http.Request) { s.sendCustomer(w, r) }

// meByParameter is "me", until somebody puts an id beside it.
func (s *Shop) meByParameter(w http.ResponseWriter, r *http.Request) {
	r.SetPathValue("id", r.URL.Query().Get("id"))
	s.sendCustomer(w, r)
}

// stateByEmail gives a customer's orders to whoever knows the address.
func (s *Shop) stateByEmail(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	if r.Header.Get("Content-Type") == "application/json" {
		var asked struct{ Email string }
		_ = json.NewDecoder(r.Body).Decode(&asked) // nobody has no address
		email = asked.Email
	}
	c, _ := s.store.byAddress(email)
	r.SetPathValue("id", c.ID)
	s.sendCustomer(w, r)
}

func (s *Shop) sendCustomer(w http.ResponseWriter, r *http.Request) {
	c, ok := s.store.customer(r.PathValue("id"))
	if !ok {
		failJSON(w, r, http.StatusNotFound, "no such customer")
		return
	}
	orders := []orderJSON{}
	for _, o := range s.store.ordersOf(c.ID) {
		orders = append(orders, o.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"customer": c.wire(), "orders": orders})
}

// flatAccount gives any account to whoever has the one API key.
func (s *Shop) flatAccount(w http.ResponseWriter, r *http.Request) {
	if keyed(w, r, "X-Api-Key", FlatKey) {
		s.sendCustomer(w, r)
	}
}

// appProfile gives any profile to whoever has the key that is in every app.
func (s *Shop) appProfile(w http.ResponseWriter, r *http.Request) {
	if keyed(w, r, "X-App-Key", AppKey) {
		s.sendCustomer(w, r)
	}
}

// keyed reports whether the request shows a key; otherwise it has answered 401.
func keyed(w http.ResponseWriter, r *http.Request, header, key string) bool {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(header)), []byte(key)) == 1 {
		return true
	}
	failJSON(w, r, http.StatusUnauthorized, "a key is needed")
	return false
}

// people is a search over customers that was meant for gift lists: any
// shopper, any words, and * means everybody. The answer is streamed, without
// its length.
func (s *Shop) people(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.caller(w, r); !ok {
		return
	}
	words := r.URL.Query().Get("q")
	if words == "*" {
		words = ""
	}
	found, _ := s.store.customerPage(words, 1, 1_000_000)
	if r.URL.Query().Get("format") == "csv" {
		w.Header().Set("Content-Type", typeCSV)
		out, done := s.stream(w, r)
		defer done()
		lines := csv.NewWriter(out)
		_ = lines.Write(customersHeader()) // as below.
		for i := range found {
			_ = lines.Write(found[i].row()) // the client is gone: nobody to tell.
		}
		lines.Flush()
		return
	}
	list := make([]customerJSON, 0, len(found))
	for _, c := range found {
		list = append(list, c.wire())
	}
	w.Header().Set("Content-Type", typeJSON)
	out, done := s.stream(w, r)
	defer done()
	writeJSON(out, map[string]any{"people": list})
}

// lookup says who has an e-mail address.
func (s *Shop) lookup(w http.ResponseWriter, r *http.Request) {
	c, ok := s.store.byAddress(r.URL.Query().Get("email"))
	if !ok {
		failJSON(w, r, http.StatusNotFound, "nobody")
		return
	}
	sendJSON(w, r, http.StatusOK, c.wire())
}

// lookupMany is lookup for a whole list.
func (s *Shop) lookupMany(w http.ResponseWriter, r *http.Request) {
	var in struct{ Emails []string }
	if !readJSON(w, r, &in) {
		return
	}
	found := []customerJSON{}
	for _, email := range in.Emails {
		if c, ok := s.store.byAddress(email); ok {
			found = append(found, c.wire())
		}
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"found": found})
}

// trackPostcode is the order lookup by number and postcode: few postcodes,
// and nobody counts the tries.
func (s *Shop) trackPostcode(w http.ResponseWriter, r *http.Request) {
	if !readForm(w, r) {
		return
	}
	n, _ := strconv.Atoi(strings.TrimSpace(r.PostFormValue("order_number")))
	o, ok := s.store.order(n)
	if !ok || o.Delivery.Postcode != strings.TrimSpace(r.PostFormValue("postcode")) {
		s.message(w, r, http.StatusNotFound, "No such order", "We have no order with that number and that postcode together.")
		return
	}
	s.show(w, r, s.pages.order, view{Title: "Order " + o.NumberText(), Data: o})
}

// browsePage is the most that one page of a facet shows.
const browsePage = 25

// browse is the storefront's search engine, which has the orders in its index
// too: facets by postcode, surname and month, for anybody.
func (s *Shop) browse(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := s.store.matching(func(o Order) bool {
		words := strings.Fields(o.Billing.Name)
		return strings.HasPrefix(o.Billing.Postcode, q.Get("postcode")) && strings.HasPrefix(o.Placed.Format("2006-01-02"), q.Get("placed")) &&
			(q.Get("surname") == "" || len(words) > 0 && strings.HasPrefix(words[len(words)-1], q.Get("surname")))
	})
	at, size := number(r, "page", 1), min(browsePage, number(r, "size", browsePage))
	shown := window(found, at, size)
	if q.Get("format") == "json" {
		orders := []orderJSON{}
		for _, o := range shown {
			orders = append(orders, o.wire())
		}
		sendJSON(w, r, http.StatusOK, map[string]any{"total": len(found), "orders": orders})
		return
	}
	page(w, r, http.StatusOK, s.pages.staffOrders, view{Title: "Results", Data: staffTable{shown, at, 1 + len(found)/size, max(1, at-1), at + 1}})
}

// graphqlBatch takes an array of queries in one request.
func (s *Shop) graphqlBatch(w http.ResponseWriter, r *http.Request) {
	var in []struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	answers := make([]gqlAnswer, 0, len(in))
	for _, one := range in {
		answers = append(answers, s.answerGraphQL(r, one.Query, one.Variables))
	}
	sendJSON(w, r, http.StatusOK, answers)
}

// newOrders is the next version of the API: other names, other numbers, and
// addresses where there were none. Only the caller's own.
func (s *Shop) newOrders(w http.ResponseWriter, r *http.Request) {
	c, ok := s.caller(w, r)
	if !ok {
		return
	}
	type v3 struct {
		Ref    string `json:"ref"`
		ShipTo string `json:"ship_to"`
		Mail   string `json:"mail"`
	}
	list := []v3{}
	for _, o := range s.store.ordersOf(c.ID) {
		a := o.Delivery
		list = append(list, v3{"TT-2026-" + o.NumberText(), a.Name + ", " + a.Street + ", " + a.Postcode + " " + a.City + ", " + a.Country, o.Email})
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"version": 3, "orders": list})
}
