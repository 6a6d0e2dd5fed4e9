package otlp_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/otlp"
	"github.com/ordergate/ordergate/metrics/otlp/otlptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	waiting = 2048 // spans that may wait
	batch   = 512  // as many are sent at once
)

// told remembers what became of spans.
type told struct {
	mu       sync.Mutex
	changed  sync.Cond
	outcomes map[metrics.SpanOutcome]int
	faults   []error
}

func (t *told) tell(outcome metrics.SpanOutcome, spans int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcomes[outcome] += spans
	t.changed.Broadcast()
}

func (t *told) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, err)
}

// wait returns once as many spans have come to an end, and says how.
func (t *told) wait(spans int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		sum, text := 0, ""
		for _, outcome := range metrics.SpanOutcomes() {
			if n := t.outcomes[outcome]; n > 0 {
				sum += n
				text += fmt.Sprintf("%s %d, ", outcome, n)
			}
		}
		if sum >= spans {
			return strings.TrimSuffix(text, ", ")
		}
		t.changed.Wait()
	}
}

// open starts the sending of spans; it ends with the test.
func open(t *testing.T, target otlp.Target) (*otlp.Traces, *told) {
	t.Helper()
	seen := &told{outcomes: make(map[metrics.SpanOutcome]int)}
	seen.changed.L = &seen.mu
	traces := otlp.New(otlp.Config{Target: target, Version: "v1.2.3", Told: seen.tell, Failed: seen.fail, Backoff: time.Millisecond})
	t.Cleanup(func() { traces.Close(context.Background()) })
	return traces, seen
}

// end makes spans.
func end(traces *otlp.Traces, spans int) {
	tracer := traces.Tracer()
	for range spans {
		_, span := tracer.Start(context.Background(), "GET /orders/{id}", trace.WithSpanKind(trace.SpanKindServer))
		span.End()
	}
}

func remote(t *testing.T, flags trace.TraceFlags) trace.SpanContext {
	t.Helper()
	traceID, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	if err != nil {
		t.Fatal(err)
	}
	spanID, err := trace.SpanIDFromHex("b7ad6b7169203331")
	if err != nil {
		t.Fatal(err)
	}
	state, err := trace.ParseTraceState("cdn=marieke.janssen")
	if err != nil {
		t.Fatal(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: flags, TraceState: state, Remote: true})
}

// TestSpans: what a collector is sent is what the spans said, over TLS too, without the
// free text of trace states, of a status or of a panic.
func TestSpans(t *testing.T) {
	r := otlptest.StartTLS(t)
	authorities := x509.NewCertPool()
	authorities.AddCert(r.Certificate())
	target := otlp.Target{Endpoint: r.Endpoint(), Headers: http.Header{"Authorization": {"Bearer hunter2"}}, Authorities: authorities, Sample: 1}
	traces, seen := open(t, target)
	func() {
		ctx, server := traces.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), remote(t, trace.FlagsSampled)), "GET /orders/{id}",
			trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(trace.Link{SpanContext: remote(t, 0)}))
		defer func() { _ = recover() }()
		defer server.End()
		server.SetAttributes(attribute.Int("number", 403), attribute.Float64("seconds", 0.25), attribute.Bool("cut", true), attribute.String("role", strings.Repeat("x", 1000)))
		_, client := traces.Tracer().Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindClient))
		client.SetStatus(codes.Error, "dial marieke")
		client.End()
		panic("near marieke")
	}()
	if lost := traces.Close(t.Context()); lost != 0 {
		t.Errorf("%d lost", lost)
	}
	if got := seen.wait(2); got != "exported 2" || len(seen.faults) > 0 {
		t.Errorf("%s, %v", got, seen.faults)
	}
	spans := r.Spans()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	client, server := spans[0], spans[1]
	switch {
	case server.Trace != "0af7651916cd43dd8448eb211c80319c" || server.Parent != "b7ad6b7169203331" || !server.Remote || server.Kind != tracepb.Span_SPAN_KIND_SERVER || server.Failed:
		t.Errorf("the server's: %+v", server)
	case client.Trace != server.Trace || client.Parent != server.ID || client.Remote || client.Kind != tracepb.Span_SPAN_KIND_CLIENT || !client.Failed:
		t.Errorf("the client's: %+v", client)
	case len(server.Links) != 1 || server.Links[0] != server.Trace:
		t.Errorf("links: %v", server.Links)
	}
	if got := fmt.Sprint(server.Attributes["number"], server.Attributes["seconds"], server.Attributes["cut"], len(server.Attributes["role"].(string))); got != "403 0.25 true 256" {
		t.Errorf("attributes: %s", got)
	}
	if r.Resource()["service.name"] != "ordergate" || r.Resource()["service.version"] != "v1.2.3" {
		t.Errorf("resource: %v", r.Resource())
	}
	if bytes.Contains(r.Raw(), []byte("marieke")) {
		t.Error("free text was sent")
	}
	if got := r.WaitRequests(1)[0].Get("Authorization"); got != "Bearer hunter2" {
		t.Errorf("Authorization: %q", got)
	}
}

// TestServiceName: the environment names the service, as it does for every
// OpenTelemetry program.
func TestServiceName(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "shop-gateway")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
	r := otlptest.Start(t)
	traces, _ := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: 1})
	end(traces, 1)
	traces.Close(t.Context())
	if got := r.Resource(); got["service.name"] != "shop-gateway" || got["deployment.environment.name"] != "staging" || got["service.version"] != "v1.2.3" {
		t.Errorf("%v", got)
	}
}

// TestSampling: whoever began a trace decides; of those that begin here one in so many
// is kept.
func TestSampling(t *testing.T) {
	none := trace.SpanContext{}
	for _, tt := range []struct {
		name        string
		parent      trace.SpanContext
		sample      int
		least, most int // of 1000
	}{
		{"all that begin here", none, 1, 1000, 1000},
		{"none that begins here", none, 0, 0, 0},
		{"one in ten", none, 10, 40, 180}, // 6 standard deviations
		{"kept before", remote(t, trace.FlagsSampled), 0, 1000, 1000},
		{"not kept before", remote(t, 0), 1, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := otlptest.Start(t)
			traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: tt.sample})
			for range 1000 {
				_, span := traces.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), tt.parent), "GET /")
				if !span.SpanContext().IsValid() {
					t.Fatal("a span without ids: the platform would get none")
				}
				span.End()
			}
			traces.Close(t.Context())
			if n := len(r.Spans()); n < tt.least || n > tt.most || n != seen.outcomes[metrics.SpansExported] {
				t.Errorf("%d spans, %v", n, seen.outcomes)
			}
		})
	}
}

// TestAnswers: what a collector may answer, and what becomes of the batch.
func TestAnswers(t *testing.T) {
	partial := func(w http.ResponseWriter, _ *http.Request) {
		message, err := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 12, ErrorMessage: "hunter2"}})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(message)
	}
	hangUp := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	busy := otlptest.Status(http.StatusServiceUnavailable)
	later := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/hunter2", http.StatusTemporaryRedirect)
	}
	for _, tt := range []struct {
		name     string
		answers  []http.HandlerFunc
		want     string
		requests int
		faults   int
	}{
		{"taken", nil, "exported 512", 1, 0},
		{"accepted for later", []http.HandlerFunc{otlptest.Status(http.StatusAccepted)}, "exported 512", 1, 0},
		{"some rejected", []http.HandlerFunc{partial}, "exported 500, rejected 12", 1, 0},
		{"busy for a while", []http.HandlerFunc{busy, otlptest.Status(http.StatusTooManyRequests), hangUp}, "exported 512", 4, 0},
		{"busy for long", []http.HandlerFunc{busy, busy, busy, busy, busy}, "failed 512", 5, 1},
		{"wants to be asked in an hour", []http.HandlerFunc{later}, "failed 512", 1, 1},
		{"not our collector", []http.HandlerFunc{otlptest.Status(http.StatusNotFound)}, "failed 512", 1, 1},
		{"credentials refused", []http.HandlerFunc{otlptest.Status(http.StatusUnauthorized)}, "failed 512", 1, 1},
		{"a redirect", []http.HandlerFunc{elsewhere}, "failed 512", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := otlptest.Start(t)
			r.Answer(tt.answers...)
			traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Headers: http.Header{"Authorization": {"Bearer hunter2"}}, Sample: 1})
			end(traces, batch)
			if got := seen.wait(batch); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			traces.Close(t.Context())
			if n := len(r.WaitRequests(0)); n != tt.requests || len(seen.faults) != tt.faults {
				t.Errorf("%d requests, want %d; told of %v", n, tt.requests, seen.faults)
			}
			for _, err := range seen.faults {
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the fault quotes a secret, or the collector: %v", err)
				}
			}
		})
	}
}

// TestFaultsAreToldOnce: the first batch that fails, and the first that is sent again.
func TestFaultsAreToldOnce(t *testing.T) {
	r := otlptest.Start(t)
	bad := otlptest.Status(http.StatusForbidden)
	r.Answer(bad, bad, bad)
	traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: 1})
	for n := range 5 {
		end(traces, batch)
		seen.wait((n + 1) * batch)
	}
	traces.Close(t.Context())
	if len(seen.faults) != 2 || seen.faults[0] == nil || seen.faults[1] != nil {
		t.Errorf("%v", seen.faults)
	}
}

// TestFull: a collector that stands still costs spans, which are counted, and no more
// memory than the queue; what waited is sent when it goes on.
func TestFull(t *testing.T) {
	r := otlptest.Start(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	r.Answer(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-goOn
	})
	traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: 1})
	end(traces, batch)
	<-begun
	end(traces, 3*waiting)
	seen.mu.Lock()
	dropped, others := seen.outcomes[metrics.SpansDropped], len(seen.outcomes)
	seen.mu.Unlock()
	if want := batch + 3*waiting - waiting; dropped != want || others != 1 {
		t.Errorf("%d dropped, want %d: %v", dropped, want, seen.outcomes)
	}
	close(goOn)
	seen.wait(batch + 3*waiting)
	end(traces, batch) // there is room again
	if got, want := seen.wait(2*batch+3*waiting), fmt.Sprintf("exported %d, dropped %d", waiting+batch, dropped); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestClose: what waits is sent at the end, unless the collector does not answer: that
// costs the spans, and no more than the bound.
func TestClose(t *testing.T) {
	t.Run("sent", func(t *testing.T) {
		r := otlptest.Start(t)
		traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: 1})
		end(traces, 3)
		if lost := traces.Close(t.Context()); lost != 0 || len(r.Spans()) != 3 {
			t.Errorf("%d lost, %d arrived", lost, len(r.Spans()))
		}
		end(traces, 2) // too late, and counted
		if got := seen.wait(5); got != "exported 3, dropped 2" {
			t.Error(got)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		traces, seen := open(t, otlp.Target{Endpoint: nobody(t), Sample: 1})
		end(traces, 3)
		if lost := traces.Close(t.Context()); lost != 3 {
			t.Errorf("%d lost", lost)
		}
		if got := seen.wait(3); got != "failed 3" || len(seen.faults) != 1 {
			t.Errorf("%s, %v", got, seen.faults)
		}
	})
	for name, within := range map[string]time.Duration{"stands still": 50 * time.Millisecond, "no time left": 0} {
		t.Run(name, func(t *testing.T) {
			r := otlptest.Start(t)
			begun := make(chan struct{}, 8)
			hang := func(_ http.ResponseWriter, r *http.Request) {
				begun <- struct{}{}
				<-r.Context().Done()
			}
			r.Answer(hang, hang, hang, hang)
			traces, seen := open(t, otlp.Target{Endpoint: r.Endpoint(), Sample: 1})
			end(traces, 2*batch+3)
			<-begun
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			if lost := traces.Close(ctx); lost != 2*batch+3 {
				t.Errorf("%d lost", lost)
			}
			if got := seen.wait(2*batch + 3); got != fmt.Sprintf("dropped %d", 2*batch+3) {
				t.Error(got)
			}
		})
	}
	var none *otlp.Traces
	if none.Close(t.Context()) != 0 {
		t.Error("spans of nobody")
	}
}

// nobody is an address that nobody listens at.
func nobody(t *testing.T) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// TestAim: spans follow a new target, those that wait included.
func TestAim(t *testing.T) {
	r := otlptest.Start(t)
	traces, seen := open(t, otlp.Target{Endpoint: nobody(t), Sample: 1})
	end(traces, batch)
	if got := seen.wait(batch); got != "failed 512" {
		t.Error(got)
	}
	end(traces, 5)
	traces.Aim(otlp.Target{Endpoint: r.Endpoint().JoinPath("/v1/traces"), Sample: 0}) // with the path
	end(traces, 100)
	traces.Close(t.Context())
	if n := len(r.Spans()); n != 5 {
		t.Errorf("%d spans", n)
	}
	if len(seen.faults) != 2 || !errors.Is(seen.faults[1], nil) {
		t.Errorf("%v", seen.faults)
	}
}
