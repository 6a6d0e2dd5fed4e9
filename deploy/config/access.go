package config

import (
	"net/netip"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// RoleRule gives a role to the requests that meet all of its conditions. A
// path or a header alone gives nobody a wider cap: the caps of a role hold
// only for a credential that the platform was seen issuing, or whose digest
// is declared here.
type RoleRule struct {
	// Role is the role that is given: guest, shopper, staff, seller, machine or
	// crawler. Required.
	Role rules.Role `yaml:"role"`
	// Path is a pattern: * stands for one segment, ** for any number. Letters match in
	// both cases; empty segments and parameters (/a;b=1) do not matter.
	Path Glob `yaml:"path,omitempty"`
	// Header is the name of the request header that carries the credential.
	Header string `yaml:"header,omitempty"`
	// SHA256 is the SHA-256 of the credential alone, 64 hexadecimal
	// characters; for "Authorization: Bearer T", of T. Use a credential of at
	// least 32 random characters: a short one can be found from its digest.
	SHA256 SHA256 `yaml:"sha256,omitempty"`
	// CIDR are the addresses that the request must come from.
	CIDR []netip.Prefix `yaml:"cidr,omitempty"`
	// Cap is what this rule's clients may be sent, in place of the caps of their role:
	// required for role machine; for staff and sellers a desk with caps of its own, such
	// as a fraud desk, which must be told by cidr or sha256, and whose rule stands before
	// the one of its role. A session of staff used from elsewhere has the role's caps.
	Cap *MachineCap `yaml:"cap,omitempty"`
}

// roleUnset stands for a role that was not written; Validate refuses it.
const roleUnset rules.Role = 255

func (r *RoleRule) setDefaults() { r.Role = roleUnset }

// MachineCap is what a declared machine, or a desk, may be sent. A limit that is not
// written is not set; at least one per_… must be.
type MachineCap struct {
	// PerSecond is how many distinct subjects a second, held over a minute (60
	// times as many), so that a short burst passes.
	PerSecond Limit `yaml:"per_second"`
	// PerMinute is how many distinct subjects in any minute.
	PerMinute Limit `yaml:"per_minute"`
	// PerHour is how many distinct subjects in any hour.
	PerHour Limit `yaml:"per_hour"`
	// PerDay is how many distinct subjects in any 24 hours.
	PerDay Limit `yaml:"per_day"`
	// Response is how many subjects one response may carry; when it is not
	// written the other limits alone bound a response.
	Response Limit `yaml:"response"`
}

func (m *MachineCap) setDefaults() {
	*m = MachineCap{Unlimited, Unlimited, Unlimited, Unlimited, Unlimited}
}

// windows returns the limits by window: the tighter of per_minute and 60
// times per_second.
func (m *MachineCap) windows() Windows {
	w := Windows{Minute: m.PerMinute, Hour: m.PerHour, Day: m.PerDay, Month: Unlimited}
	if m.PerSecond != Unlimited {
		w.Minute = tighter(w.Minute, m.PerSecond*60)
	}
	return w
}

// Route is an exception for some paths.
type Route struct {
	// Path is a pattern: * stands for one segment, ** for any number. Letters match in
	// both cases; empty segments and parameters (/a;b=1) do not matter. Required.
	Path Glob `yaml:"path"`
	// Upstream limits the exception to the requests of one group of upstreams, by
	// its name; without it, it is for those of all.
	Upstream string `yaml:"upstream,omitempty"`
	// Methods limit the exception to some methods; without any it is for all.
	Methods []string `yaml:"methods,omitempty"`
	// Mode is what becomes of verdicts here, in place of the mode of the whole gateway.
	Mode *rules.Mode `yaml:"mode,omitempty"`
	// Purpose is what the route is for, where its path does not tell: account answers
	// about whoever asks, checkout makes or opens something of its sender's (a login, a
	// registration, an order), other does neither. What the first shows, and whom the
	// second names and shows, is the session's own and free of caps. Danger: never for
	// routes that anybody else's records can be had by.
	Purpose proxy.Purpose `yaml:"purpose,omitempty"`
	// RequestBody is what happens to a request body beyond its limit: refuse
	// (413) or stream. Danger: what is streamed is not inspected.
	RequestBody Overflow `yaml:"request_body"`
	// Limit is how many bytes of a request body are inspected, in place of
	// waf.request_body_limit.
	Limit Size `yaml:"limit,omitempty"`
	// Rates limit the requests of this route, beside rates of the whole gateway.
	Rates Rates `yaml:"rates,omitempty"`
	// Requests are what requests may look like here; what is written overrides
	// requests of the whole gateway.
	Requests *Requests `yaml:"requests,omitempty"`
	// HideErrors is whether error pages are replaced here, in place of
	// responses.hide_errors.
	HideErrors *bool `yaml:"hide_errors,omitempty"`
	// Template is the name of the route in ledger and incidents, such as
	// /orders/{id}, at most 128 bytes. By default it is made from the path, with
	// {id} for every segment that looks like a value.
	Template string `yaml:"template,omitempty"`
	// Uninspected is what happens to a response that could not be inspected:
	// refuse, or pass (it is counted). Without it, types that cannot hold readable
	// records (images, PDF) pass, and a text that cannot be decoded is refused.
	Uninspected *rules.Action `yaml:"uninspected,omitempty"`
}

// Rates are limits of requests, whatever they disclose; over them the answer is
// 429 with Retry-After.
type Rates struct {
	// Session limits one session that the platform issued; clients without one are
	// counted by address alone.
	Session Rate `yaml:"session,omitempty"`
	// Address limits one client address with all its sessions. Danger: one address
	// may be a whole office or a mobile carrier's customers.
	Address Rate `yaml:"address,omitempty"`
}

// Rate is a number of requests. The zero value limits nothing.
type Rate struct {
	// PerMinute is how many requests come back in a minute, evenly.
	PerMinute int `yaml:"per_minute"`
	// Burst is how many may come at once; per_minute if it is not written.
	Burst int `yaml:"burst"`
}

// Responses are policies for what the platform answers.
type Responses struct {
	// HideErrors replaces the platform's pages of status 500 and more by the status
	// and a reference id: such pages carry stack traces, queries and now and then
	// a record.
	HideErrors bool `yaml:"hide_errors"`
	// StripHeaders are names of response headers that go no further, such as
	// X-Powered-By; a name may end in *.
	StripHeaders []string `yaml:"strip_headers,omitempty"`
}

// Caps are the limits by role, and of the whole site.
type Caps struct {
	// Guest is for everybody who is not known to be something else.
	Guest RoleCap `yaml:"guest"`
	// Shopper is for a session that has logged in.
	Shopper RoleCap `yaml:"shopper"`
	// Staff is for the shop's own people.
	Staff RoleCap `yaml:"staff"`
	// Seller is for partners who sell on the platform.
	Seller RoleCap `yaml:"seller"`
	// Crawler is for search engines, which have no business with records.
	Crawler RoleCap `yaml:"crawler"`
	// Site is the budget: guests and shoppers together, however many
	// sessions and addresses they use.
	Site Windows `yaml:"site"`
}

// RoleCap are the limits of one role, in distinct subjects.
type RoleCap struct {
	// Session limits one session, and one account.
	Session Windows `yaml:"session"`
	// Address limits one ip, one prefix (/24, /48) and one TLS fingerprint (JA4).
	// Over it nobody is refused, because an address may be a whole office, and a
	// fingerprint everybody's browser: the session limits behind it shrink.
	Address Windows `yaml:"address"`
	// ASN limits one network operator in the same way, where asn.file names them;
	// a mobile carrier is one.
	ASN Windows `yaml:"asn"`
	// Response limits one response, own records included.
	Response Limit `yaml:"response"`
}

// Windows are limits on distinct foreign subjects by sliding window, each a
// whole number from 0 to 10000000 or unlimited.
type Windows struct {
	// Minute is the limit in any minute.
	Minute Limit `yaml:"1m"`
	// Hour is the limit in any hour.
	Hour Limit `yaml:"1h"`
	// Day is the limit in any 24 hours.
	Day Limit `yaml:"24h"`
	// Month is the limit in any 30 days.
	Month Limit `yaml:"30d"`
}

// noWindows limits nothing.
func noWindows() Windows { return Windows{Unlimited, Unlimited, Unlimited, Unlimited} }

// Limits returns the windows that have a limit, shortest first.
func (w Windows) Limits() exfil.Limits {
	var limits exfil.Limits
	for _, window := range rules.Windows() {
		if most := w.Of(window); most != Unlimited {
			limits = append(limits, exfil.Limit{Window: window, Max: int(most)})
		}
	}
	return limits
}

// Of returns the limit of one window; Unlimited for a window that caps are
// not kept over.
func (w Windows) Of(window rules.Window) Limit {
	switch window {
	case rules.WindowMinute:
		return w.Minute
	case rules.WindowHour:
		return w.Hour
	case rules.WindowDay:
		return w.Day
	case rules.WindowMonth:
		return w.Month
	default:
		return Unlimited
	}
}

// Bound returns the most distinct subjects that the limits together let
// through in any interval of the window's length: a longer window's limit
// holds for a shorter one too, and an interval of n short windows carries at
// most n times the short one's limit. [Unlimited] when nothing bounds it.
func (w Windows) Bound(window rules.Window) Limit {
	bound := Unlimited
	for _, other := range rules.Windows() {
		most := w.Of(other)
		if most == Unlimited {
			continue
		}
		if other < window {
			spans := (time.Duration(window) + time.Duration(other) - 1) / time.Duration(other)
			most *= Limit(spans)
		}
		bound = tighter(bound, most)
	}
	return bound
}

// Detectors tune single detectors.
type Detectors struct {
	// Cap watches the caps. Danger: with observe nothing bounds a loss.
	Cap DetectorMode `yaml:"cap"`
	// BulkResponse watches how many subjects one response carries.
	BulkResponse DetectorMode `yaml:"bulk_response"`
	// Unauthenticated watches records that leave without a credential.
	Unauthenticated Unauthenticated `yaml:"unauthenticated"`
	// Ownership watches for sessions of one customer that are sent others' records.
	Ownership Ownership `yaml:"ownership"`
	// Issuance watches for records that go to credentials which the platform
	// was never seen issuing.
	Issuance Issuance `yaml:"issuance"`
	// Canary watches for planted customers.
	Canary DetectorMode `yaml:"canary"`
	// Walk watches for identifiers that are taken in runs.
	Walk Containing `yaml:"walk"`
	// Guess watches for many identifiers that are tried and are nobody's.
	Guess Containing `yaml:"guess"`
	// Baseline watches for staff and sellers far above their own history.
	Baseline Containing `yaml:"baseline"`
	// Site watches for more records to strangers than orders and logins explain.
	Site DetectorMode `yaml:"site"`
	// Login watches for more logins that fail, of the whole site or from one
	// network, than those that succeed explain: credential stuffing.
	Login DetectorMode `yaml:"login"`
	// Rules are counted rules, written as data: those that are shipped, and yours.
	Rules RuleFiles `yaml:"rules"`
}

// RuleFiles name files of counted rules.
type RuleFiles struct {
	// Mode is what becomes of their findings; a rule has a mode of its own too.
	Mode rules.Mode `yaml:"mode"`
	// Files are patterns of rule files, relative to the folder of this file; they
	// are read again at a reload. A rule takes the place of a shipped one of the
	// same name. Try them with ordergate test.
	Files []string `yaml:"files"`
}

// Ownership tunes the detector of foreign records in bound sessions.
type Ownership struct {
	// Mode is what becomes of its findings.
	Mode rules.Mode `yaml:"mode"`
	// Subjects is how many distinct foreign customers a session that is bound
	// to one must be sent within a day to open an incident, 1 to 1000.
	Subjects int `yaml:"subjects"`
	// Contain is what happens to the session for an hour: none, slow, mask (other
	// people's data is starred out in what it is sent), cut (responses with other
	// people's data are refused), refuse (all its requests are), or revoke, which
	// refuses the account's other sessions too.
	Contain rules.Step `yaml:"contain"`
}

// Containing is a detector that can hold the session that it has found.
type Containing struct {
	// Mode is what becomes of its findings.
	Mode rules.Mode `yaml:"mode"`
	// Contain is what happens to the session for an hour: none, slow, mask (other
	// people's data is starred out in what it is sent), cut (responses with other
	// people's data are refused), refuse (all its requests are), or revoke, which
	// refuses the account's other sessions too. Only sessions that
	// the platform was seen issuing are held, never an address.
	Contain rules.Step `yaml:"contain"`
}

// Issuance tunes the detector of credentials that nobody issued.
type Issuance struct {
	// Mode is what becomes of its findings.
	Mode rules.Mode `yaml:"mode"`
	// Credentials is how many of them must read records from one network within
	// an hour to open an incident, 1 to 1000; the whole site may have seven times
	// as many.
	Credentials int `yaml:"credentials"`
}

// DetectorMode says whether a detector's findings are acted upon.
type DetectorMode struct {
	// Mode is what becomes of its findings.
	Mode rules.Mode `yaml:"mode"`
}

// Unauthenticated tunes the detector of records without a credential.
type Unauthenticated struct {
	// Mode is what becomes of its findings.
	Mode rules.Mode `yaml:"mode"`
	// Subjects is how many subjects one response to no credential must carry
	// to open an incident, 1 to 1000.
	Subjects int `yaml:"subjects"`
}
