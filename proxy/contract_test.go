package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/contract"
)

const document = `openapi: 3.0.3
info: {title: A shop, version: "1"}
paths:
  /api/orders/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {"200": {description: an order, content: {application/json: {schema: {type: object, properties: {id: {type: string}, name: {type: string}, email: {type: string}, phone: {type: string}, street: {type: string}, postcode: {type: string}, city: {type: string}}}}}}}
  /api/notes:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {text: {type: string, maxLength: 20}}, additionalProperties: false}}}}
      responses: {"200": {description: noted}}
`

func documentOf(t *testing.T) *contract.Document {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := contract.Load(file, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestContract: what the document does not say is reported, or refused; each request
// beside its innocent twin, and what is outside its paths goes on.
func TestContract(t *testing.T) {
	for _, enforce := range []bool{false, true} {
		t.Run(fmt.Sprint("enforce ", enforce), func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("X-Body", string(body))
			}), func(s *proxytest.Setup) {
				s.Policy.Contracts = []proxy.Contract{{Paths: []string{"/api/**"}, Document: documentOf(t), Enforce: enforce}}
			})
			for _, c := range []struct {
				method, path, body string
				deviation          rules.Deviation
				status             int
			}{
				{"GET", "/api/orders/7", "", rules.DeviationNone, 200},
				{"GET", "/api/orders/marieke", "", rules.DeviationPath, 400},
				{"GET", "/api/debug", "", rules.DeviationRoute, 404},
				{"DELETE", "/api/orders/7", "", rules.DeviationMethod, 405},
				{"POST", "/api/notes", `{"text":"thanks"}`, rules.DeviationNone, 200},
				{"POST", "/api/notes", `{"text":"thanks","admin":true}`, rules.DeviationBody, 400},
				{"GET", "/debug", "", rules.DeviationNone, 200},
			} {
				r := w.Do(c.method, c.path, c.body, "Content-Type: application/json")
				want := 200
				if enforce {
					want = c.status
				}
				summary := w.Observer.Next()
				if r.StatusCode != want || summary.Deviation != c.deviation {
					t.Errorf("%s %s: %d, %q; want %d, %q", c.method, c.path, r.StatusCode, summary.Deviation, want, c.deviation)
				}
				if r.StatusCode == 200 && r.Header.Get("X-Body") != c.body {
					t.Errorf("%s: the platform got %q", c.path, r.Header.Get("X-Body"))
				}
				if r.StatusCode == 405 && r.Header.Get("Allow") != "GET" {
					t.Errorf("Allow is %q", r.Header.Get("Allow"))
				}
				if refused := summary.Reason == rules.ReasonContract; refused != (want != 200) {
					t.Errorf("%s: outcome %q", c.path, summary.Reason)
				}
			}
			if log := w.Log.String(); strings.Contains(log, "admin") || strings.Contains(log, "thanks") {
				t.Error("the log quotes a request")
			}
		})
	}
}

// TestContractUnjudged: what could not be held against the document passes, and is
// counted.
func TestContractUnjudged(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), func(s *proxytest.Setup) {
		s.Policy.Contracts = []proxy.Contract{{Document: &contract.Document{}, Enforce: true}} // which makes the library panic
	})
	if r := w.Get("/products"); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
	if d := w.Observer.Next().Deviation; d != rules.DeviationUnchecked {
		t.Errorf("it counts as %q", d)
	}
}

// TestContractWithheld: fields of an answer that nobody was sent are not told.
func TestContractWithheld(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var list []string
		for n := range 20 {
			list = append(list, proxytest.Person(n))
		}
		_, _ = io.WriteString(w, `{"customers":[`+strings.Join(list, ",")+`]}`)
	}), func(s *proxytest.Setup) {
		s.Policy.Contracts = []proxy.Contract{{Document: documentOf(t)}}
		s.Policy.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for n := range 5 {
		if r := w.Get("/api/orders/1", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", n)); r.StatusCode != http.StatusForbidden {
			t.Fatalf("%d", r.StatusCode)
		}
		if s := w.Observer.Next(); s.Exposed != 0 {
			t.Errorf("%d fields were told of an answer that was refused", s.Exposed)
		}
	}
}

// TestContractExposure: a field that the document does not declare is told once,
// when three clients were sent it, by name and without a value; and the answer goes
// on as it is.
func TestContractExposure(t *testing.T) {
	secret := "4f6e2a" + "secret"
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		more := ""
		if r.URL.Query().Has("leak") {
			more = `,"passwordHash":"` + secret + `","` + r.URL.Query().Get("leak") + `":{"x":1},"Marieke":{}`
		}
		_, _ = io.WriteString(w, strings.TrimSuffix(proxytest.Person(1), "}")+more+"}")
	}), func(s *proxytest.Setup) {
		s.Policy.Contracts = []proxy.Contract{{Document: documentOf(t), Enforce: true}}
		s.Policy.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	exposed := 0
	for n := range 5 {
		if r := w.Get("/api/orders/1", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", n)); r.StatusCode != 200 {
			t.Fatal(r.StatusCode)
		}
		exposed += w.Observer.Next().Exposed
	}
	if exposed != 0 {
		t.Errorf("%d fields of an answer as declared were told", exposed)
	}
	for n := range 5 {
		r := w.Get(fmt.Sprintf("/api/orders/1?leak=klant%d@example.net", n), fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", n))
		if r.StatusCode != 200 || !strings.Contains(r.Body, secret) {
			t.Fatalf("%d %s", r.StatusCode, r.Body)
		}
		exposed += w.Observer.Next().Exposed
	}
	if exposed != 3 { // the hash, a name that may be somebody's, and names that are values, together
		t.Errorf("%d fields were told, want 3", exposed)
	}
	log := w.Log.String()
	if strings.Count(log, `"field":"/passwordHash"`) != 1 || strings.Count(log, `"field":"/*"`) != 1 {
		t.Errorf("the log tells: %s", log)
	}
	if strings.Contains(log, secret) || strings.Contains(log, "klant") || strings.Contains(log, "arieke") {
		t.Error("the log quotes an answer")
	}
}
