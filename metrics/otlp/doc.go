// Package otlp sends spans to an OpenTelemetry collector by OTLP over HTTP
// (https://opentelemetry.io/docs/specs/otlp/): protobuf, compressed with gzip.
//
// The way of the data through it:
//
//	proxy ──Tracer──► SDK: sampled? ──a span has ended──► bounded ──batches of at most 512──► sender ──POST /v1/traces──► collector
//	                                                  └─ too many wait: dropped          └─ what became of them ──► Config.Told
//
// No exchange waits for a collector: spans that it does not take in time are lost, and
// counted. Memory is bounded by maxWaiting spans.
//
// The SDK makes, samples and batches spans; only the sender is ours, because the
// project's own links gRPC, which nothing else here needs.
package otlp
