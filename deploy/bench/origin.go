//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// origin is the shop that all contenders stand in front of: fixed answers, at as
// little cost as net/http allows. Only an order depends on who asks.
type origin struct {
	server  *http.Server
	address string
	served  atomic.Int64 // requests that came through
	issued  atomic.Int64 // sessions
}

// newOrigin serves on a loopback address of the system's choice until stop.
func newOrigin(ctx context.Context) (*origin, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the origin: %w", err)
	}
	o := &origin{address: l.Addr().String()}
	o.server = &http.Server{Handler: o, ReadHeaderTimeout: time.Minute}
	go func() { _ = o.server.Serve(l) }() // ends with stop
	return o, nil
}

func (o *origin) stop() { _ = o.server.Close() }

// ServeHTTP implements http.Handler.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.served.Add(1)
	var sent []byte
	if r.ContentLength != 0 {
		sent, _ = io.ReadAll(r.Body) // a client that is gone gets no answer anyway
	}
	if !strings.Contains(r.Header.Get("Cookie"), "session=") {
		w.Header().Set("Set-Cookie", "session="+token(o.issued.Add(1)<<20)+"; Path=/; HttpOnly")
	}
	status, contentType, body := http.StatusOK, "application/json", searchAnswer
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && path == "/checkout":
		form, _ := url.ParseQuery(string(sent)) // what is missing is order 0
		n, _ := strconv.ParseInt(form.Get("order"), 10, 64)
		status, body = http.StatusCreated, orderOf(n)
	case r.Method == http.MethodPost:
		status, body = http.StatusCreated, accepted
	case strings.HasPrefix(path, "/assets/"):
		contentType, body = "text/css", styleSheet
	case strings.HasPrefix(path, "/products/"):
		contentType, body = "text/html; charset=utf-8", productPage
	case strings.HasPrefix(path, "/api/orders/"):
		n, _ := strconv.ParseInt(path[len("/api/orders/"):], 10, 64) // 0 is an order too
		body = orderOf(n)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// accepted answers a cart. A checkout is answered with its order, which makes the
// customer the visitor's own.
const accepted = `{"status":"accepted","next":"/checkout/payment"}`

// person is a visitor's name and address, made up from the visitor's number.
type person struct{ first, last, email, street, postcode, city, phone string }

var (
	firstNames = strings.Fields("Anna Ben Clara David Emma Felix Greta Hannes Ida Jonas Klara Leon Mia Nils Olivia Paul")
	lastNames  = strings.Fields("Schmidt Weber Wagner Becker Hoffmann Koch Richter Klein Wolf Neumann Schwarz Braun Lange Krause")
	streets    = strings.Fields("Hauptstrasse Gartenweg Bahnhofstrasse Lindenallee Schulstrasse Bergstrasse Kirchgasse")
	cities     = strings.Fields("Berlin Hamburg Leipzig Dresden Bremen Kassel Mainz Erfurt")
)

func personOf(n int64) person {
	pick := func(from []string, step int64) string { return from[int(n/step)%len(from)] }
	p := person{first: pick(firstNames, 1), last: pick(lastNames, 16), city: pick(cities, 3)}
	p.email = strings.ToLower(p.first+"."+p.last) + strconv.FormatInt(n, 10) + "@mail.example"
	p.street = pick(streets, 5) + " " + strconv.FormatInt(1+n%180, 10)
	p.postcode = strconv.FormatInt(10000+n*7919%80000, 10)
	p.phone = "+49 30 " + strconv.FormatInt(1000000+n*6151%9000000, 10)
	return p
}

// orderOf is an order of the visitor in whose range its number is.
func orderOf(number int64) string {
	p := personOf(number / visits)
	address := fmt.Sprintf(`{"name":"%s %s","street":"%s","postcode":"%s","city":"%s","country":"DE"}`, p.first, p.last, p.street, p.postcode, p.city)
	return fmt.Sprintf(`{"number":"%d","placed_at":"2026-03-02T09:14:31Z","status":"shipped","gift":false,`+
		`"customer":{"id":null,"name":"%s %s","email":"%s","phone":"%s"},"billing_address":%s,"delivery_address":%s,"lines":[`+
		`{"sku":"TP-1182","name":"Teapot, blue","quantity":2,"unit_price":"24.95"},{"sku":"CP-77","name":"Cup and saucer","quantity":6,"unit_price":"7.95"},`+
		`{"sku":"LN-310","name":"Linen table cloth, 140 x 220","quantity":1,"unit_price":"39.00"}],"total":"136.60","currency":"EUR","track_path":"/track"}`,
		number, p.first, p.last, p.email, p.phone, address, address)
}

// The texts of catalogue answers are made of these words: each article its own.
var (
	colours   = strings.Fields("red blue green ivory copper slate amber plum sage navy")
	materials = strings.Fields("linen cotton oak porcelain glass wool brass cork walnut enamel stoneware")
	things    = strings.Fields("teapot lamp cushion vase blanket tray bowl clock kettle basket mirror candle")
	claims    = []string{
		"made by hand in small batches", "keeps its colour for years", "goes into the dishwasher", "looks well on a shelf by the window",
		"with a lid that closes tightly", "packed without plastic", "for two to four cups", "a present that is used every day",
	}
)

// article is the i-th article of the catalogue.
func article(i int) (name, text string, cents int) {
	name = strings.ToUpper(colours[i%10][:1]) + colours[i%10][1:] + " " + materials[i*7%11] + " " + things[i*5%12]
	text = "A " + things[i*5%12] + " of " + materials[i*7%11] + ", " + claims[i%8] + " and " + claims[(i*3+1)%8] + "."
	return name, text, 495 + i*377%9500
}

var (
	searchAnswer = func() string {
		var b strings.Builder
		b.WriteString(`{"query":"blue teapot","total":412,"page":2,"items":[`)
		for i := range 36 {
			name, text, cents := article(i)
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":%d,"sku":"%s-%d","name":"%s","slug":"/products/%s-%d","text":"%s","price":{"amount":%d,"currency":"EUR"},"rating":%d.%d,"stock":%d,"images":["/img/%d-a.webp","/img/%d-b.webp"],"labels":["new",null]}`,
				91000+i*37, strings.ToUpper(things[i*5%12][:2]), 1100+i, name, strings.ReplaceAll(strings.ToLower(name), " ", "-"), i, text, cents, 3+i%2, i%10, i*13%90, i, i)
		}
		b.WriteString(`],"facets":{"colour":["red","blue","green"],"material":["oak","linen"],"price":[[0,2000],[2000,5000]]}}`)
		return b.String()
	}()
	styleSheet = func() string {
		var b strings.Builder
		for i := range 150 {
			fmt.Fprintf(&b, ".%s-%s-%d{margin:0 %dpx;padding:.%dem 1em;color:#%06x;background:var(--%s);transition:opacity .%ds ease-in}\n", things[i%12], colours[i%10], i, i%24, i%9+1, i*7001%0xffffff, colours[i*3%10], i%9+1)
		}
		return b.String()
	}()
	productPage = func() string {
		var b strings.Builder
		b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Red dress | A shop</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
			"<link rel=\"stylesheet\" href=\"/assets/shop.css\">\n<script src=\"/assets/shop.js\" defer></script>\n" +
			"<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\"name\":\"Red dress\",\"sku\":\"RD-118\",\"offers\":{\"@type\":\"Offer\",\"price\":\"79.00\",\"priceCurrency\":\"EUR\"}}</script>\n</head>\n<body>\n" +
			"<header><a href=\"/\">A shop</a><nav><ul><li><a href=\"/category/dresses\">Dresses</a></li><li><a href=\"/category/home\">Home</a></li><li><a href=\"/account\">Account</a></li></ul></nav>" +
			"<form action=\"/search\"><input name=\"q\" type=\"search\" placeholder=\"Search\"><button>Go</button></form></header>\n<main>\n" +
			"<h1>Red dress</h1>\n<p class=\"price\">EUR 79.00</p>\n<form method=\"post\" action=\"/cart\"><input type=\"hidden\" name=\"csrf\" value=\"\"><select name=\"size\"><option>S</option><option>M</option><option>L</option></select><button>Add to cart</button></form>\n<ul class=\"more\">\n")
		for i := range 64 {
			name, text, cents := article(i)
			fmt.Fprintf(&b, "<li class=\"card\" data-id=\"%d\"><a href=\"/products/%s-%d\"><img src=\"/img/%d.webp\" alt=\"%s\" width=\"320\" height=\"320\" loading=\"lazy\"></a><h3>%s</h3><p>%s</p><span class=\"price\">%d.%02d &euro;</span></li>\n",
				91000+i, strings.ReplaceAll(strings.ToLower(name), " ", "-"), i, i, name, name, text, cents/100, cents%100)
		}
		b.WriteString("</ul>\n</main>\n<footer><p>Delivery in two to four days. Returns are free for thirty days.</p><p><a href=\"/imprint\">Imprint</a> <a href=\"/privacy\">Privacy</a></p></footer>\n<script>window.shop={currency:\"EUR\",locale:\"en\",cart:0};</script>\n</body>\n</html>\n")
		return b.String()
	}()
)
