package proxy

import (
	"bytes"
	"encoding/json"
	"html"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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
	loginWindow = 64 << 10
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
// password, or of the page that a login leads to.
type loginAnswer struct{ text []byte }

func (l *loginAnswer) add(piece []byte) {
	l.text = append(l.text, piece[:min(len(piece), loginWindow-len(l.text))]...)
}

// whoLoggedIn matches the JSON members in which answers name who logged in.
// The key counts: a client that may choose its name freely would choose one
// that stands in every answer.
var whoLoggedIn = regexp.MustCompile(`(?i)"(?:identifier|username|user_name|email|emailaddress|email_address|umail|mail|login|user|name)"\s*:\s*"([^"\\]{1,256})"`)

// innerID matches the id of an account, which a failed login does not have.
var innerID = regexp.MustCompile(`(?i)"(?:id|uuid|user_?id|customer_?id|account_?id|admin_?id)"\s*:\s*(?:"[^"]+"|[1-9])`)

// jwtInside matches a JSON Web Token as a JSON value.
var jwtInside = regexp.MustCompile(`:\s*"eyJ[\w-]+\.[\w-]+\.[\w-]*"`)

// succeeded reports whether a JSON answer shows that a login succeeded: it
// carries a JSON Web Token, or names who logged in beside an account's id; and
// nothing in it speaks of a failure. A cookie proves nothing: platforms give
// one to everybody who asks.
func (l *loginAnswer) succeeded(name string) bool {
	if loginFailed.Match(l.text) {
		return false
	}
	if jwtInside.Match(l.text) {
		return true
	}
	if name == "" || !innerID.Match(l.text) {
		return false
	}
	for _, m := range whoLoggedIn.FindAllSubmatch(l.text, -1) {
		if strings.EqualFold(string(m[1]), name) {
			return true
		}
	}
	return false
}

// passwordField matches a login form.
var passwordField = regexp.MustCompile(`(?i)type\s*=\s*["']?password`)

// judgeLogin decides, behind the first window, what an answer says of a login:
// its own, or the one that led to this page.
func (x *exchange) judgeLogin(answer *loginAnswer, contentType string) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || x.Status >= 300 {
		return
	}
	switch {
	case x.landing:
		if media == "text/html" && len(answer.text) > 0 && !passwordField.Match(answer.text) {
			x.response.Landed(x.gateway.now())
		}
	case x.claim.Password && (media == "application/json" || strings.HasSuffix(media, "+json")):
		if answer.succeeded(x.login) {
			x.response.LoggedIn(x.gateway.now())
		} else if target := redirectMember.FindSubmatch(answer.text); target != nil {
			x.sendOn(html.UnescapeString(strings.ReplaceAll(string(target[1]), `\/`, "/")))
		}
	}
}

// redirectMember matches where a JSON answer sends the client on to.
var redirectMember = regexp.MustCompile(`(?i)"(?:redirect|redirect_?url|location)"\s*:\s*"([^"]{1,1000})"`)

// judgeRedirect follows a login, or the page that it led to, on to the next.
func (x *exchange) judgeRedirect(res *http.Response) {
	if res.StatusCode >= 300 && res.StatusCode < 400 && (x.claim.Password || x.landing) {
		x.sendOn(res.Header.Get("Location"))
	}
}

// sendOn notes where the client is sent, unless that is the login again.
func (x *exchange) sendOn(target string) {
	parsed, err := url.Parse(target)
	if err != nil || target == "" || parsed.Path == "" {
		return
	}
	path := (&url.URL{Path: x.path}).ResolveReference(parsed).Path
	lower := strings.ToLower(path)
	if path == x.path || slices.ContainsFunc(loginWords, func(word string) bool { return strings.Contains(lower, word) }) {
		return
	}
	if x.landing {
		x.response.Moved(x.pageDigest(path))
		return
	}
	x.response.Await(x.pageDigest(path), x.gateway.now())
}

// pageDigest names a path for as long as a login is followed.
func (x *exchange) pageDigest(path string) rules.Digest {
	return x.hasher.Key(rules.KeyClientID, []byte("page\x00"+path))
}

// loginAccount names the account that a login request is for: all sessions of
// one account share its caps.
func (x *exchange) loginAccount() rules.Digest {
	if x.login == "" {
		return rules.Digest{}
	}
	return x.hasher.Key(rules.KeyAccount, []byte("login\x00"+x.login))
}
