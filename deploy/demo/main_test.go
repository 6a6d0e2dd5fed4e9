package demo

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a shop on a socket, with its customers.
type stage struct {
	t         *testing.T
	customers []Customer
	shop      *Shop
	url       string
}

// newStage starts a small shop that ends with the test.
func newStage(t *testing.T, customers int) *stage {
	t.Helper()
	s := &stage{t: t, customers: Generate(customers, 7)}
	shop, err := NewShop(s.customers, ShopOptions{})
	if err != nil {
		t.Fatalf("NewShop: %v", err)
	}
	server, err := Listen("127.0.0.1:0", shop)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil {
			t.Errorf("closing the server: %v", err)
		}
		if err := shop.Close(); err != nil {
			t.Errorf("closing the shop: %v", err)
		}
	})
	s.shop, s.url = shop, server.URL
	return s
}

// ask sends one request without following redirects, as the bare wire shows it.
func (s *stage) ask(method, path, body string, header map[string]string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	wires := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := wires.RoundTrip(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// text sends one request and returns the status and the body.
func (s *stage) text(method, path, body string, header map[string]string) (int, string) {
	s.t.Helper()
	resp := s.ask(method, path, body, header)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: reading the body: %v", method, path, err)
	}
	return resp.StatusCode, string(raw)
}

// shopperToken logs a customer in with the app.
func (s *stage) shopperToken(c Customer) map[string]string {
	s.t.Helper()
	client := newClient(Target{URL: s.url}, false)
	defer client.close()
	token, err := client.appLogin(s.t.Context(), c)
	if err != nil {
		s.t.Fatalf("logging in: %v", err)
	}
	return map[string]string{"Authorization": "Bearer " + token}
}

// staffToken logs Mia in.
func (s *stage) staffToken() map[string]string {
	s.t.Helper()
	status, body := s.text("POST", "/staff/login", `{"email":"`+StaffMia+`","password":"`+StaffMiaPassword+`"}`, map[string]string{"Content-Type": typeJSON})
	token, err := tokenIn([]byte(body))
	if status != http.StatusOK || err != nil {
		s.t.Fatalf("logging Mia in: status %d, %v", status, err)
	}
	return map[string]string{"Authorization": "Bearer " + token}
}

// cookieFrom returns the value of one Set-Cookie of a response.
func cookieFrom(t *testing.T, resp *http.Response, name string) *http.Cookie {
	t.Helper()
	for _, c := range resp.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s in %v", name, resp.Header.Values("Set-Cookie"))
	return nil
}

// recorder answers a request without a socket.
func recorder(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
