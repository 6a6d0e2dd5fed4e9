package record

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

func TestNamedOrders(t *testing.T) {
	for target, want := range map[string][]string{
		"/api/orders/1001/invoice":                    {"1001"},
		"/orders/R-1001/label.png":                    {"R-1001"},
		"/bestellung/17.pdf":                          {"17"},
		"/invoice-1001.pdf":                           {"1001"},
		"/index.php?route=sale&order_id=17":           {"17"},
		"/invoice?id=17":                              {"17"},
		"/orders/17/invoices/18":                      {"17", "18"},
		"/commandes/4711/facture":                     {"4711"},
		"/download?file=1&ordernumber=A-9":            {"A-9"},
		"/products/1001/photo.jpg":                    nil,
		"/media/chair-1001@2x.jpg":                    nil,
		"/sale/50/banner.png":                         nil,
		"/cart/50/thumb.png":                          nil,
		"/orders":                                     nil,
		"/orders/new":                                 nil,
		"/assets/app.3f9c2e.js?v=17&id=5":             nil,
		"/product?id=17":                              nil,
		"/orders/%zz?order_id=%zz":                    nil,
		"/" + strings.Repeat("orders/1/", 1000):       {"1"},
		"/x?" + strings.Repeat("a=1&", 100) + "order": nil,
	} {
		path, query, _ := strings.Cut(target, "?")
		var ids []rules.Identifier
		for _, n := range want {
			ids = append(ids, idOf(t, rules.IdentifierOrder, n))
		}
		if got := NamedOrders(path, query, testHasher(t)); !reflect.DeepEqual(got, ids) {
			t.Errorf("%s: %d orders, want %v", target, len(got), want)
		}
	}
}

func TestOpaque(t *testing.T) {
	for contentType, want := range map[string]bool{
		"image/png": true, "application/pdf": true, "application/zip": true, "application/octet-stream": true, "": true,
		"text/html": false, "application/json": false, "text/css": false, "font/woff2": false, "application/javascript": false, "text/csv": false, "video/mp4": false,
	} {
		if got := Opaque(contentType); got != want {
			t.Errorf("%q: %v", contentType, got)
		}
	}
}
