package demo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// minGzip is the smallest body worth compressing, in bytes.
const minGzip = 1024

// The content types that the shop sends.
const (
	typeHTML = "text/html; charset=utf-8"
	typeJSON = "application/json"
	typeCSV  = "text/csv; charset=utf-8"
)

// send answers with a whole body: compressed when the client allows it and it
// is worth it, always with the Content-Length of what is sent.
func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-store")
	}
	switch {
	case len(body) <= minGzip:
	case acceptsGzip(r):
		h.Set("Content-Encoding", "gzip")
		body = compress(body)
	case acceptsBrotli(r):
		h.Set("Content-Encoding", "br")
		body = compressBrotli(body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell.
}

// compress returns the gzip form of a body.
func compress(body []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // fails only on an unknown level.
	_, _ = z.Write(body)                              // a bytes.Buffer takes everything.
	_ = z.Close()
	return out.Bytes()
}

// compressBrotli returns the brotli form of a body (RFC 7932).
func compressBrotli(body []byte) []byte {
	var out bytes.Buffer
	b := brotli.NewWriterLevel(&out, brotli.BestSpeed)
	_, _ = b.Write(body) // a bytes.Buffer takes everything.
	_ = b.Close()
	return out.Bytes()
}

func acceptsGzip(r *http.Request) bool   { return accepts(r, "gzip") }
func acceptsBrotli(r *http.Request) bool { return accepts(r, "br") }

// accepts reads Accept-Encoding (RFC 9110 section 12.5.3).
func accepts(r *http.Request, wanted string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, wanted) && coding != "*" {
			continue
		}
		_, q, weighted := strings.Cut(params, "=")
		if !weighted {
			return true
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return err == nil && weight > 0
	}
	return false
}

// sendJSON answers with a JSON value.
func sendJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer could not be written as JSON", http.StatusInternalServerError)
		return
	}
	send(w, r, status, typeJSON, append(body, '\n'))
}

// errorJSON is the body of every refused API call.
type errorJSON struct {
	Error string `json:"error"`
}

// failJSON answers an API call with an error.
func failJSON(w http.ResponseWriter, r *http.Request, status int, text string) {
	sendJSON(w, r, status, errorJSON{Error: text})
}

// maxForm bounds every request body, in bytes.
const maxForm = 64 << 10

// readJSON decodes a bounded request body; on failure it has answered.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		failJSON(w, r, http.StatusRequestEntityTooLarge, "the body is larger than 64 KiB")
		return false
	}
	if err := json.Unmarshal(body, into); err != nil {
		failJSON(w, r, http.StatusBadRequest, "the body is not the JSON that this call takes")
		return false
	}
	return true
}

// readForm parses a bounded form; on failure it has answered.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return false
	}
	return true
}

// page executes a template into a buffer and sends it, so that a fault in a
// template is a 500 and not half a page.
func page(w http.ResponseWriter, r *http.Request, status int, t *template.Template, data any) {
	var body bytes.Buffer
	if err := t.Execute(&body, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	send(w, r, status, typeHTML, body.Bytes())
}

// number reads a positive whole number from the query, or returns the default.
func number(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 || n > 1_000_000 {
		return otherwise
	}
	return n
}
