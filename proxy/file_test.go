package proxy_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestRecordsInFiles: records inside of files are found, held and recorded, and
// a file with too many is refused.
func TestRecordsInFiles(t *testing.T) {
	for _, contentType := range []string{"application/zip", "application/gzip", "application/octet-stream"} {
		for _, n := range []int{2, 400} {
			var file bytes.Buffer
			if contentType == "application/zip" {
				archive := zip.NewWriter(&file)
				w, err := archive.Create("people.json")
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(w, list(0, n))
				_ = archive.Close()
			} else {
				file.Write(encode(t, "gzip", list(0, n)))
			}
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = w.Write(file.Bytes())
			}))
			got := w.Get("/people")
			want, subjects := http.StatusOK, 2
			if n > 2 {
				want, subjects = http.StatusForbidden, 0
			}
			if got.StatusCode != want || len(w.Settle().Subjects(rules.Delivered)) != subjects {
				t.Errorf("%s, %d people: status %d, %d delivered: want %d and %d", contentType, n, got.StatusCode, len(w.Settle().Subjects(rules.Delivered)), want, subjects)
			}
		}
	}
}

// TestMessageStream: a gRPC stream goes through message by message.
func TestMessageStream(t *testing.T) {
	next := make(chan struct{})
	message := func(text string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)+2)), "\x0A"+string(rune(len(text)))+text...)
	}
	texts := []string{"Teapot", "ada@lund.example", "Chair"}
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		for _, text := range texts {
			_, _ = w.Write(message(text))
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL+"/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	for i, text := range texts {
		want := message(text)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(response.Body, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d: %q, %v", i, got, err)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("%q behind the last message, %v", rest, err)
	}
	if n := len(w.Settle().Subjects(rules.Delivered)); n != 1 {
		t.Errorf("%d delivered, want 1", n)
	}
}
