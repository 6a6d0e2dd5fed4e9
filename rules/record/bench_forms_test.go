package record

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
)

// customersCSV is an export of customers with a heading.
func customersCSV(n int) []byte {
	var b strings.Builder
	b.WriteString("customer_id,first_name,last_name,email,telephone,address_1,city,postcode,country,newsletter,status,date_added\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,Ada%c,\"Lund, jr\",ada.lund%d@mail.example,+47 22 %06d,Storgata %d,Oslo,0155,NO,1,Enabled,2026-11-23 13:02:48\n", i, 'a'+rune(i%26), i, i, i%200)
	}
	return []byte(b.String())
}

// stockCSV is an export of products.
func stockCSV(n int) []byte {
	var b strings.Builder
	b.WriteString("sku;title;category;price;currency;stock;image;description\n")
	for i := range n {
		fmt.Fprintf(&b, "SKU-%d;Folding Oak Chair %d;Chairs;49.99;EUR;%d;/media/chair-%d@2x.jpg;\"Folds flat, stands firm; carries 120 kg.\"\n", i, i, i%50, i)
	}
	return []byte(b.String())
}

// dumpSQL is a dump of a table of customers.
func dumpSQL(n int) []byte {
	var b strings.Builder
	b.WriteString("-- MySQL dump 10.13\nDROP TABLE IF EXISTS `oc_customer`;\nINSERT INTO `oc_customer` (`customer_id`, `firstname`, `lastname`, `email`, `telephone`, `password`, `ip`, `status`, `date_added`) VALUES\n")
	for i := range n {
		fmt.Fprintf(&b, "(%d, 'Ada%c', 'O\\'Lund', 'ada.lund%d@mail.example', '+47 22 %06d', '$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV%05d', '10.0.0.1', 1, '2026-11-23 13:02:48'),\n", i, 'a'+rune(i%26), i, i, i)
	}
	return []byte(b.String())
}

// stockSQL is a dump of a table of products.
func stockSQL(n int) []byte {
	var b strings.Builder
	b.WriteString("-- MySQL dump 10.13\nINSERT INTO `oc_product_description` (`product_id`, `language_id`, `title`, `description`, `meta_title`) VALUES\n")
	for i := range n {
		fmt.Fprintf(&b, "(%d, 1, 'Folding Oak Chair %d', '<p>Made of oak from well kept woods and oiled by hand, this chair folds flat in one movement.</p>', 'Folding Oak Chair'),\n", i, i)
	}
	return []byte(b.String())
}

// customersXML is a list of orders, as a SOAP service returns it.
func customersXML(n int) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<orders>\n")
	for i := range n {
		fmt.Fprintf(&b, "  <order number=\"R-%08d\">\n    <status>shipped</status>\n    <customer>\n      <firstname>Ada%c</firstname>\n      <lastname>Lund</lastname>\n      <email>ada.lund%d@mail.example</email>\n    </customer>\n"+
			"    <deliveryAddress>\n      <street>Storgata %d</street>\n      <city>Oslo</city>\n      <postcode>0155</postcode>\n    </deliveryAddress>\n    <total currency=\"EUR\">49.99</total>\n  </order>\n", i, 'a'+rune(i%26), i, i%200)
	}
	b.WriteString("</orders>\n")
	return []byte(b.String())
}

// stockXML is a feed of products.
func stockXML(n int) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\n")
	for i := range n {
		fmt.Fprintf(&b, "<item>\n  <g:id>SKU-%d</g:id>\n  <title>Folding Oak Chair %d</title>\n  <description>Folds flat in one movement &amp; stands firm.</description>\n  <link>https://shop.example/p/%d-chair</link>\n"+
			"  <g:image_link>https://cdn.shop.example/media/chair-%d@2x.jpg</g:image_link>\n  <g:price>49.99 EUR</g:price>\n  <g:availability>in_stock</g:availability>\n</item>\n", i, i, i, i)
	}
	b.WriteString("</channel></rss>\n")
	return []byte(b.String())
}

// readText is text that people read, with an address of a customer in every
// hundredth paragraph if people says so.
func readText(n int, people bool) []byte {
	var b strings.Builder
	for i := range n {
		b.WriteString("The chair folds flat in one movement and stands firm on any floor. It is made of\noak from well kept woods, oiled by hand, and carries 120 kg. Delivery takes 3 to 5\nworking days.\n\n")
		if people && i%100 == 0 {
			fmt.Fprintf(&b, "Name: Ada Lund\nE-Mail: ada.lund%d@mail.example\nStorgata %d\n0155 Oslo\n\n", i, i)
		}
	}
	return []byte(b.String())
}

// bundle is a script of a shop, as bundlers make it small.
func bundle(n int) []byte {
	var b strings.Builder
	b.WriteString(`(()=>{"use strict";var e={},t={};function r(n){var o=t[n];if(void 0!==o)return o.exports;var i=t[n]={exports:{}};return e[n](i,i.exports,r),i.exports}`)
	for i := range n {
		fmt.Fprintf(&b, `e[%d]=(e,t,r)=>{r.d(t,{Z:()=>a});var n=r(%d),o=function(e){for(var t=0;t<e.length;t++){var r=e[t];r.enumerable=r.enumerable||!1,Object.defineProperty(e,r.key,r)}},a={name:"cart-%d",props:["items","total"],data:function(){return{open:!1,count:0}},methods:{add:function(e){this.$emit("add",{id:e.id,quantity:1})}}}};`, i, i+1, i)
	}
	b.WriteString("})();\n")
	return []byte(b.String())
}

// programPage is a page that is mostly an inlined program, its styles and a
// picture.
func programPage() []byte {
	return []byte("<!DOCTYPE html><html><head><title>Shop</title><style>" + string(stylesheet(40)) + "</style><script>" + string(bundle(60)) + "</script></head><body><svg viewBox=\"0 0 24 24\">" +
		strings.Repeat(`<path d="M12 2C6.48 2 2 6.48 2 12s4.48 10 10 10 10-4.48 10-10S17.52 2 12 2zm0 18c-4.41 0-8-3.59-8-8s3.59-8 8-8 8 3.59 8 8-3.59 8-8 8z"/>`, 40) + "</svg><main id=\"app\"></main></body></html>")
}

func tokensCSV(body []byte) {
	r := csv.NewReader(bytes.NewReader(body))
	r.ReuseRecord, r.LazyQuotes, r.FieldsPerRecord = true, true, -1
	for {
		if _, err := r.Read(); err != nil {
			return
		}
	}
}

func tokensXML(body []byte) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := d.RawToken(); err != nil {
			return
		}
	}
}

// BenchmarkFinderForms is every other form with customers in it (dense) and
// without (empty). Where a form has no tokenizer of its own, that of HTML is
// run over it.
func BenchmarkFinderForms(b *testing.B) {
	for _, c := range []struct {
		name, contentType string
		body              []byte
		tokens            func([]byte)
	}{
		{"CSV/dense", "text/csv", customersCSV(2000), tokensCSV},
		{"CSV/empty", "text/csv", stockCSV(2000), tokensCSV},
		{"SQL/dense", "application/sql", dumpSQL(2000), tokensHTML},
		{"SQL/empty", "application/sql", stockSQL(2000), tokensHTML},
		{"XML/dense", "application/xml", customersXML(1000), tokensXML},
		{"XML/empty", "application/xml", stockXML(1000), tokensXML},
		{"text/dense", "text/plain", readText(1000, true), tokensHTML},
		{"text/empty", "text/plain", readText(1000, false), tokensHTML},
		{"program/empty", "application/javascript", bundle(500), tokensHTML},
		{"programPage/empty", "text/html", programPage(), tokensHTML},
		{"style/empty", "text/css", stylesheet(500), tokensHTML},
		{"image/empty", "image/png", bytes.Repeat([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 8<<10), tokensHTML},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.contentType, c.body, other{"x/tokens", c.tokens}) })
	}
}
