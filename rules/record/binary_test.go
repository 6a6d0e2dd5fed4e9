package record

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// file is one of an archive.
type file struct {
	name, body string
	stored     bool
}

// zipped makes an archive; seekable ones have sizes before the files.
func zipped(t testing.TB, seekable bool, files ...file) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if f.stored {
			h.Method = zip.Store
		}
		if !seekable {
			out, err := w.CreateHeader(h)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(out, f.body)
			continue
		}
		raw := []byte(f.body)
		if !f.stored {
			raw = deflated(t, raw, flate.DefaultCompression)
		}
		h.CompressedSize64, h.UncompressedSize64 = uint64(len(raw)), uint64(len(f.body))
		out, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = out.Write(raw)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t testing.TB, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		w := gzip.NewWriter(&b)
		w.Name, w.Comment, w.Extra = "dump.csv", "x", []byte("abcd")
		_, _ = io.WriteString(w, m)
		_ = w.Close()
	}
	return b.String()
}

func zlibbed(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.String()
}

func tarred(t testing.TB, files ...file) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.body)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, f.body)
	}
	_ = w.Close()
	return b.String()
}

const (
	twoCustomers = "name,email,phone\nAda Lund,ada@lund.example,+4722334455\nBo Ek,bo@ek.example,+4622334455\n"
	twoProducts  = "name,sku,price\nAda lamp,4111111111111111,19.99\nBo Ek desk,lamp@2x.png,29.99\n"
	oneCustomer  = `{"customer":{"firstName":"Cy","lastName":"Orr","email":"cy@orr.example"}}`
)

// binaryCases are bodies that are no texts, each with its innocent twin.
func binaryCases(t testing.TB) []testCase {
	t.Helper()
	both, three := rules.FieldName|rules.FieldEmail, rules.FieldName|rules.FieldEmail|rules.FieldPhone
	return append([]testCase{
		{name: "gzip/attack", contentType: "application/gzip", body: gzipped(t, twoCustomers), subjects: 2, fields: three},
		{name: "gzip/members", contentType: "application/octet-stream", body: gzipped(t, twoCustomers[:50], twoCustomers[50:]) + "\x00\x00\x00", subjects: 2, fields: three},
		{name: "gzip/twin", contentType: "application/gzip", body: gzipped(t, twoProducts)},
		{name: "gzip/json", contentType: "application/x-gzip", body: gzipped(t, oneCustomer), subjects: 1, fields: both},
		{name: "gzip/twice", contentType: "application/gzip", body: gzipped(t, gzipped(t, twoCustomers)), subjects: 2, fields: three},
		{name: "gzip/thrice", contentType: "application/gzip", body: gzipped(t, gzipped(t, gzipped(t, twoCustomers))), uninspected: "size"},
		{name: "gzip/cut", contentType: "application/gzip", body: gzipped(t, twoCustomers)[:90], subjects: 1, fields: three, uninspected: "partial"},
		{name: "gzip/broken", contentType: "application/gzip", body: gzipped(t, "")[:27] + "\x07\x08\x09", uninspected: "syntax"},
		{name: "gzip/bomb", contentType: "application/gzip", body: gzipped(t, strings.Repeat("0", 4<<20)), uninspected: "bomb"},
		{name: "gzip/bombs", contentType: "application/gzip", body: gzipped(t, strings.Repeat(gzipped(t, strings.Repeat("a,b\n", 1<<12)), 1<<14)), uninspected: "bomb"},
		{name: "gzip/lie", contentType: "application/gzip", body: oneCustomer, subjects: 1, fields: both},
		{name: "zlib/attack", contentType: "application/octet-stream", body: zlibbed(t, twoCustomers), subjects: 2, fields: three},
		{name: "zlib/twin", contentType: "application/octet-stream", body: zlibbed(t, twoProducts)},
		{
			name: "zip/attack", contentType: "application/zip", subjects: 3, fields: three,
			body: zipped(t, false, file{name: "customers.csv", body: twoCustomers}, file{name: "a/"}, file{name: "logo.png", body: "\x89PNG\x00\x01\x02"}, file{name: "one.json", body: oneCustomer}),
		},
		{
			name: "zip/sized", contentType: "application/octet-stream", subjects: 3, fields: three,
			body: zipped(t, true, file{name: "customers.csv", body: twoCustomers, stored: true}, file{name: "a/"}, file{name: "logo.png", body: "PK\x03\x04"}, file{name: "one.json", body: oneCustomer}),
		},
		{name: "zip/named", contentType: "application/zip", body: zipped(t, false, file{name: "customers.json.png", body: oneCustomer}, file{name: "xl/styles.xml", body: twoCustomers}), subjects: 3, fields: three | both},
		{name: "zip/named-twin", contentType: "application/zip", body: zipped(t, false, file{name: "logo.svg", body: "<svg><text>ada@lund.example</text></svg>"}, file{name: "logo.png", body: "\x89PNG\x00\x01\x02"})},
		{name: "tar/named", contentType: "application/x-tar", body: tarred(t, file{name: "photo.jpg", body: twoCustomers}), subjects: 2, fields: three},
		{name: "zip/twin", contentType: "application/zip", body: zipped(t, false, file{name: "catalogue.csv", body: twoProducts}, file{name: "logo.png", body: "\x89PNG"})},
		{name: "zip/nested", contentType: "application/zip", body: zipped(t, false, file{name: "a.zip", body: zipped(t, false, file{name: "x", body: twoCustomers})}), subjects: 2, fields: three},
		{name: "zip/stored without a size", contentType: "application/zip", body: zipped(t, false, file{name: "x.csv", body: twoCustomers, stored: true}), uninspected: "type"},
		{name: "zip/opaque", contentType: "application/zip", body: zipped(t, false, file{name: "x.bin", body: "\x00\x01\x02\x03"}), uninspected: "type"},
		{name: "zip/cut", contentType: "application/zip", body: zipped(t, true, file{name: "x.csv", body: twoCustomers, stored: true})[:95], subjects: 1, fields: three, uninspected: "partial"},
		{name: "zip/encrypted", contentType: "application/zip", body: encrypted(zipped(t, true, file{name: "x.csv", body: twoCustomers}, file{name: "y.csv", body: twoProducts})), uninspected: "encoding"},
		{name: "zip/many", contentType: "application/zip", body: zipped(t, true, slicesOf(1500, file{name: "x.csv", body: "a"})...), uninspected: "size"},
		{name: "zip/empty", contentType: "application/zip", body: zipped(t, true)},
		{name: "zip/lie", contentType: "application/zip", body: oneCustomer, subjects: 1, fields: both},
		{name: "tar/attack", contentType: "application/x-tar", body: tarred(t, file{name: "a.csv", body: twoCustomers}, file{name: "b.json", body: oneCustomer}), subjects: 3, fields: three},
		{name: "tar/gzip", contentType: "application/gzip", body: gzipped(t, tarred(t, file{name: "a.csv", body: twoCustomers})), subjects: 2, fields: three},
		{name: "tar/twin", contentType: "application/octet-stream", body: tarred(t, file{name: "a.csv", body: twoProducts})},
		{name: "tar/cut", contentType: "application/x-tar", body: tarred(t, file{name: "a.csv", body: twoCustomers})[:570], subjects: 1, fields: three, uninspected: "partial"},
	}, moreBinary(t)...)
}

func moreBinary(t testing.TB) []testCase {
	return slices.Concat(pdfCases(t), sheetCases(t), protoCases(t), boxCases(t), treeCases())
}

// encrypted sets the flag of encryption in the first file's header.
func encrypted(archive string) string {
	b := []byte(archive)
	b[6] |= 1
	return string(b)
}

func slicesOf(n int, f file) (files []file) {
	for range n {
		files = append(files, f)
	}
	return files
}

func TestBinaryCases(t *testing.T) {
	for _, c := range binaryCases(t) {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			if len(c.body) < 100<<10 {
				same(t, c.contentType, []byte(c.body), 1)
			}
		})
	}
}

// TestTruncated cuts every case everywhere: nothing panics, nobody is invented.
func TestTruncated(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 11
	}
	for _, c := range binaryCases(t) {
		if len(c.body) > 3<<10 || c.uninspected == "bomb" {
			continue
		}
		for n := 0; n < len(c.body); n += step {
			if _, f := find(t, c.contentType, c.body[:n]); f.Subjects() > c.subjects {
				t.Fatalf("%s cut at %d: %d subjects", c.name, n, f.Subjects())
			}
		}
	}
}

// TestArchiveMemory streams 50 MB of delimited text in an archive.
func TestArchiveMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("long")
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	out, err := w.Create("customers.csv")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(out, "name,email,city\n")
	for n, i := 0, 0; n < 50<<20; i++ {
		k, _ := fmt.Fprintf(out, "Ada Lund%d,user%d@mail.example,Town %x\n", i, i%5000, uint32(i)*2654435761)
		n += k
	}
	_ = w.Close()
	body := b.Bytes()
	f := NewFinder(nil, testHasher(t), "application/zip")
	var records []rules.Record
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	feed := func(p []byte) {
		for len(p) > 0 {
			n := min(len(p), 16<<10)
			_, _ = f.Write(p[:n])
			records = f.Take(records[:0])
			if back := f.Offset() - f.Safe(); back > maxSpan+32<<10 {
				t.Fatalf("%d bytes held back at %d", back, f.Offset())
			}
			p = p[n:]
		}
	}
	feed(body[:2<<20])
	first := heap()
	feed(body[2<<20:])
	if last := heap(); last > first+64<<10 {
		t.Errorf("heap grew from %d to %d bytes", first, last)
	}
	_ = f.Close()
	if f.Subjects() != 5000 || f.Uninspected() != rules.UninspectedNone {
		t.Errorf("%d subjects, uninspected %q", f.Subjects(), f.Uninspected())
	}
	runtime.KeepAlive(body)
}

// TestSafeInside checks that what a client could decode of the safe part of a
// compressed body was reported before.
func TestSafeInside(t *testing.T) {
	var csv strings.Builder
	csv.WriteString("name,email,note\n")
	for i := range 400 {
		n := uint32(i) * 2654435761
		fmt.Fprintf(&csv, "Ann,user%03d@mail.example,%x%x%x%x%x\n", i, n, n*n, n+77, n*n*n+5, n*n+99)
	}
	want := map[rules.Identifier]string{}
	for i := range 400 {
		email := fmt.Sprintf("user%03d@mail.example", i)
		want[idOf(t, rules.IdentifierEmail, email)] = email
	}
	packed := gzipped(t, csv.String())
	for name, c := range map[string]struct {
		contentType, body string
		from              int // where the stream begins
	}{
		"gzip": {"application/gzip", packed, strings.Index(packed, "x\x00") + 2},
		"zip":  {"application/zip", zipped(t, true, file{name: "a.csv", body: csv.String()}), zipHeader + len("a.csv")},
		"pdf":  {"application/pdf", "%PDF-1.4\n1 0 obj\n<< /Filter /FlateDecode >>\nstream\n" + zlibbed(t, "BT ("+strings.ReplaceAll(csv.String(), "\n", ") Tj T* (")+") Tj ET") + "\nendstream\nendobj\n", 53},
	} {
		seen := map[string]bool{}
		last := int64(-1)
		_, f := run(t, c.contentType, []byte(c.body), func() int { return 1 }, func(f *Finder, parts []rules.Record) {
			for _, p := range parts[len(seen):] {
				seen[want[p.Subject]] = true
			}
			if f.Safe() == last || f.Safe() < int64(c.from) {
				return
			}
			last = f.Safe()
			out, _, _, _ := inflate([]byte(c.body[c.from:last]), func() int { return 1 << 20 })
			for i := range 400 {
				email := fmt.Sprintf("user%03d@mail.example", i)
				if !seen[email] && bytes.Contains(out, []byte(email)) {
					t.Fatalf("%s: %s is safe at %d and was not reported", name, email, last)
				}
			}
		})
		if f.Subjects() != 400 || len(seen) != 400 && name != "gzip" && len(seen) < 300 {
			t.Fatalf("%s: %d subjects, %d seen on the way", name, f.Subjects(), len(seen))
		}
	}
}
