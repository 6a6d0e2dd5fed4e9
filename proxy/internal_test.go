package proxy

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

var errSeen = errors.New("seen")

type seeing func(*http.Request)

func (see seeing) RoundTrip(r *http.Request) (*http.Response, error) {
	see(r)
	return nil, errSeen
}

// FuzzCleanQuery: a query that cleanQuery lets through is one that the
// standard library's reverse proxy sends on as it is.
func FuzzCleanQuery(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=1;b=2", "discount=50%", "q=%C3%A9", "a&b&c", "%", "%2", "%zz", "a=%00", "=", "&&", "+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !cleanQuery(raw) {
			return
		}
		var sent string
		proxy := &httputil.ReverseProxy{
			Rewrite:      func(*httputil.ProxyRequest) {},
			Transport:    seeing(func(r *http.Request) { sent = r.URL.RawQuery }),
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) {},
		}
		r := httptest.NewRequest(http.MethodGet, "http://shop.example/", http.NoBody)
		r.URL = &url.URL{Scheme: "http", Host: "shop.example", Path: "/", RawQuery: raw}
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		if sent != raw {
			t.Errorf("%q would be sent as %q", raw, sent)
		}
	})
}

func TestMatchPath(t *testing.T) {
	for _, c := range []struct {
		glob, path string
		want       bool
	}{
		{"/admin/**", "/admin/orders/1", true},
		{"/admin/**", "/admin", true},
		{"/admin/**", "/administrator", false},
		{"/orders/*/invoice", "/orders/7/invoice", true},
		{"/orders/*/invoice", "/orders/7/8/invoice", false},
		{"/**/export", "/a/b/export", true},
		{"/**/export", "/export", true},
		{"/shop-*", "/shop-au", true},
		{"/shop-*", "/shopau", false},
		{"/", "/", true},
		{"/", "/a", false},
		{"/export/**", "/EXPORT/all", true},
		{"/export/**", "//export//all", true},
		{"/export/**", "/export;a=1/all", true},
		{"/export/*", "/;a/export/all;b", true},
		{"/export/*/x", "/export//x", false},
		{"/export/*", "/export/", false},
		{"/a/**/b/**/c", "/a/b/x/b/y/c", true},
	} {
		if got := matchPath(c.glob, c.path); got != c.want {
			t.Errorf("matchPath(%q, %q) = %v", c.glob, c.path, got)
		}
	}
}

// TestLargeBodiesTakeTurns: no more of them are read by the WAF at a time than
// half of the processors; who waits too long, or hangs up, is told no.
func TestLargeBodiesTakeTurns(t *testing.T) {
	x := &exchange{gateway: &Gateway{heavy: make(chan struct{}, 1)}}
	if !x.takeTurn(t.Context()) {
		t.Fatal("the first large body has to wait")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if x.takeTurn(gone) {
		t.Error("the second one did not wait")
	}
	<-x.gateway.heavy
	if !x.takeTurn(t.Context()) {
		t.Error("the turn did not come back")
	}
}

func TestReadJWT(t *testing.T) {
	token := func(payload string) string {
		return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for text, want := range map[string]string{
		token(`{"iss":"shop","sub":"C-1","iat":1}`): "shop\x00C-1",
		token(`{"sub":17}`):                         "\x0017",
		token(`{"sub":null}`):                       "",
		token(`{"name":"x"}`):                       "",
		token(`{"sub":`):                            "",
		"eyJhbGciOiJIUzI1NiJ9.!!!.c2ln":             "",
		"opaque-token":                              "",
		"a.b.c":                                     "",
		"":                                          "",
		token(strings.Repeat(" ", maxJWT) + `{"sub":"C-1"}`): "",
	} {
		if got := readJWT(text).account; got != want {
			t.Errorf("%.40s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int64{
		token(`{"sub":"C-1","iat":1772366400}`):   1772366400,
		token(`{"iat":1772366400.75}`):            1772366400,
		token(`{"sub":"C-1","iat":"1772366400"}`): 0, // not a number: it says nothing
		token(`{"iat":-5}`):                       0,
		token(`{"iat":1e300}`):                    0,
		token(`{"iat":null}`):                     0,
		token(`{"iat":{}}`):                       0,
		token(`{"sub":"C-1"}`):                    0,
	} {
		got := readJWT(text).issued
		if want == 0 && !got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("%.40s: issued %v, want %d", text, got, want)
		}
	}
	if readJWT(token(`{"sub":"C-1","iat":"now"}`)).account != "\x00C-1" {
		t.Error("an iat that is no number hides whose the token is")
	}
}

// TestReadLogin: a login is a request that is nothing else.
func TestReadLogin(t *testing.T) {
	const json, form = "application/json", "application/x-www-form-urlencoded"
	for _, c := range []struct {
		uri, contentType, body string
		is                     bool
		name                   string
	}{
		{"/login", form, "email=A%40example.org&password=x", true, "a@example.org"},
		{"/api/v1/auth/login", json, `{"username":"Boss","password":"x"}`, true, "boss"},
		{"/admin/index.php?route=common/login.login", form, "username=boss&password=x", true, "boss"},
		{"/login", json, `{"username":"attacker","email":"victim@example.org","password":"x"}`, true, ""}, // whom does the platform read?
		{"/login", form, "login=victim%40example.org&email=attacker%40example.org&password=x", true, ""},
		{"/login", json, `{"email":"a@example.org","login":"A@example.org","password":"x"}`, true, "a@example.org"},
		{"/track", json, `{"n":1,"email":"a@example.org","password":"x"}`, false, ""}, // a password beside anything
		{"/checkout", form, "email=a%40example.org&password=x", false, ""},
		{"/shop-api", json, `{"query":"mutation($u:String!,$p:String!){login(username:$u,password:$p){... on CurrentUser{id}}}","variables":{"u":"a@example.org","p":"x"}}`, true, "a@example.org"},
		{"/graphql", json, `{"query":"mutation { login(username: \"Boss\", password: \"x\") { __typename } }"}`, true, "boss"},
		{"/graphql", json, `{"query":"mutation M($i: In!) { authenticate(input: {native: {username: \"boss\", password: \"x\"}}, rememberMe: true) { ... on CurrentUser { id identifier } ... on Failure { message } } }"}`, true, "boss"},
		{"/graphql", json, `{"query":"mutation{identifier:__typename id:__typename login(username:\"m\",password:\"x\"){...on U{id}}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{login(username:\"m\",password:\"x\"){identifier:__typename id:__typename}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{login(username:\"m\",password:\"x\"){id} setCustomerForOrder(input:{email:\"v\"}){id}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation($i:I!){setCustomerForOrder(input:$i){id}}","variables":{"i":{"emailAddress":"v@example.org"},"password":"x"}}`, false, ""},
		{"/graphql", json, `{"query":"{ login { id } }"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{login(username:\"v\",password:\"no\"){...on CurrentUser{id} #\"\n} id:__typename a:removeCouponCode(couponCode:\"x\"){state #\"\n}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{login(username:\"v\",password:\"\"\"x\"\"\"){id}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{login(username:\"v\",password:\"x\n\"){id}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation{...F} fragment F on Mutation{login(username:\"v\",password:\"x\"){id}}"}`, false, ""},
		{"/graphql", json, `{"query":"mutation A{login(username:\"v\",password:\"x\"){id}} mutation B{logout{success}}"}`, false, ""},
		{"/admin-api", json, `{"query":"mutation AttemptLogin($username: String!, $password: String!) { login(username: $username, password: $password) { ...CurrentUser ... on Err { errorCode } } } fragment CurrentUser on CurrentUser { id identifier channels { id permissions { name } } }","variables":{"username":"Boss","password":"x"}}`, true, "boss"},
		{"/graphql", json, `{"query":`, false, ""},
	} {
		got := readLogin(c.uri, []byte(c.body), c.contentType, true)
		if got.is != c.is || got.name != c.name {
			t.Errorf("%s %s: %+v, want %v %q", c.uri, c.body, got, c.is, c.name)
		}
	}
}

// TestGraphQLProof: the proof of a GraphQL login stands inside its own field.
func TestGraphQLProof(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"data":{"login":{"id":"1","identifier":"boss"}}}`:            true,
		`{"data":{"login":{"__typename":"CurrentUser"}}}`:              true,
		`{"data":{"login":{}}}`:                                        false,
		`{"data":{"login":{},"id":"Mutation"}}`:                        false,
		`{"data":{"login":null},"extensions":{"id":"7"}}`:              false,
		`{"data":{"login":{"errorCode":"INVALID_CREDENTIALS_ERROR"}}}`: false,
		`{"data":{"login":{"__typename":"NotVerifiedError","id":""}}}`: false,
		`{"errors":[{"message":"no"}],"data":{"login":{"id":"1"}}}`:    false,
	} {
		l := loginAnswer{text: []byte(answer)}
		if got := l.succeeded(&loginRequest{is: true, graphQL: "login", name: "boss"}); got != want {
			t.Errorf("%s: %v", answer, got)
		}
	}
}

// TestNothingGoesUninspected: bytes that no finder saw go only where policy
// let the response pass.
func TestNothingGoesUninspected(t *testing.T) {
	for raw, want := range map[bool]int64{false: 0, true: 3} {
		g := &gate{x: &exchange{}, tap: tap{held: []byte("abc")}, raw: raw}
		g.settle()
		if g.ready != want {
			t.Errorf("policy passes %v: %d bytes may go, want %d", raw, g.ready, want)
		}
	}
}

// TestRandomSignsAreNoRefusal: a token, an id, a hash or a postcode in which the signs of
// "2fa" or "otp" happen to stand does not make a good login a failed one.
func TestRandomSignsAreNoRefusal(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"token":"9b2fa4c07d1e88f35a6b","user":{"id":"1","email":"a@shop.example"}}`:                                                              true,
		`{"token":"kdOTpw81LmfA2faQz73b","user":{"id":"1","email":"a@shop.example"}}`:                                                              true,
		`{"token":"0123456789abcdef0123","user":{"id":"1","uuid":"52fa1c2e-77aa-4b1c-9e0d-1a2b3c4d5e6f","email":"a@shop.example"}}`:                true,
		`{"token":"0123456789abcdef0123","user":{"id":"1","email":"a@shop.example","address":{"postcode":"BS4 2FA","country":"GB"}}}`:              true, // in Bristol
		`{"token":"0123456789abcdef0123","user":{"id":"1","email":"a@shop.example"},"billing_address":{"zip":"CR0 2FA","street":"Hotpot Lane 3"}}`: true,
		`{"token":"0123456789abcdef0123","user":{"id":"1","email":"a@shop.example","postcode":"BS4"},"next":"2fa"}`:                                false,
		`{"token":"0123456789abcdef0123","requires_2fa":true,"user":{"id":"1","email":"a@shop.example"}}`:                                          false,
		`{"token":"0123456789abcdef0123","next":"otp","user":{"id":"1","email":"a@shop.example"}}`:                                                 false,
		`{"token":"0123456789abcdef0123","user":{"id":"1","email":"a@shop.example"},"message":"wrong password"}`:                                   false,
	} {
		l := loginAnswer{text: []byte(answer)}
		if got := l.succeeded(&loginRequest{is: true, name: "a@shop.example"}); got != want {
			t.Errorf("%s: succeeded %v, want %v", answer, got, want)
		}
	}
}

// FuzzGraphQLShape: whatever a document says, measuring it ends, and agrees
// with itself: a document within limits stays so when they grow.
func FuzzGraphQLShape(f *testing.F) {
	for _, seed := range []string{`{"query":"{a{b}}"}`, `[{"query":"{a}"}]`, `{"query":"{...F} fragment F on T{a ...G} fragment G on T{b ...F}"}`, `{"QUERY":"{a:b}"}`, "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{}\r\n--b--"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, body string, limit int) {
		limit = 1 + (limit & 0xff)
		for _, contentType := range []string{"application/json", "application/graphql", "multipart/form-data; boundary=b"} {
			r := &http.Request{Header: http.Header{"Content-Type": {contentType}}, URL: &url.URL{Path: "/graphql"}}
			at := func(n int) Limited {
				return GraphQLShape{Batch: n, Depth: n, Fields: n, Roots: n}.over(r, []byte(body))
			}
			if at(limit) == "" && at(limit+1) != "" {
				t.Errorf("%q keeps limits of %d, and not of %d: %s", body, limit, limit+1, at(limit+1))
			}
		}
	})
}

// TestShapeBudget: judging the form of an ordinary request takes no memory.
func TestShapeBudget(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/api/cart/items?page=2", nil)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	shape := Shape{Headers: 200, Arguments: 2000, Nesting: 100, GraphQL: GraphQLShape{Batch: 50, Depth: 30, Fields: 5000, Roots: 50}}
	x := &exchange{rule: &RouteRule{Shape: &shape}, body: []byte(`{"items":[{"sku":"TP-1","quantity":2}]}`)}
	if n := testing.AllocsPerRun(100, func() {
		if x.shapedHeader(r).Action == rules.Refuse || x.shapedBody(r).Action == rules.Refuse {
			t.Fatalf("refused: %s", x.Limited)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
