package waf

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// storefront are typical clean requests; n makes each unlike the last, so that
// nothing but what repeats in real traffic is known already.
var storefront = map[string]func(n int) *Request{
	"product-get": func(n int) *Request {
		return browser("GET", "/products/red-dress-"+strconv.Itoa(n)+"?colour=red&size=M&utm_source=newsletter&page="+strconv.Itoa(n%40), n, "", "")
	},
	"order-get": func(n int) *Request {
		r := browser("GET", "/api/orders/"+strconv.Itoa(100000+n*7919), n, "", "")
		r.Header.Set("Accept", "application/json")
		return r
	},
	"form-post": func(n int) *Request {
		return browser("POST", "/checkout/address", n, "application/x-www-form-urlencoded",
			"first_name=Anna&last_name=Schmidt&email=anna.schmidt"+strconv.Itoa(n)+"%40example.org&street=Hauptstra%C3%9Fe+"+strconv.Itoa(n%200)+
				"&postcode="+strconv.Itoa(10000+n%80000)+"&city=Berlin&country=DE&phone=%2B49+30+"+strconv.Itoa(1000000+n)+"&newsletter=on&csrf="+token(n))
	},
	"json-post": func(n int) *Request {
		return browser("POST", "/api/cart/items", n, "application/json",
			`{"cart":"`+token(n)+`","items":[{"sku":"TP-`+strconv.Itoa(n)+`","name":"Teapot, blue","quantity":2,"price":{"amount":2495,"currency":"EUR"}},`+
				`{"sku":"CP-77","name":"Cup and saucer","quantity":6,"price":{"amount":795,"currency":"EUR"}}],"coupon":null,"gift":false,"note":"Please leave it with the neighbours, thank you!"}`)
	},
}

func token(n int) string {
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

func browser(method, uri string, n int, contentType, body string) *Request {
	session := n / 20 // twenty requests a session
	r := &Request{
		Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(session >> 8), byte(session)}), 40000), URI: uri, Method: method, Proto: "HTTP/1.1", Host: "shop.example",
		Header: http.Header{
			"User-Agent":      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
			"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
			"Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
			"Referer": {"https://shop.example/category/dresses?page=" + strconv.Itoa(n%40)}, "Connection": {"keep-alive"},
			"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"},
			"Cookie": {"session=" + token(session) + "; consent=all; cart=" + token(session + 1)[:16]},
		},
		Body: []byte(body),
	}
	if body != "" {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return r
}

func BenchmarkClean(b *testing.B) {
	for _, name := range []string{"product-get", "order-get", "form-post", "json-post"} {
		for _, cleared := range []bool{false, true} {
			engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10, Uncleared: !cleared})
			if err != nil {
				b.Fatal(err)
			}
			label := "full"
			if cleared {
				label = "cleared"
			}
			b.Run(name+"/"+label, func(b *testing.B) {
				b.ReportAllocs()
				n, missed := 0, 0
				for b.Loop() {
					n++
					tx := engine.Begin(rules.ExchangeID{1})
					v, err := tx.Request(storefront[name](n))
					if err != nil || v != rules.Passed {
						b.Fatal(v, err)
					}
					if tx.quick == nil {
						missed++
					}
					if _, err := tx.Finish(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(missed)/float64(n), "judged/op")
			})
		}
	}
}
