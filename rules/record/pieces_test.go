package record

import "testing"

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

// cells are what FuzzPieces makes other texts of.
var cells = []string{
	",", ";", "\t", "|", "\n", "\r\n", "\r", "\x00", " ", "\"", "\"\"", "'", "''", "\\'", "\\", "\\n", "(", ")", "),\n(", ");\n", "`", "\\.\n", "--", "NULL", "\\N", "1", "77", "0", "-3.5", "2026-11-23", "=", "{", "}", ": ", "\n\n", "- ", "#",
	"ada@lund.example", "bo.ek@mail.example", "Ada Lund", "Ada", "Lund", "O'Neil", "Storgata 5", "Elm Street 3", "Calle Mayor, s/n", "0155 Oslo", "+49 30 1234567", "0301234567", "4111111111111111", "$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV12345",
	"5f4dcc3b5aa765d61d8327deb882cf99", "{\"email\":\"x@y.example\"}", "<p>a 1</p>", "Made of oak, folds flat.", "山田太郎", "é", "Order #1234", "10.0.0.1", "Enabled", "EUR", "49.99", "a@2x.png",
	"email", "name", "first_name", "lastname", "telephone", "street", "postcode", "city", "customer_id", "order", "title", "description", "price", "E-Mail:", "Name:", "Delivery address:", "Customer",
	"INSERT INTO ", "customer", " VALUES ", "COPY customer (email, name) FROM stdin;\n", "INSERT INTO `oc_customer` (`customer_id`, `firstname`, `email`, `telephone`, `title`) VALUES\n(",
	"INSERT INTO `shop_customer` (`name`, `email`) VALUES (", "INSERT INTO `shop_customer` (`name`, `email`) VALUES ('Ada Lund', 'ada@lund.example');\n",
	"<customer>", "</customer>", "<email>", "</email>", "<ns:name>", "</ns:name>", "<street no=\"5\">", "</street>", "<item id='7'>", "</item>", "<title>", "</title>", "<id/>", "&amp;", "&#64;", "<![CDATA[", "]]>", "<!-- x -->",
}

// assembled is a text of pieces.
func assembled(picks []byte, seed uint64) (contentType string, body []byte) {
	starts := [...]struct{ contentType, text string }{
		{"text/html", "<html><body>"},
		{"text/html", ""},
		{"text/csv", "customer_id;name;email;telephone;title;description\n"},
		{"text/csv", ""},
		{"application/sql", "INSERT INTO `customer` (`customer_id`, `name`, `email`, `telephone`, `title`) VALUES (1,"},
		{"application/sql", ""},
		{"application/xml", "<?xml version=\"1.0\"?><list>"},
		{"text/plain", ""},
	}
	start, of := starts[seed%uint64(len(starts))], cells
	if start.contentType == "text/html" {
		of = pieces
	}
	body = append(body, start.text...)
	for _, pick := range picks {
		body = append(body, of[int(pick)%len(of)]...)
	}
	return start.contentType, append(body, "                "...) // room that the short cuts look ahead
}

// FuzzPieces holds what is found in texts with short cuts to what is found
// without, in any chunking.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	for i := range 2 * len(pieces) {
		f.Add([]byte{0, 86, byte(i), byte(i + 7), byte(i + 40), 4, 104, byte(i), 1, byte(i + 90), 17, 85, byte(i), 84}, uint64(i))
	}
	f.Fuzz(func(t *testing.T, picks []byte, seed uint64) {
		if len(picks) > 2000 {
			return
		}
		contentType, body := assembled(picks, seed)
		shortCuts(t, contentType, body)
		same(t, contentType, body, seed)
	})
}
