package record

import (
	"fmt"
	"strings"
	"testing"

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

func benchmark(b *testing.B, contentType string, body []byte) {
	b.Helper()
	h := testHasher(b)
	cfg := &Config{}
	var records []rules.Record
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		f := NewFinder(cfg, h, contentType)
		for at := 0; at < len(body); at += 32 << 10 {
			_, _ = f.Write(body[at:min(at+32<<10, len(body))])
			records = f.Take(records[:0])
			_ = f.Safe()
		}
		_ = f.Close()
	}
}

func BenchmarkFinderJSON(b *testing.B)      { benchmark(b, "application/json", customersJSON(1000)) }
func BenchmarkFinderHTML(b *testing.B)      { benchmark(b, "text/html", customersHTML(1000)) }
func BenchmarkFinderCatalogue(b *testing.B) { benchmark(b, "application/json", catalogueJSON(1000)) }

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
