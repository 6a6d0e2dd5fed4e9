package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRegisterAndCheckout(t *testing.T) {
	s := newStage(t, 20)
	who := `"name":"New Person","phone":"+61 2 5550 0001","street":"1 New Street","city":"Perth","postcode":"6000","country":"AU"`
	status, body := s.text("POST", "/api/register", `{"email":" New@example.com ","password":"long enough",`+who+`}`, nil)
	token, err := tokenIn([]byte(body))
	if status != 201 || err != nil || !strings.Contains(body, `"email":"new@example.com"`) {
		t.Fatalf("register: status %d, %v, %s", status, err, body)
	}
	login := map[string]string{"Authorization": "Bearer " + token}
	if status, body := s.text("GET", "/api/me", "", login); status != 200 || !strings.Contains(body, "New Person") {
		t.Errorf("me: status %d, %s", status, body)
	}
	if status, _ := s.text("POST", "/api/login", `{"email":"new@example.com","password":"long enough"}`, nil); status != 200 {
		t.Errorf("login after the registration: status %d", status)
	}
	buy := `{"email":"new@example.com",` + who + `,"sku":"kit-101","quantity":2}`
	for i, header := range []map[string]string{login, nil} {
		status, body := s.text("POST", "/api/checkout", buy, header)
		var o orderJSON
		if err := json.Unmarshal([]byte(body), &o); status != 201 || err != nil || o.Total != "37.80" || (o.Customer.ID == nil) != (header == nil) {
			t.Errorf("checkout %d: status %d, %v, %s", i, status, err, body)
		}
		if want := s.shop.store.orders[len(s.shop.store.orders)-1].NumberText(); o.Number != want {
			t.Errorf("checkout %d: number %s, want %s", i, o.Number, want)
		}
	}
	if _, body := s.text("GET", "/api/orders", "", login); strings.Count(body, `"number"`) != 1 {
		t.Errorf("own orders after one own and one guest checkout: %s", body)
	}
}

func TestBadCalls(t *testing.T) {
	s := newStage(t, 20)
	taken := s.customers[0].Email
	full := `"name":"N","street":"S","city":"C"`
	for _, tt := range []struct {
		path, body string
		want       int
	}{
		{"/api/login", `{`, 400},
		{"/api/login", `{"email":"` + taken + `","password":"wrong"}`, 401},
		{"/api/login", `{"email":"nobody@example.com","password":"x"}`, 401},
		{"/api/login", strings.Repeat(" ", maxForm+1), 413},
		{"/api/register", `{"email":"` + taken + `","password":"12345678",` + full + `}`, 409},
		{"/api/register", `{"email":"a@example.com","password":"short",` + full + `}`, 400},
		{"/api/register", `{"email":"no address","password":"12345678",` + full + `}`, 400},
		{"/api/register", `{"email":"a@example.com","password":"12345678","name":"` + strings.Repeat("x", 300) + `"}`, 400},
		{"/api/checkout", `{"email":"a@example.com",` + full + `,"sku":"NO-1"}`, 400},
		{"/api/checkout", `{"email":"a@example.com",` + full + `,"sku":"KIT-101","quantity":-1}`, 400},
		{"/api/search", `[]`, 400},
		{"/api/search", `{"q":"'x"}`, 500},
		{"/graphql", `nothing`, 400},
		{"/staff/login", "email=" + StaffMia + "&password=wrong", 401},
	} {
		header := map[string]string{"Content-Type": typeJSON}
		if !strings.HasPrefix(tt.path, "/api") && tt.path != "/graphql" {
			header["Content-Type"] = "application/x-www-form-urlencoded"
		}
		if status, body := s.text("POST", tt.path, tt.body, header); status != tt.want || customerEmail.MatchString(body) {
			t.Errorf("POST %s %.60s: status %d, want %d, body %.200s", tt.path, tt.body, status, tt.want, body)
		}
	}
}

func TestStoreIsBounded(t *testing.T) {
	s, err := newStore(Generate(5, 1))
	if err != nil {
		t.Fatal(err)
	}
	for range maxNew {
		if _, err := s.place(Order{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.place(Order{}); !errors.Is(err, errFull) {
		t.Errorf("one order too many: %v", err)
	}
	s.generated[0] = -maxNew
	if _, err := s.register(Customer{Email: "a@example.com"}, "password"); !errors.Is(err, errFull) {
		t.Errorf("one registration too many: %v", err)
	}
}

func TestGraphQL(t *testing.T) {
	s := newStage(t, 60)
	me, other := s.customers[0], s.customers[1]
	shopper := s.shopperToken(me)
	shopper["Content-Type"] = typeJSON
	ask := func(query string, header map[string]string) string {
		body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"n": other.Orders[0].Number, "id": me.ID}})
		status, answer := s.text("POST", "/graphql", string(body), header)
		if status != 200 {
			t.Errorf("%s: status %d", query, status)
		}
		return answer
	}
	for _, tt := range []struct {
		query  string
		header map[string]string
		want   string
	}{
		{`{ me { id email } }`, shopper, `{"data":{"me":{"id":"` + me.ID + `","email":"` + me.Email + `"}}}`},
		{`query Q($id: ID!) { c: customer(id: $id) { name address { city } } }`, shopper, `{"data":{"c":{"name":` + quoted(me.Name()) + `,"address":{"city":` + quoted(me.Address.City) + `}}}}`},
		{`query ($n: Int!) { order(number: $n) { customer { email } } }`, shopper, `{"data":{"order":{"customer":{"email":"` + other.Email + `"}}}}`},
		{"# the first two\n{ products(first: 2) { sku } __typename }", nil, `{"data":{"products":[{"sku":"KIT-101"},{"sku":"KIT-108"}],"__typename":"Query"}}`},
		{`{ order(number: "1") { number } }`, shopper, `{"data":{"order":null}}`},
		{`{ me { id } }`, nil, `{"data":{"me":null},"errors":[{"message":"log in first","path":["me"]}]}`},
		{`{ o: order(number: 100001) { number } }`, nil, `{"data":{"o":null},"errors":[{"message":"log in first","path":["o"]}]}`},
		{`{ customer(id: "` + other.ID + `") { email } }`, shopper, `{"data":{"customer":null},"errors":[{"message":"not authorised","path":["customer"]}]}`},
		{`{ customer(id: "` + other.ID + `") { email orders { number } } }`, s.staffToken(), other.Orders[0].NumberText()},
		{`{ me { shoe } }`, shopper, `field \"shoe\" does not exist`},
		{`{ me }`, shopper, `needs a selection`},
		{`{ me { id { x } } }`, shopper, `no fields to select`},
		{`{ shoes }`, shopper, `field \"shoes\" does not exist on Query`},
		{`mutation { me { id } }`, shopper, `only query is supported`},
		{`{ me { id }`, shopper, `syntax error`},
		{`{ me { id } } x`, shopper, `syntax error`},
		{strings.Repeat("{a", maxGraphQLDepth+1), shopper, `deeper than 8`},
		{"{" + strings.Repeat("a ", maxGraphQLFields+1) + "}", shopper, `more than 1000 fields`},
	} {
		if got := strings.TrimSpace(ask(tt.query, tt.header)); !strings.Contains(got, tt.want) {
			t.Errorf("%.80s: got %s, want %s", tt.query, got, tt.want)
		}
	}
}

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

func TestGraphQLAliasesReadManyOrders(t *testing.T) {
	s := newStage(t, 60)
	client := newClient(Target{URL: s.url}, false)
	defer client.close()
	var err error
	if client.token, err = client.appLogin(t.Context(), s.customers[0]); err != nil {
		t.Fatal(err)
	}
	var query strings.Builder
	for i := range 50 {
		query.WriteString(" a" + money(i * 100)[:1] + strings.Repeat("b", i) + `: order(number: "` + Order{Number: FirstOrderNumber + i}.NumberText() + `") { customer { email } }`)
	}
	body, _ := json.Marshal(map[string]string{"query": "{" + query.String() + "}"})
	got, err := client.want(t.Context(), 200, postJSON("/graphql", string(body)))
	if err != nil || strings.Count(string(got.body), `"email"`) != 50 {
		t.Fatalf("50 aliases: %v, %.200s", err, got.body)
	}
	for i := range 50 {
		o, _ := s.shop.store.order(FirstOrderNumber + i)
		if _, seen := client.received[o.Email]; !seen {
			t.Errorf("the customer of order %d is missing", o.Number)
		}
	}
}

func FuzzParseGraphQL(f *testing.F) {
	for _, seed := range []string{`{ me { id } }`, `query Q($n: Int) { a: order(number: $n) { x } }`, `{a(b:"\u0022", c: 1.5)}`, "#", "{", `{a(`, `query(`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		fields, err := parseGraphQL(query)
		if err == nil && fields == nil && strings.Contains(query, "{") && !strings.Contains(query, "}") {
			t.Error("a query without an end was taken")
		}
		if n := countFields(fields); n > maxGraphQLFields {
			t.Errorf("%d fields were taken", n)
		}
	})
}

func countFields(fields []gqlField) int {
	n := len(fields)
	for _, f := range fields {
		n += countFields(f.selection)
	}
	return n
}

func TestInjectionReallyReadsTheDatabase(t *testing.T) {
	s := newStage(t, 80)
	for i, spell := range spellings() {
		client := newClient(Target{URL: s.url}, false)
		got, err := client.do(t.Context(), spell(1000, 0))
		client.close()
		if err != nil || got.status != 200 || len(client.received) != len(s.customers) {
			t.Errorf("spelling %d: status %d, %d of %d customers, %v", i, got.status, len(client.received), len(s.customers), err)
		}
	}
	// The innocent twin: an apostrophe is a fault, words are only words.
	if hits, err := s.shop.search.find(t.Context(), "union select blanket"); err != nil || len(hits) != 0 {
		t.Errorf("words of a product search: %d hits, %v", len(hits), err)
	}
}

func TestInjectionTouchesNothingElse(t *testing.T) {
	s := newStage(t, 20)
	dir := t.TempDir()
	for _, statement := range []string{
		"x'; ATTACH '" + filepath.Join(dir, "a.db") + "' AS y; CREATE TABLE y.t(a) -- ",
		"x'; PRAGMA query_only=0; VACUUM INTO '" + filepath.Join(dir, "b.db") + "' -- ",
		"x'; DROP TABLE customers -- ",
		"x' UNION SELECT load_extension('x'),1,1,1 -- ",
	} {
		if _, err := s.shop.search.find(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("files were written: %v %v", files, err)
	}
	// A statement that never ends is stopped, and the next one runs.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	endless := "zzz%' UNION ALL SELECT (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT max(x) FROM c),1,1,1 -- "
	if _, err := s.shop.search.find(ctx, endless); err == nil {
		t.Error("an endless statement ended without an error")
	}
	if hits, err := s.shop.search.find(t.Context(), "lamp"); err != nil || len(hits) == 0 {
		t.Errorf("the next search: %d hits, %v", len(hits), err)
	}
	// A huge result is cut.
	hits, err := s.shop.search.find(t.Context(), "zzz%' UNION ALL SELECT 1,1,1,hex(zeroblob(500000)) FROM customers, customers AS c -- ")
	if err != nil || len(hits) == 0 || len(hits) > 1+maxHitBytes/1_000_000 {
		t.Errorf("a huge result: %d hits, %v", len(hits), err)
	}
}

func TestClockDatesOrders(t *testing.T) {
	now := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	shop, err := NewShop(Generate(20, 1), ShopOptions{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	body := `{"email":"a@example.com","name":"N","street":"S","city":"C","sku":"KIT-101"}`
	w := recorder(shop, httptest.NewRequest("POST", "/api/checkout", strings.NewReader(body)))
	if w.Code != 201 || !strings.Contains(w.Body.String(), `"placed_at":"2026-02-03T04:05:06Z"`) {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}
