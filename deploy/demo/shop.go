package demo

import (
	"fmt"
	"net/http"
	"time"
)

// The shop's own contact, on every page: a gateway must not take it for a
// customer's. The number is one that ACMA keeps for films and books.
const (
	ShopName  = "Tern & Thistle"
	ShopEmail = "hello@ternandthistle.example"
	ShopPhone = "+61 1800 975 711"
)

// Shop is the sample order platform, an http.Handler. Make one with
// [NewShop]; it is safe for concurrent use. It keeps everything in memory:
// at most 50,000 registrations and orders beyond the customers it was given,
// and 100,000 sessions.
type Shop struct {
	store    *store
	sessions *sessions
	products []Product
	search   *searchIndex
	pages    *templates
	assets   map[string]asset
	mux      *http.ServeMux
	clock    func() time.Time
	told     func(request string, customers []string)
	planted  map[string]bool // canaries, by customer id; in drills
}

// ShopOptions are what a shop may be told beyond its customers. The zero
// value is the shop of the demo.
type ShopOptions struct {
	Clock func() time.Time // dates of new orders; nil means time.Now
	// Drill opens the routes and holes that the drills attack; see drill.go.
	Drill bool
	// Told is called, behind the gateway's back, with the value of a request's
	// X-Drill-Request and the ids of the customers in its answer, when that is
	// no text: the truth about pictures and documents. Nil: nobody is told.
	Told func(request string, customers []string)
}

// NewShop returns a shop with these customers, as [Generate] makes them. It
// fails when their order numbers are not sequential, when an id or e-mail
// address repeats, or when the search index cannot be built. Close it.
func NewShop(customers []Customer, options ShopOptions) (*Shop, error) {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	stored, err := newStore(customers)
	if err != nil {
		return nil, fmt.Errorf("taking the customers of the sample shop: %w", err)
	}
	pages, err := parseTemplates()
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the sample shop: %w", err)
	}
	products := catalogue()
	assets, err := makeAssets(products)
	if err != nil {
		return nil, fmt.Errorf("making the pictures of the sample shop: %w", err)
	}
	search, err := newSearchIndex(products, customers)
	if err != nil {
		return nil, fmt.Errorf("building the search of the sample shop: %w", err)
	}
	s := &Shop{
		store: stored, sessions: newSessions(), products: products, search: search,
		pages: pages, assets: assets, mux: http.NewServeMux(), clock: options.Clock, told: options.Told,
	}
	s.sessions.signed = options.Drill
	s.routes()
	if options.Drill {
		s.planted = map[string]bool{}
		for _, c := range Canaries(customers) {
			s.planted[c.ID] = true
		}
		s.drillRoutes()
	}
	return s, nil
}

// Close frees the search index. The shop must not be used afterwards.
func (s *Shop) Close() error { return s.search.close() }

// ServeHTTP answers one request.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Shop) routes() {
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /{$}":              s.home,
		"GET /products":         s.productList,
		"GET /product/{sku}":    s.productPage,
		"GET /search":           s.searchPage,
		"GET /assets/{path...}": s.asset,
		"GET /login":            s.loginPage,
		"POST /login":           s.login,
		"POST /logout":          s.logout,
		"GET /account":          s.account,
		"GET /account/orders":   s.accountOrders,
		"GET /orders/{number}":  s.orderPage,
		"GET /track":            s.trackPage,
		"POST /track":           s.track,
		"GET /healthz":          s.health,

		"GET /api/products":        s.apiProducts,
		"POST /api/search":         s.apiSearch,
		"POST /api/login":          s.apiLogin,
		"POST /api/register":       s.apiRegister,
		"GET /api/me":              s.apiMe,
		"GET /api/orders":          s.apiOrders,
		"GET /api/orders/{number}": s.apiOrder,
		"POST /api/checkout":       s.apiCheckout,
		"POST /graphql":            s.graphql,

		"GET /staff/login":          s.staffLoginPage,
		"POST /staff/login":         s.staffLogin,
		"GET /staff/customers":      s.staffCustomers,
		"GET /staff/customers/{id}": s.staffCustomer,
		"GET /staff/orders":         s.staffOrders,
		"GET /staff/export.csv":     s.staffExport,
	} {
		s.mux.HandleFunc(pattern, handle)
	}
	s.mux.HandleFunc("/", s.noRoute)
}

// health says that the shop is up.
func (s *Shop) health(w http.ResponseWriter, r *http.Request) {
	send(w, r, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// noRoute answers what no route takes: 405 when another method would have
// been right, 404 otherwise.
func (s *Shop) noRoute(w http.ResponseWriter, r *http.Request) {
	for _, method := range [...]string{http.MethodGet, http.MethodPost} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			allow := method
			if method == http.MethodGet {
				allow += ", HEAD"
			}
			w.Header().Add("Allow", allow)
		}
	}
	if w.Header().Get("Allow") != "" {
		s.message(w, r, http.StatusMethodNotAllowed, "This page cannot be used that way", "Please go back and try the button again.")
		return
	}
	s.notFound(w, r)
}

// notFound is the page for what does not exist.
func (s *Shop) notFound(w http.ResponseWriter, r *http.Request) {
	s.message(w, r, http.StatusNotFound, "We could not find that", "The page or order may have moved, or the link has a typing mistake in it.")
}
