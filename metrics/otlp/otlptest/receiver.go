// Package otlptest is an OpenTelemetry collector for tests: it takes spans by OTLP over
// HTTP, decodes them, and keeps every byte. Nothing of it runs outside tests.
package otlptest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span that arrived.
type Span struct {
	Name, Trace, ID, Parent string // ids in hexadecimal; Parent is empty for a root
	Kind                    tracepb.Span_SpanKind
	Failed                  bool // its status is an error
	Remote                  bool // its parent is another process's
	Attributes              map[string]any
	Links                   []string // trace ids
	Took                    time.Duration
}

// Receiver takes spans. Safe for concurrent use.
type Receiver struct {
	testing.TB
	*httptest.Server
	mu       sync.Mutex
	arrived  sync.Cond
	spans    []Span
	resource map[string]any
	headers  []http.Header
	raw      bytes.Buffer
	answers  []http.HandlerFunc
}

// Start starts a receiver, which ends with the test.
func Start(tb testing.TB) *Receiver {
	tb.Helper()
	return start(tb, (*httptest.Server).Start)
}

// StartTLS is the same, with TLS.
func StartTLS(tb testing.TB) *Receiver {
	tb.Helper()
	return start(tb, (*httptest.Server).StartTLS)
}

func start(tb testing.TB, serve func(*httptest.Server)) *Receiver {
	r := &Receiver{TB: tb}
	r.arrived.L = &r.mu
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.take))
	serve(r.Server)
	tb.Cleanup(r.Close)
	return r
}

// Endpoint is its address.
func (r *Receiver) Endpoint() *url.URL {
	endpoint, err := url.Parse(r.URL)
	if err != nil {
		r.Fatal(err)
	}
	return endpoint
}

// Answer has the next requests answered so, instead of taken.
func (r *Receiver) Answer(next ...http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, next...)
}

// Status answers with a status.
func Status(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func (r *Receiver) take(w http.ResponseWriter, request *http.Request) {
	sent, err := io.ReadAll(request.Body)
	if err != nil {
		return // the sender has given up
	}
	r.mu.Lock()
	r.headers = append(r.headers, request.Header.Clone())
	r.arrived.Broadcast()
	if len(r.answers) > 0 {
		answer := r.answers[0]
		r.answers = r.answers[1:]
		r.mu.Unlock()
		answer(w, request)
		return
	}
	defer r.mu.Unlock()
	zip, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		r.Errorf("not compressed: %v", err)
		return
	}
	message, err := io.ReadAll(zip)
	if err != nil {
		r.Error(err)
	}
	var batch collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(message, &batch); err != nil {
		r.Errorf("no spans: %v", err)
	}
	if request.Method != http.MethodPost || request.URL.Path != "/v1/traces" || request.Header.Get("Content-Type") != "application/x-protobuf" {
		r.Errorf("%s %s %q", request.Method, request.URL.Path, request.Header.Get("Content-Type"))
	}
	r.raw.Write(message)
	for _, of := range batch.GetResourceSpans() {
		r.resource = values(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans = append(r.spans, decode(s))
			}
		}
	}
	r.arrived.Broadcast()
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func decode(s *tracepb.Span) Span {
	out := Span{
		Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Kind: s.GetKind(), Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
		Remote:     s.GetFlags()&uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) != 0,
		Attributes: values(s.GetAttributes()), Took: time.Duration(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()),
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId()))
	}
	return out
}

func values(list []*common.KeyValue) map[string]any {
	out := make(map[string]any, len(list))
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[kv.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[kv.GetKey()] = int(v.IntValue)
		case *common.AnyValue_DoubleValue:
			out[kv.GetKey()] = v.DoubleValue
		case *common.AnyValue_BoolValue:
			out[kv.GetKey()] = v.BoolValue
		}
	}
	return out
}

// Wait returns all spans once there are as many.
func (r *Receiver) Wait(spans int) []Span {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until(func() bool { return len(r.spans) >= spans })
	return append([]Span(nil), r.spans...)
}

// WaitRequests returns the headers of all requests once there are as many, those that
// were not taken included.
func (r *Receiver) WaitRequests(requests int) []http.Header {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until(func() bool { return len(r.headers) >= requests })
	return append([]http.Header(nil), r.headers...)
}

// until waits, but not for ever.
func (r *Receiver) until(enough func() bool) {
	r.Helper()
	late := false
	timer := time.AfterFunc(time.Minute, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.arrived.Broadcast()
	})
	defer timer.Stop()
	for !enough() {
		if late {
			r.Fatalf("%d spans in %d requests have arrived", len(r.spans), len(r.headers))
		}
		r.arrived.Wait()
	}
}

// Spans returns those that have arrived.
func (r *Receiver) Spans() []Span { return r.Wait(0) }

// Resource says who sent the last batch.
func (r *Receiver) Resource() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resource
}

// Raw returns every byte that was taken, before compression.
func (r *Receiver) Raw() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.raw.Bytes())
}
