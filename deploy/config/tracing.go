package config

import (
	"fmt"
	"net/http"

	"github.com/ordergate/ordergate/metrics/otlp"
	"github.com/ordergate/ordergate/proxy"
)

// Tracing says where spans go.
type Tracing struct {
	// Endpoint is the collector's address for OTLP over HTTP, such as
	// http://127.0.0.1:4318; /v1/traces is added to its path. The service is called
	// ordergate, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say otherwise. No
	// exchange waits for it: what it does not take in time is lost, and counted. Empty:
	// tracing is off.
	Endpoint URL `yaml:"endpoint"`
	// Headers are sent with every request to it, such as the token of a hosted one.
	// Danger: with an http:// address they can be read on the way.
	Headers []TracingHeader `yaml:"headers,omitempty"`
	// CA is the file of the authorities that sign its certificate (PEM), relative to
	// the folder of this file; it is read again at each reload. Empty: those that the
	// machine trusts.
	CA string `yaml:"ca,omitempty"`
	// Sample keeps one in so many of the traces that begin at the gateway, 1 to
	// 1000000; 1 if it is not written. Of those that come from trusted_proxies the ones
	// are kept that were kept there.
	Sample int `yaml:"sample,omitempty"`
}

// TracingHeader is one header of the requests to the collector.
type TracingHeader struct {
	// Name is the header's name. Required.
	Name string `yaml:"name"`
	// Value is what it says, such as "Bearer …". Secret: it is never printed and is
	// not part of the config digest. Required.
	Value Secret `yaml:"value"`
}

// on reports whether anything of it is written.
func (t *Tracing) on() bool { return !t.Endpoint.IsZero() }

// OpenTracing returns where spans go; on is false where there are none. The error is
// [Faults].
func (c *Config) OpenTracing() (target otlp.Target, on bool, err error) {
	t := &c.Tracing
	if !t.on() {
		return target, false, nil
	}
	target = otlp.Target{Endpoint: t.Endpoint.URL(), Headers: http.Header{}, Sample: max(t.Sample, 1)}
	for _, h := range t.Headers {
		target.Headers.Add(h.Name, h.Value.Reveal())
	}
	if t.CA != "" {
		if target.Authorities, err = proxy.ReadAuthorities(c.beside(t.CA)); err != nil {
			return target, false, fileFaults("tracing.ca", err)
		}
	}
	return target, true, nil
}

func (v *checker) tracing(t *Tracing) {
	if !t.on() && (len(t.Headers) > 0 || t.CA != "" || t.Sample != 0) {
		v.fault("tracing.endpoint", "", "is missing", "write the collector's address, such as http://127.0.0.1:4318")
	}
	if t.CA != "" && t.on() && t.Endpoint.URL().Scheme != "https" {
		v.fault("tracing.ca", t.CA, "is never used, because endpoint is not https", "write https:// there, or remove it")
	}
	if t.Sample != 0 {
		v.within("tracing.sample", t.Sample, 1, 1_000_000)
	}
	for i, h := range t.Headers {
		path := fmt.Sprintf("tracing.headers[%d].", i)
		switch http.CanonicalHeaderKey(h.Name) {
		case "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Host", "User-Agent":
			v.fault(path+"name", h.Name, "is set by the gateway", "remove it")
		default:
			if !isToken(h.Name) {
				v.fault(path+"name", h.Name, "is no name of a header", "write one such as Authorization")
			}
		}
		if h.Value.IsZero() {
			v.fault(path+"value", "", "is missing", "write what the header says, such as \"Bearer …\"")
		}
	}
}
