package proxy_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestRanges: what may hold records is asked for whole, films by range.
func TestRanges(t *testing.T) {
	files := map[string]string{"/list.csv": "text/csv", "/orders/17/label": "image/png", "/manual.PDF": "application/pdf", "/film.mp4": "video/mp4"}
	body := []byte("name,email\nAda Lund,ada@lund.example\n")
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", files[r.URL.Path])
		content := body
		if kind := files[r.URL.Path]; kind == "video/mp4" || kind == "image/png" {
			content = []byte("\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2") // no text
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	for path := range files {
		got := w.Get(path, "Range: bytes=0-9", "If-Range: \"x\"")
		want := http.StatusOK
		if path == "/film.mp4" {
			got = w.Get(path, "Range: bytes=0-9")
			want = http.StatusPartialContent
		}
		if got.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, got.StatusCode, want)
		}
	}
	if rows := w.Settle().Rows(); len(rows) != 3 {
		t.Errorf("%d rows, want those of the list, of the manual, which holds it, and of the label, which is somebody's", len(rows))
	}
}

// TestSubjectsHeader tells how many foreign customers a response discloses,
// whatever the platform says.
func TestSubjectsHeader(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Subjects", "0")
		people(w, r)
	}), func(s *proxytest.Setup) { s.Policy.SubjectsHeader = "X-Subjects" })
	for path, want := range map[string]string{"/people?from=1&n=2": "2", "/products": "0"} {
		if got := w.Get(path); got.Header.Get("X-Subjects") != want || len(got.Header["X-Subjects"]) != 1 {
			t.Errorf("%s: %v, want %s", path, got.Header["X-Subjects"], want)
		}
	}
}
