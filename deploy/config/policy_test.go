package config

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
)

// TestPolicy checks that what is written reaches the proxy and the WAF.
func TestPolicy(t *testing.T) {
	c, err := Load("testdata/good/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policy(hasher(t), nil)
	if p.Mode != rules.Enforce || len(p.TrustedProxies) != 1 || p.Config != c.Digest() || p.LedgerWait != 2*time.Second ||
		p.LedgerFailure != rules.Refuse || p.WAFRequestError != rules.Refuse || p.WAFResponseError != rules.Pass ||
		p.RequestBody != 256<<10 || p.Window != 64<<10 || p.Ratio != 200 {
		t.Errorf("policy %+v", p)
	}
	if first := p.Sessions[0]; first != (proxy.Carrier{Kind: proxy.Cookie, Name: "KHSID"}) || len(p.Sessions) != 25 {
		t.Errorf("sessions %v", p.Sessions)
	}
	erp := p.Roles[2]
	if len(p.Roles) != 3 || erp.Role != rules.RoleMachine || erp.Machine != 1 || len(erp.SHA256) != 64 || len(erp.CIDR) != 1 || p.Roles[0].Machine != 0 {
		t.Errorf("roles %+v", p.Roles)
	}
	upload, beta := p.Routes[0], p.Routes[1]
	if !upload.StreamBody || upload.RequestBody != 4<<20 || upload.Uninspected != nil || upload.Mode != nil || upload.Template != "/api/upload/{file}" {
		t.Errorf("route %+v", upload)
	}
	if beta.StreamBody || beta.Uninspected == nil || *beta.Uninspected != rules.Refuse || beta.Mode == nil || *beta.Mode != rules.Observe {
		t.Errorf("route %+v", beta)
	}
	w := c.WAFConfig()
	if want := filepath.Join("testdata", "good", "my-rules", "*.conf"); len(w.Files) != 1 || w.Files[0] != want {
		t.Errorf("rule files %v, want %s: relative to the config file", w.Files, want)
	}
	if w.Mode != rules.Enforce || w.Paranoia != 1 || w.Threshold != 5 || w.RequestBody != 4<<20 || w.ResponseBody != 64<<10 {
		t.Errorf("waf %+v", w)
	}
	if got := c.ProxyTimeouts(); got.Read != 5*time.Minute || got.Drain != time.Minute || got.UpstreamHeader != time.Minute {
		t.Errorf("timeouts %+v", got)
	}
}

func TestUpstreams(t *testing.T) {
	c, err := Load("testdata/good/several-upstreams.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Servers()
	if len(got) != 3 || got[0].Weight != 3 || got[1].Weight != 1 || got[1].URL.Path != "/base" || got[2].URL.Hostname() != "fd00::3" {
		t.Errorf("upstreams %v", got)
	}
	got[0].URL.Host = "elsewhere"
	if c.Upstream[0].URL.String() != "http://10.0.0.1:3000" {
		t.Error("changing a returned URL changed the config")
	}
}

func TestObservingWAF(t *testing.T) {
	c := parse(t, minimal+"mode: observe\nwaf: {response_body: false}\n")
	if w := c.WAFConfig(); w.Mode != rules.Observe || w.ResponseBody != 0 {
		t.Errorf("waf %+v", w)
	}
}
