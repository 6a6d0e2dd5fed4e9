package demo

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestEveryRoute asks every route without a login, as a shopper and as staff,
// and looks for a text that must be there, and for whose data may be.
func TestEveryRoute(t *testing.T) {
	s := newStage(t, 60)
	me, other := s.customers[3], s.customers[4]
	shopper, staff := s.shopperToken(me), s.staffToken()
	mine, foreign := me.Orders[0].NumberText(), other.Orders[0].NumberText()
	for _, tt := range []struct {
		path                  string
		guest, shopper, staff int
		holds                 string // in every 200 and 404
	}{
		{"/", 200, 200, 200, ShopEmail},
		{"/products", 200, 200, 200, "Cast Iron Pan"},
		{"/products?category=garden", 200, 200, 200, "Hand Trowel"},
		{"/product/KIT-101", 200, 200, 200, "Enamel Mug"},
		{"/product/NO-1", 404, 404, 404, "could not find"},
		{"/api/products", 200, 200, 200, `"sku":"KIT-101"`},
		{"/search?q=lamp", 200, 200, 200, "Desk Lamp"},
		{"/assets/shop.css", 200, 200, 200, "--paper"},
		{"/assets/nothing.css", 404, 404, 404, "could not find"},
		{"/healthz", 200, 200, 200, "ok"},
		{"/login", 200, 200, 200, "password"},
		{"/track", 200, 200, 200, "order_number"},
		{"/account", 303, 200, 303, me.Phone},
		{"/account/orders", 303, 200, 303, mine},
		{"/orders/" + mine, 303, 200, 303, me.Address.City},
		{"/orders/" + foreign, 303, 404, 303, "could not find"},
		{"/api/me", 401, 200, 401, me.Email},
		{"/api/orders", 401, 200, 401, me.Email},
		{"/api/orders/" + mine, 401, 200, 401, me.Email},
		{"/api/orders/" + foreign, 401, 200, 401, other.Email}, // the hole
		{"/api/orders/1", 401, 404, 401, "no such order"},
		{"/api/orders/x", 401, 404, 401, "no such order"},
		{"/staff/login", 200, 200, 200, "password"},
		{"/staff/customers?size=2&page=2", 401, 401, 200, s.customers[2].Email},
		{"/staff/customers?q=" + url.QueryEscape(me.Name()), 401, 401, 200, me.Email},
		{"/staff/customers/" + me.ID, 401, 401, 200, me.Email},
		{"/staff/customers/C-1", 401, 401, 404, "no such customer"},
		{"/staff/orders", 401, 401, 200, "Page 1 of"},
		{"/staff/export.csv", 401, 401, 200, s.customers[59].Email},
		{"/nowhere", 404, 404, 404, "could not find"},
	} {
		for _, as := range []struct {
			name   string
			header map[string]string
			want   int
		}{{"guest", nil, tt.guest}, {"shopper", shopper, tt.shopper}, {"staff", staff, tt.staff}} {
			status, body := s.text("GET", tt.path, "", as.header)
			if status != as.want {
				t.Errorf("GET %s as %s: status %d, want %d", tt.path, as.name, status, as.want)
			}
			if text := unescape(body); (status == 200 || status == 404) && !strings.Contains(text, tt.holds) {
				t.Errorf("GET %s as %s: %q is missing in %.300q", tt.path, as.name, tt.holds, text)
			}
			if as.name == "guest" && customerEmail.MatchString(body) {
				t.Errorf("GET %s shows a guest a customer", tt.path)
			}
		}
	}
}

// unescape undoes the character references of a page.
func unescape(body string) string {
	return strings.NewReplacer("&#43;", "+", "&#39;", "'", "&amp;", "&").Replace(body)
}

func TestHomePageIsOfRealSize(t *testing.T) {
	s := newStage(t, 20)
	_, body := s.text("GET", "/", "", nil)
	if len(body) < 20_000 || len(body) > 60_000 {
		t.Errorf("the home page has %d bytes, want 20,000 to 60,000", len(body))
	}
	if !strings.Contains(body, `<script type="application/json" id="catalogue">[{"sku":"KIT-101"`) {
		t.Error("the home page holds no inlined JSON")
	}
}

func TestWrongMethodsAndHead(t *testing.T) {
	s := newStage(t, 20)
	for path, allow := range map[string]string{"/products": "GET, HEAD", "/api/checkout": "POST", "/login": "GET, HEAD,POST"} {
		resp := s.ask("DELETE", path, "", nil)
		_ = resp.Body.Close()
		if got := strings.Join(resp.Header.Values("Allow"), ","); resp.StatusCode != 405 || got != allow {
			t.Errorf("DELETE %s: status %d, Allow %q, want 405 and %q", path, resp.StatusCode, got, allow)
		}
	}
	for _, path := range []string{"/", "/api/products", "/assets/shop.css"} {
		full := s.ask("GET", path, "", nil)
		n, err := io.Copy(io.Discard, full.Body)
		_ = full.Body.Close()
		head := s.ask("HEAD", path, "", nil)
		_ = head.Body.Close()
		if err != nil || head.StatusCode != 200 || head.ContentLength != n || full.ContentLength != n {
			t.Errorf("%s: HEAD says %d bytes, GET %d, and %d came (%v)", path, head.ContentLength, full.ContentLength, n, err)
		}
	}
}

func TestGzipIsTheSameBody(t *testing.T) {
	s := newStage(t, 30)
	staff := s.staffToken()
	for _, path := range []string{"/products", "/api/products", "/assets/shop.css", "/staff/customers?size=30", "/staff/export.csv"} {
		_, plain := s.text("GET", path, "", staff)
		resp := s.ask("GET", path, "", map[string]string{"Accept-Encoding": "br, gzip;q=0.8", "Authorization": staff["Authorization"]})
		wire, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.Header.Get("Content-Encoding") != "gzip" || len(wire) >= len(plain) {
			t.Errorf("%s: Content-Encoding %q, %d bytes of %d (%v)", path, resp.Header.Get("Content-Encoding"), len(wire), len(plain), err)
			continue
		}
		if resp.ContentLength >= 0 && resp.ContentLength != int64(len(wire)) {
			t.Errorf("%s: Content-Length %d, %d bytes came", path, resp.ContentLength, len(wire))
		}
		z, err := gzip.NewReader(strings.NewReader(string(wire)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if decoded, err := io.ReadAll(z); err != nil || string(decoded) != plain {
			t.Errorf("%s: the gzip form decodes to another body (%v)", path, err)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br": false, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.5": true, "*": true, "identity, gzip;q=x": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if acceptsGzip(r) != want {
			t.Errorf("Accept-Encoding %q: got %v", header, !want)
		}
	}
}

func TestAssetsHaveETags(t *testing.T) {
	s := newStage(t, 20)
	for _, path := range []string{"/assets/shop.js", "/assets/img/gar-101.png"} {
		first := s.ask("GET", path, "", nil)
		_ = first.Body.Close()
		again := s.ask("GET", path, "", map[string]string{"If-None-Match": first.Header.Get("ETag")})
		_ = again.Body.Close()
		if first.StatusCode != 200 || again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d, and %d with its ETag", path, first.StatusCode, again.StatusCode)
		}
		if status, part := s.text("GET", path, "", map[string]string{"Range": "bytes=1-3"}); status != 206 || len(part) != 3 {
			t.Errorf("%s: bytes 1 to 3: status %d, %d bytes", path, status, len(part))
		}
	}
}

func TestExportIsStreamed(t *testing.T) {
	s := newStage(t, 500)
	resp := s.ask("GET", "/staff/export.csv", "", s.staffToken())
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.ContentLength != -1 || len(resp.TransferEncoding) != 1 || resp.TransferEncoding[0] != "chunked" {
		t.Errorf("length %d, encoding %v, %v; want a chunked body", resp.ContentLength, resp.TransferEncoding, err)
	}
	var want strings.Builder
	if err := WriteCustomersCSV(&want, s.customers); err != nil || string(body) != want.String() {
		t.Errorf("the export is not the customer list (%v)", err)
	}
}

func TestSessionRotatesAtLogin(t *testing.T) {
	s := newStage(t, 20)
	home := s.ask("GET", "/", "", nil)
	_ = home.Body.Close()
	before := cookieFrom(t, home, shopperCookie)
	if !before.HttpOnly || len(before.Value) != 32 {
		t.Errorf("the first cookie is %+v", before)
	}
	again := s.ask("GET", "/", "", map[string]string{"Cookie": "sid=" + before.Value})
	_ = again.Body.Close()
	if len(again.Cookies()) != 0 {
		t.Error("a known visitor got another cookie")
	}
	form := map[string]string{"Cookie": "sid=" + before.Value, "Content-Type": "application/x-www-form-urlencoded"}
	c := s.customers[0]
	if status, body := s.text("POST", "/login", "email="+url.QueryEscape(c.Email)+"&password=wrong", form); status != 401 || strings.Contains(body, c.Email) {
		t.Errorf("a wrong password: status %d", status)
	}
	good := url.Values{"email": {strings.ToUpper(c.Email)}, "password": {c.Password()}}.Encode()
	in := s.ask("POST", "/login", good, form)
	_ = in.Body.Close()
	after := cookieFrom(t, in, shopperCookie)
	if in.StatusCode != 303 || in.Header.Get("Location") != "/account" || after.Value == before.Value {
		t.Errorf("login: status %d, Location %q", in.StatusCode, in.Header.Get("Location"))
	}
	for cookie, want := range map[string]int{before.Value: 303, after.Value: 200} {
		if status, _ := s.text("GET", "/account", "", map[string]string{"Cookie": "sid=" + cookie}); status != want {
			t.Errorf("the account with a cookie: status %d, want %d", status, want)
		}
	}
	out := s.ask("POST", "/logout", "", map[string]string{"Cookie": "sid=" + after.Value})
	_ = out.Body.Close()
	if status, _ := s.text("GET", "/account", "", map[string]string{"Cookie": "sid=" + after.Value}); status != 303 {
		t.Errorf("the account after the logout: status %d", status)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s := newSessions()
	first := s.issue(session{customer: "C-1"})
	for range maxSessions {
		s.issue(session{})
	}
	if _, known := s.find(first); known || len(s.known) != maxSessions {
		t.Errorf("%d sessions are kept, the oldest among them: %v", len(s.known), known)
	}
}

func TestTrackNeedsTheRightPair(t *testing.T) {
	s := newStage(t, 20)
	a, b := s.customers[0], s.customers[1]
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for _, tt := range []struct {
		number, email string
		want          int
	}{
		{a.Orders[0].NumberText(), strings.ToUpper(a.Email), 200},
		{a.Orders[0].NumberText(), b.Email, 404},
		{strconv.Itoa(FirstOrderNumber - 1), a.Email, 404},
		{"", "", 404},
	} {
		status, body := s.text("POST", "/track", url.Values{"order_number": {tt.number}, "email": {tt.email}}.Encode(), form)
		if status != tt.want || (status == 200) != strings.Contains(body, "Delivery address") || (status != 200 && customerEmail.MatchString(body)) {
			t.Errorf("order %s: status %d, want %d", tt.number, status, tt.want)
		}
	}
}

func TestNewShopRefusesBadCustomers(t *testing.T) {
	gap := Generate(20, 1)
	gap[4].Orders[0].Number = 999_999
	twice := Generate(20, 1)
	twice[5].Email = twice[4].Email
	same := Generate(20, 1)
	same[5].ID = same[4].ID
	for name, customers := range map[string][]Customer{"sequential": gap, "e-mail": twice, "is taken": same} {
		shop, err := NewShop(customers, ShopOptions{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		if shop != nil {
			t.Errorf("%s: got a shop", name)
		}
	}
}

func TestListenStaysOnLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		if s, err := Listen(address, http.NotFoundHandler()); err == nil {
			_ = s.Close(context.Background())
			t.Errorf("Listen(%q) listens", address)
		}
	}
}

func TestCloseCutsSlowRequests(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	server, err := Listen("127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(leave)
	}))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan reply, 1)
	go func() {
		c := newClient(Target{URL: server.URL}, false)
		defer c.close()
		got, _ := c.do(context.Background(), postForm("/", nil))
		answered <- got
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := server.Close(ctx); err == nil {
		t.Error("closing under a slow request says nothing")
	}
	<-leave
	if got := <-answered; !got.cut {
		t.Errorf("the client got %+v, want a cut connection", got)
	}
	_ = server.Close(t.Context())
}
