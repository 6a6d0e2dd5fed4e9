package proxy

import (
	"encoding/json"
	"html"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

// loginWindow is how much of the answer to a login, or of the page that it
// leads to, is looked at.
const loginWindow = 64 << 10

// loginFailed matches what answers to failed logins say under status 200. A
// success that it takes for a failure costs little: the session is bound by
// its account page instead.
var loginFailed = regexp.MustCompile(`(?i)"(?:error|errors|errorcode|error_code|exception|warning|message|meldung)"\s*:\s*(?:\{|true|[1-9]|"[^"]|\[\s*[^\]\s])|` +
	`"(?:success|ok|authenticated|status)"\s*:\s*(?:false|0|"(?:error|fail))|invalid|incorrect|denied|failed|wrong|no match|not match|unauthori[sz]ed|locked|2fa|mfa|otp`)

// randomSigns matches identifiers and hashes in hexadecimal: words that happen
// to stand in them, "2fa" in one of some hundred, say nothing.
var randomSigns = regexp.MustCompile(`(?i)\b[0-9a-f][0-9a-f-]{14,}[0-9a-f]\b`)

// addressMember matches a part of an address: BS4 2FA is in Bristol. A failure is
// not told there.
var addressMember = regexp.MustCompile(`(?i)"(?:post_?code|postal_?code|zip|zip_?code|street|street_?(?:name|address)|address_?(?:line_?)?[12]|line_?[12]|city|town|company)"\s*:\s*"[^"]*"`)

// loginAnswer is the beginning of the answer to a login, or of the page that
// it leads to.
type loginAnswer struct{ text []byte }

func (l *loginAnswer) add(piece []byte) {
	l.text = append(l.text, piece[:min(len(piece), loginWindow-len(l.text))]...)
}

var (
	// whoLoggedIn matches the JSON members in which answers name who logged in.
	whoLoggedIn = regexp.MustCompile(`(?i)"(?:identifier|username|user_name|email|emailaddress|email_address|umail|mail|login|user|name)"\s*:\s*"([^"\\]{1,256})"`)
	// innerID matches the id of an account, which a failed login does not have.
	innerID = regexp.MustCompile(`(?i)"(?:id|uuid|user_?id|customer_?id|account_?id|admin_?id)"\s*:\s*(?:"[^"]+"|[1-9])`)
	// accountType matches the GraphQL type of an account.
	accountType = regexp.MustCompile(`"__typename"\s*:\s*"(?:CurrentUser|User|Customer|Account|AdminUser|Administrator)"`)
	// tokenMember matches a bearer token, and a JSON Web Token as its value.
	tokenMember = regexp.MustCompile(`(?i)"(?:access_?token|id_?token|auth_?token|session_?token|customer_?token|token|jwt)"\s*:\s*"([^"\s]{20,})"`)
)

// succeeded reports whether a JSON answer shows that a login succeeded. To a
// GraphQL login the account's id or type is proof enough, because the request
// chose nothing of the answer; elsewhere it takes a token that is a JSON Web
// Token, or stands beside an account's id and name. A status, a cookie, an
// echoed name prove nothing: failed logins have them too.
func (l *loginAnswer) succeeded(login *loginRequest) bool {
	if l.failed() {
		return false
	}
	if login.graphQL != "" {
		var answer struct {
			Data map[string]json.RawMessage `json:"data"`
		}
		if json.Unmarshal(l.text, &answer) != nil || len(answer.Data) != 1 {
			return false
		}
		account := answer.Data[login.graphQL]
		return innerID.Match(account) || accountType.Match(account) || tokenMember.Match(account)
	}
	token := tokenMember.FindSubmatch(l.text)
	if token == nil {
		return false
	}
	if readJWT(string(token[1])).account != "" {
		return true
	}
	return innerID.Match(l.text) && l.names(login.name)
}

// failed reports whether an answer speaks of a failure, in what is neither random nor
// an address.
func (l *loginAnswer) failed() bool {
	if !loginFailed.Match(l.text) {
		return false
	}
	said := tokenMember.ReplaceAll(l.text, []byte(`"token":""`))
	return loginFailed.Match(randomSigns.ReplaceAll(addressMember.ReplaceAll(said, nil), nil))
}

func (l *loginAnswer) names(name string) bool {
	for _, m := range whoLoggedIn.FindAllSubmatch(l.text, -1) {
		if name != "" && strings.EqualFold(string(m[1]), name) {
			return true
		}
	}
	return false
}

var (
	// passwordField matches a login form, logoutLink the link or form that only
	// somebody who is logged in is shown; the word in a script or text is not one.
	passwordField = regexp.MustCompile(`(?i)type\s*=\s*["']?password`)
	logoutLink    = regexp.MustCompile(`(?i)(?:href|action)\s*=\s*["']?[^"'>\s]*(?:log-?_?out|log-?_?off|sign-?_?out|abmelden|uitloggen|afmelden|deconnexion|cerrar-?sesion|disconnetti|logga-?ut|wyloguj)`)
	// redirectMember matches where a JSON answer sends the client on to.
	redirectMember = regexp.MustCompile(`(?i)"(?:redirect|redirect_?url|location)"\s*:\s*"([^"]{1,1000})"`)
)

// judgeLogin decides, behind the first window, what an answer says of a login:
// its own, or the one that led to this page.
func (x *exchange) judgeLogin(answer *loginAnswer, contentType string) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || x.Status >= 300 {
		return
	}
	isJSON := media == "application/json" || strings.HasSuffix(media, "+json")
	if x.login.is {
		x.login.refused = isJSON && answer.failed() || media == "text/html" && passwordField.Match(answer.text)
	}
	switch {
	case x.landing:
		if media == "text/html" && logoutLink.Match(answer.text) && !passwordField.Match(answer.text) {
			x.response.Landed(x.gateway.now())
		}
	case x.login.is && isJSON:
		if answer.succeeded(&x.login) {
			x.response.LoggedIn(x.gateway.now())
		} else if target := redirectMember.FindSubmatch(answer.text); target != nil && !answer.failed() {
			x.sendOn(html.UnescapeString(strings.ReplaceAll(string(target[1]), `\/`, "/")))
		}
	}
}

// judgeRedirect follows a login, or the page that it led to, on to the next.
func (x *exchange) judgeRedirect(res *http.Response) {
	if res.StatusCode >= 300 && res.StatusCode < 400 && (x.login.is || x.landing) {
		x.sendOn(res.Header.Get("Location"))
	}
}

// loginWords in a redirect's target say that a login did not succeed.
var loginWords = []string{"login", "signin", "sign-in", "logon", "error", "fail", "denied", "captcha", "forgot", "reset", "recover", "2fa", "mfa", "otp", "verify"}

// sendOn notes where the client is sent, unless that is the login again.
func (x *exchange) sendOn(target string) {
	parsed, err := url.Parse(target)
	if err != nil || target == "" {
		return
	}
	here, err := url.Parse(x.uri)
	if err != nil {
		return
	}
	page := here.ResolveReference(parsed).RequestURI()
	lower := strings.ToLower(page)
	if page == x.uri || slices.ContainsFunc(loginWords, func(word string) bool { return strings.Contains(lower, word) }) {
		x.login.refused = true
		return
	}
	if x.landing {
		x.response.Moved(x.pageDigest(page))
		return
	}
	x.response.Await(x.pageDigest(page), x.gateway.now())
}

// loginOutcome says how the platform answered a login: not what the session
// may do from now on, for which [loginAnswer.succeeded] asks for proof, but whether
// it looks like a wrong password. A platform that is out of order, or asks to
// wait, says nothing.
func (x *exchange) loginOutcome() exfil.Outcome {
	switch {
	case x.Reason != rules.ReasonNone, x.Status >= http.StatusInternalServerError, x.Status == http.StatusTooManyRequests:
		return exfil.OutcomeUnknown
	case x.Status >= http.StatusBadRequest, x.login.refused:
		return exfil.OutcomeFailed
	}
	return exfil.OutcomeSucceeded
}

// pageDigest names a page, its query included, for as long as a login is
// followed.
func (x *exchange) pageDigest(uri string) rules.Digest {
	page := make([]byte, 0, len("page\x00")+len(x.group.name)+1+len(uri))
	page = append(append(append(append(page, "page\x00"...), x.group.name...), 0), uri...)
	return x.hasher.Key(rules.KeyClientID, page)
}

// loginAccount names the account that a login request is for: all sessions of
// one account share its caps.
func (x *exchange) loginAccount() rules.Digest {
	if x.login.name == "" {
		return rules.Digest{}
	}
	return x.hasher.Key(rules.KeyAccount, []byte("login\x00"+x.login.name))
}
