package proxy_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// TestTokenIssuedUnseen: a token whose iat lies after the gateway's first start, and
// that no answer was seen to carry, is unissued at once; one that an answer did
// carry, and one from before, are not.
func TestTokenIssuedUnseen(t *testing.T) {
	token := func(n int, at time.Time) string {
		payload := fmt.Sprintf(`{"sub":"C-%d","iat":%d}`, n, at.Unix())
		return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	now := time.Now()
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/login" {
			_, _ = fmt.Fprintf(w, `{"token":%q}`, token(3, now))
			return
		}
		_, _ = io.WriteString(w, proxytest.Person(1))
	}), func(s *proxytest.Setup) {
		s.Exfil.Started, s.Exfil.WarmUntil = now.Add(-time.Hour), now.Add(23*time.Hour)
	})
	if got := w.Do("POST", "/login", `{"email":"`+proxytest.Email(3)+`","password":"correct horse"}`, "Content-Type: application/json"); got.StatusCode != http.StatusOK {
		t.Fatalf("login: %d", got.StatusCode)
	}
	for name, c := range map[string]struct {
		token        string
		issued, late bool
	}{
		"unseen": {token(1, now), false, true},
		"older":  {token(2, now.Add(-48*time.Hour)), false, false},
		"seen":   {token(3, now), true, false},
	} {
		w.Get("/orders/1", "Authorization: Bearer "+c.token)
		rows := w.Settle().Rows()
		p := rows[len(rows)-1].Principal
		own := p.Session == w.Hasher.Key(rules.KeySession, []byte(c.token))
		if p.Issued != c.issued || p.Contradicted != c.late || own == c.late {
			t.Errorf("%s: issued %v, contradicted %v, session of its own %v", name, p.Issued, p.Contradicted, own)
		}
	}
}
