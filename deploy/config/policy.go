package config

import (
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/waf"
)

// WAFConfig returns what the WAF is compiled from; patterns of rule files are
// taken from the folder of the config file.
func (c *Config) WAFConfig() waf.Config {
	out := waf.Config{
		Mode: c.WAF.Mode, Paranoia: c.WAF.Paranoia, Threshold: c.WAF.AnomalyThreshold,
		RequestBody: int(c.WAF.RequestBodyLimit), ResponseBody: int(c.WAF.ResponseBodyLimit),
		Uncleared: c.WAF.Clearance == "off", Sample: c.WAF.ClearanceSample,
	}
	if !c.WAF.ResponseBody {
		out.ResponseBody = 0
	}
	if c.Mode == rules.Observe && out.Mode == rules.Enforce {
		out.Mode = rules.Observe
	}
	for _, pattern := range c.WAF.Rules {
		out.Files = append(out.Files, c.beside(pattern))
	}
	for i := range c.Routes {
		out.RequestBody = max(out.RequestBody, int(c.Routes[i].Limit))
	}
	return out
}

// Policy returns what the proxy decides by. The hasher must be the
// deployment's own.
func (c *Config) Policy(h *rules.Hasher, engine *waf.Engine) *proxy.Policy {
	p := &proxy.Policy{
		Mode: c.Mode, TrustedProxies: c.TrustedProxies, Records: c.RecordConfig(h), WAF: engine,
		Forwarded: c.ClientAddress.forwarded(), AddressHeader: c.ClientAddress.Header, AddressFrom: c.ClientAddress.From,
		FingerprintHeader: c.TLS.FingerprintHeader, Hosts: lower(c.Hosts), Tenants: c.tenants(),
		SubjectsHeader: c.SubjectsHeader,
		Rates:          c.Rates.proxy(),
		Shape:          c.Requests.proxy(),
		HideErrors:     c.Responses.HideErrors, StripHeaders: c.Responses.StripHeaders,
		WAFRequestError: c.WAF.OnError.Request, WAFResponseError: c.WAF.OnError.Response,
		LedgerFailure: c.Ledger.OnFailure, LedgerWait: c.Ledger.Wait,
		RequestBody: int64(c.WAF.RequestBodyLimit), Window: int(c.Limits.FirstWindow), Ratio: int64(c.Limits.DecodedRatio),
		Config: c.Digest(),
	}
	for _, carrier := range c.Sessions {
		p.Sessions = append(p.Sessions, carrier.proxy())
	}
	machine := 0
	for i := range c.Roles {
		r := &c.Roles[i]
		rule := proxy.RoleRule{Role: r.Role, Path: string(r.Path), Header: r.Header, SHA256: r.SHA256.String(), CIDR: r.CIDR}
		if r.Cap != nil {
			machine++
			rule.Machine = machine
		}
		p.Roles = append(p.Roles, rule)
	}
	for i := range c.Routes {
		route := c.Routes[i].proxy()
		if c.Routes[i].Requests != nil {
			shape := c.Routes[i].Requests.over(c.Requests).proxy()
			route.Shape = &shape
		}
		p.Routes = append(p.Routes, route)
	}
	return p
}

func (c Carrier) proxy() proxy.Carrier {
	out := proxy.Carrier{Name: c.Name}
	if c.Prefix {
		out.Name += "*"
	}
	switch c.Kind {
	case CarrierCookie:
		out.Kind = proxy.Cookie
	case CarrierHeader:
		out.Kind = proxy.Header
	case CarrierBearer:
		out.Kind = proxy.Bearer
	}
	return out
}

func (r Rates) proxy() proxy.Rates {
	return proxy.Rates{
		Session: proxy.Rate{PerMinute: r.Session.PerMinute, Burst: r.Session.Burst},
		Address: proxy.Rate{PerMinute: r.Address.PerMinute, Burst: r.Address.Burst},
	}
}

func (r *Route) proxy() proxy.RouteRule {
	return proxy.RouteRule{
		Path: string(r.Path), Upstream: r.Upstream, Methods: r.Methods, Template: r.Template, Mode: r.Mode,
		Purpose: r.Purpose, Rates: r.Rates.proxy(), HideErrors: r.HideErrors,
		StreamBody: r.RequestBody == OverflowStream, RequestBody: int64(r.Limit), Uninspected: r.Uninspected,
	}
}

// Servers returns the order platform's servers.
func (c *Config) Servers() []proxy.Upstream {
	return servers(c.Upstream)
}

func servers(list []Upstream) []proxy.Upstream {
	var out []proxy.Upstream
	for _, u := range list {
		out = append(out, proxy.Upstream{URL: u.URL.URL(), Weight: u.Weight})
	}
	return out
}

// UpstreamHealth returns how the platform's servers are asked whether they work.
func (c *Config) UpstreamHealth() proxy.Health {
	return c.Health.proxy()
}

func (h *Health) proxy() proxy.Health {
	return proxy.Health{Path: h.Path, Every: h.Every, Timeout: h.Timeout}
}

// ProxyTimeouts returns the bounds of every wait.
func (c *Config) ProxyTimeouts() proxy.Timeouts {
	return proxy.Timeouts{
		ReadHeader: c.Timeouts.ReadHeader, Read: c.Timeouts.Read, Write: c.Timeouts.Write, Idle: c.Timeouts.Idle,
		UpstreamConnect: c.Timeouts.UpstreamConnect, UpstreamHeader: c.Timeouts.UpstreamResponseHeader, Drain: c.Timeouts.Drain, Flush: c.Timeouts.Flush,
	}
}
