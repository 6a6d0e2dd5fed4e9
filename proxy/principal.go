package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// maxCredentials bounds how many credentials of one request are looked at.
const maxCredentials = 8

// fingerprint returns how the client begins TLS: as its handshake here shows,
// or, behind a trusted proxy, whose own handshake that is, as that one says. Empty
// where nobody knows. A text that is no fingerprint's shape counts for none: an
// honest proxy never sends one.
func (p *Policy) fingerprint(r *http.Request) string {
	if !p.fromTrusted(r) {
		ja4, _ := r.Context().Value(connKey{}).(string)
		return ja4
	}
	if p.FingerprintHeader == "" || len(r.Header.Values(p.FingerprintHeader)) != 1 {
		return ""
	}
	said := strings.TrimSpace(r.Header.Get(p.FingerprintHeader))
	if len(said) > maxFingerprint || strings.ContainsFunc(said, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	return said
}

// standIn names the clients of one address that show no usable credential:
// the address itself, or the /64 that one IPv6 customer usually gets.
func standIn(into []byte, addr netip.Addr) []byte {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	return prefixOf(into, addr, bits)
}

// prefixOf appends the address's first bits in text form.
func prefixOf(into []byte, addr netip.Addr, bits int) []byte {
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return append(into, "unknown"...)
	}
	return prefix.AppendTo(into)
}

// credentials returns every credential that the request carries.
func (p *Policy) credentials(r *http.Request) []string {
	var found []string
	add := func(value string) {
		if value != "" && len(found) < maxCredentials && !slices.Contains(found, value) {
			found = append(found, value)
		}
	}
	var cookies []*http.Cookie
	for _, carrier := range p.Sessions {
		switch carrier.Kind {
		case Bearer:
			add(bearer(r.Header.Get("Authorization")))
		case Header:
			add(r.Header.Get(carrier.Name))
		case Cookie:
			if cookies == nil {
				cookies = r.Cookies()
			}
			for _, cookie := range cookies {
				if matchName(carrier.Name, cookie.Name) {
					add(cookie.Value)
				}
			}
		}
	}
	return found
}

func bearer(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func matchName(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// roleOf returns the first role rule that matches, and the credential that it
// is about; ok is false when none matches.
func (p *Policy) roleOf(r *http.Request, client netip.Addr) (rule *RoleRule, credential string, ok bool) {
	for i := range p.Roles {
		rule := &p.Roles[i]
		if rule.Path != "" && !matchPath(rule.Path, r.URL.Path) {
			continue
		}
		if len(rule.CIDR) > 0 && !slices.ContainsFunc(rule.CIDR, func(c netip.Prefix) bool { return c.Contains(client) }) {
			continue
		}
		credential := ""
		if rule.Header != "" {
			if credential = r.Header.Get(rule.Header); credential == "" {
				continue
			}
			if token := bearer(credential); token != "" && strings.EqualFold(rule.Header, "Authorization") {
				credential = token
			}
		}
		if rule.SHA256 != "" && !declared(credential, rule.SHA256) {
			continue
		}
		return rule, credential, true
	}
	return nil, "", false
}

// declared compares a credential with the digest that the operator declared.
func declared(credential, hexDigest string) bool {
	sum := sha256.Sum256([]byte(credential))
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(hexDigest))) == 1
}

// sameToken compares two secrets in time that tells nothing but their digests' equality.
func sameToken(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// identify fills in who asks.
func (x *exchange) identify(r *http.Request) {
	x.client = x.policy.clientAddress(r)
	addr := x.client.Addr()
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	text := standIn(x.text[:0], addr)
	c := exfil.Credentials{StandIn: x.hasher.Key(rules.KeySession, text), IP: x.hasher.Key(rules.KeyIP, text)}
	c.Prefix = x.hasher.Key(rules.KeyPrefix, prefixOf(x.text[:0], addr, bits))
	agent := r.UserAgent()
	x.Peer = rules.Peer{Time: x.start.UTC(), IP: c.IP, Address: addr, UserAgent: agent[:min(len(agent), rules.MaxAgent)]}
	if fingerprint := x.policy.fingerprint(r); fingerprint != "" {
		x.Peer.JA4 = fingerprint
		c.TLS = x.hasher.Key(rules.KeyTLSFingerprint, []byte(fingerprint))
	}
	if number := x.policy.ASN.number(addr); number != 0 {
		c.ASN = x.hasher.Key(rules.KeyASN, strconv.AppendUint(nil, number, 10))
	}
	rule, credential, matched := x.policy.roleOf(r, addr)
	if matched {
		c.Wanted, c.ByHeader, c.Machine, c.Declared = rule.Role, credential != "", rule.Machine, rule.SHA256 != ""
		x.wanted = rule.Role
	}
	values := []string{credential}
	if credential == "" {
		values = x.policy.credentials(r)
	}
	for _, value := range values {
		var account rules.Digest
		said := readJWT(value)
		if said.account != "" {
			account = x.hasher.Key(rules.KeyAccount, []byte(said.account))
		}
		c.Sessions = append(c.Sessions, x.hasher.Key(rules.KeySession, []byte(value)))
		c.Accounts = append(c.Accounts, account)
		c.IssuedAt = append(c.IssuedAt, said.issued)
	}
	x.presented = c.Sessions
	x.principal = x.gateway.engine.Recognise(&c, x.start)
	if at := slices.Index(c.Sessions, x.principal.Session); at >= 0 && x.gateway.callout.wants() {
		x.held = values[at]
	}
}
