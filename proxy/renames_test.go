package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestRenames: customers whose fields a request has given the shop's names, or those of
// samples, count like others; the shop's own address under its own name does not.
func TestRenames(t *testing.T) {
	for name, c := range map[string]struct {
		at, key string
		shop    bool
		want    int
	}{
		"PostgREST":       {"/rest/customers?select=supportEmail:email&id=%d", "supportEmail", false, 3},
		"encoded":         {"/rest/customers?%%73elect=placeholder%%3Aemail&id=%d", "placeholder", false, 3},
		"OData":           {"/odata/Customers?$compute=email+as+supportEmail&id=%d", "supportEmail", false, 3},
		"GraphQL":         {"/graphql?id=%d", "supportEmail", false, 3},
		"the shop's own":  {"/rest/shop?id=%d", "supportEmail", true, 10},
		"selected, plain": {"/rest/shop?select=supportEmail&id=%d", "supportEmail", true, 10},
	} {
		w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("id"))
			email := proxytest.Email(n)
			if c.shop {
				email = "team.berlin@chairs.example"
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, fmt.Sprintf(`[{%q:%q}]`, c.key, email))
		}))
		passed := 0
		for n := range 10 {
			if w.Get(fmt.Sprintf(c.at, n)).StatusCode == http.StatusOK {
				passed++
			}
		}
		if passed != c.want {
			t.Errorf("%s: %d of 10, want %d", name, passed, c.want)
		}
	}
}
