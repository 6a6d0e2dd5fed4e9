package exfil

import (
	"net/http"
	"slices"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Visit is what the proxy knows of an exchange when its response begins.
type Visit struct {
	Principal rules.Principal
	Exchange  rules.ExchangeID
	Route     string
	Wanted    rules.Role         // the role that the route policy names by path
	Claim     []rules.Identifier // what a create, login or checkout request said of its own sender
	Password  bool               // the request carried a password
	Me        bool               // the route answers about whoever asks
	Under     rules.Digest       // of the words of its path that may be a store's, or somebody's; zero: none
	Observe   bool               // nothing is refused on this route
	Step      rules.Step         // that the principal is held by; only mask and cut matter here
	Config    string             // digest of the effective config
	Status    int                // of the response
	Issued    []rules.Digest     // sessions that the response's header issues
	Presented []rules.Digest     // every credential that the request carried
	Page      rules.Digest       // digest of the path
	Account   rules.Digest       // of whom a login request says is logging in
	Agent     rules.Digest       // of the program that sent a login request
	// Supplied are phones and residences in a request that writes: an answer
	// that shows them, and names nobody else, tells its sender nothing new.
	Supplied []rules.Identifier
	// Tries returns the identifiers that the request asked for. It is asked at
	// most once, at the end, and only when they were somebody else's or nobody's: most
	// requests never read theirs. Nil: none.
	Tries func() []Try
}

// Response judges the records of one response, in the order they are found.
// Not safe for concurrent use. Make one with Engine.Open.
type Response struct {
	engine   *Engine
	config   *Config
	visit    Visit
	step     rules.Step     // mask, cut or none
	sessions []rules.Digest // the principal's, and those that this response issues
	binding  rules.Binding
	open     []reservation
	loggedIn bool         // a login succeeded, or an account was created
	echoed   rules.Digest // the customer of whom it says nothing but what a checkout named, see echoes
	landing  landing
	landed   rules.Digest              // the session that landing is about
	owned    map[rules.Digest]struct{} // own subjects of this response; at most maxOwned
	shown    []rules.Identifier        // told to Commons already; at most maxShown
	answered bool                      // the response has carried records
	stranger bool                      // somebody else's among them, or perhaps
	others   []rules.Digest            // those; at most maxShownTo, and one more
	signalled
}

// signalled remembers what was signalled already: one signal of a kind for
// one response.
type signalled struct{ bulk, canary, unauthenticated, swap, issuance, baseline, site bool }

// Judgement is what Judge decides about one batch of records.
type Judgement struct {
	Verdict     rules.Verdict
	Disclosures []rules.Disclosure // one for each record, in order; to be made durable
	Signals     []rules.Signal
	Contained   bool // the session is contained from now on
	Commons     int  // identifiers that with this response have become everybody's
}

// Open begins a response. Sessions issued by its header are known from here.
func (e *Engine) Open(v Visit, now time.Time) *Response {
	r := &Response{engine: e, config: e.config.Load(), visit: v, sessions: []rules.Digest{v.Principal.Session}}
	if (v.Step == rules.StepMask || v.Step == rules.StepCut) && !v.Observe {
		r.step = v.Step
	}
	if v.Status == http.StatusOK && v.Route != "" {
		e.commons.Page(v.Route)
	}
	if len(v.Claim) > 0 && !v.Password && v.Status < http.StatusBadRequest {
		e.site.order(now)
	}
	r.issue(v.Issued, false, now)
	r.remember(now)
	r.rebind(now)
	return r
}

// issue notes sessions that the response issues; a login that succeeded binds
// them, and the session that logged in, to the claimed customer.
func (r *Response) issue(sessions []rules.Digest, loggedIn bool, now time.Time) {
	role := rules.RoleGuest
	if loggedIn && wide(r.visit.Wanted) {
		role = r.visit.Wanted
	}
	for _, session := range sessions {
		r.engine.bindings.Issue(session, role, now)
		r.sessions = append(r.sessions, session)
	}
	if !loggedIn {
		return
	}
	if role != rules.RoleGuest {
		r.raise(role, now)
	}
	if !r.loggedIn {
		r.engine.site.login(now)
	}
	r.loggedIn = true
	if len(r.visit.Claim) > 0 {
		r.bind(r.visit.Claim, true, now)
	}
	if r.visit.Account.IsZero() {
		return
	}
	for _, session := range r.sessions {
		if session != r.visit.Principal.Session || r.visit.Principal.Issued {
			r.engine.bindings.Login(session, r.visit.Account, now)
		}
	}
}

// LoggedIn says that the response shows that a login succeeded. Call it before
// the first Judge.
func (r *Response) LoggedIn(now time.Time) {
	if r.visit.Password {
		r.issue(nil, true, now)
	}
}

// raise gives the role of a login that succeeded to the session that logged
// in and to those that this response issues.
func (r *Response) raise(role rules.Role, now time.Time) {
	for _, session := range r.sessions {
		if session != r.visit.Principal.Session || r.visit.Principal.Issued {
			r.engine.bindings.Issue(session, role, now)
		}
	}
}

// Judge decides about the next records of the response. subjects is how many
// distinct subjects it carried so far, these included; tokens are sessions
// that its body issues. Call Commit or GiveBack after a verdict that passes.
//
// For a principal that is held by mask, what is not its own is withheld in a
// verdict that passes: the caller masks it. For one held by cut, it refuses.
func (r *Response) Judge(records []rules.Record, subjects int, tokens []rules.Digest, now time.Time) Judgement {
	if len(tokens) > 0 {
		r.issue(tokens, r.loggedIn, now)
	}
	r.learn(records, subjects, now)
	j := Judgement{Verdict: rules.Passed, Disclosures: make([]rules.Disclosure, len(records))}
	var foreign []rules.Digest
	for i := range records {
		own := r.ownership(&records[i])
		j.Disclosures[i] = rules.Disclosure{
			Time: now.UTC(), Exchange: r.visit.Exchange, Principal: r.visit.Principal, Route: r.visit.Route,
			Record: records[i], Ownership: own, State: rules.Unknown, Config: r.visit.Config,
		}
		r.engine.owners.Learn(&records[i])
		if own == rules.Unlinked && r.step == rules.StepNone && r.visit.Principal.Role == rules.RoleGuest && r.visit.Status == http.StatusOK {
			j.Commons += r.show(&records[i])
		}
		switch subject := records[i].Subject.Digest; {
		case own == rules.Own:
			r.count(subject)
		case !slices.Contains(foreign, subject):
			foreign = append(foreign, subject)
		}
	}
	r.canary(records, now, &j)
	if r.step != rules.StepNone && len(foreign) > 0 {
		r.withhold(&j, now)
		return j
	}
	r.unauthenticated(len(foreign), now, &j)
	r.bulk(subjects-len(r.owned), now, &j)
	if j.Verdict.Action == rules.Pass && len(foreign) > 0 {
		r.cap(foreign, now, &j)
	}
	r.swap(len(foreign), now, &j)
	r.issuance(len(foreign), now, &j)
	r.baseline(foreign, now, &j)
	r.machine(len(foreign), now, &j)
	r.shift(foreign, now, &j)
	r.counted(records, foreign, subjects, now, &j)
	r.stranger = r.stranger || len(foreign) > 0
	for _, subject := range foreign {
		r.others = note(r.others, subject, maxShownTo+1)
	}
	r.answered = r.answered || len(records) > 0
	if j.Verdict.Action == rules.Refuse {
		r.GiveBack() // a rule may refuse what the caps had room for
		for i := range j.Disclosures {
			j.Disclosures[i].State = rules.Withheld
		}
		if r.engine.contained.count(&r.visit.Principal, now) {
			r.held(&j, now)
		}
	}
	for i := range j.Signals {
		j.Contained = r.contain(&j.Signals[i], now) || j.Contained
	}
	return j
}

// maxOwned bounds the own subjects of one response that do not count towards
// its limit: an address book, not a list.
const maxOwned = 32

// held tells in the signals of a judgement that the session is contained for
// having been refused too often.
func (r *Response) held(j *Judgement, now time.Time) {
	j.Contained = true
	for i := range j.Signals {
		j.Signals[i].Step, j.Signals[i].Until = rules.StepRefuse, now.Add(containFor).UTC()
	}
}

// contain does to the principal what the signal's detector is configured to,
// and reports whether it is held harder from now on.
func (r *Response) contain(s *rules.Signal, now time.Time) bool {
	step := r.config.Contain[s.Detector]
	if step == rules.StepNone || s.Key == rules.KeySite || r.visit.Observe || r.config.observes(s.Detector) || !r.engine.contained.contain(&r.visit.Principal, step, now) {
		return false
	}
	s.Step, s.Until = step, now.Add(containFor).UTC()
	return true
}

// maxShown bounds the identifiers of one response that Commons is told of: what
// is shown to everybody stands in the head or the foot of a page, not in a list.
const maxShown = 8

// show tells Commons what a stranger is shown, each identifier once, and
// returns how many have become everybody's.
func (r *Response) show(record *rules.Record) (learnt int) {
	for _, id := range record.Identifiers {
		if len(r.shown) == maxShown || slices.Contains(r.shown, id) || slices.Contains(r.config.Canaries, id) {
			continue
		}
		r.shown = append(r.shown, id)
		if r.engine.commons.Show(id, r.visit.Route, &r.visit.Principal) {
			learnt++
		}
	}
	return learnt
}

// Known reports whether the session belongs to a known account.
func (r *Response) Known() bool { return !r.binding.Account.IsZero() }

// Told says that a list of orders, whose numbers the request did not name,
// shows them: what its account asks for of these orders is its own, unless
// somebody else is seen to own them. A response that shows somebody else tells
// nothing.
func (r *Response) Told(orders []rules.Identifier) {
	if r.Known() && !r.stranger && len(orders) > 0 {
		r.engine.owners.tell(r.binding.Account, orders)
	}
}

// End says that the response is over, and returns what its request's tries
// show. missed says that the platform answered it with nobody's record, where
// records are to be had. Call it once, after the last Judge.
func (r *Response) End(missed bool, now time.Time) []rules.Signal {
	p := &r.visit.Principal
	if p.Role != rules.RoleGuest && p.Role != rules.RoleShopper {
		return nil
	}
	if r.answered && !r.stranger {
		r.engine.misses.found(r.visit.Route, p.Session, ownRecord, now)
	}
	if !r.stranger && (r.answered || !missed) {
		return nil
	}
	if r.visit.Tries == nil {
		return nil
	}
	tries := r.visit.Tries()
	var signals []rules.Signal
	if missed && !r.answered {
		signals = r.missed(tries, now)
	}
	fresh := len(tries) > 0 && r.stranger && r.engine.tries.leads(p.Session, r.others, now)
	for i := range tries {
		t := r.engine.tries.note(p.Session, &tries[i], r.stranger, fresh, now)
		if !t.fresh {
			continue
		}
		detectors := []func(*trail, time.Time) (rules.Signal, bool){r.walk}
		if tries[i].Whole {
			detectors = []func(*trail, time.Time) (rules.Signal, bool){r.guess, r.everybody}
		}
		for _, detect := range detectors {
			if s, ok := detect(&t, now); ok {
				r.contain(&s, now)
				signals = append(signals, s)
			}
		}
	}
	return signals
}

// count notes an own subject of this response.
func (r *Response) count(subject rules.Digest) {
	if r.owned == nil {
		r.owned = make(map[rules.Digest]struct{})
	}
	if len(r.owned) < maxOwned {
		r.owned[subject] = struct{}{}
	}
}

// Commit makes the open reservations stand: their records are durable and
// about to be released.
func (r *Response) Commit() {
	for _, open := range r.open {
		r.engine.caps.commit(open)
	}
	r.open = r.open[:0]
}

// GiveBack takes the open reservations back: their records were not released.
func (r *Response) GiveBack() {
	for _, open := range r.open {
		r.engine.caps.giveBack(open)
	}
	r.open = r.open[:0]
}

// refuse turns a signal into the verdict, unless its detector or the route
// only observes.
func (r *Response) refuse(s *rules.Signal, v rules.Verdict, j *Judgement) {
	if r.visit.Observe || r.config.observes(s.Detector) {
		return
	}
	s.Refused = true
	j.Verdict = v
}

func (r *Response) signal(d rules.Detector, severity rules.Severity, now time.Time) rules.Signal {
	return rules.Signal{
		Detector: d, Severity: severity, Time: now.UTC(), Exchange: r.visit.Exchange,
		Principal: r.visit.Principal, Route: r.visit.Route,
	}
}
