package config

import (
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Default returns the configuration that holds where the file says nothing.
// Only the upstream is missing. The caps hold from the first minute, without
// a learning period: they are far above what one honest person needs and far
// below what makes a theft worthwhile.
func Default() Config {
	return Config{
		Listen:   ":8080",
		TLS:      TLS{Listen: ":8443", MinVersion: "1.2", ClientCertificates: "none", ACME: ACME{Directory: "https://acme-v02.api.letsencrypt.org/directory"}},
		Admin:    "127.0.0.1:9090",
		DataDir:  "./ordergate-data",
		Mode:     rules.Enforce,
		Platform: "generic",
		WAF: WAF{
			Mode:             rules.Enforce,
			Paranoia:         1, // higher levels need exclusions first
			AnomalyThreshold: 5, // one critical rule
			// The full rule set takes about 6 s of CPU for 1 MiB of JSON.
			RequestBodyLimit: 256 << 10,
			ResponseBody:     true,
			// What leak rules look for stands at the beginning of a page.
			ResponseBodyLimit: 64 << 10,
			Clearance:         "on",
			ClearanceSample:   1000, // a thousandth of the traffic costs a few percent of what clearance saves
			OnError:           OnError{Request: rules.Refuse, Response: rules.Pass},
		},
		State: "memory",
		Ledger: Ledger{
			Store: "sqlite", Spool: 1 << 30, Durability: "strict", OnFailure: rules.Refuse,
			// A year and a month: breaches are often found after many months.
			Retention: 400 * day,
			Wait:      2 * time.Second,
			// Long enough to be asked for by the police, shorter than the rows.
			Identifiers: Identifiers{Window: 72 * time.Hour, Retention: 180 * day},
			// A line a minute, where most shops keep their log: off the machine.
			Checkpoints: Checkpoints{Every: time.Minute, Log: true},
		},
		Sessions: builtinSessions(),
		Caps:     defaultCaps(),
		Detectors: Detectors{
			// One record without a credential is a finding: no shop needs it.
			Unauthenticated: Unauthenticated{Subjects: 1},
			Ownership:       Ownership{Subjects: 3},
			Issuance:        Issuance{Credentials: 3},
			// A walk is nobody's accident; whoever guesses may have a bad memory.
			Walk:  Containing{Contain: rules.StepRefuse},
			Guess: Containing{Contain: rules.StepSlow},
		},
		// Far above what shops send, and PHP itself drops arguments beyond 1000
		// without a word (max_input_vars).
		Requests: Requests{
			Headers: 200, Arguments: 2000, Nesting: 100,
			GraphQL: GraphQL{Batch: 50, Depth: 30, Fields: 5000, Roots: 50},
		},
		Containment: Containment{Callout: Callout{
			Header: "Authorization", Timeout: 5 * time.Second, Events: []string{"refuse", "revoke", "release"},
		}},
		Limits: Limits{
			RequestHeaders: 64 << 10,
			FirstWindow:    64 << 10,
			DecodedRatio:   200, // text compresses at most about 1:100 in practice; gzip's own bound is 1:1032
			Principals:     1_000_000,
		},
		Timeouts: Timeouts{
			ReadHeader:             10 * time.Second,
			Read:                   60 * time.Second,
			Write:                  60 * time.Second,
			Idle:                   120 * time.Second,
			UpstreamConnect:        5 * time.Second,
			UpstreamResponseHeader: 60 * time.Second,
			Drain:                  30 * time.Second,
		},
	}
}

const day = 24 * time.Hour

func defaultCaps() Caps {
	windows := func(minute, hour, day, month Limit) Windows { return Windows{minute, hour, day, month} }
	const no = Unlimited
	return Caps{
		Guest:   RoleCap{Session: windows(no, 3, 10, no), Address: windows(no, 30, no, no), ASN: windows(no, 100, no, no), Response: 2},
		Shopper: RoleCap{Session: windows(no, 5, 20, 60), Address: windows(no, 60, no, no), ASN: windows(no, 200, no, no), Response: 5},
		Staff:   RoleCap{Session: windows(no, 120, 600, no), Address: noWindows(), ASN: noWindows(), Response: 100},
		Seller:  RoleCap{Session: windows(no, 500, 2000, no), Address: noWindows(), ASN: noWindows(), Response: 250},
		Crawler: RoleCap{Session: windows(no, no, 0, no), Address: noWindows(), ASN: noWindows(), Response: 0},
		Site:    windows(no, 300, 2000, no),
	}
}

// builtinSessions are where common platforms carry a session or token, as
// their own documentation names it.
func builtinSessions() Sessions {
	names := strings.Fields(`
		bearer
		cookie:PHPSESSID cookie:frontend
		cookie:OCSESSID cookie:PrestaShop-*
		cookie:wordpress_logged_in_* cookie:wp_woocommerce_session_*
		cookie:laravel_session cookie:_session_id cookie:ASP.NET_SessionId
		cookie:JSESSIONID cookie:WC_USERACTIVITY_*
		cookie:connect.sid cookie:sessionid cookie:session cookie:session- cookie:sid cookie:asid
		header:sw-context-token header:vendure-auth-token
		header:X-Session-Token header:X-Auth-Token header:X-Api-Key`)
	sessions := make(Sessions, 0, len(names))
	for _, name := range names {
		c, problem := parseCarrier(name)
		if problem == nil {
			sessions = append(sessions, c)
		}
	}
	return sessions
}
