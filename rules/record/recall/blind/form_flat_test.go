package blind

import (
	"fmt"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// table writes people as rows with delimiter d.
func table(m *maker, people []*person, d string, header bool) string {
	parted := m.IntN(2) == 0
	always := m.IntN(3) == 0
	quote := func(s string) string {
		if always || strings.ContainsAny(s, d+"\"\n") {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		return s
	}
	var b strings.Builder
	line := func(of []cell, heading bool) {
		for i, c := range of {
			if i > 0 {
				b.WriteString(d)
			}
			if heading {
				b.WriteString(quote(c.heading))
			} else {
				b.WriteString(quote(c.value))
			}
		}
		b.WriteString("\r\n")
	}
	if header {
		line(cells(people[0], parted), true)
	}
	for _, p := range people {
		line(cells(p, parted), false)
	}
	return b.String()
}

func csvSemicolon(m *maker, people []*person) string { return "\uFEFF" + table(m, people, ";", true) }
func csvTab(m *maker, people []*person) string       { return table(m, people, "\t", true) }
func csvComma(m *maker, people []*person) string     { return table(m, people, ",", true) }
func csvBare(m *maker, people []*person) string      { return table(m, people, ",", false) }

// columns flattens the tree of one platform into columns, as its tables have
// them.
func columns(n *node, prefix string) (of []cell) {
	for i := range n.kids {
		kid := &n.kids[i]
		name := kid.key
		if prefix != "" && name != "" {
			name = prefix + "_" + name
		} else if name == "" {
			name = prefix
		}
		if isContainer(kid) {
			of = append(of, columns(kid, name)...)
		} else {
			of = append(of, cell{name, kid.value})
		}
	}
	return of
}

func sqlInsert(m *maker, people []*person) string {
	k, of := trees(m, people)
	var b strings.Builder
	b.WriteString("-- MySQL dump 10.13\nSET NAMES utf8mb4;\n")
	name := plural(k, people)
	many := m.IntN(2) == 0
	for i := range of {
		row := columns(&of[i], "")
		if i == 0 || !many {
			var heads []string
			for _, c := range row {
				heads = append(heads, "`"+c.heading+"`")
			}
			fmt.Fprintf(&b, "INSERT INTO `%s` (%s) VALUES ", name, strings.Join(heads, ","))
		} else {
			b.WriteString(",")
		}
		for j, c := range row {
			b.WriteString([]string{"(", ","}[min(j, 1)] + "'" + strings.ReplaceAll(c.value, "'", `\'`) + "'")
		}
		b.WriteString(")")
		if !many || i == len(of)-1 {
			b.WriteString(";\n")
		}
	}
	return b.String()
}

func sqlCopy(m *maker, people []*person) string {
	k, of := trees(m, people)
	var b strings.Builder
	b.WriteString("--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n")
	for i := range of {
		row := columns(&of[i], "")
		var heads, values []string
		for _, c := range row {
			heads, values = append(heads, c.heading), append(values, c.value)
		}
		if i == 0 {
			fmt.Fprintf(&b, "COPY public.%s (%s) FROM stdin;\n", plural(k, people), strings.Join(heads, ", "))
		}
		b.WriteString(strings.Join(values, "\t") + "\n")
	}
	return b.String() + "\\.\n"
}

// letter are the lines of a mail or a printed page about one person.
func letter(p *person, parted bool) []string {
	w := &p.at.words
	var of []string
	if p.has(rules.FieldPurchase) {
		of = append(of, w.order+" "+p.bought.number, w.date+": "+p.bought.date[:10], "1 x "+p.bought.line+"   "+p.bought.total, w.total+": "+p.bought.total+" EUR", "")
	}
	for _, c := range cells(p, parted) {
		switch c.heading {
		case w.order, w.date, w.total, w.delivery, w.billing, w.address:
			continue
		}
		of = append(of, c.heading+": "+c.value)
	}
	for _, a := range []struct {
		field   rules.Fields
		heading string
		at      *place
	}{{rules.FieldAddress, w.address, &p.home}, {rules.FieldBillingAddress, w.billing, &p.home}, {rules.FieldDeliveryAddress, w.delivery, &p.delivery}} {
		if p.has(a.field) && (a.field != rules.FieldAddress || !parted) {
			of = append(append(of, "", a.heading+":"), addressLines(p, a.at)...)
		}
	}
	return of
}

func mail(m *maker, people []*person) string {
	return strings.Join(letter(people[0], m.IntN(2) == 0), "\n") + "\n\n-- \nShop\n"
}
