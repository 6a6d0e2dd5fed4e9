package proxy

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// TestReadTraceParent: only a valid trace id is taken over (W3C Trace Context, 3.2.2).
func TestReadTraceParent(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for header, want := range map[string]string{
		"00-" + id + "-b7ad6b7169203331-01":                             id,
		"cc-" + id + "-b7ad6b7169203331-01-what-comes-later":            id,
		"00-" + id + "-b7ad6b7169203331-01-what-comes-later":            "",
		"ff-" + id + "-b7ad6b7169203331-01":                             "",
		"zz-" + id + "-b7ad6b7169203331-01":                             "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":       "",
		"00-" + id + "-0000000000000000-01":                             "",
		"00-" + id + "-marieke.janssen.-01":                             "",
		"00-" + strings.ToUpper(id) + "-b7ad6b7169203331-01":            "",
		"cc-" + id + "-b7ad6b7169203331-01-" + strings.Repeat("x", 300): "",
		"": "",
	} {
		if got := readTraceParent([]string{header}).trace; got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
	if got := readTraceParent([]string{"00-" + id + "-b7ad6b7169203331-01", "00-" + id + "-b7ad6b7169203331-01"}).trace; got != "" {
		t.Errorf("of two headers: %q", got)
	}
}

// FuzzTraceParent: what is a traceparent to OpenTelemetry's own reader is one to ours,
// and nothing else; what is sent on is read as what was meant.
func FuzzTraceParent(f *testing.F) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, seed := range []string{parent, parent + "-x", "cc" + parent[2:] + "-x", "ff" + parent[2:], parent[:53] + "00", parent[:53] + "03", parent[:53] + "ff", strings.ToUpper(parent), parent[:36] + "0000000000000000-01", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		carrier := propagation.HeaderCarrier{"Traceparent": {header}}
		want := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), carrier))
		parent := readTraceParent(carrier["Traceparent"])
		got := parent.remote()
		if !want.IsValid() && strings.HasPrefix(header, "00-") && parent.flags > "03" {
			return // flags of a later level: OpenTelemetry wants none, W3C has them ignored (3.2.2.5)
		}
		if got.IsValid() != want.IsValid() || got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || got.IsSampled() != want.IsSampled() {
			t.Fatalf("%q: %v %v, OpenTelemetry reads %v %v", header, got, got.TraceFlags(), want, want.TraceFlags())
		}
		if !got.IsValid() {
			return
		}
		again := readTraceParent([]string{traceParentOf(got)})
		if !again.remote().Equal(got) {
			t.Fatalf("%q is read as %v and sent on as %v", header, got, again)
		}
	})
}

// TestTracingBudget: where tracing is off, an exchange takes no memory for it.
func TestTracingBudget(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/products", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	x, server := &exchange{policy: &Policy{}}, &backend{}
	response := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	if n := testing.AllocsPerRun(100, func() {
		parent := readTraceParent(r.Header["Traceparent"])
		x.trace = parent.trace
		x.beginSpan(r, parent)
		x.traced.send(r, server)
		x.traced.received(r, response, nil)
		x.endSpans()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if x.trace != "0af7651916cd43dd8448eb211c80319c" || r.Header.Get("Traceparent")[36:52] != "b7ad6b7169203331" || response.Body != http.NoBody {
		t.Error("something was changed")
	}
}

// TestAttributesAreDocumented: what an exchange's span can say is what operators are
// told of.
func TestAttributesAreDocumented(t *testing.T) {
	x := &exchange{
		traced: &traced{method: "GET", scheme: "http", local: netip.MustParseAddrPort("127.0.0.1:8080")}, group: &group{name: "api"}, proto: "HTTP/2.0", route: "/orders/{id}",
		Summary: Summary{
			Status: 502, Reason: rules.ReasonUpstream, Uninspected: rules.UninspectedType, Limited: LimitedMethod, Deviation: rules.DeviationRoute, Step: rules.StepMask, Masked: 1, Signals: 1,
			Subjects: [3]int{1}, Withheld: [3]int{1}, WAF: waf.Report{Blocked: 949110, Hits: make([]waf.Hit, 1)}, Stages: [Stages]time.Duration{1, 1, 1, 1, 1, 1},
		},
	}
	names := map[string]bool{"error.type": true, "http.request.resend_count": true} // of failures, and of clients' spans
	list := x.attributes(nil)
	for _, a := range list {
		if a.Value.Type() == attribute.EMPTY || names[string(a.Key)] {
			t.Errorf("%s is said twice, or says nothing", a.Key)
		}
		names[string(a.Key)] = true
	}
	text, err := os.ReadFile("../deploy/OBSERVABILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.`, ]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		for name := range strings.SplitSeq(row[1], "`, `") {
			told[name] = true
		}
	}
	if !maps.Equal(names, told) {
		t.Errorf("spans say\n%q\noperators are told of\n%q", slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(told)))
	}
}
