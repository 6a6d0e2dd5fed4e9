package demo

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are the parsed pages of the shop.
type templates struct {
	home, products, product, search, login, account, orders, order, track, message, staffLogin, staffOrders *template.Template
}

// parseTemplates reads every page, each together with the layout.
func parseTemplates() (*templates, error) {
	var t templates
	for name, into := range map[string]**template.Template{
		"home": &t.home, "products": &t.products, "product": &t.product, "search": &t.search, "login": &t.login, "account": &t.account,
		"orders": &t.orders, "order": &t.order, "track": &t.track, "message": &t.message, "stafflogin": &t.staffLogin, "stafforders": &t.staffOrders,
	} {
		parsed, err := template.ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		*into = parsed
	}
	return &t, nil
}

// view is what every page is made from: the frame, and what is inside it.
type view struct {
	Title    string
	LoggedIn bool
	Data     any
}

// Shop returns the shop's own contact, for the frame.
func (view) Shop() map[string]string {
	return map[string]string{"Name": ShopName, "Email": ShopEmail, "Phone": ShopPhone}
}

// show answers with a page, and gives the visitor a session.
func (s *Shop) show(w http.ResponseWriter, r *http.Request, t *template.Template, v view) {
	s.showAs(w, r, http.StatusOK, t, v)
}

func (s *Shop) showAs(w http.ResponseWriter, r *http.Request, status int, t *template.Template, v view) {
	if w.Header().Get("Set-Cookie") == "" {
		s.sessions.greet(w, r, shopperCookie)
	}
	state, _ := s.sessions.carried(r, shopperCookie)
	v.LoggedIn = state.customer != ""
	page(w, r, status, t, v)
}

// message answers with a page that holds only words.
func (s *Shop) message(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	s.showAs(w, r, status, s.pages.message, view{Title: title, Data: text})
}

// shelf is a product with everything that a page shows of it.
type shelf struct {
	Products []Product
	JSON     []productJSON
	Category string
}

func shelve(products []Product, category string) shelf {
	out := shelf{Category: category}
	for _, p := range products {
		if category == "" || strings.EqualFold(category, p.Category) {
			out.Products = append(out.Products, p)
			out.JSON = append(out.JSON, p.wire())
		}
	}
	return out
}

// home is GET /.
func (s *Shop) home(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, s.pages.home, view{Title: "Useful things, made to be mended", Data: shelve(s.products, "")})
}

// productList is GET /products, with ?category=.
func (s *Shop) productList(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, s.pages.products, view{Title: "All products", Data: shelve(s.products, r.URL.Query().Get("category"))})
}

// product returns the product with that SKU.
func (s *Shop) product(sku string) (Product, bool) {
	at := slices.IndexFunc(s.products, func(p Product) bool { return strings.EqualFold(p.SKU, sku) })
	if at < 0 {
		return Product{}, false
	}
	return s.products[at], true
}

// productPage is GET /product/{sku}.
func (s *Shop) productPage(w http.ResponseWriter, r *http.Request) {
	p, ok := s.product(r.PathValue("sku"))
	if !ok {
		s.notFound(w, r)
		return
	}
	s.show(w, r, s.pages.product, view{Title: p.Name, Data: shelve([]Product{p}, "")})
}

// results is what the search page shows.
type results struct {
	Words string
	Hits  []hit
}

// searchPage is GET /search?q=.
func (s *Shop) searchPage(w http.ResponseWriter, r *http.Request) {
	words := r.URL.Query().Get("q")
	hits, err := s.search.find(r.Context(), words)
	if err != nil {
		s.message(w, r, http.StatusInternalServerError, "The search failed", "Please try other words.")
		return
	}
	s.show(w, r, s.pages.search, view{Title: "Search", Data: results{words, hits}})
}

// trackPage is GET /track: the form of guests.
func (s *Shop) trackPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, s.pages.track, view{Title: "Where is my order?"})
}

// track is POST /track: the order, for whoever knows its number and e-mail address.
func (s *Shop) track(w http.ResponseWriter, r *http.Request) {
	if !readForm(w, r) {
		return
	}
	n, _ := strconv.Atoi(strings.TrimSpace(r.PostFormValue("order_number")))
	o, ok := s.store.order(n)
	if !ok || !strings.EqualFold(o.Email, strings.TrimSpace(r.PostFormValue("email"))) {
		s.message(w, r, http.StatusNotFound, "No such order", "We have no order with that number and that e-mail address together.")
		return
	}
	s.show(w, r, s.pages.order, view{Title: "Order " + o.NumberText(), Data: o})
}
