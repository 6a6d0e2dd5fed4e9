package proxy

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// maxJWT bounds the payload of a token that is looked into, in encoded bytes.
const maxJWT = 8 << 10

// jwt is what a JSON Web Token (RFC 7519) says of itself. The signature is not
// checked here. So account may only be believed of a token that this gateway saw
// the platform issue; it joins the tokens that one login gets by refreshing, so that
// each is no new session. And issued may only be held against whoever shows it.
type jwt struct {
	account string    // issuer and subject; empty: it does not say
	issued  time.Time // iat; zero: it does not say
}

// maxIssued is the latest iat that is read, in Unix seconds: the year 9999, the
// last that a time prints.
const maxIssued = 253402300799

// readJWT returns what a credential says of itself; nothing where it is no
// token.
func readJWT(token string) (said jwt) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if !strings.HasPrefix(header, "eyJ") || payload == "" || len(payload) > maxJWT || strings.Contains(signature, ".") {
		return jwt{}
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return jwt{}
	}
	var claims struct {
		Issuer  string          `json:"iss"`
		Subject json.RawMessage `json:"sub"` // a string by the RFC, a number in practice
		Issued  json.RawMessage `json:"iat"` // a number by the RFC; a wrong one must not hide the others
	}
	if json.Unmarshal(text, &claims) != nil {
		return jwt{}
	}
	if len(claims.Subject) > 0 && string(claims.Subject) != "null" && string(claims.Subject) != `""` {
		said.account = claims.Issuer + "\x00" + strings.Trim(string(claims.Subject), `"`)
	}
	var seconds float64 // NumericDate may have a fraction
	if len(claims.Issued) > 0 && json.Unmarshal(claims.Issued, &seconds) == nil && seconds > 0 && seconds <= maxIssued {
		said.issued = time.Unix(int64(seconds), 0)
	}
	return said
}
