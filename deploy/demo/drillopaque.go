package demo

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

// tell says behind the gateway's back whose orders an answer shows.
func (s *Shop) tell(r *http.Request, orders ...Order) {
	if s.told == nil || r.Header.Get(DrillRequest) == "" {
		return
	}
	ids := make([]string, 0, len(orders))
	for _, o := range orders {
		ids = append(ids, o.CustomerID)
	}
	s.told(r.Header.Get(DrillRequest), ids)
}

// label is the parcel's label, a picture, for whoever has the number.
func (s *Shop) label(w http.ResponseWriter, r *http.Request) {
	o, ok := s.pathOrder(w, r)
	if !ok {
		return
	}
	body, err := picture(o.Delivery.Name + o.Delivery.Street)
	if err != nil {
		http.Error(w, "the label could not be drawn", http.StatusInternalServerError)
		return
	}
	s.tell(r, o)
	send(w, r, http.StatusOK, "image/png", body)
}

// invoice is the invoice of any order, for anybody with a login: the hole of
// GET /api/orders/{number}, in paper. With ETag, If-None-Match and Range.
func (s *Shop) invoice(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.caller(w, r); !ok {
		return
	}
	o, ok := s.pathOrder(w, r)
	if !ok {
		return
	}
	text := []string{"Invoice " + o.NumberText(), o.Billing.Name, o.Billing.Street, o.Email}
	for range 400 { // conditions of sale; an invoice of a few range slices.
		text = append(text, "Goods remain ours until they are paid, "+o.NumberText()+strings.Repeat(" and mended for ever", len(text)%7))
	}
	body := document(text)
	if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == "" {
		s.tell(r, o)
	}
	w.Header().Set("Content-Type", "application/pdf")
	if r.URL.Query().Get("as") == "bin" {
		w.Header().Set("Content-Type", "application/octet-stream") // the wrong type
	}
	w.Header().Set("ETag", `"`+o.NumberText()+`-1"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// document writes lines as a PDF of one page whose text is compressed, as
// nearly all are (ISO 32000-1, 7.4.4).
func document(lines []string) []byte {
	var text, packed, out bytes.Buffer
	text.WriteString("BT /F1 9 Tf 40 800 Td 11 TL\n")
	for _, line := range lines {
		fmt.Fprintf(&text, "(%s) Tj T*\n", strings.NewReplacer("(", `\(`, ")", `\)`, `\`, `\\`).Replace(line))
	}
	text.WriteString("ET\n")
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(text.Bytes()) // a bytes.Buffer takes everything.
	_ = z.Close()
	fmt.Fprintf(&out, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>endobj\n4 0 obj<</Length %d/Filter/FlateDecode>>stream\n", packed.Len())
	out.Write(packed.Bytes())
	out.WriteString("\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
	return out.Bytes()
}

// stream begins an answer whose length nobody says, compressed as the client
// likes it; done ends it.
func (s *Shop) stream(w http.ResponseWriter, r *http.Request) (out io.Writer, done func()) {
	w.Header().Set("Cache-Control", "private, no-store")
	switch {
	case acceptsGzip(r):
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		return z, func() { _ = z.Close() } // the client is gone: nobody to tell.
	case acceptsBrotli(r):
		w.Header().Set("Content-Encoding", "br")
		b := brotli.NewWriter(w)
		return b, func() { _ = b.Close() } // likewise.
	}
	return w, func() {}
}

// writeJSON writes a value to a stream.
func writeJSON(to io.Writer, value any) { _ = json.NewEncoder(to).Encode(value) } // the client is gone: nobody to tell.
