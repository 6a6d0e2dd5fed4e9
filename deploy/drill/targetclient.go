package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// newTargetClient follows no redirects: what it is sent to may be somebody else's.
func newTargetClient() *http.Client {
	return &http.Client{
		Timeout:       maxTargetExchange,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second,
		},
	}
}

const (
	// maxTargetExchange bounds one exchange with a target.
	maxTargetExchange = time.Minute
	// maxUnwell is how many answers of 5xx in a row, or none, end the run: a
	// drill is no load test.
	maxUnwell = 10
	// slowTarget is how long an answer of a target may take before its client takes
	// itself for slowed, unless all take that long: ten times what is usual.
	slowTarget = time.Second
)

// errUnwell says that the run was ended for the target's sake.
var errUnwell = fmt.Errorf("the target is unwell: %d answers of 5xx, or none, in a row: the drill ends here", maxUnwell)

// live plays against a target, in real time, one exchange after the other. It
// belongs to one goroutine.
type live struct {
	ctx    context.Context
	target *Target
	truth  *truth
	client *http.Client
	watch  *watch
	rand   *rand.Rand
	err    error // of the drill or the target: the run ends

	total  int       // requests of the run
	last   time.Time // of the last of them
	unwell int
	usual  time.Duration // what an answer takes: a moving average

	books                     *books
	began                     time.Time // the playbook
	played                    int       // its requests
	attacked                  bool      // it is an attack: honest people come meanwhile
	shoppers                  []int     // customers that may log in: honest ones first
	honest, taken, seen, busy int       // of them: honest, used up by attacks; the next victim; attackers so far
	people                    []*visitor
}

// since returns how long the playbook has been played.
func (l *live) since() time.Duration { return time.Since(l.began) }

// more reports whether another request may be sent.
func (l *live) more() bool {
	return l.err == nil && l.ctx.Err() == nil && l.total < l.target.Pace.Requests && l.played < l.target.Pace.PerPlaybook
}

// wait waits until the pace allows the next request.
func (l *live) wait() {
	l.pause(time.Until(l.last.Add(time.Duration(float64(time.Second) / l.target.Pace.PerSecond))))
}

// visitor returns a new one.
func (l *live) visitor(address string, attacker bool) *visitor {
	l.busy++
	if l.target.AddressHeader == "" {
		address = "one"
	}
	v := &visitor{
		name: fmt.Sprint(l.busy), address: address, agent: browser, accept: "gzip", attacker: attacker,
		self: map[int]bool{}, cookies: map[string]string{}, headers: map[string]string{},
	}
	if !attacker {
		l.books.sessions++
	}
	return v
}

// action sends the request of an action.
func (l *live) action(v *visitor, name string, w words) reply {
	a, ok := l.target.Actions[name]
	if !ok {
		l.err = fmt.Errorf("BUG: %s is played without the target having it", name)
		return reply{}
	}
	return l.do(v, a.call(w))
}

// do sends a request, follows redirects within the target, and writes down what
// came.
func (l *live) do(v *visitor, what call) reply {
	var got reply
	gained := 0
	for range 5 {
		if !l.more() {
			return got
		}
		l.wait()
		var location string
		got, location = l.once(v, what)
		gained += got.gained
		if location == "" {
			break
		}
		what = get(location)
	}
	got.gained = gained
	if v.attacker {
		l.books.attempts = append(l.books.attempts, attempt{l.since(), got.held(), gained})
	} else if got.held() {
		path, _, _ := strings.Cut(what.path, "?")
		l.books.harm(v, what.method+" "+template(path)+": "+got.why())
	}
	l.watch.poll(l)
	return got
}

// once sends one request and returns where in the target it is sent on to.
func (l *live) once(v *visitor, what call) (got reply, location string) {
	req, err := v.targetRequest(l, what)
	if err != nil {
		l.err = err
		return reply{}, ""
	}
	session := v.session()
	l.total++
	l.played++
	l.books.requests++
	l.last = time.Now()
	resp, err := l.client.Do(req)
	if err != nil {
		l.failed(err)
		got.cut = l.ctx.Err() == nil
		return got, ""
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	_ = resp.Body.Close() // it was read to its end, or is given up.
	took := time.Since(l.last)
	got.status, got.cut = resp.StatusCode, err != nil && l.ctx.Err() == nil
	got.body = decode(resp.Header.Get("Content-Encoding"), body)
	got.slowed = took >= slowTarget && took >= 10*l.usual && l.usual > 0
	if !got.slowed {
		l.usual += (took - l.usual) / 8
	}
	v.keep(resp)
	v.answered = resp.Header
	if l.unwell++; resp.StatusCode < 500 {
		l.unwell = 0
	} else if l.unwell >= maxUnwell {
		l.err = errUnwell
	}
	for customer := range l.truth.find(got.body) {
		got.gained += l.books.enter(receipt{at: l.since(), customer: customer, who: v, session: session, exchange: l.total})
	}
	if to, err := resp.Location(); err == nil && resp.StatusCode < 400 && to.Host == req.URL.Host && to.Scheme == req.URL.Scheme {
		location = strings.TrimPrefix(to.RequestURI(), l.target.base.Path)
	}
	return got, location
}

// failed counts an exchange that brought no answer: the gateway may have cut it,
// or nobody is there.
func (l *live) failed(err error) {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		l.err = fmt.Errorf("reaching the target: %w", err)
	}
	if l.unwell++; l.unwell >= maxUnwell {
		l.err = errUnwell
	}
}

// targetRequest makes a request to a target.
func (v *visitor) targetRequest(l *live, what call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(l.ctx, what.method, l.target.base.String()+what.path, strings.NewReader(what.body))
	if err != nil {
		return nil, fmt.Errorf("making a request of the drill: %w", err)
	}
	if what.body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("User-Agent", v.agent)
	req.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Encoding", v.accept)
	if l.target.AddressHeader != "" {
		req.Header.Set(l.target.AddressHeader, v.address)
	}
	if what.contentType != "" {
		req.Header.Set("Content-Type", what.contentType)
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

// as makes somebody a client of a role, with an account or without.
func (l *live) as(v *visitor, role string, account TargetAccount) {
	r := l.target.Roles[role]
	v.role, v.unissued = targetRoles[role], role == "app"
	for name, value := range r.Headers {
		v.headers[name] = value
	}
	if r.Login == nil {
		return
	}
	w := words{"login": account.Login, "password": account.Password}
	if r.Login.Page != "" {
		page := l.do(v, get(r.Login.Page))
		if r.Login.Hidden != "" {
			if found := regexp.MustCompile(r.Login.Hidden).FindSubmatch(page.body); found != nil { // it compiled when it was read.
				w["hidden"] = string(found[1])
			}
		}
	}
	got := l.do(v, r.Login.call(w))
	v.account = account.Login
	token := ""
	if name, ok := strings.CutPrefix(r.Login.Token, "header:"); ok {
		token = v.answered.Get(name)
	} else if r.Login.Token != "" {
		token = pointed(got.body, r.Login.Token)
	}
	if token != "" {
		name, value, _ := strings.Cut(cmpOr(r.Login.Send, "Authorization: Bearer {token}"), ":")
		v.token = token
		v.headers[strings.TrimSpace(name)] = strings.TrimSpace(strings.ReplaceAll(value, "{token}", token))
	}
}

// shopper logs a customer in.
func (l *live) shopper(v *visitor, customer int) *visitor {
	c := &l.target.people[customer]
	v.self[customer] = true
	l.as(v, "shopper", TargetAccount{c.email, c.password})
	if _, ok := l.target.Actions["me"]; ok && l.err == nil && l.more() {
		if got := l.action(v, "me", nil); !got.held() && !l.truth.find(got.body)[customer] {
			l.err = fmt.Errorf("line %d of the customers: after the login, the action me answers %d and does not show this customer: correct roles.shopper.login, the password, or me", customer+2, got.status)
		}
	}
	return v
}

// attacker returns a new one, at an address of his own.
func (l *live) attacker() *visitor { return l.visitor(badAddress(9000+l.busy), true) }

// thief logs in as a customer that no playbook has used yet.
func (l *live) thief() *visitor {
	customer := l.shoppers[l.honest+l.taken]
	l.taken++
	return l.shopper(l.attacker(), customer)
}

// insider logs in as the last account of a role, or the one before.
func (l *live) insider(role string, back int) *visitor {
	v, accounts := l.attacker(), l.target.Roles[role].Accounts
	account := TargetAccount{}
	if n := len(accounts); n > 0 {
		account = accounts[max(0, n-1-back)]
	}
	l.as(v, role, account)
	return v
}

// worker is an honest client of a role.
func (l *live) worker(role string) *visitor {
	v, account := l.visitor(homeAddress(l.busy), false), TargetAccount{}
	if accounts := l.target.Roles[role].Accounts; len(accounts) > 0 {
		account = accounts[0]
	}
	l.as(v, role, account)
	return v
}

// victim returns the next customer who is nobody's account here, or, where there are
// none, who is not v himself; with an order, if that is asked for.
func (l *live) victim(v *visitor, order bool) *targetCustomer {
	people := l.target.people
	for range people {
		l.seen = (l.seen + 1) % len(people)
		if c := &people[l.seen]; !v.self[l.seen] && !slices.Contains(l.shoppers[:l.honest], l.seen) && (!order || len(c.orders) > 0) && (l.attacked || !c.canary) {
			return c
		}
	}
	return &people[l.seen]
}

// somebody is the next honest customer, logged in once in a playbook.
func (l *live) somebody(n int) (v *visitor, customer int) {
	n %= l.honest
	customer = l.shoppers[n]
	for len(l.people) <= n {
		l.people = append(l.people, nil)
	}
	if l.people[n] == nil {
		l.people[n] = l.shopper(l.visitor(homeAddress(n), false), customer)
	}
	return l.people[n], customer
}

// visit lets an honest customer look at what is theirs.
func (l *live) visit(n int) {
	v, customer := l.somebody(n)
	if _, ok := l.target.Actions["my_orders"]; ok {
		l.action(v, "my_orders", nil)
	}
	if orders := l.target.people[customer].orders; len(orders) > 0 && l.has("order") {
		l.action(v, "order", words{"order": orders[n%len(orders)]})
	}
}

func (l *live) has(action string) bool {
	_, ok := l.target.Actions[action]
	return ok
}

// each sends so many requests, and in an attack lets an honest customer come among
// them now and then.
func (l *live) each(n int, every time.Duration, send func(i int)) {
	for i := range n {
		if !l.more() {
			return
		}
		if !l.target.hurry {
			l.pause(time.Until(l.last.Add(every)))
		}
		if send(i); l.attacked && i%honestEach == honestEach-1 && l.honest > 0 {
			l.visit(i / honestEach)
		}
	}
}

// honestEach is after how many requests of an attack an honest customer comes.
const honestEach = 20

// pause waits, and looks for alerts meanwhile.
func (l *live) pause(d time.Duration) {
	until := time.Now().Add(d)
	for time.Now().Before(until) && l.ctx.Err() == nil {
		timer := time.NewTimer(min(time.Until(until), watchEvery))
		select {
		case <-timer.C:
		case <-l.ctx.Done():
		}
		timer.Stop()
		l.watch.poll(l)
	}
}
