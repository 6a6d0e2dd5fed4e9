package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// Validate checks what a type alone cannot: ranges, and values that
// contradict each other. It returns [Faults] with everything it found, or
// nil. It reads nothing but c.
func (c *Config) Validate() error {
	var v checker
	v.servers(c)
	v.tls(c)
	v.upstreamTLS("upstream_tls", c.UpstreamTLS, c.Upstream)
	v.health("health.", &c.Health)
	v.upstreams(c)
	v.tenants(c)
	v.contracts(c)
	v.accessLog(&c.AccessLog)
	v.clientAddress(&c.ClientAddress, c.TrustedProxies)
	v.tracing(&c.Tracing)
	v.chosen("platform", c.Platform, "generic")
	v.chosen("state", c.State, "memory")
	v.onOff("mode", c.Mode)
	v.waf(&c.WAF)
	v.ledger(&c.Ledger)
	v.sessions(c.Sessions)
	v.roles(c.Roles)
	v.routes(c.Routes)
	v.rates("rates.", c.Rates)
	v.requests("requests.", &c.Requests)
	for i, name := range c.Responses.StripHeaders {
		if !isToken(name) {
			v.fault(fmt.Sprintf("responses.strip_headers[%d]", i), name, "is no name of a header", "write one such as X-Powered-By, or X-Debug-*")
		}
	}
	v.detectors(&c.Detectors)
	v.containment(&c.Containment.Callout)
	v.canaries(c)
	v.records(&c.Records)
	if c.SubjectsHeader != "" && strings.Trim(strings.ToLower(c.SubjectsHeader), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		v.fault("subjects_header", c.SubjectsHeader, "is no name of a header", "write one such as X-Subjects")
	}
	v.limits(&c.Limits)
	v.timeouts(&c.Timeouts)
	return v.faults.err()
}

// checker collects the faults of one Validate.
type checker struct{ faults Faults }

func (v *checker) fault(path, value, what, remedy string) {
	v.faults = append(v.faults, Fault{Path: path, Value: value, Problem: what, Remedy: remedy})
}

// within checks a number's range.
func (v *checker) within(path string, n, least, most int) {
	if n < least || n > most {
		v.fault(path, fmt.Sprint(n), "is out of range", fmt.Sprintf("write a number from %d to %d", least, most))
	}
}

// sized checks the range of a size.
func (v *checker) sized(path string, n, least, most Size) {
	if n < least || n > most {
		v.fault(path, n.String(), "is out of range", fmt.Sprintf("write a size from %v to %v", least, most))
	}
}

// lasting checks the range of a duration.
func (v *checker) lasting(path string, d, least, most time.Duration) {
	if d < least || d > most {
		v.fault(path, formatDuration(d), "is out of range",
			fmt.Sprintf("write a duration from %s to %s", formatDuration(least), formatDuration(most)))
	}
}

// chosen checks a name of which only one exists so far.
func (v *checker) chosen(path, value, only string) {
	if value != only {
		v.fault(path, shown(value), "is not there yet in this version", "write "+only)
	}
}

// onOff refuses the mode that only the WAF has.
func (v *checker) onOff(path string, m rules.Mode) {
	if m == rules.Off {
		v.fault(path, m.String(), "is a mode of the WAF alone", "write enforce or observe")
	}
}

// shown returns a text for a fault, without the user and password that a URL
// may hold.
func shown(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

func (v *checker) servers(c *Config) {
	if len(c.Upstream) == 0 {
		v.fault("upstream", "", "is missing", "write the platform's address, such as http://127.0.0.1:3000")
	}
	v.serverList("upstream", c.Upstream)
	listenOK := v.address("listen", c.Listen)
	adminOK := v.address("admin", c.Admin)
	if token := c.AdminToken; !token.IsZero() && utf8.RuneCountInString(token.Reveal()) < 16 {
		v.fault("admin_token", "", "has fewer than 16 characters", "write a random one: openssl rand -hex 16")
	}
	if adminOK && !isLoopback(c.Admin) && c.AdminToken.IsZero() {
		v.fault("admin", c.Admin, "can be reached from other machines and has no token",
			"write 127.0.0.1:9090, or set admin_token")
	}
	if listenOK && adminOK && clash(c.Listen, c.Admin) {
		v.fault("admin", c.Admin, "is also the address that clients connect to", "write another port for one of the two")
	}
	if strings.TrimSpace(c.DataDir) == "" {
		v.fault("data_dir", "", "is empty", "write a folder, such as ./ordergate-data")
	}
	for i, p := range c.ProxyProtocol {
		if p.Bits() == 0 {
			v.fault(fmt.Sprintf("proxy_protocol[%d]", i), p.String(), "lets every client name its own address",
				"write the addresses of your load balancers only")
		}
	}
	for i, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			v.fault(fmt.Sprintf("trusted_proxies[%d]", i), p.String(), "trusts every client to name its own address",
				"write the addresses of your load balancers only")
		}
	}
}

func (v *checker) accessLog(l *AccessLog) {
	if strings.TrimSpace(l.File) != l.File || strings.HasSuffix(l.File, "/") {
		v.fault("access_log.file", l.File, "is not the name of a file", "write one such as /var/log/ordergate/access.log, or - for standard output")
	}
	switch {
	case l.Sample == 0:
	case l.File == "":
		v.fault("access_log.sample", fmt.Sprint(l.Sample), "is of no access log", "write access_log.file, or remove it")
	default:
		v.within("access_log.sample", l.Sample, 1, 1_000_000)
	}
}

// serverList checks the servers of one group.
func (v *checker) serverList(path string, list []Upstream) {
	seen := make(map[URL]bool, len(list))
	for i, u := range list {
		path := fmt.Sprintf("%s[%d].", path, i)
		switch {
		case u.URL.IsZero():
			v.fault(path+"url", "", "is missing", "write the server's address, such as http://127.0.0.1:3000")
		case seen[u.URL]:
			v.fault(path+"url", u.URL.String(), "is written twice", "keep one, and give it more weight")
		}
		seen[u.URL] = true
		v.within(path+"weight", u.Weight, 1, 1000)
	}
}

func (v *checker) health(path string, h *Health) {
	if *h == (Health{}) {
		return
	}
	if !strings.HasPrefix(h.Path, "/") || strings.ContainsAny(h.Path, "?# ") {
		v.fault(path+"path", h.Path, "is no path", "write one such as /health")
	}
	if h.Every != 0 {
		v.lasting(path+"every", h.Every, 100*time.Millisecond, time.Hour)
	}
	if h.Timeout != 0 {
		v.lasting(path+"timeout", h.Timeout, 10*time.Millisecond, time.Minute)
	}
}

// address checks a host:port to listen on.
func (v *checker) address(path, addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	const remedy = "write host:port or :port, such as 127.0.0.1:8080"
	switch {
	case err != nil:
		v.fault(path, addr, "is not an address to listen on", remedy)
	case !validPort(port, 0):
		v.fault(path, addr, "has a port that does not exist", "write a port from 1 to 65535")
	case host != "" && host != "localhost" && net.ParseIP(host) == nil:
		v.fault(path, addr, "names a host that is not an address of this machine", remedy)
	default:
		return true
	}
	return false
}

// isLoopback reports whether a valid listen address is only for this machine.
func isLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// clash reports whether two valid listen addresses cannot both be had.
func clash(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isAny(hostA) || isAny(hostB) || isLoopback(a) && isLoopback(b)
}

// isAny reports whether a host stands for every interface.
func isAny(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func (v *checker) waf(w *WAF) {
	v.within("waf.paranoia", w.Paranoia, 1, 4)
	v.within("waf.anomaly_threshold", w.AnomalyThreshold, 1, 1000)
	if w.Clearance != "on" && w.Clearance != "off" {
		v.fault("waf.clearance", shown(w.Clearance), "is neither on nor off", "write on or off")
	}
	v.within("waf.clearance_sample", w.ClearanceSample, 0, 1_000_000_000)
	v.sized("waf.request_body_limit", w.RequestBodyLimit, 1<<10, 1<<30)
	v.sized("waf.response_body_limit", w.ResponseBodyLimit, 1<<10, 16<<20)
	for i, pattern := range w.Rules {
		if !strings.HasSuffix(pattern, ".conf") {
			v.fault(fmt.Sprintf("waf.rules[%d]", i), pattern, "does not end in .conf", "write a pattern of rule files, such as my-rules/*.conf")
		}
	}
}

func (v *checker) ledger(l *Ledger) {
	v.store(l.Store)
	v.sized("ledger.spool", l.Spool, 16<<20, 1<<40)
	if l.Durability != Strict && l.Durability != Relaxed {
		v.fault("ledger.durability", l.Durability, "is neither strict nor relaxed", "write strict")
	}
	v.lasting("ledger.retention", l.Retention, day, 3650*day)
	v.lasting("ledger.identifiers.window", l.Identifiers.Window, 0, 168*time.Hour)
	v.lasting("ledger.identifiers.retention", l.Identifiers.Retention, day, 3650*day)
	v.lasting("ledger.wait", l.Wait, 10*time.Millisecond, 30*time.Second)
	v.lasting("ledger.checkpoints.every", l.Checkpoints.Every, time.Second, day)
	if strings.TrimSpace(l.Checkpoints.File) != l.Checkpoints.File || strings.HasSuffix(l.Checkpoints.File, "/") {
		v.fault("ledger.checkpoints.file", l.Checkpoints.File, "is not the name of a file", "write one such as /mnt/evidence/checkpoints.txt")
	}
}

func (v *checker) detectors(d *Detectors) {
	v.onOff("detectors.cap.mode", d.Cap.Mode)
	v.onOff("detectors.bulk_response.mode", d.BulkResponse.Mode)
	v.onOff("detectors.unauthenticated.mode", d.Unauthenticated.Mode)
	v.onOff("detectors.canary.mode", d.Canary.Mode)
	v.onOff("detectors.ownership.mode", d.Ownership.Mode)
	v.onOff("detectors.issuance.mode", d.Issuance.Mode)
	v.onOff("detectors.walk.mode", d.Walk.Mode)
	v.onOff("detectors.guess.mode", d.Guess.Mode)
	v.onOff("detectors.baseline.mode", d.Baseline.Mode)
	v.onOff("detectors.site.mode", d.Site.Mode)
	v.onOff("detectors.login.mode", d.Login.Mode)
	v.onOff("detectors.rules.mode", d.Rules.Mode)
	v.within("detectors.ownership.subjects", d.Ownership.Subjects, 1, 1000)
	v.within("detectors.issuance.credentials", d.Issuance.Credentials, 1, 1000)
	v.within("detectors.unauthenticated.subjects", d.Unauthenticated.Subjects, 1, 1000)
}

func (v *checker) records(r *Records) {
	for i, email := range r.IgnoreEmails {
		if _, ok := record.NormalizeEmail([]byte(email)); !ok {
			v.fault(fmt.Sprintf("records.ignore_emails[%d]", i), email, "is not an email address", "write one such as service@shop.example")
		}
	}
	for i, phone := range r.IgnorePhones {
		if _, ok := record.NormalizePhone([]byte(phone), r.Countries); !ok {
			v.fault(fmt.Sprintf("records.ignore_phones[%d]", i), phone, "is not a phone number", "write one such as +49 30 1234567")
		}
	}
	pointers := 0
	for i, d := range r.Declared {
		declared := record.Declaration(d)
		if err := declared.Check(); err != nil {
			what, remedy, _ := strings.Cut(err.Error(), ": write ")
			v.fault(fmt.Sprintf("records.declared[%d]", i), d.Name+d.Pointer+d.Select, what, "write "+remedy)
		}
		if d.Pointer != "" {
			pointers++
		}
	}
	if pointers > record.MaxPointers {
		v.fault("records.declared", fmt.Sprint(pointers), "pointers are more than can be followed", fmt.Sprintf("write at most %d, with * for what differs", record.MaxPointers))
	}
	for i, country := range r.Countries {
		region, err := language.ParseRegion(country)
		if err != nil || len(country) != 2 || !region.IsCountry() || region.String() != country {
			v.fault(fmt.Sprintf("records.countries[%d]", i), country, "is not a country",
				"write its two capital letters of ISO 3166-1, such as AU, DE or GB")
		}
	}
}

func (v *checker) limits(l *Limits) {
	v.sized("limits.request_headers", l.RequestHeaders, 4<<10, 1<<20)
	v.sized("limits.first_window", l.FirstWindow, 4<<10, 1<<20)
	v.within("limits.decoded_ratio", l.DecodedRatio, 10, 10_000)
	v.within("limits.principals", l.Principals, 1000, 10_000_000)
	if l.Memory != 0 {
		v.sized("limits.memory", l.Memory, 64<<20, 1<<40)
	}
	if l.Connections != 0 {
		v.within("limits.connections", l.Connections, 16, 1_000_000)
	}
	if l.ConnectionsPerAddress != 0 {
		v.within("limits.connections_per_address", l.ConnectionsPerAddress, 4, 1_000_000)
	}
	if l.Connections != 0 && l.ConnectionsPerAddress > l.Connections {
		v.fault("limits.connections_per_address", fmt.Sprint(l.ConnectionsPerAddress), "is more than limits.connections", fmt.Sprintf("write at most %d", l.Connections))
	}
}

func (v *checker) timeouts(t *Timeouts) {
	const least, hour = 100 * time.Millisecond, time.Hour
	v.lasting("timeouts.read_header", t.ReadHeader, least, 2*time.Minute)
	v.lasting("timeouts.read", t.Read, least, 24*hour)
	v.lasting("timeouts.write", t.Write, least, hour)
	v.lasting("timeouts.idle", t.Idle, least, hour)
	v.lasting("timeouts.upstream_connect", t.UpstreamConnect, least, hour)
	v.lasting("timeouts.upstream_response_header", t.UpstreamResponseHeader, least, hour)
	v.lasting("timeouts.drain", t.Drain, 0, hour)
	if t.Flush != 0 {
		v.lasting("timeouts.flush", t.Flush, 10*time.Millisecond, hour)
	}
	if t.Read < t.ReadHeader && t.Read >= least {
		v.fault("timeouts.read", formatDuration(t.Read), "is shorter than timeouts.read_header", "write at least "+formatDuration(t.ReadHeader))
	}
}
