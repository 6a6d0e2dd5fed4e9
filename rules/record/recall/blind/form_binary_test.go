package blind

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"unicode/utf16"
)

// archive writes files into a zip archive.
func archive(names, texts []string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(texts[i]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func zipCSV(m *maker, people []*person) string {
	return archive([]string{"README.txt", "export/customers.csv"}, []string{"Export of 2026-08-22\n", table(m, people, ";", true)})
}

// xlsx writes a workbook of one sheet (ECMA-376 part 1), its texts shared or in
// the cells.
func xlsx(m *maker, people []*person) string {
	parted, shared := m.IntN(2) == 0, m.IntN(2) == 0
	var sheet, strs strings.Builder
	n := 0
	row := func(r int, of []cell, heading bool) {
		fmt.Fprintf(&sheet, `<row r="%d">`, r)
		for i, c := range of {
			v := c.value
			if heading {
				v = c.heading
			}
			ref := fmt.Sprintf("%c%d", 'A'+i, r)
			if shared {
				fmt.Fprintf(&sheet, `<c r="%s" t="s"><v>%d</v></c>`, ref, n)
				fmt.Fprintf(&strs, `<si><t>%s</t></si>`, esc(v))
				n++
			} else {
				fmt.Fprintf(&sheet, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, esc(v))
			}
		}
		sheet.WriteString("</row>")
	}
	row(1, cells(people[0], parted), true)
	for i, p := range people {
		row(i+2, cells(p, parted), false)
	}
	const head, ns = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n", `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	names := []string{"[Content_Types].xml", "xl/workbook.xml"}
	texts := []string{
		head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
		head + `<workbook ` + ns + `><sheets><sheet name="Customers" sheetId="1"/></sheets></workbook>`,
	}
	if shared {
		names = append(names, "xl/sharedStrings.xml")
		texts = append(texts, head+fmt.Sprintf(`<sst %s count="%d" uniqueCount="%d">`, ns, n, n)+strs.String()+`</sst>`)
	}
	names = append(names, "xl/worksheets/sheet1.xml")
	texts = append(texts, head+`<worksheet `+ns+`><sheetData>`+sheet.String()+`</sheetData></worksheet>`)
	return archive(names, texts)
}

// pdf writes one page of text with a font of two-byte codes that are UTF-16
// and say so in their ToUnicode map (ISO 32000-1, 9.10.3), as the libraries that
// shops print invoices with do.
func pdf(m *maker, people []*person) string {
	var content strings.Builder
	content.WriteString("BT /F1 11 Tf 50 780 Td 14 TL\n")
	for _, line := range letter(people[0], m.IntN(2) == 0) {
		content.WriteString("<")
		for _, u := range utf16.Encode([]rune(line)) {
			fmt.Fprintf(&content, "%04X", u)
		}
		content.WriteString("> Tj T*\n")
	}
	content.WriteString("ET\n")
	unicodes := "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
	unicodes += "1 beginbfrange <0000> <FFFF> <0000> endbfrange\nendcmap end end\n"
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	put := func(dict, stream string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(at))
		if stream == "" {
			fmt.Fprintf(&b, "%s\nendobj\n", dict)
			return
		}
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write([]byte(stream))
		_ = w.Close()
		fmt.Fprintf(&b, "<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\n", z.Len(), z.String())
	}
	put("<< /Type /Catalog /Pages 2 0 R >>", "")
	put("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "")
	put("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 6 0 R >>", "")
	put("<< /Type /Font /Subtype /Type0 /BaseFont /DejaVu /Encoding /Identity-H /ToUnicode 5 0 R /DescendantFonts [] >>", "")
	put("", unicodes)
	put("", content.String())
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.String()
}
