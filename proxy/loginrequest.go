package proxy

import (
	"encoding/json"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// loginRequest is what a request says when it is a login. The zero value is no
// login. It lives no longer than the exchange: name is raw.
type loginRequest struct {
	is      bool
	graphQL bool
	name    string // who is logging in, lower case; empty when it cannot be told
}

// loginPaths are path segments, or parts of the query, of login requests.
var loginPaths = regexp.MustCompile(`(?i)(?:^|[/._=-])(?:log-?in|log-?on|sign-?in|authenticate|auth|token|sessions?|oauth2?)(?:$|[/._&-])`)

// loginFields are the GraphQL fields that log somebody in.
var loginFields = []string{
	"login", "authenticate", "signIn", "signin", "customerLogin", "tokenAuth", "tokenCreate", "generateCustomerToken",
	"customerAccessTokenCreate", "adminLogin", "userLogin",
}

// loginKeys are the names under which login requests carry who logs in.
var loginKeys = []string{
	"username", "user_name", "login", "email", "emailaddress", "email_address", "user", "identifier", "loginid", "logonid", "mail", "account",
}

const (
	maxLoginName  = 256
	maxLoginDepth = 8
)

// readLogin tells whether a request is a login. A password somewhere in a
// request makes it none: a client could put one beside anything.
func readLogin(uri string, body []byte, contentType string, password bool) loginRequest {
	path, _, _ := strings.Cut(uri, "?")
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return loginRequest{}
	}
	isJSON := media == "application/json" || strings.HasSuffix(media, "+json")
	if isJSON && graphQLPath(path) {
		return readGraphQLLogin(body)
	}
	if !password || !loginPaths.MatchString(uri) {
		return loginRequest{}
	}
	l := loginRequest{is: true}
	switch {
	case media == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return loginRequest{}
		}
		var names []string
		for key, values := range form {
			if slices.Contains(loginKeys, strings.ToLower(key)) {
				names = append(names, values...)
			}
		}
		l.name = onlyLogin(names)
	case isJSON:
		var document any
		if json.Unmarshal(body, &document) != nil {
			return loginRequest{}
		}
		l.name = onlyLogin(loginsIn(document, 0))
	}
	return l
}

func normalLogin(name string) string {
	if name = strings.ToLower(strings.TrimSpace(name)); len(name) > maxLoginName {
		return ""
	}
	return name
}

// onlyLogin returns the one name that a login gives; of several different ones
// the platform may read another than we would.
func onlyLogin(names []string) string {
	for i := range names {
		names[i] = normalLogin(names[i])
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != 1 {
		return ""
	}
	return names[0]
}

// loginsIn returns the names that a JSON document gives under login keys.
func loginsIn(value any, depth int) (names []string) {
	object, ok := value.(map[string]any)
	if !ok || depth > maxLoginDepth {
		return nil
	}
	for key, inner := range object {
		if text, ok := inner.(string); ok && slices.Contains(loginKeys, strings.ToLower(key)) {
			names = append(names, text)
		} else {
			names = append(names, loginsIn(inner, depth+1)...)
		}
	}
	return names
}

var (
	quoted       = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	loginRoot    = regexp.MustCompile(`^\s*mutation\b[^{]*\{\s*(\w+)\s*(?:\([^()]*\))?\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})?\s*\}\s*$`)
	arguments    = regexp.MustCompile(`\([^()]*\)`)
	loginName    = regexp.MustCompile(`(?i)\b(?:username|emailaddress|email|login|identifier|user)\s*:\s*(?:\$(\w+)|"([^"\\]{1,256})")`)
	nestedGroups = regexp.MustCompile(`\{[^{}]*\}`)
)

// readGraphQLLogin reads a GraphQL request: a login is one mutation with one
// field, which is a login, and without any alias. Aliases let the client
// choose the answer's keys, and further fields its values.
func readGraphQLLogin(body []byte) loginRequest {
	var request struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if json.Unmarshal(body, &request) != nil {
		return loginRequest{}
	}
	bare := quoted.ReplaceAllString(request.Query, `""`)
	for range maxLoginDepth { // input objects inside arguments
		inside := arguments.FindString(bare)
		if !strings.Contains(inside, "{") {
			break
		}
		bare = strings.Replace(bare, inside, nestedGroups.ReplaceAllString(inside, "x"), 1)
	}
	root := loginRoot.FindStringSubmatch(bare)
	if root == nil || !slices.Contains(loginFields, root[1]) || strings.Contains(arguments.ReplaceAllString(bare, ""), ":") {
		return loginRequest{}
	}
	l := loginRequest{is: true, graphQL: true}
	if m := loginName.FindStringSubmatch(fieldArguments(request.Query, root[1])); m != nil {
		l.name = m[2]
		if m[1] != "" {
			l.name, _ = request.Variables[m[1]].(string)
		}
	}
	l.name = normalLogin(l.name)
	return l
}

// fieldArguments returns what follows a field's name in the operation, past
// the operation's own variable definitions.
func fieldArguments(query, field string) string {
	_, selection, _ := strings.Cut(query, "{")
	if i := strings.Index(selection, field); i >= 0 {
		return selection[i+len(field):]
	}
	return ""
}
