package proxy

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// maxJWT bounds the payload of a token that is looked into, in encoded bytes.
const maxJWT = 8 << 10

// jwtAccount returns what a JSON Web Token (RFC 7519) says of whose it is:
// issuer and subject. The signature is not checked here, so it may only be
// believed of a token that this gateway saw the platform issue; it joins the
// tokens that one login gets by refreshing, so that each is no new session.
func jwtAccount(token string) (account string, ok bool) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if !strings.HasPrefix(header, "eyJ") || payload == "" || len(payload) > maxJWT || strings.Contains(signature, ".") {
		return "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return "", false
	}
	var claims struct {
		Issuer  string          `json:"iss"`
		Subject json.RawMessage `json:"sub"` // a string by the RFC, a number in practice
	}
	if json.Unmarshal(text, &claims) != nil || len(claims.Subject) == 0 || string(claims.Subject) == "null" || string(claims.Subject) == `""` {
		return "", false
	}
	return claims.Issuer + "\x00" + strings.Trim(string(claims.Subject), `"`), true
}
