package config

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ClientAddress says where the client's address is to be read. The zero value reads
// X-Forwarded-For of trusted_proxies.
type ClientAddress struct {
	// Hops is the header in which trusted_proxies write who asked them:
	// X-Forwarded-For (the default) or Forwarded (RFC 7239). Danger: name the one that
	// they set; the other one passes through them as the client wrote it.
	Hops string `yaml:"hops,omitempty"`
	// Header is the one in which a CDN names its client by one address, such as
	// CF-Connecting-IP or True-Client-IP. It is believed where the hop that asked is
	// one of from, and from nobody else; unbelieved it does not reach the platform.
	Header string `yaml:"header,omitempty"`
	// From are the CDN's own addresses and CIDRs, as it publishes them. They need not
	// be trusted_proxies: the last hop that those name is looked up here.
	From []netip.Prefix `yaml:"from,omitempty"`
}

// forwarded reports whether hops are read from Forwarded.
func (c *ClientAddress) forwarded() bool { return strings.EqualFold(c.Hops, "Forwarded") }

func (v *checker) clientAddress(c *ClientAddress, proxies []netip.Prefix) {
	const path = "client_address."
	switch {
	case c.Hops != "" && !c.forwarded() && !strings.EqualFold(c.Hops, "X-Forwarded-For"):
		v.fault(path+"hops", c.Hops, "is no list of hops", "write X-Forwarded-For or Forwarded; a header with one address is client_address.header")
	case c.Hops != "" && len(proxies) == 0:
		v.fault(path+"hops", c.Hops, "is believed of nobody", "write the load balancer's address in trusted_proxies, or remove it")
	}
	switch name := http.CanonicalHeaderKey(c.Header); {
	case c.Header == "" && len(c.From) > 0:
		v.fault(path+"from", c.From[0].String(), "names nobody without a header", "write client_address.header, such as CF-Connecting-IP, or remove it")
	case c.Header == "":
	case !isToken(c.Header) || name == "X-Forwarded-For" || name == "Forwarded":
		v.fault(path+"header", c.Header, "is not the name of a header with one address", "write the one that your CDN sets, such as CF-Connecting-IP")
	case len(c.From) == 0:
		v.fault(path+"header", c.Header, "is believed of nobody", "write the CDN's addresses in client_address.from, or remove it")
	}
	for i, p := range c.From {
		if p.Bits() == 0 {
			v.fault(fmt.Sprintf(path+"from[%d]", i), p.String(), "trusts every client to name its own address", "write the addresses of your CDN only")
		}
	}
}
