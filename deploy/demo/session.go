package demo

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
)

// The names of the session cookies.
const (
	shopperCookie = "sid"
	staffCookie   = "staff_sid"
)

// maxSessions bounds what is remembered; the oldest session is forgotten
// first, and its owner has to log in again.
const maxSessions = 100_000

// session is what the shop knows of one cookie or bearer token.
type session struct {
	customer string // customer id; empty before a login
	staff    string // login name of staff; empty for shoppers
	partner  string // login name of a partner or seller, in drills
}

// sessions maps tokens to sessions. It is safe for concurrent use.
type sessions struct {
	mu    sync.Mutex
	known map[string]session
	order []string // ring of tokens by age
	next  int
	// signed takes tokens that SignedToken makes for sessions, though nobody
	// issued them: somebody has the signing key. For drills.
	signed bool
}

func newSessions() *sessions { return &sessions{known: map[string]session{}} }

// issue returns a new random token of 128 bits for the session.
func (s *sessions) issue(state session) string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: it ends the process instead.
	token := hex.EncodeToString(raw[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) < maxSessions {
		s.order = append(s.order, token)
	} else {
		delete(s.known, s.order[s.next])
		s.order[s.next] = token
		s.next = (s.next + 1) % maxSessions
	}
	s.known[token] = state
	return token
}

// find returns the session of a token.
func (s *sessions) find(token string) (session, bool) {
	if id, ok := strings.CutPrefix(token, signedPrefix); ok && s.signed {
		id, _, _ = strings.Cut(id, ".")
		return session{customer: id}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.known[token]
	return state, ok
}

// revoke forgets a token.
func (s *sessions) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, token)
}

// bearer returns the token of an Authorization header, or nothing.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// carried returns the session that a request carries: the bearer token's, or
// else the named cookie's.
func (s *sessions) carried(r *http.Request, cookie string) (session, bool) {
	if token := bearer(r); token != "" {
		return s.find(token)
	}
	c, err := r.Cookie(cookie)
	if err != nil {
		return session{}, false
	}
	return s.find(c.Value)
}

// setCookie sends a session token as a cookie. Secure is left out because the
// demo speaks plain HTTP on loopback, where some browsers would drop it.
func setCookie(w http.ResponseWriter, name, token string) {
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- plain HTTP on loopback; see above.
		Name: name, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// greet gives a visitor of a page a session when there is none yet.
func (s *sessions) greet(w http.ResponseWriter, r *http.Request, cookie string) {
	if c, err := r.Cookie(cookie); err == nil {
		if _, ok := s.find(c.Value); ok {
			return
		}
	}
	setCookie(w, cookie, s.issue(session{}))
}

// rotate gives the session a new token after a login, so that a token planted
// before the login is worth nothing.
func (s *sessions) rotate(w http.ResponseWriter, r *http.Request, state session) {
	cookie := shopperCookie
	if state.staff != "" {
		cookie = staffCookie
	}
	if c, err := r.Cookie(cookie); err == nil {
		s.revoke(c.Value)
	}
	setCookie(w, cookie, s.issue(state))
}
