package proxy_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestScripts: a script made of somebody's data is a disclosure as the same
// data in JSON is; a program that happens to hold an address is none.
func TestScripts(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		rows              int
	}{
		"jsonp":      {"application/javascript", "/**/cb(" + proxytest.Person(1) + ");", 1},
		"assignment": {"text/javascript; charset=utf-8", "window.__STATE__ = " + proxytest.Person(1), 1},
		"program":    {"text/javascript", "!function(){return {author:{name:'A',email:'a@author.example'}}}()", 0},
		"events":     {"text/event-stream", "data: " + proxytest.Person(1) + "\n\n", 1},
		"parts":      {"multipart/mixed; boundary=b", "--b\r\nContent-Type: application/json\r\n\r\n" + proxytest.Person(1) + "\r\n--b--\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				_, _ = io.WriteString(w, c.body)
			}))
			if got := w.Get("/data.js"); got.StatusCode != http.StatusOK || got.Body != c.body {
				t.Fatalf("status %d, %d bytes of %d", got.StatusCode, len(got.Body), len(c.body))
			}
			if s := w.Observer.Next(); s.Uninspected != rules.UninspectedNone {
				t.Errorf("uninspected %q", s.Uninspected)
			}
			if rows := w.Settle().Rows(); len(rows) != c.rows {
				t.Errorf("%d rows, want %d", len(rows), c.rows)
			}
		})
	}
}
