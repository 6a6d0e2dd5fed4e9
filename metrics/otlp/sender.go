package otlp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ordergate/ordergate/metrics"
)

const (
	attemptWait    = 10 * time.Second
	maxAttempts    = 5 // of one batch: with a second of backoff, some 15 seconds
	defaultBackoff = time.Second
	maxAnswer      = 64 << 10 // bytes of an answer that are read
)

// sender implements sdktrace.SpanExporter. The SDK calls ExportSpans for one batch
// after the other; the rest is safe for concurrent use.
type sender struct {
	target  atomic.Pointer[aimed]
	settled func(metrics.SpanOutcome, int) // what became of spans
	failed  func(error)
	backoff time.Duration
	failing bool // the last batch could not be sent

	closing  context.Context // done: every batch is tried once from here on
	hurry    context.CancelFunc
	aborting context.Context // done: nothing is sent any more
	abort    context.CancelFunc
	ended    chan struct{} // closed when the SDK has given its last batch

	body bytes.Buffer
	zip  *gzip.Writer
}

// aimed is a Target in use.
type aimed struct {
	url     string
	headers http.Header
	client  *http.Client
}

func newSender(config *Config) *sender {
	s := &sender{failed: config.Failed, backoff: config.Backoff, ended: make(chan struct{})}
	if s.backoff <= 0 {
		s.backoff = defaultBackoff
	}
	s.closing, s.hurry = context.WithCancel(context.Background())
	s.aborting, s.abort = context.WithCancel(context.Background())
	s.zip, _ = gzip.NewWriterLevel(&s.body, gzip.BestSpeed) // the level exists
	return s
}

func (s *sender) aim(target Target) {
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: target.Authorities, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: attemptWait, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	before := s.target.Swap(&aimed{
		url: address(target.Endpoint), headers: target.Headers,
		client: &http.Client{
			Timeout: attemptWait, Transport: transport, // a redirect could lead the credentials elsewhere
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if before != nil {
		before.client.CloseIdleConnections()
	}
}

// address is where an endpoint takes spans (OTLP/HTTP, 1.1).
func address(endpoint *url.URL) string {
	const path = "/v1/traces"
	if strings.HasSuffix("/"+endpoint.Path, path) {
		return endpoint.String()
	}
	return endpoint.JoinPath(path).String()
}

// ExportSpans sends a batch, again after a failure that may pass. It tells what became
// of it itself: the SDK would print an error.
func (s *sender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.aborting, cancel)()
	if s.aborting.Err() != nil {
		s.settled(metrics.SpansDropped, len(spans))
		return nil
	}
	rejected, err := s.deliver(ctx, spans)
	s.tell(err)
	switch {
	case err != nil && s.aborting.Err() != nil:
		s.settled(metrics.SpansDropped, len(spans))
	case err != nil:
		s.settled(metrics.SpansFailed, len(spans))
	default:
		rejected = min(max(rejected, 0), len(spans))
		s.settled(metrics.SpansRejected, rejected)
		s.settled(metrics.SpansExported, len(spans)-rejected)
	}
	return nil
}

// tell tells when sending begins to fail, or works again.
func (s *sender) tell(err error) {
	if failing := err != nil; failing != s.failing {
		s.failing = failing
		s.failed(err)
	}
}

// Shutdown implements sdktrace.SpanExporter.
func (s *sender) Shutdown(context.Context) error {
	s.target.Load().client.CloseIdleConnections()
	close(s.ended)
	return nil
}

// deliver sends one batch and returns how many spans of it the collector rejected.
func (s *sender) deliver(ctx context.Context, spans []sdktrace.ReadOnlySpan) (rejected int, err error) {
	if err := s.encode(spans); err != nil {
		return 0, err
	}
	delay := s.backoff
	for attempt := 1; ; attempt++ {
		rejected, err = s.post(ctx)
		if err == nil || errors.Is(err, errRefused) || attempt == maxAttempts || s.closing.Err() != nil {
			return rejected, err
		}
		wait := delay/2 + rand.N(delay/2+1) // gateways that lost one collector do not come back as one
		if slower := (*busy)(nil); errors.As(err, &slower) && slower.retryAfter > wait {
			wait = slower.retryAfter
		}
		if !s.wait(ctx, wait) {
			return 0, err
		}
		delay *= 2
	}
}

// wait waits before a repetition; false means that there is no time for one. Closing
// ends the waiting, and leaves time for a last one.
func (s *sender) wait(ctx context.Context, delay time.Duration) bool {
	if until, ok := ctx.Deadline(); ok && time.Until(until) < delay {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing.Done():
	case <-ctx.Done():
		return false
	}
	return true
}

// encode writes a batch as it is sent into s.body.
func (s *sender) encode(spans []sdktrace.ReadOnlySpan) error {
	message, err := proto.Marshal(request(spans))
	if err != nil {
		return fmt.Errorf("encoding spans: %w: %w", err, errRefused)
	}
	s.body.Reset()
	s.zip.Reset(&s.body)
	_, _ = s.zip.Write(message) // into memory
	_ = s.zip.Close()           // likewise
	return nil
}

// errRefused is an answer that the same batch will always get.
var errRefused = errors.New("it will not be sent again")

// busy is an answer after which the collector may be asked again (OTLP/HTTP,
// retryable response codes).
type busy struct {
	status     int
	retryAfter time.Duration
}

// Error implements error.
func (b *busy) Error() string { return fmt.Sprintf("the collector answers with status %d", b.status) }

// post sends the batch once. What the collector says in words is read, and told to
// nobody: it may quote what it was sent.
func (s *sender) post(ctx context.Context) (rejected int, err error) {
	target := s.target.Load()
	defer func() {
		if s.target.Load() != target {
			target.client.CloseIdleConnections() // nobody else will
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.url, bytes.NewReader(s.body.Bytes()))
	if err != nil {
		return 0, fmt.Errorf("making the request: %w", errRefused) // the URL was checked: it cannot be
	}
	for name, values := range target.headers {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("User-Agent", "ordergate")
	response, err := target.client.Do(r)
	if err != nil {
		return 0, err //nolint:wrapcheck // says it all: method, URL and what failed
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // dates are not waited for
		return 0, &busy{status, time.Duration(min(max(seconds, 0), int(batchWait/time.Second))) * time.Second}
	default:
		return 0, fmt.Errorf("the collector answers with status %d: %w", status, errRefused)
	}
	var said collector.ExportTraceServiceResponse
	if err != nil || proto.Unmarshal(answer, &said) != nil {
		return 0, nil // it has them, whatever it says of it
	}
	return int(said.GetPartialSuccess().GetRejectedSpans()), nil
}
