package waf

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

// workload is a kind of exchange to measure.
type workload struct {
	name    string
	request func(n int) *Request
	answer  answer
}

func workloads() []workload {
	page := "<html><body><ul>" + strings.Repeat(`<li class="product"><a href="/p/1">Teapot</a> <span>24.95</span></li>`, 350) + "</ul></body></html>"
	attack := func(q string) func(int) *Request {
		return func(n int) *Request {
			return browser("GET", "/search?n="+strconv.Itoa(n)+"&q="+url.QueryEscape(q), n, "", "")
		}
	}
	out := []workload{
		{"page with its HTML", storefront["product-get"], answer{200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, page}},
		{"attack, SQL injection", attack("1' UNION SELECT email,password FROM customers--"), answer{}},
		{"attack, script", attack("<script>alert(1)</script>"), answer{}},
		{"attack, path", attack("../../../../etc/passwd"), answer{}},
	}
	for _, name := range []string{"product-get", "order-get", "form-post", "json-post"} {
		out = append(out, workload{name, storefront[name], answer{}})
	}
	return out
}

// BenchmarkShare measures the CPU time of an exchange in the WAF, as ratios to
// Coraza with its defaults: turn by turn in one run, medians of the turns. "pre"
// is Coraza with SecRxPreFilter, which loses attacks.
func BenchmarkShare(b *testing.B) {
	pre := filepath.Join(b.TempDir(), "prefilter-before.conf")
	if err := os.WriteFile(pre, []byte("SecRxPreFilter On\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	var engines [3]*Engine
	for i, config := range []Config{{Uncleared: true}, {Uncleared: true, Files: []string{pre}}, {}} {
		config.Paranoia, config.Threshold, config.RequestBody, config.ResponseBody = 1, 5, 128<<10, 64<<10
		var err error
		if engines[i], err = New(config); err != nil {
			b.Fatal(err)
		}
	}
	for _, w := range workloads() {
		b.Run(w.name, func(b *testing.B) {
			var turns [3][]float64
			n := 0
			for b.Loop() {
				for i, engine := range engines {
					const each = 8
					before := cpuTime(b)
					for range each {
						n++
						serve(b, engine, w.request(n/len(engines)), w.answer)
					}
					turns[i] = append(turns[i], float64(cpuTime(b)-before)/each)
				}
			}
			full := median(turns[0])
			b.ReportMetric(full/1e3, "full-µs")
			b.ReportMetric(full/median(turns[1]), "full/pre")
			b.ReportMetric(median(turns[2])/1e3, "cleared-µs")
			b.ReportMetric(full/median(turns[2]), "full/cleared")
		})
	}
}

// serve runs an exchange; one without a status has no answer.
func serve(b testing.TB, engine *Engine, r *Request, a answer) {
	if a.status != 0 {
		exchange(b, engine, r, a)
		return
	}
	tx := engine.Begin(rules.ExchangeID{1})
	if _, err := tx.Request(r); err != nil {
		b.Fatal(err)
	}
	if _, err := tx.Finish(); err != nil {
		b.Fatal(err)
	}
}

// cpuTime is the time that this process has computed, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkCleared is a cleared exchange alone, for profiles and allocations.
func BenchmarkCleared(b *testing.B) {
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10})
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range workloads() {
		if strings.HasPrefix(w.name, "attack") {
			continue
		}
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				serve(b, engine, w.request(n), w.answer)
			}
		})
	}
}
