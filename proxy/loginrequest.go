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
	graphQL string // the field of a GraphQL login
	name    string // who is logging in, lower case; empty when it cannot be told
	refused bool   // its answer says under status 2xx or 3xx that it failed
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
	quoted    = regexp.MustCompile(`"(?:[^"\\\n\r]|\\.)*"`)
	innermost = regexp.MustCompile(`\([^()]*\)`)
	graphQL   = regexp.MustCompile(`[{}]|\.\.\.|\w+|[^\s\w{}]`)
	loginName = regexp.MustCompile(`(?i)\b(?:username|emailaddress|email|login|identifier|user)\s*:\s*(?:\$(\w+)|"([^"\\]{1,256})")`)
)

// maxNestedArguments bounds parentheses inside parentheses, which GraphQL
// itself does not have.
const maxNestedArguments = 4

// readGraphQLLogin reads a GraphQL request: a login is one mutation with one
// field, which is a login, and without any alias. Aliases let the client
// choose the answer's keys, and further fields its values. A document with a
// comment or a block string is no login: nobody sends one, and they are where
// two readers disagree.
func readGraphQLLogin(body []byte) loginRequest {
	var request struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if json.Unmarshal(body, &request) != nil || strings.Contains(request.Query, "#") || strings.Contains(request.Query, `"""`) {
		return loginRequest{}
	}
	bare := quoted.ReplaceAllString(request.Query, "")
	if strings.Contains(bare, `"`) { // a string that is none
		return loginRequest{}
	}
	for range maxNestedArguments {
		bare = innermost.ReplaceAllString(bare, " ")
	}
	field := soleField(graphQL.FindAllString(bare, -1))
	if !slices.Contains(loginFields, field) {
		return loginRequest{}
	}
	l := loginRequest{is: true, graphQL: field}
	if m := loginName.FindStringSubmatch(fieldArguments(request.Query, field)); m != nil {
		l.name = m[2]
		if m[1] != "" {
			l.name, _ = request.Variables[m[1]].(string)
		}
	}
	l.name = normalLogin(l.name)
	return l
}

// soleField returns the one field of a document that is one mutation, perhaps
// with fragments, and has no alias, directive or anything else; empty for every
// other document.
func soleField(tokens []string) string {
	next := func() string {
		if len(tokens) == 0 {
			return ""
		}
		token := tokens[0]
		tokens = tokens[1:]
		return token
	}
	// selection skips a balanced selection of fields and spreads.
	selection := func() bool {
		depth := 1
		for depth > 0 {
			switch token := next(); {
			case token == "{":
				depth++
			case token == "}":
				depth--
			case token == "..." || isWord(token):
			default:
				return false
			}
		}
		return true
	}
	if next() != "mutation" {
		return ""
	}
	token := next()
	if isWord(token) { // the operation's name
		token = next()
	}
	field := next()
	if token != "{" || !isWord(field) {
		return ""
	}
	if token = next(); token == "{" {
		if !selection() {
			return ""
		}
		token = next()
	}
	if token != "}" {
		return ""
	}
	for len(tokens) > 0 {
		if next() != "fragment" || !isWord(next()) || next() != "on" || !isWord(next()) || next() != "{" || !selection() {
			return ""
		}
	}
	return field
}

func isWord(token string) bool {
	return token != "" && (token[0] == '_' || token[0] >= '0' && token[0] <= '9' || token[0]|0x20 >= 'a' && token[0]|0x20 <= 'z')
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
