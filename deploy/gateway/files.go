package gateway

import (
	"fmt"
	"io"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/proxy"
)

// openTLS opens the listener with TLS, where there is a certificate.
func (g *Gateway) openTLS(server proxy.ServerConfig) (err error) {
	if g.tls, err = g.config.OpenTLS(g.acme, time.Now()); g.tls == nil || err != nil {
		return err //nolint:wrapcheck // says it all
	}
	g.metrics.CertificateExpiry(g.tls.Expiry())
	server.TLS, server.Listener, server.Packets = g.tls, g.options.Sockets.TLS, g.options.Sockets.HTTP3
	if !g.config.TLS.HTTP3 {
		g.secure, err = proxy.Listen(g.config.TLS.Listen, g.proxy, server)
		return err //nolint:wrapcheck // says it all
	}
	return g.openHTTP3(server)
}

// openHTTP3 opens the listener with TLS on TCP, and one for HTTP/3 on the same
// port of UDP; port 0 is one that is free for TCP.
func (g *Gateway) openHTTP3(server proxy.ServerConfig) (err error) {
	advertising := &proxy.Advertising{Handler: g.proxy}
	if g.secure, err = proxy.Listen(g.config.TLS.Listen, advertising, server); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	if g.quic, err = proxy.ListenHTTP3(g.secure.Addr(), g.proxy, server); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	advertising.Tell(g.quic)
	return nil
}

// openACME prepares certificates from an authority, where some are wanted.
func (g *Gateway) openACME() error {
	managed, on, err := g.config.ACMEConfig()
	if err != nil || !on {
		return err //nolint:wrapcheck // says it all
	}
	managed.Told = func(domain string, err error) {
		g.metrics.FilesRead(metrics.FilesACME, err == nil)
		g.metrics.CertificateExpiry(g.tls.Expiry())
		if err != nil {
			g.log.Error("no certificate from the authority: what was had before is shown, and it is asked again later", "domain", domain, "err", err)
			return
		}
		g.log.Info("certificate of the authority is there", "domain", domain)
	}
	g.acme = proxy.NewACME(managed)
	return nil
}

// TLSAddr is the address that clients connect to with TLS; empty where TLS
// does not end here.
func (g *Gateway) TLSAddr() string {
	if g.secure == nil {
		return ""
	}
	return g.secure.Addr()
}

// reloadTLS takes the certificates of a new config over. A config that turns
// TLS on or off does so at the next restart.
func (g *Gateway) reloadTLS(cfg *config.Config) error {
	if g.tls == nil || !cfg.TLS.On() {
		return nil
	}
	if err := g.tls.Load(cfg.TLSConfig(g.acme), time.Now()); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	g.renewed(metrics.FilesCertificates, nil)
	return nil
}

// renew reads files that have changed since they were read last. A fault is
// told once for each change, and what was read before stays.
func (g *Gateway) renew() {
	if g.tls != nil {
		if changed, err := g.tls.Renew(time.Now()); changed {
			g.renewed(metrics.FilesCertificates, err)
		}
	}
	if g.acme != nil {
		g.metrics.CertificateExpiry(g.tls.Expiry())
	}
	for _, platform := range g.platform {
		if changed, err := platform.Renew(time.Now()); changed {
			g.renewed(metrics.FilesUpstream, err)
		}
	}
	if asn := g.operators(); asn != nil {
		if changed, err := asn.Renew(); changed {
			g.renewed(metrics.FilesASN, err)
		}
	}
}

// openAccessLog opens the access log, where there is one.
func (g *Gateway) openAccessLog() (err error) {
	c := g.config.AccessLog
	if c.File == "" {
		return nil
	}
	open := proxy.AccessLogConfig{File: c.File, Sample: c.Sample, Failed: func(err error) {
		if err != nil {
			g.log.Error("access log not written: its lines are lost until it can be", "err", err)
			return
		}
		g.log.Info("access log written again", "lost", g.access.Lost())
	}}
	if c.File == "-" {
		if open.File, open.Out = "", g.options.Stdout; open.Out == nil {
			open.Out = io.Discard
		}
	}
	if g.access, err = proxy.OpenAccessLog(open); err != nil {
		return fmt.Errorf("access_log.file: %w", err)
	}
	return nil
}

// openPlatform reads the files that TLS to the platform's servers needs.
func (g *Gateway) openPlatform() (*proxy.UpstreamTLS, []proxy.Group, error) {
	now := time.Now()
	first, err := g.config.OpenUpstreamTLS(now)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says it all
	}
	groups, err := g.config.UpstreamGroups(now)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says it all
	}
	for _, group := range append([]proxy.Group{{TLS: first}}, groups...) {
		if group.TLS != nil {
			g.platform = append(g.platform, group.TLS)
		}
	}
	return first, groups, nil
}

// operators is the database of network operators; nil: none.
func (g *Gateway) operators() *proxy.ASN {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	return g.asn
}

func (g *Gateway) setASN(asn *proxy.ASN) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.asn = asn
	g.metrics.FilesRead(metrics.FilesASN, true)
}

func (g *Gateway) renewed(kind metrics.FileKind, err error) {
	g.metrics.FilesRead(kind, err == nil)
	if err != nil {
		g.log.Error("changed files cannot be used: what was read before stays", "kind", kind.String(), "err", err)
		return
	}
	g.log.Info("changed files read", "kind", kind.String())
	if kind == metrics.FilesCertificates {
		g.metrics.CertificateExpiry(g.tls.Expiry())
	}
}
