package record

import (
	"encoding/ascii85"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// pdf makes a document of objects: dictionaries with streams or without.
func pdf(objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("xref\n0 1\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
	return b.String()
}

func flateStream(t testing.TB, text string) string {
	return "<< /Length 5 0 R\n/Filter /FlateDecode >>\nstream\n" + zlibbed(t, text) + "\nendstream"
}

// codes writes a text in the codes of a font whose characters are numbered
// from 1 on in order of appearance, and the map of the font.
func codes(text string) (shown, unicode string) {
	var map1 strings.Builder
	numbers := map[rune]int{}
	for _, r := range text {
		if numbers[r] == 0 {
			numbers[r] = len(numbers) + 1
			fmt.Fprintf(&map1, "<%04X> <%04X>\n", numbers[r], r)
		}
		shown += fmt.Sprintf("%04X", numbers[r])
	}
	return "<" + shown + ">", "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		fmt.Sprintf("1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n%d beginbfchar\n%sendbfchar\nendcmap\n", len(numbers), map1.String())
}

const (
	letter = "BT /F1 12 Tf 72 700 Td (Order No 2092-17) Tj 0 -40 Td [(E-M) 20 (ail: ada@lu) 10 (nd.ex) -3 (ample)] TJ T* " +
		"0 -40 Td (Delivery address) Tj 0 -14 Td (Ada Lund) Tj 0 -14 Td (Storgata 5) Tj 0 -14 Td (0155 Oslo) Tj ET"
	sheetOfData = "q BT /F1 12 Tf 72 700 Td (Chair Ada) Tj 0 -14 Td (SKU 4111111111111111) Tj 0 -14 Td (lamp@2x.png \\(40 cm\\)) Tj ET Q"
)

func pdfCases(t testing.TB) []testCase {
	t.Helper()
	fields := rules.FieldName | rules.FieldEmail | rules.FieldDeliveryAddress | rules.FieldPurchase
	page := "<< /Type /Page /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents 2 0 R >>"
	shown, unicode := codes("ada@lund.example")
	bold, boldUnicode := codes("E-mail:")
	coded := "BT /F2 12 Tf 72 700 Td " + bold + " Tj 60 0 Td /F1 12 Tf " + shown + " Tj ET"
	var a85 strings.Builder
	w := ascii85.NewEncoder(&a85)
	_, _ = io.WriteString(w, zlibbed(t, letter))
	_ = w.Close()
	font := func(n int) string {
		return fmt.Sprintf("<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode %d 0 R >>", n)
	}
	image := "<< /Type /XObject /Subtype /Image /Filter /DCTDecode /Length 9 >>\nstream\n\xFF\xD8 ada@x.example\nendstream"
	return []testCase{
		{name: "pdf/attack", contentType: "application/pdf", body: pdf(page, flateStream(t, letter), image), subjects: 1, fields: fields},
		{name: "pdf/twin", contentType: "application/pdf", body: pdf(page, flateStream(t, sheetOfData), image)},
		{name: "pdf/plain", contentType: "application/octet-stream", body: pdf("<< /Length 9 >>\nstream\r\n" + letter + "\nendstream"), subjects: 1, fields: fields},
		{name: "pdf/length begins with 1", contentType: "application/pdf", body: pdf("<< /Length 123 >>\nstream\n" + letter + "\nendstream"), subjects: 1, fields: fields},
		{name: "pdf/font program", contentType: "application/pdf", body: pdf("<< /Length 9 /Length1 123 >>\nstream\n" + letter + "\nendstream")},
		{name: "pdf/ascii85", contentType: "application/pdf", body: pdf("<< /Filter [ /ASCII85Decode /FlateDecode ] >>\nstream\n" + a85.String() + "~>\nendstream"), subjects: 1, fields: fields},
		{name: "pdf/hex", contentType: "application/pdf", body: pdf("<< /Filter[/ASCIIHexDecode] >>\nstream\n" + hex.EncodeToString([]byte(letter)) + ">\nendstream"), subjects: 1, fields: fields},
		{name: "pdf/codes", contentType: "application/pdf", body: pdf(page, flateStream(t, coded), font(6), font(5), flateStream(t, boldUnicode), flateStream(t, unicode)), subjects: 1, fields: rules.FieldEmail},
		{name: "pdf/codes before", contentType: "application/pdf", body: pdf(page, "<<>>", font(6), font(5), flateStream(t, boldUnicode), flateStream(t, unicode), flateStream(t, coded)), subjects: 1, fields: rules.FieldEmail},
		{name: "pdf/codes without a map", contentType: "application/pdf", body: pdf(page, flateStream(t, coded)), uninspected: "type"},
		{name: "pdf/codes too early", contentType: "application/pdf", body: pdf(page, flateStream(t, coded), "<< /Length1 9 >>\nstream\n"+strings.Repeat("font", 20<<10)+"endstream", font(6), font(5), flateStream(t, unicode)), uninspected: "type"},
		{name: "pdf/utf-16", contentType: "application/pdf", body: pdf(flateStream(t, "BT <"+hex.EncodeToString([]byte("\x00a\x00d\x00a\x00@\x00l\x00u\x00n\x00d\x00.\x00e\x00x\x00a\x00m\x00p\x00l\x00e"))+"> Tj ET")), subjects: 1, fields: rules.FieldEmail},
		{name: "pdf/glyph by glyph", contentType: "application/pdf", body: pdf(flateStream(t, "BT /F1 10 Tf 9 9 Td (a) Tj 5.6 0 Td (d) Tj 5.6 0 Td (a) Tj 5.6 0 Td (@lund.ex) Tj 36 0 Td (ample) Tj ET")), subjects: 1, fields: rules.FieldEmail},
		{name: "pdf/columns", contentType: "application/pdf", body: pdf(flateStream(t, "BT /F1 10 Tf 1 0 0 1 50 700 Tm (E-Mail) Tj 1 0 0 1 150 700 Tm (ada@lund.example) Tj 1 0 0 1 50 680 Tm (Customer) Tj 1 0 0 1 150 680 Tm (Ada Lund) Tj ET")), subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		{name: "pdf/encrypted", contentType: "application/pdf", body: pdf("<< /Filter /Standard >>", "<< /Filter /FlateDecode >>\nstream\n\x01\x02\x03\x04\nendstream") + "<< /Encrypt 1 0 R >>", uninspected: "encoding"},
		{name: "pdf/lzw", contentType: "application/pdf", body: pdf("<< /Filter /LZWDecode >>\nstream\n\x01\x02\x03\x04\nendstream"), uninspected: "type"},
		{name: "pdf/cut", contentType: "application/pdf", body: pdf(flateStream(t, letter))[:170], uninspected: "partial"},
		{name: "pdf/lie", contentType: "application/pdf", body: oneCustomer, subjects: 1, fields: rules.FieldName | rules.FieldEmail},
	}
}

// TestPDFHoldsLittle: a record on the first page does not hold back the fonts
// and images of hundreds of KiB behind it.
func TestPDFHoldsLittle(t *testing.T) {
	font := "<< /Length1 9 >>\nstream\n" + strings.Repeat("font", 100<<10) + "\nendstream"
	body := pdf(flateStream(t, letter), font, flateStream(t, "BT <00010002> Tj ET"), font)
	for _, size := range []int{100, 16 << 10} {
		run(t, "application/pdf", []byte(body), func() int { return size }, func(f *Finder, _ []rules.Record) {
			if back := f.Offset() - f.Safe(); back > maxPDFWait+4<<10+int64(size) {
				t.Fatalf("%d bytes held back at %d", back, f.Offset())
			}
		})
	}
	same(t, "application/pdf", []byte(body), 1)
}

// FuzzPDF reads content streams, which rarely come out of FuzzSplitAnywhere.
func FuzzPDF(f *testing.F) {
	_, unicode := codes("ada@lund.example")
	for _, s := range []string{letter, sheetOfData, unicode, "1 beginbfrange <01> <03> [<0041> <00660069> <0043>] endbfrange", "BI /W 1 ID \x00\xFF EI BT (\\101\\5\\\n) ' ET", "BT <0001> Tj ET"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, content []byte, seed uint64) {
		if len(content) > 32<<10 {
			return
		}
		same(t, "application/pdf", []byte(pdf("<< /Font << /F1 3 0 R >> >>", "<< >>\nstream\n"+string(content)+"\nendstream", "<< /ToUnicode 2 0 R >>", flateStream(t, string(content)))), seed)
	})
}
