package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/ordergate/ordergate/rules"
)

// customersJSON is a list of orders with their customers, as a REST API
// returns it.
func customersJSON(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"total":1,"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"orderNumber":"R-%08d","state":"PaymentSettled","orderPlacedAt":"2026-11-23T13:02:48.983Z","totalWithTax":%d,"currencyCode":"EUR",`+
			`"customer":{"id":"%d","firstName":"Ada%d","lastName":"Lund","emailAddress":"ada.lund%d@mail.example","phoneNumber":"+47 22 %06d"},`+
			`"shippingAddress":{"fullName":"Ada%d Lund","streetLine1":"Storgata %d","city":"Oslo","postalCode":"0155","countryCode":"NO"},`+
			`"lines":[{"sku":"SKU-%d","productName":"Folding Oak Chair","quantity":2,"price":4999,"image":"https://cdn.shop.example/media/chair-%d@2x.jpg"},{"sku":"SKU-77","productName":"Lamp","quantity":1,"price":999}]}`,
			i, i, i, i, i, i, i, i, i%200, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// catalogueJSON is a product list without personal data.
func catalogueJSON(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"data":{"search":{"totalItems":100,"items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"productId":"%d","productName":"Green Garden Hose %d","slug":"green-garden-hose","sku":"SKU-%d","description":"<p>The all-time classic, made of rubber &amp; steel. Size 42, 1,000 ml.</p>",`+
			`"image":"https://cdn.shop.example/media/gloves-%d@2x.jpg","priceWithTax":{"value":43715},"currencyCode":"USD","inStock":true,"tags":["new","sale"],"facets":[{"id":7,"name":"Blue"},{"id":9,"name":"Large"}],"createdAt":"2026-11-23T13:11:21.206Z"}`, i, i, 100000+i, i)
	}
	b.WriteString(`]}}}`)
	return []byte(b.String())
}

func customersHTML(n int) []byte {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><head><title>Customers</title><script>var a = {x: 1};</script></head><body><div id="content"><table class="table table-bordered"><thead><tr><th>Customer Name</th><th>E-Mail</th><th>Group</th><th>Action</th></tr></thead><tbody>`)
	for i := range n {
		fmt.Fprintf(&b, `
            <tr>
              <td class="text-center"><input type="checkbox" name="selected[]" value="%d" class="form-check-input"/></td>
              <td>Ada Lund%c</td>
              <td>ada.lund%d@mail.example</td>
              <td>Default</td>
              <td class="text-end"><a href="https://shop.example/admin/index.php?route=customer/customer.form&amp;customer_id=%d&amp;page=3" data-bs-toggle="tooltip" title="Edit" class="btn btn-primary"><i class="fa-solid fa-pencil"></i></a></td>
            </tr>`, i, 'a'+rune(i%26), i, i)
	}
	b.WriteString(`</tbody></table></div></body></html>`)
	return []byte(b.String())
}

// productPage is a page of a shop of about 24 KB without personal data: head,
// style, script, navigation, the product, reviews without names, footer.
func productPage() []byte {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Folding Oak Chair | Chairs &amp; More</title>` +
		`<meta name="description" content="A folding chair of solid oak, made to last."><link rel="stylesheet" href="/assets/main.min.css?v=81">` +
		`<style>.product{display:grid;gap:1rem}.product h1{font-size:2rem;color:#222}@media(max-width:40em){.product{display:block}}</style>` +
		`<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}gtag("js",new Date());var shop={currency:"EUR",cart:{items:[],total:0}};</script>` +
		`<script type="application/ld+json">{"@context":"https://schema.org","@type":"Product","name":"Folding Oak Chair","sku":"FOC-17","offers":{"@type":"Offer","price":"49.99","priceCurrency":"EUR"}}</script></head><body class="product-page">` + "\n")
	b.WriteString(`<header><nav><ul>`)
	for i, name := range []string{"Chairs", "Tables", "Lamps", "Sofas", "Beds", "Garden", "Office", "Sale"} {
		fmt.Fprintf(&b, "\n      <li class=\"nav-item\"><a class=\"nav-link\" href=\"/c/%d-%s\">%s</a></li>", i, strings.ToLower(name), name)
	}
	b.WriteString("</ul></nav></header>\n<main><div class=\"product\"><h1>Folding Oak Chair</h1><p class=\"price\">49.99 EUR</p><p>Made of oak from well kept woods and oiled by hand, this chair folds flat in one movement and stands firm on any floor. It carries 120 kg.</p>\n")
	b.WriteString(`<form action="/cart/add" method="post"><input type="hidden" name="product_id" value="17"><select name="quantity"><option>1</option><option>2</option></select><button type="submit" class="btn btn-primary">Add to cart</button></form><table class="specs"><tbody>`)
	for _, row := range [][2]string{{"Width", "45 cm"}, {"Height", "82 cm"}, {"Weight", "4.2 kg"}, {"Material", "Solid oak"}, {"Colour", "Natural"}, {"Article", "FOC-17"}} {
		fmt.Fprintf(&b, "\n  <tr><th scope=\"row\">%s</th><td>%s</td></tr>", row[0], row[1])
	}
	b.WriteString("</tbody></table></div>\n<section class=\"related\"><h2>Goes well with</h2>")
	for i := range 40 {
		fmt.Fprintf(&b, "\n  <div class=\"card product-card\" data-product-id=\"%d\"><a href=\"/p/%d-chair\" class=\"card-link\"><img loading=\"lazy\" src=\"/media/chair-%d-400.jpg\" srcset=\"/media/chair-%d-800@2x.jpg 2x\" alt=\"Chair %d\" width=\"400\" height=\"400\"></a>\n"+
			"    <div class=\"card-body\"><h3 class=\"card-title\"><a href=\"/p/%d-chair\">Oak Chair No %d</a></h3><p class=\"card-text\">Seat height 45 cm, stacks &amp; folds.</p><span class=\"price\">&euro; %d.99</span></div></div>", i, i, i, i, i, i, i, 20+i)
	}
	b.WriteString("</section></main>\n<!-- end of page --><footer><div class=\"container\"><p>&copy; Chairs &amp; More. All prices include VAT.</p></div></footer></body></html>")
	return []byte(b.String())
}

// stylesheet is text as CSS is, sent as text/plain.
func stylesheet(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ".card-%d .card-body > .title:hover,\n.card-%d[data-state=\"open\"] {\n  margin: 0 auto %dpx;\n  background: #f%05x url(/img/bg-%d.svg) no-repeat;\n  transition: opacity .2s ease-in-out;\n}\n@media (min-width: %dpx) { .col-%d { width: 33.33%%; } }\n", i, i, i%40, i, i, 300+i, i)
	}
	return []byte(b.String())
}

// usersJSON is a list of accounts as an API of a shop returns it.
func usersJSON(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"status":"success","data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"username":"","email":"ada.lund%d@mail.example","password":"%032x","role":"customer","deluxeToken":"","lastLoginIp":"10.0.%d.%d",`+
			`"profileImage":"/assets/public/images/uploads/default.svg","totpSecret":"","isActive":true,"createdAt":"2026-11-23T13:02:48.983Z","updatedAt":"2026-11-23T13:02:48.983Z","deletedAt":null}`,
			i, i, i*7919, i/256%256, i%256)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// piece is how much of a body comes at a time.
const piece = 32 << 10

// finding runs a finder over a body as a response is read.
func finding(cfg *Config, h *rules.Hasher, contentType string, body []byte, records []rules.Record) []rules.Record {
	f := NewFinder(cfg, h, contentType)
	for at := 0; at < len(body); at += piece {
		_, _ = f.Write(body[at:min(at+piece, len(body))])
		records = f.Take(records[:0])
		_ = f.Safe()
	}
	_ = f.Close()
	return records
}

// benchmark measures the finder over one body, in MB/s and allocations a body,
// and in the same run, since machines differ and vary: "x/copy", how many times
// as long as io.Copy of it through a buffer of the same size takes, and how
// many times as long as others take for the whole body without asking for any
// meaning: "x/tokens", for a tokenizer of the form, or x/net/html; for JSON
// json.Decoder.Token, which makes a value of each token; and "x/valid", for
// json.Valid, which only walks through the states of the text. With -short it
// leaves these out.
func benchmark(b *testing.B, contentType string, body []byte, others ...other) {
	b.Helper()
	h := testHasher(b)
	cfg := &Config{}
	var records []rules.Record
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		records = finding(cfg, h, contentType, body, records)
	}
	if testing.Short() {
		return
	}
	// Measured beside it, not in the loop: there it would clear the caches.
	found := median(func() { records = finding(cfg, h, contentType, body, records) })
	buffer := make([]byte, piece)
	copied := median(func() {
		// Neither side may offer to copy by itself.
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{bytes.NewReader(body)}, buffer)
	})
	b.ReportMetric(found/copied, "x/copy")
	for _, o := range others {
		b.ReportMetric(found/median(func() { o.run(body) }), o.unit)
	}
}

// other is what a finder is measured beside.
type other struct {
	unit string
	run  func(body []byte)
}

var (
	tokensOfJSON = other{"x/tokens", tokensJSON}
	validJSON    = other{"x/valid", func(body []byte) { json.Valid(body) }}
	tokensOfHTML = other{"x/tokens", tokensHTML}
)

// median returns the median time of some calls in nanoseconds.
func median(call func()) float64 {
	var times [15]time.Duration
	for i := range times {
		from := time.Now()
		call()
		times[i] = time.Since(from)
	}
	slices.Sort(times[:])
	return float64(max(times[len(times)/2], 1))
}

func tokensJSON(body []byte) {
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := d.Token(); err != nil {
			return
		}
	}
}

func tokensHTML(body []byte) {
	z := html.NewTokenizer(bytes.NewReader(body))
	for z.Next() != html.ErrorToken {
		_ = z.Raw()
	}
}

func BenchmarkFinderJSON(b *testing.B) {
	benchmark(b, "application/json", customersJSON(1000), tokensOfJSON, validJSON)
}

func BenchmarkFinderUsers(b *testing.B) {
	benchmark(b, "application/json", usersJSON(1000), tokensOfJSON, validJSON)
}

func BenchmarkFinderCatalogue(b *testing.B) {
	benchmark(b, "application/json", catalogueJSON(1000), tokensOfJSON, validJSON)
}

// BenchmarkFinderEscaped is the catalogue as encoders write it that escape
// slashes and what is not ASCII, such as PHP's.
func BenchmarkFinderEscaped(b *testing.B) {
	body := bytes.ReplaceAll(catalogueJSON(1000), []byte("/"), []byte(`\/`))
	benchmark(b, "application/json", bytes.ReplaceAll(body, []byte("Garden"), []byte(`G\u00e4rten`)), tokensOfJSON, validJSON)
}

func BenchmarkFinderHTML(b *testing.B) {
	benchmark(b, "text/html", customersHTML(1000), tokensOfHTML)
}

func BenchmarkFinderPage(b *testing.B) {
	benchmark(b, "text/html", productPage(), tokensOfHTML)
}

// BenchmarkFinderNewPage is the page with other products on it each time: what
// stands around them was seen before. Every part of an unknown page is another one
// each time.
func BenchmarkFinderNewPage(b *testing.B) {
	for _, c := range []struct{ name, changes string }{{"products", "/p/"}, {"unknown", "class=\""}} {
		b.Run(c.name, func(b *testing.B) {
			h, cfg, body := testHasher(b), &Config{}, productPage()
			var places []int
			for at := 0; ; {
				next := bytes.Index(body[at:], []byte(c.changes))
				if next < 0 {
					break
				}
				at += next + len(c.changes)
				places = append(places, at)
			}
			var records []rules.Record
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				for i, at := range places {
					body[at] = 'a' + byte((n>>(i%5*4)+i)&15)
				}
				records = finding(cfg, h, "text/html", body, records)
			}
		})
	}
}

func BenchmarkFinderStyle(b *testing.B) {
	benchmark(b, "text/plain", stylesheet(500))
}

// TestAllocations holds a body without personal data to no allocation a
// write, once the finder is warm.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes counts")
	}
	for name, body := range map[string][]byte{
		"application/json": catalogueJSON(50),
		"text/html":        []byte(strings.Repeat(`<div class="product"><h4><a href="/p?product_id=40" title="Chair">Practical Chair &amp; Table</a></h4><p>Made of <b>wood</b>, 40 cm. Price: $101.00</p><img src="a@2x.png" alt="Chair"></div>`, 100)),
	} {
		f := NewFinder(&Config{}, testHasher(t), name)
		if name == "application/json" {
			_, _ = f.Write([]byte("["))
		}
		comma := []byte(",")
		write := func() {
			_, _ = f.Write(body)
			if name == "application/json" {
				_, _ = f.Write(comma)
			}
		}
		write()
		if n := testing.AllocsPerRun(20, write); n != 0 {
			t.Errorf("%s: %v allocations a write, want 0", name, n)
		}
	}
}
