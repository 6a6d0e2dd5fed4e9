package proxy

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/url"
	"regexp"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// loginKeys are the names under which login requests carry who logs in.
var loginKeys = map[string]bool{
	"username": true, "user_name": true, "login": true, "email": true, "emailaddress": true, "email_address": true,
	"user": true, "identifier": true, "loginid": true, "logonid": true, "mail": true, "account": true,
}

const (
	maxLoginName  = 256
	maxLoginDepth = 8
	// loginWindow is how much of the answer to a login is looked at.
	loginWindow = 16 << 10
)

// inlineLogin matches a login name inside a GraphQL document.
var inlineLogin = regexp.MustCompile(`(?i)\b(?:username|emailaddress|email|login|identifier)\s*:\s*"([^"\\]{1,256})"`)

// loginName returns who a login request names, lower case, empty when it
// names nobody. It is kept no longer than the exchange.
func loginName(body []byte, contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	name := ""
	switch {
	case media == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return ""
		}
		for key, values := range form {
			if loginKeys[strings.ToLower(key)] && len(values) > 0 {
				name = values[0]
			}
		}
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		var document any
		if json.Unmarshal(body, &document) != nil {
			return ""
		}
		if name = loginIn(document, 0); name == "" {
			if m := inlineLogin.FindSubmatch(bytes.ReplaceAll(body, []byte(`\"`), []byte(`"`))); m != nil {
				name = string(m[1])
			}
		}
	}
	if name = strings.ToLower(strings.TrimSpace(name)); len(name) > maxLoginName {
		return ""
	}
	return name
}

func loginIn(value any, depth int) string {
	object, ok := value.(map[string]any)
	if !ok || depth > maxLoginDepth {
		return ""
	}
	for key, inner := range object {
		if text, ok := inner.(string); ok && loginKeys[strings.ToLower(key)] {
			return text
		}
	}
	for _, inner := range object {
		if name := loginIn(inner, depth+1); name != "" {
			return name
		}
	}
	return ""
}

// loginFailed matches what answers to failed logins say under status 200. A
// success that it takes for a failure costs little: the session is bound by
// its account page instead.
var loginFailed = regexp.MustCompile(`(?i)"(?:error|errors|errorcode|error_code|exception|warning)"\s*:\s*(?:\{|true|[1-9]|"[^"]|\[\s*[^\]\s]|\{\s*[^}\s])|` +
	`"(?:success|ok|authenticated|status)"\s*:\s*(?:false|0|"(?:error|fail))|invalid|incorrect|denied|failed|wrong|no match|not match|unauthori[sz]ed|locked`)

// loginAnswer is the beginning of the answer to a request that carried a
// password: what tells a login that succeeded from one that did not.
type loginAnswer struct{ text []byte }

func (l *loginAnswer) add(piece []byte) {
	l.text = append(l.text, piece[:min(len(piece), loginWindow-len(l.text))]...)
}

// failed reports whether the answer speaks of a failure.
func (l *loginAnswer) failed() bool { return loginFailed.Match(l.text) }

// whoLoggedIn matches the JSON members in which answers name who logged in.
// The key counts: a client that may choose its name freely would choose one
// that stands in every answer.
var whoLoggedIn = regexp.MustCompile(`(?i)"(?:identifier|username|user_name|email|emailaddress|email_address|umail|mail|login|user|name)"\s*:\s*"([^"\\]{1,256})"`)

// names reports whether the answer names who logged in.
func (l *loginAnswer) names(name string) bool {
	for _, m := range whoLoggedIn.FindAllSubmatch(l.text, -1) {
		if name != "" && strings.EqualFold(string(m[1]), name) {
			return true
		}
	}
	return false
}

// judgeLogin decides, behind the first window of an answer that is no
// redirect, whether a login succeeded: a known session was replaced, or a
// first one is issued and the answer names who logged in, and nothing in it
// speaks of a failure. A new session by itself proves nothing: platforms give
// one to everybody who asks.
func (x *exchange) judgeLogin(answer *loginAnswer) {
	if !x.claim.Password || x.Status >= 300 {
		return
	}
	if answer.failed() {
		x.response.LoginFailed()
		return
	}
	if x.issued > 0 && (x.principal.Issued || answer.names(x.login)) {
		x.response.LoggedIn(x.gateway.now())
	}
}

// loginAccount names the account that a login request is for: all sessions of
// one account share its caps.
func (x *exchange) loginAccount() rules.Digest {
	if x.login == "" {
		return rules.Digest{}
	}
	return x.hasher.Key(rules.KeyAccount, []byte("login\x00"+x.login))
}
