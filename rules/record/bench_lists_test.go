package record

import (
	"fmt"
	"strings"
	"testing"
)

// The bodies of this file are denser than those of bench_test.go: they are made
// as platforms answer when somebody reads their customers in bulk, with several
// addresses and numbers a customer, in the notations of several countries.

// people are names, streets and phone numbers as shops have them.
var people = [...]struct{ first, last, street, city, postcode, country, phone string }{
	{"Ada", "Lund", "Storgata 14", "Oslo", "0155", "NO", "+47 22 123456"},
	{"Jürgen", "Weiß", "Pfarrer-Röhr-Str. 77c", "Köln", "50667", "DE", "0221 5551234"},
	{"Marie", "Le Gall", "3 Allée des Rosiers", "Brest", "29200", "FR", "02 98 55 12 34"},
	{"José", "Núñez Ortega", "Calle de la Paz 12, 3º B", "Sevilla", "41001", "ES", "955 123 456"},
	{"Grace", "O'Neill", "66 East Road", "Leeds", "LS1 4AP", "GB", "0113 496 0123"},
	{"Frank", "Miller", "1200 Riverside Avenue", "Fort Worth", "76102", "US", "817.555.0142"},
}

// customersGraphQL is a page of a customer list with addresses and accounts, as
// a GraphQL API of a shop answers an administrator.
func customersGraphQL(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"data":{"customers":{"totalItems":2823,"items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		p := &people[i%len(people)]
		phone := p.phone
		if i%3 == 0 {
			phone = ""
		}
		fmt.Fprintf(&b, `{"id":"%d","createdAt":"2026-11-23T12:57:34.%03dZ","title":"","firstName":"%s","lastName":"%s","emailAddress":"customer.no%d@mail.example","phoneNumber":"%s","addresses":[`,
			i, i%1000, p.first, p.last, i, phone)
		for k := range 1 + i%2 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"fullName":"%s %s","streetLine1":"%d %s","city":"%s","postalCode":"%s","country":{"code":"%s","name":"Country %s"},"phoneNumber":"%d%04d"}`,
				p.first, p.last, i+k, p.street, p.city, p.postcode, p.country, p.country, 70100+k, i)
		}
		fmt.Fprintf(&b, `],"user":{"verified":true,"lastLogin":"2026-11-23T13:13:%02d.234Z"}}`, i%60)
	}
	b.WriteString(`]}}}`)
	return []byte(b.String())
}

// ordersConnection is a page of orders as edges and nodes, with the type of each
// object and long keys, as storefront APIs answer.
func ordersConnection(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"data":{"orders":{"__typename":"OrderConnection","pageInfo":{"hasNextPage":true,"endCursor":"WyIyMDI2LTExLTIzIl0="},"edges":[`)
	address := func(kind string, i int) {
		p := &people[i%len(people)]
		fmt.Fprintf(&b, `"%s":{"__typename":"MailingAddress","id":"gid://shop/MailingAddress/%d","firstName":"%s","lastName":"%s","company":null,"addressLine1":"%d %s","addressLine2":"","city":"%s","postalCode":"%s","countryCode":"%s","phone":null},`,
			kind, 7000+i, p.first, p.last, i, p.street, p.city, p.postcode, p.country)
	}
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		p := &people[i%len(people)]
		fmt.Fprintf(&b, `{"__typename":"OrderEdge","cursor":"WyIyMDI2LTExLTIzIiwi%06dXQ==","node":{"__typename":"Order","id":"gid://shop/Order/%d","name":"#%d","createdAt":"2026-11-23T13:02:48Z","displayFinancialStatus":"PAID","displayFulfillmentStatus":"UNFULFILLED",`+
			`"currentTotalPriceSet":{"__typename":"MoneyBag","shopMoney":{"__typename":"MoneyV2","amount":"%d.95","currencyCode":"EUR"}},`+
			`"customer":{"__typename":"Customer","id":"gid://shop/Customer/%d","firstName":"%s","lastName":"%s","email":"customer.no%d@mail.example","phone":"%s"},`,
			i, i, 1000+i, 20+i%90, 500+i, p.first, p.last, i, p.phone)
		address("shippingAddress", i)
		address("billingAddress", i)
		b.WriteString(`"lineItems":{"__typename":"LineItemConnection","edges":[`)
		for k := range 2 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"__typename":"LineItemEdge","node":{"__typename":"LineItem","id":"gid://shop/LineItem/%d","title":"Folding Oak Chair","sku":"FOC-%d","currentQuantity":%d}}`, 2*i+k, k, 1+k)
		}
		b.WriteString(`]}}}`)
	}
	b.WriteString(`]}}}`)
	return []byte(b.String())
}

// ordersHTML is a list of orders as an administrator's page shows it: much
// markup around each value, and several links a row.
func ordersHTML(n int) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Orders</title></head>\n<body><main><form id=\"orders\" method=\"post\"><div class=\"table-responsive\">\n" +
		"<table class=\"table table-hover\"><thead><tr><td class=\"select\"><input type=\"checkbox\"></td><td><a href=\"/admin/orders?sort=id\">Order ID</a></td><td><a href=\"/admin/orders?sort=customer\">Customer</a></td><td>E-Mail</td><td>Telephone</td><td>Status</td><td>Total</td><td>Date Added</td><td>Action</td></tr></thead>\n<tbody>\n")
	for i := range n {
		p := &people[i%len(people)]
		fmt.Fprintf(&b, "          <tr class=\"order-row\">\n            <td class=\"select\"><input type=\"checkbox\" name=\"ids[]\" value=\"%d\" class=\"check\"/></td>\n            <td class=\"number\">%d</td>\n"+
			"            <td class=\"customer\">%s %s</td>\n            <td class=\"mail\"><a href=\"mailto:customer.no%d@mail.example\">customer.no%d@mail.example</a></td>\n            <td class=\"phone\">%s</td>\n"+
			"            <td><span class=\"badge badge-success\">Processing</span></td>\n            <td class=\"amount\">&euro;%d.95</td>\n            <td class=\"date\">23/11/2026</td>\n"+
			"            <td class=\"actions\"><div class=\"btn-group\"><a href=\"/admin/orders/view?order_id=%d&amp;page=3\" data-toggle=\"tooltip\" title=\"View\" class=\"btn btn-primary\"><i class=\"icon icon-eye\"></i></a>"+
			"<button type=\"button\" data-toggle=\"dropdown\" class=\"btn btn-primary dropdown-toggle\"><i class=\"icon icon-caret\"></i></button></div></td>\n          </tr>\n",
			i, 1000+i, p.first, p.last, i, i, p.phone, 20+i%90, 1000+i)
	}
	b.WriteString("</tbody></table></div></form></main></body></html>")
	return []byte(b.String())
}

// invoicesHTML is a page of invoices to be printed: blocks with a label and a
// value each, addresses over several lines, a table of what was bought.
func invoicesHTML(n int) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Invoices</title></head>\n<body><div class=\"container\">\n")
	for i := range n {
		p := &people[i%len(people)]
		fmt.Fprintf(&b, "  <div class=\"sheet\">\n    <h1>Invoice #%d</h1>\n    <div class=\"row\">\n", 1000+i)
		for _, pair := range [][2]string{
			{"Order ID", fmt.Sprint(1000 + i)},
			{"Date Added", "23/11/2026"},
			{"Payment Method", "Cash On Delivery"},
			{"E-Mail", fmt.Sprintf("customer.no%d@mail.example", i)},
			{"Telephone", p.phone},
		} {
			fmt.Fprintf(&b, "      <div class=\"column\">\n        <div class=\"box border rounded\">\n          <div class=\"lead\"><strong>%s</strong>\n            <br/>\n            %s\n          </div>\n        </div>\n      </div>\n", pair[0], pair[1])
		}
		for _, label := range [...]string{"Payment Address", "Shipping Address"} {
			fmt.Fprintf(&b, "      <div class=\"column\">\n        <div class=\"box border rounded\"><strong>%s</strong><br/>%s %s<br/>%d %s<br/>%s %s<br/>%s</div>\n      </div>\n", label, p.first, p.last, i, p.street, p.city, p.postcode, p.country)
		}
		b.WriteString("    </div>\n    <table class=\"table\"><thead><tr><td>Product</td><td>Model</td><td>Quantity</td><td>Unit Price</td><td>Total</td></tr></thead><tbody>\n")
		for k := range 3 {
			fmt.Fprintf(&b, "      <tr>\n        <td>Folding Oak Chair</td>\n        <td>FOC-%d</td>\n        <td class=\"text-end\">%d</td>\n        <td class=\"text-end\">&euro;49.95</td>\n        <td class=\"text-end\">&euro;%d.95</td>\n      </tr>\n", k, k+1, 49*(k+1))
		}
		b.WriteString("    </tbody></table>\n  </div>\n")
	}
	b.WriteString("</div></body></html>")
	return []byte(b.String())
}

// backupSQL is a backup of a table of customers with a statement a row, as the
// backup pages of shops write it.
func backupSQL(n int) []byte {
	var b strings.Builder
	b.WriteString("TRUNCATE TABLE `shop_customer`;\n\n")
	for i := range n {
		p := &people[i%len(people)]
		fmt.Fprintf(&b, "INSERT INTO `shop_customer` (`customer_id`, `customer_group_id`, `store_id`, `firstname`, `lastname`, `email`, `telephone`, `password`, `custom_field`, `newsletter`, `ip`, `status`, `safe`, `token`, `date_added`) VALUES "+
			"('%d', '1', '0', '%s', '%s', 'customer.no%d@mail.example', '%s', '$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV%05d', '[]', '0', '198.51.100.%d', '1', '1', '', '2026-11-23 13:02:48');\n",
			i, p.first, strings.ReplaceAll(p.last, "'", `\'`), i, p.phone, i, i%256)
	}
	return []byte(b.String())
}

func BenchmarkFinderGraphQL(b *testing.B) {
	benchmark(b, "application/json", customersGraphQL(1000), tokensOfJSON, validJSON)
}

func BenchmarkFinderConnection(b *testing.B) {
	benchmark(b, "application/json", ordersConnection(500), tokensOfJSON, validJSON)
}

func BenchmarkFinderOrderPage(b *testing.B) {
	benchmark(b, "text/html", ordersHTML(500), tokensOfHTML)
}

func BenchmarkFinderInvoices(b *testing.B) {
	benchmark(b, "text/html", invoicesHTML(200), tokensOfHTML)
}

func BenchmarkFinderBackup(b *testing.B) {
	benchmark(b, "application/sql", backupSQL(1000))
}
