package waf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// The body processor of ours leaves what Coraza leaves without one, however the
// body comes, and as far as the limit goes.
func TestPlainBody(t *testing.T) {
	full, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(`
		SecRuleEngine On
		SecResponseBodyAccess On
		SecResponseBodyMimeType text/html application/json
		SecResponseBodyLimit 1000
		SecResponseBodyLimitAction ProcessPartial
		SecRule RESPONSE_HEADERS:Content-Type "@contains json" "id:1,phase:3,pass,nolog,ctl:responseBodyProcessor=JSON"
		SecRule RES_BODY_PROCESSOR "@rx ." "id:2,phase:4,deny,status:418"
		SecRule RESPONSE_BODY "@contains secret" "id:3,phase:4,deny,status:419"`))
	if err != nil {
		t.Fatal(err)
	}
	run := func(contentType string, pieces []string, expecting bool) string {
		tx := full.NewTransaction()
		defer func() { _ = tx.Close() }()
		tx.ProcessRequestHeaders()
		tx.AddResponseHeader("Content-Type", contentType)
		tx.ProcessResponseHeaders(200, "HTTP/1.1")
		state, ok := tx.(plugintypes.TransactionState)
		if !ok {
			t.Fatalf("%T shows no variables", tx)
		}
		c := &cleared{tx: tx, state: state}
		for _, piece := range pieces {
			if expecting {
				c.expect(len(piece))
			}
			if _, _, err := tx.WriteResponseBody([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tx.ProcessResponseBody(); err != nil {
			t.Fatal(err)
		}
		v := state.Variables()
		return fmt.Sprint(v.ResponseBody().Get(), "|", v.ResponseContentLength().Get(), "|", v.OutboundDataError().Get(), "|", tx.Interruption(), "|", len(v.ResponseArgs().FindAll()))
	}
	for name, pieces := range map[string][]string{
		"nothing":          nil,
		"an empty piece":   {""},
		"one piece":        {"<p>Teapot</p>"},
		"several pieces":   {"<p>Tea", "", "pot se", "cret</p>"},
		"as far as can be": {strings.Repeat("a", 999), "b"},
		"one byte less":    {strings.Repeat("a", 999)},
		"one byte more":    {strings.Repeat("a", 999), "bc"},
		"far beyond":       {strings.Repeat("a", 900), strings.Repeat("b", 5000), "secret"},
		"JSON":             {`{"name":`, `"Teapot"}`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, contentType := range []string{"text/html", "application/json", "image/png"} {
				if got, want := run(contentType, pieces, true), run(contentType, pieces, false); got != want {
					t.Errorf("%s: %s, without it %s", contentType, got, want)
				}
			}
		})
	}
	if got := run("text/html", []string{"a secret"}, true); !strings.Contains(got, "419") {
		t.Errorf("no rule sees the body: %s", got)
	}
}

// As many bytes as were said come in one allocation.
func TestPlainBodyAllocations(t *testing.T) {
	text := strings.Repeat("a page ", 3000)
	for expected, most := range map[int]float64{len(text): 3, len(text) / 2: 6} { // two are this test's
		got := testing.AllocsPerRun(20, func() {
			read, err := readAll(strings.NewReader(text), expected)
			if err != nil || string(read) != text {
				t.Error("not what was there")
			}
		})
		if got > most {
			t.Errorf("expecting %d of %d bytes: %v allocations, want at most %v", expected, len(text), got, most)
		}
	}
	if read, err := readAll(strings.NewReader(text), 0); err != nil || string(read) != text {
		t.Error("what was not expected is not read")
	}
}
