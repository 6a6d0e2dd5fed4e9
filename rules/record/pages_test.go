package record

import (
	"bytes"
	"testing"
)

// pieces are what FuzzPieces makes pages of: what the short cuts read, and what
// they leave to the states.
var pieces = []string{
	"<div>", "</div>", "<div class=\"a b\">", "<p>", "</p>", "<p class='x'>", "<br>", "<br/>", "<b>", "</b>", "<span title=\"x\">", "</span>", "<h1>", "</h1>", "<DIV ID=x>", "</DIV >",
	"<table>", "</table>", "<thead>", "</thead>", "<tbody>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>", "<th scope=\"row\">", "<td class=\"text-end\">", "<footer>", "</footer>", "<nav>", "</nav>", "<article>", "</article>",
	"<select>", "<option>", "</option>", "</select>", "<label for=\"x\">", "</label>", "<dl>", "<dt>", "</dt>", "<dd>", "</dd>", "</dl>", "<img src=\"a@2x.png\" alt=\"Ada\">", "<my-box a=\"b\">", "<blockquote>", "</blockquote>",
	"<input name=\"email\" value=\"", "<input type=\"checkbox\" name=\"customer_id\" value=\"", "<a href=\"mailto:", "<a href=\"tel:", "<a href=\"/order?customer_id=7&amp;id=3\">", "<a href=\"/p/1?x\">", "<a class=a href='/x'>", "</a>",
	"<i data-email=\"", "<i data-phone=\"+49301234567\" disabled>", "<i itemprop=\"name\">", "</i>", "<meta content=\"", "\">", "\"/>", "'>", "<", ">", "\"", "'", "&", ";",
	"<script>", "</script>", "<script type=\"application/ld+json\">", "{\"email\":\"", "\",\"name\":\"Ada Lund\"}", "<style>", "</style>", "<svg>", "</svg>", "<!-- ", " -->", "<!DOCTYPE html>", "<textarea name=\"street\">", "</textarea>",
	"ada@lund.example", "bo.ek@mail.example", "Ada Lund", "Bo Ek", "Storgata 5", "Elm Street 3", "0155 Oslo", "12345 Town", "+49 30 1234567", "030 1234567", "4111111111111111", "Order #1234", "Order No. ", "Invoice", "17",
	"E-Mail", "E-Mail:", "Name", "Name:", "Phone", "Address", "Delivery address", "Billing address", "Customer", "Customer ID", "Customer number: 77", "Street", "Total", ":", "#", "Contact", "Chair", "Made of oak, folds flat.",
	" ", "\n", "  \n  ", "\t", "\xC2\xA0", "\xA0", "&nbsp;", "&amp;", "&#64;", "&commat;", "&eacute;", "&euro;", "&Ouml;", "&#x40;", "&copy", "&unknown;", "\x00", "é", "山田太郎", "$2y$10$abcdefghijklmnopqrstuv", "a{b",
}

// FuzzPieces holds what is found in pages with short cuts to what is found
// without, in any chunking.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	for i := range pieces {
		f.Add([]byte{0, 86, byte(i), byte(i + 7), byte(i + 40), 4, 104, byte(i), 1, byte(i + 90), 17, 85, byte(i), 84}, uint64(i))
	}
	f.Fuzz(func(t *testing.T, picks []byte, seed uint64) {
		if len(picks) > 2000 {
			return
		}
		var body bytes.Buffer
		body.WriteString("<html><body>")
		for _, pick := range picks {
			body.WriteString(pieces[int(pick)%len(pieces)])
		}
		body.WriteString("                ") // room that the short cuts look ahead
		shortCuts(t, "text/html", body.Bytes())
		same(t, "text/html", body.Bytes(), seed)
	})
}
