package crs

import (
	"encoding/base64"
	"flag"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	schema "github.com/coreruleset/ftw-tests-schema/v2/types"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// every takes one test in so many for the comparison: each is judged twice by
// the full rule set.
var every = flag.Int("clearance.every", 4, "compare clearance over one in so many of the suite's tests")

// TestClearance compares verdict and report of every request of the suite with
// and without clearance, at the paranoia level that clears the most.
func TestClearance(t *testing.T) {
	config := waf.Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10}
	quick, err := waf.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if off := quick.Account().Off; len(off) > 0 {
		t.Fatalf("clearance is off: %v", off)
	}
	config.Uncleared = true
	full, err := waf.New(config)
	if err != nil {
		t.Fatal(err)
	}
	requests, cleared := 0, 0
	for i, test := range load(t) {
		if i%*every > 0 {
			continue
		}
		for j := range test.Stages {
			r := requestOf(&test.Stages[j].Input)
			if r == nil {
				continue
			}
			requests++
			verdict, report := judge(t, quick, r)
			if report.Clearance == waf.Cleared {
				cleared++
			}
			report.Clearance = waf.Uncleared
			wantVerdict, want := judge(t, full, r)
			if verdict != wantVerdict || !reflect.DeepEqual(report, want) {
				t.Errorf("%s: with clearance %+v %+v, without %+v %+v", test.IdString(), verdict, report, wantVerdict, want)
			}
		}
	}
	t.Logf("%d requests, %d of them cleared", requests, cleared)
	if requests < 4000 / *every || cleared == 0 {
		t.Errorf("%d requests and %d cleared prove nothing", requests, cleared)
	}
}

// requestOf returns what a stage sends, as far as the rules see it; nil for
// bytes that are no request.
func requestOf(in *schema.Input) *waf.Request {
	if in.EncodedRequest != "" {
		return nil
	}
	r := &waf.Request{
		Client: netip.MustParseAddrPort("203.0.113.9:4000"), Method: or(in.Method, "GET"), URI: or(in.URI, "/"), Proto: or(in.Version, "HTTP/1.1"), Header: http.Header{},
	}
	for name, value := range in.Headers {
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	for _, header := range in.OrderedHeaders {
		r.Header.Add(header.Name, header.Value)
	}
	if in.Data != nil {
		r.Body = []byte(*in.Data)
	}
	if in.EncodedData != nil {
		if body, err := base64.StdEncoding.DecodeString(*in.EncodedData); err == nil {
			r.Body = body
		}
	}
	return r
}

func or(value *string, otherwise string) string {
	if value == nil {
		return otherwise
	}
	return *value
}

func judge(t *testing.T, engine *waf.Engine, r *waf.Request) (rules.Verdict, waf.Report) {
	t.Helper()
	tx := engine.Begin(rules.ExchangeID{1})
	verdict, err := tx.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	report, err := tx.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return verdict, report
}
