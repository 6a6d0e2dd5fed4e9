package config

import (
	"net/netip"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Config is the effective configuration: what [Parse] returns has every
// default filled in and has passed [Config.Validate]. The zero value is not
// usable; start from [Default]. It is read-only once made, and then safe for
// concurrent use. The comment of every field below is its entry in
// REFERENCE.md.
type Config struct {
	// Upstream is the order platform: one URL, or a list of {url, weight}.
	// Required; there is no default.
	Upstream []Upstream `yaml:"upstream"`
	// Health asks the platform's servers whether they work; without it only
	// requests that fail say so: five in a row take a server out for 10 seconds.
	Health Health `yaml:"health,omitempty"`
	// Hosts are the names of the Host header that upstream serves, without ports;
	// *.shop.example is every name below it. A request for any other, which no group
	// of upstreams serves either, is answered 421; so is one whose TLS handshake named
	// a host of another group. Empty: every host.
	Hosts []string `yaml:"hosts,omitempty"`
	// Upstreams are further groups of servers, for some hosts or paths; the first
	// that fits gets the request, and upstream gets what none fits. Caps, WAF and
	// ledger are one for all of them.
	Upstreams []UpstreamGroup `yaml:"upstreams,omitempty"`
	// Tenants are shops of their own behind this gateway, by their hosts; the first
	// that fits has the request's rows. Each has a ledger key of its own in data_dir,
	// made at the first start: rows of two tenants cannot be joined without both, and
	// destroying one's keys makes its rows alone anonymous (ordergate ledger key
	// --tenant). Caps, WAF, incidents and sessions are one for all of them, rows of
	// other hosts have the gateway's own key: write in hosts, or in upstreams, which
	// are served at all. Empty: there is one shop.
	Tenants []Tenant `yaml:"tenants,omitempty"`
	// UpstreamTLS is how TLS is made to the platform's servers, where their URL is
	// https.
	UpstreamTLS UpstreamTLS `yaml:"upstream_tls,omitempty"`
	// Listen is the address that clients connect to, as host:port.
	// Without a host: on every interface.
	Listen string `yaml:"listen"`
	// TLS is where TLS ends at the gateway, beside listen.
	TLS TLS `yaml:"tls"`
	// Admin is the address of /metrics, the health checks and the console.
	// Danger: whoever reaches it sees incidents; anything but a loopback
	// address is refused unless admin_token is set.
	Admin string `yaml:"admin"`
	// AdminToken is the bearer token that the admin listener asks for, at
	// least 16 characters. Without it the admin listener must be on loopback.
	// Secret: it is never printed and is not part of the config digest.
	AdminToken Secret `yaml:"admin_token,omitempty"`
	// DataDir is the folder of the ledger and its keys, relative to the
	// working directory. Danger: a new folder means a new key, and digests made
	// with another key cannot be joined; back it up.
	DataDir string `yaml:"data_dir"`
	// Mode is what becomes of verdicts. Danger: with observe everything is computed
	// and reported and nothing is refused, so a breach is seen and not stopped.
	Mode rules.Mode `yaml:"mode"`
	// TrustedProxies are the addresses and CIDRs of the load balancers in
	// front of the gateway; only they may say who the client is. By default nobody
	// may, because a client that names its own address escapes every limit on
	// addresses. Danger: behind a load balancer that is not listed all clients share
	// one address.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// ClientAddress says in which headers.
	ClientAddress ClientAddress `yaml:"client_address,omitempty"`
	// ProxyProtocol are the addresses and CIDRs of load balancers that pass TCP on
	// and say who the client is in a PROXY protocol header (version 1 or 2), on listen
	// and on tls.listen. From them the header is required: a connection without one is
	// closed. From anybody else it is not read, and refused as what is no request.
	ProxyProtocol []netip.Prefix `yaml:"proxy_protocol"`
	// ASN says which network operator an address belongs to.
	ASN ASN `yaml:"asn"`
	// Platform is the name of the platform pack. Only generic exists in this version.
	Platform string `yaml:"platform"`
	// WAF is the web application firewall: Coraza with the OWASP Core Rule Set.
	WAF WAF `yaml:"waf"`
	// State is where caps are counted: memory, inside this process; after a
	// restart the counts are rebuilt from the ledger.
	State string `yaml:"state"`
	// Ledger is the durable record of every disclosure.
	Ledger Ledger `yaml:"ledger"`
	// Sessions are where a session or token is carried: cookie:NAME,
	// header:NAME or bearer; a NAME may end in *. Names written here come before
	// the built-in names of common platforms. Of several that a request carries,
	// the one that is known to say most counts (staff, then logged in, then
	// issued). The entry no-builtin leaves the built-in names out.
	Sessions Sessions `yaml:"sessions"`
	// Roles are rules for what a principal is, first match wins; without a match a
	// principal is a guest, and a shopper once a login was seen.
	Roles []RoleRule `yaml:"roles"`
	// Routes are exceptions for paths, first match wins.
	Routes []Route `yaml:"routes"`
	// Rates limit how many requests a principal may send; by default nothing does.
	Rates Rates `yaml:"rates,omitempty"`
	// Requests are what requests may look like, whatever they say.
	Requests Requests `yaml:"requests"`
	// Contracts are the platform's OpenAPI documents; the first whose paths fit
	// speaks for a request.
	Contracts []Contract `yaml:"contracts,omitempty"`
	// Responses are policies for what the platform answers.
	Responses Responses `yaml:"responses,omitempty"`
	// Caps are the exact limits on distinct foreign subjects. A role that is
	// written overrides only the limits that it names.
	Caps Caps `yaml:"caps"`
	// Detectors tune single detectors.
	Detectors Detectors `yaml:"detectors"`
	// Containment tunes what happens when a principal is held.
	Containment Containment `yaml:"containment"`
	// Canaries are planted customers who never order: whoever is sent one is
	// reading what is not theirs. Secret: their values are never printed.
	Canaries Canaries `yaml:"canaries"`
	// Records tune how customer records are recognised.
	Records Records `yaml:"records"`
	// AccessLog is one JSON line for each exchange, beside the log of what is to be
	// told. It holds digests and route templates, never an address, a path or a query.
	AccessLog AccessLog `yaml:"access_log,omitempty"`
	// Tracing sends an OpenTelemetry span of each exchange and of each request to the
	// platform to a collector. They hold route templates and outcomes, never an address,
	// a path, a query or a header; see deploy/OBSERVABILITY.md. The platform gets the
	// gateway's span as parent (traceparent) in place of the client's; a client's own
	// trace goes on only if it comes from trusted_proxies. Without it there are no spans,
	// and what clients say of their traces passes as it is.
	Tracing Tracing `yaml:"tracing,omitempty"`
	// SubjectsHeader is the name of a response header that tells how many foreign
	// customers the response discloses, for a CDN in front to limit clients by.
	// Danger: remove it there, or clients learn what is counted. Empty: no header.
	SubjectsHeader string `yaml:"subjects_header"`
	// Limits bound memory and sizes.
	Limits Limits `yaml:"limits"`
	// Timeouts bound waiting.
	Timeouts Timeouts `yaml:"timeouts"`

	dir string // folder of the file; patterns of rule files are relative to it
}

// AccessLog says where the lines go.
type AccessLog struct {
	// File is the file that lines are appended to, relative to the working directory
	// of the process, or - for standard output. Rotate it as you like (logrotate's
	// create and copytruncate both): it is opened again within a second. A disk that is
	// full or slow loses lines, which are counted, and never delays an exchange.
	// Empty: no access log.
	File string `yaml:"file"`
	// Sample keeps one in so many of the exchanges that nothing is to be said of, 1
	// to 1000000; 1 if it is not written. Errors, refusals, findings and exchanges with
	// records are always kept.
	Sample int `yaml:"sample,omitempty"`
}

// Upstream is one server of the order platform.
type Upstream struct {
	// URL is the server's address: http or https with a host, without user, query or fragment.
	URL URL `yaml:"url,short"`
	// Weight is this server's share of the requests, 1 to 1000.
	Weight int `yaml:"weight"`
}

func (u *Upstream) setDefaults() { u.Weight = 1 }

// ASN names the database of network operators.
type ASN struct {
	// File is a MaxMind DB (.mmdb) of autonomous systems, such as GeoLite2-ASN or
	// DB-IP's, relative to the folder of this file; it is read again when it
	// changes. Operators are one more key that caps shrink by; none is ever
	// refused for being one. Empty: operators are not known.
	File string `yaml:"file"`
}

// WAF tunes the web application firewall.
type WAF struct {
	// Mode is what becomes of the WAF's verdicts. With observe they are counted and
	// logged only. Danger: off leaves SQL injection to the platform.
	Mode rules.Mode `yaml:"mode"`
	// Paranoia is the paranoia level of the Core Rule Set, 1 to 4. Danger:
	// 2 and more refuse honest requests until exclusions are written.
	Paranoia int `yaml:"paranoia"`
	// AnomalyThreshold is the score at which a request is refused, at least 1;
	// one critical rule scores 5. Danger: every point above 5 lets attacks pass.
	AnomalyThreshold int `yaml:"anomaly_threshold"`
	// Rules are patterns of the operator's own rule files (*.conf, SecLang),
	// relative to the folder of this file. A file with before in its name is
	// loaded before the Core Rule Set (exclusions), every other one after it.
	Rules []string `yaml:"rules"`
	// RequestBodyLimit is how many bytes of a request body are inspected; a
	// longer body is refused with 413 unless its route says stream.
	RequestBodyLimit Size `yaml:"request_body_limit"`
	// ResponseBody is whether the WAF reads response bodies too (error
	// messages of databases, leaked source code).
	ResponseBody bool `yaml:"response_body"`
	// ResponseBodyLimit is how many bytes of a response body the WAF reads;
	// beyond it only the WAF stops looking, records are found at any size.
	ResponseBodyLimit Size `yaml:"response_body_limit"`
	// Clearance spares the full rule set where no rule can match: with on, a
	// request is judged by all rules only when one of them may match; the
	// verdicts are the same. With off, every exchange is judged by all rules.
	Clearance string `yaml:"clearance"`
	// ClearanceSample is the share of exchanges that all rules judge again, beside
	// the exchange, by Coraza alone: one in so many; 0 for none. If they disagree
	// once, clearance is off until the next reload, and an alert fires.
	ClearanceSample int `yaml:"clearance_sample"`
	// OnError is what happens when the WAF itself fails.
	OnError OnError `yaml:"on_error"`
}

// OnError is the policy for a failure of the WAF, by phase.
type OnError struct {
	// Request is for the phases before the request goes on. Danger: pass lets whoever can make the WAF
	// fail go around it.
	Request rules.Action `yaml:"request"`
	// Response is for the phases of the response. By default pass: caps and ledger still hold,
	// and a fault in a leak rule must not take the shop offline.
	Response rules.Action `yaml:"response"`
}

// Ledger tunes the durable record of disclosures.
type Ledger struct {
	// Store is where rows are kept: sqlite, files in data_dir, one a day; or
	// postgres://user@host/database, which several gateways share. Its password comes from
	// PGPASSWORD or PGPASSFILE, what else the address leaves out from libpq's other variables.
	Store string `yaml:"store"`
	// Spool is how many bytes of rows may wait in data_dir while the database of
	// store cannot be reached, 16MiB to 1TiB; then on_failure applies. A row takes about 250 bytes.
	Spool Size `yaml:"spool"`
	// Durability is when a row counts as written: strict, on disk (and in the database of store, unless that is lost) before the
	// bytes are released; relaxed, up to 200 ms later. Danger: with relaxed a power cut, and nothing less, loses
	// the rows of the last 200 ms and one write to the disk, at most 10,000 of them and one batch.
	Durability string `yaml:"durability"`
	// OnFailure is what happens to records that cannot be written down. Danger:
	// with pass they leave unrecorded
	// while the ledger cannot write, and the answer to "who was affected" has a gap.
	OnFailure rules.Action `yaml:"on_failure"`
	// Retention is how long rows are kept, 1d to 3650d; they go a whole day (UTC) at a time.
	Retention time.Duration `yaml:"retention"`
	// Checkpoints are signed statements of all that the ledger holds; a copy outside
	// data_dir shows any later rewrite of it.
	Checkpoints Checkpoints `yaml:"checkpoints"`
	// Identifiers are readable network identifiers of principals: address, JA4, user agent.
	Identifiers Identifiers `yaml:"identifiers"`
	// Wait is how long a response with a record waits for the ledger before
	// on_failure applies, 10ms to 30s.
	Wait time.Duration `yaml:"wait"`
}

// Identifiers say how long readable network identifiers are kept in data_dir,
// for responders and police; the ledger itself holds digests only.
type Identifiers struct {
	// Window is how long those of principals that were sent other people's records, or gave a signal, are kept encrypted
	// with the ledger key, 0s to 168h; an incident takes what it needs from there. 0s keeps none, and incidents have none.
	Window time.Duration `yaml:"window"`
	// Retention is how long those of an incident's principals are kept readable in data_dir/evidence after the
	// incident has ended, 1d to 3650d.
	Retention time.Duration `yaml:"retention"`
}

// Checkpoints say how often the ledger is signed for, and where that goes
// besides the ledger itself.
type Checkpoints struct {
	// Every is the time between two while the ledger grows, 1s to 24h: what is newer than the last
	// one could be rewritten unseen.
	Every time.Duration `yaml:"every"`
	// Log is whether each becomes a line of the log.
	Log bool `yaml:"log"`
	// File is a file that each is appended to, relative to the working directory of the process; better on another machine.
	File string `yaml:"file"`
	// URL is an http:// or https:// address that each is posted to as text; any answer but 2xx is a failure.
	URL URL `yaml:"url"`
}

// Records tune the recogniser.
type Records struct {
	// IgnoreEmails are addresses that are nobody's: the shop's own contact
	// addresses. A record with only such an address is no record.
	IgnoreEmails []string `yaml:"ignore_emails"`
	// IgnorePhones are numbers that are nobody's: the shop's own.
	IgnorePhones []string `yaml:"ignore_phones"`
	// Declared says what places of the shop's own data mean, where their names
	// say nothing or the wrong thing.
	Declared []Declared `yaml:"declared"`
	// Countries are where the customers live (ISO 3166-1, two letters); they
	// decide how national phone numbers are read. The first one is tried first.
	Countries []string `yaml:"countries"`
}

// Declared is one place of the shop's data. Exactly one of name, pointer and
// select is written.
type Declared struct {
	// Name is a key of JSON, a column, a label or a form's field; case, blanks
	// and signs do not count.
	Name string `yaml:"name,omitempty"`
	// Pointer is a JSON Pointer (RFC 6901); * stands for any key or index.
	Pointer string `yaml:"pointer,omitempty"`
	// Select names elements of HTML by one class, id or attribute: .kd-mail,
	// #kd-mail, itemprop=mail.
	Select string `yaml:"select,omitempty"`
	// Is is what stands there: name, first_name, last_name, email, phone, street,
	// house_number, postcode, address, delivery_address, billing_address,
	// customer_id, order, birth_date, payment_card, credential, government_id;
	// customer for an object, row or element that is one customer's; nothing
	// for what is never personal.
	Is string `yaml:"is"`
}

// Canaries are the identifiers of planted customers. Give them names that no real
// customer has, so that no search for somebody else lists them: whatever shows one
// raises a critical alert, the staff's name search included. Keep them out of
// exports and feeds, too.
type Canaries struct {
	// Emails are email addresses of planted customers.
	Emails []Secret `yaml:"emails"`
	// Phones are phone numbers of planted customers, best with country code.
	Phones []Secret `yaml:"phones"`
	// CustomerIDs are the platform's own ids of planted customers.
	CustomerIDs []Secret `yaml:"customer_ids"`
}

// Limits bound memory and sizes.
type Limits struct {
	// RequestHeaders is the most bytes of a request's header, 4KiB to 1MiB.
	RequestHeaders Size `yaml:"request_headers"`
	// FirstWindow is how much of a response is held back so that a refusal can
	// still be a clean 403, 4KiB to 1MiB per response under way.
	FirstWindow Size `yaml:"first_window"`
	// DecodedRatio is how many times larger than its encoded form a response
	// body may become before it is called a bomb, 10 to 10000.
	DecodedRatio int `yaml:"decoded_ratio"`
	// Principals is the most sessions, accounts and addresses remembered, each
	// kind for itself, 1000 to 10000000; a count takes about 90 bytes. Of those that
	// were sent strangers' records nobody with more than one is ever forgotten: when
	// there are only such, newcomers share the caps of one.
	Principals int `yaml:"principals"`
	// Memory is how much memory the process may use, 64MiB to 1TiB. Without it:
	// GOMEMLIMIT where that is set, else four fifths of what the container or the
	// machine has. The garbage collector works harder to stay below; from 80 % of what it
	// cannot free, requests are shed with 503: strangers' and large bodies first, from
	// 90 % all but the catalogue, from 97 % everything; in observe mode, too.
	Memory Size `yaml:"memory,omitempty"`
	// Connections is the most connections that clients may hold, 16 to 1000000.
	// Without it: half of the file descriptors that the process may have. Where there
	// is no room, the one that has waited longest for a request makes it; a newcomer
	// is closed only where none waits.
	Connections int `yaml:"connections,omitempty"`
	// ConnectionsPerAddress is the same for one IPv4 address or IPv6 /64, 4 to
	// 1000000; trusted_proxies and proxy_protocol senders are exempt. Without it: an
	// eighth of connections. Danger: a whole office or mobile carrier may share one.
	ConnectionsPerAddress int `yaml:"connections_per_address,omitempty"`
}

// Health is how the platform's servers are asked.
type Health struct {
	// Path is asked with GET: below 400 is well. Three failures take a server
	// out, two good answers bring it back.
	Path string `yaml:"path"`
	// Every is the time between two questions; 5s if it is not written.
	Every time.Duration `yaml:"every"`
	// Timeout is how long an answer may take; 2s if it is not written.
	Timeout time.Duration `yaml:"timeout"`
}

// Timeouts bound waiting.
type Timeouts struct {
	// ReadHeader is how long a client may take to send a request's header.
	ReadHeader time.Duration `yaml:"read_header"`
	// Read is how long a client may take to send a whole request with its
	// body. Danger: too short breaks uploads over slow lines.
	Read time.Duration `yaml:"read"`
	// Write is how long one write to a client may stall before the connection
	// is closed; a long download that moves is not cut.
	Write time.Duration `yaml:"write"`
	// Idle is how long a connection may wait for its next request.
	Idle time.Duration `yaml:"idle"`
	// UpstreamConnect is how long connecting to the platform may take.
	UpstreamConnect time.Duration `yaml:"upstream_connect"`
	// UpstreamResponseHeader is how long the platform may take to begin its
	// answer; then the client gets 504.
	UpstreamResponseHeader time.Duration `yaml:"upstream_response_header"`
	// Drain is how long exchanges under way may take to end at shutdown.
	Drain time.Duration `yaml:"drain"`
	// Flush is how long the platform may pause inside the first window of a response
	// without length before what is decided of it goes, 10ms to 1h; 100ms if it is not
	// written. Danger: what comes after the pause can only be cut, not refused.
	Flush time.Duration `yaml:"flush,omitempty"`
}
