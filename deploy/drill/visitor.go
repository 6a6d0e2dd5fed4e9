package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

// visitor is one person or program with an address and credentials.
type visitor struct {
	scene    *scene
	name     string // tells sessions apart in the books
	address  string
	agent    string
	accept   string // Accept-Encoding
	attacker bool
	role     rules.Role   // what the gateway should take it for
	account  string       // that it is logged in with
	self     map[int]bool // customers that it is, or speaks for
	cookies  map[string]string
	keepless bool              // it never sends a cookie back
	token    string            // bearer
	headers  map[string]string // of every request
	shown    []string          // every credential so far
	desk     bool              // it sits at a desk that is declared with caps of its own
	unissued bool              // its credential was never issued by a login
	answered http.Header       // of the last answer, where a target may issue a token
}

// browser is the user agent of everybody who has no reason for another.
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// visitor returns a new one; honest people are counted as a session.
func (s *scene) visitor(address string, attacker bool) *visitor {
	s.people++
	v := &visitor{
		scene: s, name: strconv.Itoa(s.people), address: address, agent: browser, accept: "gzip", attacker: attacker,
		self: map[int]bool{}, cookies: map[string]string{}, headers: map[string]string{},
	}
	if attacker {
		s.attackers = append(s.attackers, v)
	} else {
		s.books.sessions++
		s.honest = append(s.honest, v)
	}
	return v
}

func (s *scene) attacker(address string) *visitor { return s.visitor(address, true) }

// call is one request.
type call struct {
	method, path, contentType, body string
	headers                         map[string]string
}

func get(path string) call { return call{method: http.MethodGet, path: path} }

func queryText(text string) string { return url.QueryEscape(text) }

func postForm(path string, pairs ...string) call {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return call{method: http.MethodPost, path: path, contentType: "application/x-www-form-urlencoded", body: form.Encode()}
}

func postJSON(path, body string) call {
	return call{method: http.MethodPost, path: path, contentType: "application/json", body: body}
}

// reply is what came back, decoded as far as it came.
type reply struct {
	status int // 0: cut before the status line
	body   []byte
	cut    bool
	slowed bool
	gained int
}

// held reports whether a gateway kept something back: the shop itself answers
// neither 403 nor 429, and never breaks off.
func (r reply) held() bool {
	return r.cut || r.slowed || r.status == http.StatusForbidden || r.status == http.StatusTooManyRequests
}

// why says what was seen of it: a body that broke off and an answer that came late
// have the status of any other.
func (r reply) why() string {
	switch {
	case r.cut:
		return "broken off"
	case r.slowed:
		return fmt.Sprintf("status %d, late", r.status)
	}
	return fmt.Sprintf("status %d", r.status)
}

// exchangeTakes is the virtual time of one exchange.
const exchangeTakes = time.Millisecond

// slowSign is how long an exchange may take in virtual time before its client
// takes itself for slowed.
const slowSign = time.Second

// do sends a request, follows redirects, and writes down what came. Honest
// people who are held are written down too.
func (v *visitor) do(what call) reply {
	var got reply
	gained := 0
	for range 5 {
		var location string
		got, location = v.once(what)
		gained += got.gained
		if location == "" {
			break
		}
		what = get(location)
	}
	got.gained = gained
	b := v.scene.books
	if v.attacker {
		b.attempts = append(b.attempts, attempt{v.scene.clock.since(), got.held(), gained})
	} else if got.held() {
		path, _, _ := strings.Cut(what.path, "?")
		b.harm(v, what.method+" "+template(path)+": "+got.why())
	}
	return got
}

// template takes the numbers out of a path: they may be somebody's.
func template(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") && i > 1 {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}

func (v *visitor) request(ctx context.Context, what call, number int) (*http.Request, error) {
	s := v.scene
	req, err := http.NewRequestWithContext(ctx, what.method, s.world.url+what.path, strings.NewReader(what.body))
	if err != nil {
		return nil, fmt.Errorf("making a request of the drill: %w", err)
	}
	if what.body == "" {
		req.Body = http.NoBody
		req.ContentLength = 0
	}
	req.Header.Set("User-Agent", v.agent)
	req.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Encoding", v.accept)
	req.Header.Set("X-Forwarded-For", v.address)
	req.Header.Set(demo.DrillRequest, strconv.Itoa(number))
	if what.contentType != "" {
		req.Header.Set("Content-Type", what.contentType)
	}
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	for _, headers := range []map[string]string{v.headers, what.headers} {
		for name, value := range headers {
			req.Header.Set(name, value)
		}
	}
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a client's own cookie
	}
	return req, nil
}

// maxExchange bounds one exchange, in real time: beyond it the drill itself is
// broken, however loaded the machine.
const maxExchange = 2 * time.Minute

// once sends one request and returns where it is sent on to.
func (v *visitor) once(what call) (got reply, location string) {
	s := v.scene
	ctx, cancel := context.WithTimeout(s.ctx, maxExchange)
	defer cancel()
	number := s.world.nextRequest()
	req, err := v.request(ctx, what, number)
	if err != nil {
		s.fail(err)
		return reply{}, ""
	}
	before, session := s.clock.since(), v.session()
	v.show()
	s.books.requests++
	resp, err := s.world.wires.RoundTrip(req)
	if err != nil {
		var dial *net.OpError
		if ctx.Err() != nil || errors.As(err, &dial) && dial.Op == "dial" {
			s.fail(fmt.Errorf("reaching the gateway: %w", err))
		}
		got.cut = true
	} else {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
		_ = resp.Body.Close() // it was read to its end, or is given up.
		got.status, got.cut = resp.StatusCode, err != nil
		got.body = decode(resp.Header.Get("Content-Encoding"), body)
		v.keep(resp)
	}
	s.world.settled(ctx)
	if ctx.Err() != nil {
		s.fail(fmt.Errorf("waiting for the gateway: %w", ctx.Err()))
	}
	got.slowed = s.clock.since()-before >= slowSign
	got.gained = v.received(got, number, session)
	s.clock.reach(s.clock.since() + exchangeTakes)
	if got.status >= 300 && got.status < 400 && resp != nil {
		location = resp.Header.Get("Location")
	}
	return got, location
}

// received finds whom a response was about.
func (v *visitor) received(got reply, number int, session string) (gained int) {
	s := v.scene
	for customer := range s.world.truth.find(got.body) {
		gained += s.books.enter(receipt{at: s.clock.since(), customer: customer, who: v, session: session, exchange: number})
	}
	for _, id := range s.world.told(number) {
		if customer, ok := s.world.truth.byID[id]; ok && got.status < 300 && len(got.body) > 0 {
			gained += s.books.enter(receipt{at: s.clock.since(), customer: customer, who: v, session: session, exchange: number, opaque: true})
		}
	}
	return gained
}

// session names what a gateway may count the visitor by: a credential that was
// issued, or else the address.
func (v *visitor) session() string {
	switch {
	case v.unissued:
	case v.token != "":
		return "token " + v.token
	case v.cookies["staff_sid"] != "":
		return "cookie " + v.cookies["staff_sid"]
	case v.cookies["sid"] != "":
		return "cookie " + v.cookies["sid"]
	case v.answered != nil && len(v.cookies) > 0: // a target's cookies may be called anything
		return "cookies of " + v.name
	}
	return "address " + v.address
}

// keep takes the cookies of a response.
func (v *visitor) keep(resp *http.Response) {
	for _, cookie := range resp.Cookies() {
		if !v.keepless {
			v.cookies[cookie.Name] = cookie.Value
		}
	}
}

// show remembers what a request shows, for the digests of its sessions.
func (v *visitor) show() {
	add := func(credential string) {
		if credential != "" && !slices.Contains(v.shown, credential) {
			v.shown = append(v.shown, credential)
		}
	}
	add(v.token)
	for _, values := range []map[string]string{v.cookies, v.headers} {
		for _, value := range values {
			add(value)
		}
	}
}

// settled waits until the gateway has told everything of the last exchange.
func (w *world) settled(ctx context.Context) {
	patience := time.NewTimer(20 * time.Second) // a request that net/http refuses itself never gets there.
	defer patience.Stop()
	select {
	case <-w.finished:
	case <-patience.C:
	case <-ctx.Done():
	}
}
