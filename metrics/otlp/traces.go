package otlp

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	sdkresource "go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ordergate/ordergate/metrics"
)

const (
	// maxWaiting is how many spans may be in memory between their end and the
	// collector's answer. One with all its attributes has about 3 KiB.
	maxWaiting = 2048
	// maxBatch is how many go in one request, at most, and batchEvery how long the
	// first of them waits for others.
	maxBatch   = 512
	batchEvery = time.Second
	// batchWait bounds all attempts to send one batch together.
	batchWait = 30 * time.Second
	// closeWait bounds how long Close waits for the collector.
	closeWait = 5 * time.Second
	// A span of ours has some 30 attributes and at most one link; a value of ours
	// has at most rules.MaxRoute bytes.
	maxAttributes, maxLinks, maxValue = 64, 4, 256
)

// Target is where spans go, and how many. It can be replaced at any time.
type Target struct {
	// Endpoint is the collector's address; /v1/traces is added to its path unless it
	// ends so.
	Endpoint *url.URL
	// Headers are sent with every request; they may hold credentials.
	Headers http.Header
	// Authorities are those that the collector's certificate is checked with; nil: the
	// machine's.
	Authorities *x509.CertPool
	// Sample is how many of the traces that begin here are kept: one in so many; 0
	// keeps none. Of traces that began before, those are kept that were kept there.
	Sample int
}

// Config is what stays as it is while the process runs.
type Config struct {
	Target  Target
	Version string // of the program
	// Told is told what became of spans. It is called on the request path for those
	// that are dropped, so it must be quick and safe for concurrent use.
	Told func(outcome metrics.SpanOutcome, spans int)
	// Failed is told of the first batch that could not be sent, and of the first that
	// could again (nil). It never sees a header's value.
	Failed func(err error)
	// Backoff is how long the first repetition waits, each next one twice as long; 0
	// means a second.
	Backoff time.Duration
}

// Traces makes spans and sends them. Safe for concurrent use. Make one with New, end it
// with Close.
type Traces struct {
	provider *sdktrace.TracerProvider
	sender   *sender
	bounded  *bounded
	ratio    *ratio
}

// New starts the sending of spans. The service is called ordergate, unless the
// environment says otherwise (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES).
func New(config Config) *Traces {
	t := &Traces{sender: newSender(&config), ratio: &ratio{}}
	t.bounded = &bounded{told: config.Told}
	t.sender.settled = t.bounded.settled
	t.bounded.SpanProcessor = sdktrace.NewBatchSpanProcessor(
		t.sender, sdktrace.WithMaxQueueSize(maxWaiting), sdktrace.WithMaxExportBatchSize(maxBatch),
		sdktrace.WithBatchTimeout(batchEvery), sdktrace.WithExportTimeout(batchWait),
	)
	t.Aim(config.Target)
	limits := sdktrace.SpanLimits{AttributeCountLimit: maxAttributes, LinkCountLimit: maxLinks, AttributeValueLengthLimit: maxValue, AttributePerLinkCountLimit: maxAttributes}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(t.bounded), sdktrace.WithSampler(sdktrace.ParentBased(t.ratio)), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithResource(resource(config.Version)),
		sdktrace.WithoutPanicRecording(), // a panic's text may quote what it choked on
	)
	return t
}

// resource says who sends the spans; what the environment says goes first.
func resource(version string) *sdkresource.Resource {
	own := sdkresource.NewSchemaless(semconv.ServiceName("ordergate"), semconv.ServiceVersion(version))
	merged, err := sdkresource.Merge(own, sdkresource.Environment())
	if err != nil { // of two schemas; both have none
		return own
	}
	return merged
}

// Tracer makes the spans.
func (t *Traces) Tracer() trace.Tracer {
	return t.provider.Tracer("github.com/ordergate/ordergate", trace.WithSchemaURL(semconv.SchemaURL))
}

// Aim sends what follows, and what waits, elsewhere.
func (t *Traces) Aim(target Target) {
	t.ratio.set(target.Sample)
	t.sender.aim(target)
}

// Close sends what waits, one attempt each, within ctx and closeWait. It returns how
// many spans were lost then; they are counted, too. A nil Traces has nothing to close.
func (t *Traces) Close(ctx context.Context) (lost int) {
	if t == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	t.bounded.closed.Store(true)
	t.sender.hurry()
	_ = t.bounded.Shutdown(ctx) // the end of ctx, which the count says, too
	t.sender.abort()
	<-t.sender.ended // soon: nothing is sent any more
	if left := int(t.bounded.waiting.Load()); left > 0 {
		t.bounded.settled(metrics.SpansDropped, left)
	}
	return int(t.bounded.lost.Load())
}

// bounded keeps the spans that wait within maxWaiting, and counts those that found no
// room: the SDK's own queue drops them without a word. That queue is as long, so it
// never does.
type bounded struct {
	sdktrace.SpanProcessor
	told    func(metrics.SpanOutcome, int)
	waiting atomic.Int64
	closed  atomic.Bool
	lost    atomic.Int64 // since it was closed
}

// OnEnd implements sdktrace.SpanProcessor.
func (b *bounded) OnEnd(s sdktrace.ReadOnlySpan) {
	if b.waiting.Add(1) > maxWaiting || b.closed.Load() {
		b.settled(metrics.SpansDropped, 1)
		return
	}
	b.SpanProcessor.OnEnd(s)
}

// settled makes room.
func (b *bounded) settled(outcome metrics.SpanOutcome, spans int) {
	b.waiting.Add(-int64(spans))
	b.told(outcome, spans)
	if outcome != metrics.SpansExported && b.closed.Load() {
		b.lost.Add(int64(spans))
	}
}

// ratio samples one in so many of the traces that begin here.
type ratio struct {
	sampler atomic.Pointer[sdktrace.Sampler]
}

func (r *ratio) set(oneIn int) {
	fraction := 0.0
	if oneIn > 0 {
		fraction = 1 / float64(oneIn)
	}
	sampler := sdktrace.TraceIDRatioBased(fraction)
	r.sampler.Store(&sampler)
}

// ShouldSample implements sdktrace.Sampler.
func (r *ratio) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return (*r.sampler.Load()).ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (r *ratio) Description() string { return (*r.sampler.Load()).Description() }
