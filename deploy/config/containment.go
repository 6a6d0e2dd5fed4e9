package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
)

// Containment tunes what happens when a principal is held.
type Containment struct {
	// Callout tells the platform of it, so that it can end the session itself.
	Callout Callout `yaml:"callout"`
}

// Callout is a request to the platform for every containment.
type Callout struct {
	// URL is what is sent a POST with JSON: {"event":"contained","step":"revoke",
	// "incident":"inc-…","sessions":["…"],"accounts":["…"],"until":"…","person":true}.
	// Sessions and accounts are this gateway's digests; redirects are not followed, a
	// failure is tried five times and counted. Empty: nobody is told.
	URL URL `yaml:"url,omitempty"`
	// Header is the name of the request header that carries the secret.
	Header string `yaml:"header"`
	// Secret is that header's value, such as "Bearer …". Secret: it is never printed and
	// is not part of the config digest.
	Secret Secret `yaml:"secret,omitempty"`
	// Timeout is how long one attempt may take, 100ms to 30s. No client waits for it.
	Timeout time.Duration `yaml:"timeout"`
	// Events are what is told: steps by which a principal is held (slow, mask, cut,
	// refuse, revoke), and release.
	Events []string `yaml:"events"`
	// Credential also tells the held session or token itself, as "credential" in an
	// event "seen" when it sends its next request: the platform cannot use a digest.
	// It is kept in memory until it is sent, and never logged or stored. Danger:
	// whoever reads these requests can use the session; the url must be https, or on this
	// machine.
	Credential bool `yaml:"credential"`
}

const eventRelease = "release"

func (v *checker) containment(c *Callout) {
	const path = "containment.callout."
	v.lasting(path+"timeout", c.Timeout, 100*time.Millisecond, 30*time.Second)
	if c.Header == "" || strings.Trim(strings.ToLower(c.Header), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		v.fault(path+"header", c.Header, "is no name of a header", "write one such as Authorization")
	}
	for i, event := range c.Events {
		if step, ok := rules.ParseStep(event); event != eventRelease && (!ok || step == rules.StepNone) {
			v.fault(fmt.Sprintf(path+"events[%d]", i), event, "is no event", "write slow, mask, cut, refuse, revoke or release")
		}
	}
	if c.URL.IsZero() {
		if !c.Secret.IsZero() || c.Credential {
			v.fault(path+"url", "", "is missing", "write what is to be told, such as https://shop.example/internal/contained")
		}
		return
	}
	if c.Credential && c.URL.URL().Scheme != "https" && !local(c.URL.URL().Hostname()) {
		v.fault(path+"url", c.URL.String(), "would carry sessions in the clear", "write an https:// address, or one of this machine, or leave credential out")
	}
}

// local reports whether a host is this machine.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Callout returns what the platform is told of, and false when it is told
// nothing. Log and Done are left for the caller.
func (c *Config) Callout() (proxy.CalloutConfig, bool) {
	co := &c.Containment.Callout
	out := proxy.CalloutConfig{
		URL: co.URL.String(), Header: co.Header, Secret: co.Secret.Reveal(), Timeout: co.Timeout, Credential: co.Credential,
	}
	for _, event := range co.Events {
		if event == eventRelease {
			out.Release = true
		} else if step, ok := rules.ParseStep(event); ok {
			out.Steps = append(out.Steps, step)
		}
	}
	return out, !co.URL.IsZero()
}
