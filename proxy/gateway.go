package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/contract"
	"github.com/ordergate/ordergate/rules/exfil"
)

// Ledger keeps disclosures. Append returns once they are durable; Finish says
// what became of the released ones, and never blocks.
type Ledger interface {
	Append(ctx context.Context, rows []rules.Disclosure) error
	Finish(exchange rules.ExchangeID, state rules.State)
}

// Observer is told what happens, for metrics and incidents. Its methods are
// called on the request path: they must be quick and safe for concurrent use.
type Observer interface {
	// Exchange is called once for every exchange, when it has finished.
	Exchange(s *Summary)
	// Signal is called when a detector finds something, before the response goes on.
	Signal(s *rules.Signal)
	// Disclosed is called with rows that were made durable; the slice is borrowed.
	Disclosed(rows []rules.Disclosure)
	// LedgerFailed is called with the number of rows that could not be made
	// durable, and whether policy lets their records go all the same.
	LedgerFailed(rows int, released bool)
}

// Config is what stays as it is until a restart.
type Config struct {
	Upstreams []Upstream
	Health    Health
	// UpstreamTLS is how TLS is made to upstreams whose URL is https; nil: with the
	// machine's authorities, and without a certificate of our own.
	UpstreamTLS *UpstreamTLS
	// Groups serve what is not Upstreams'; the first that fits gets a request.
	Groups   []Group
	Timeouts Timeouts
	Hasher   *rules.Hasher // cloned for exchanges
	Engine   *exfil.Engine
	Ledger   Ledger
	Observer Observer
	Log      *slog.Logger
	// Callout tells the platform of sessions that are held; nil: nobody does.
	Callout *Callout
	Memory  Memory
	// Carried are routes that carried records in an earlier run, at most MaxCarried
	// of them: what is missed on them is a guess from the first request on.
	Carried []string
	// Access gets a line for each exchange; nil: nobody does.
	Access *AccessLog
	// Now is what decisions take for the time; nil: time.Now. Deadlines of
	// connections are the machine's own time always.
	Now func() time.Time
	// Wait is how the request of a slowed principal waits; nil: by a timer. An
	// error means that the client is gone.
	Wait func(ctx context.Context, delay time.Duration) error
}

// Gateway is the handler in front of the order platform. Safe for concurrent
// use. Make one with New.
type Gateway struct {
	policy    atomic.Pointer[Policy]
	hashers   sync.Pool // of *rules.Hasher
	engine    *exfil.Engine
	ledger    Ledger
	observer  Observer
	log       *slog.Logger
	callout   *Callout
	access    *AccessLog
	now       func() time.Time
	wait      func(ctx context.Context, delay time.Duration) error
	timeouts  Timeouts
	routes    *recordRoutes
	exposures contract.Exposures // fields of answers that no document declares
	rates     *rates
	groups    *groups
	memory    *memory
	proxy     *httputil.ReverseProxy
	pool      *bufferPool
	slowed    chan struct{} // a token for each request of a slowed principal that waits
	heavy     chan struct{} // a token for each large body that the WAF may read at a time
}

// maxSlowed is how many requests of slowed principals wait at a time.
const maxSlowed = 256

// New returns a gateway with a first policy.
func New(config *Config, policy *Policy) (*Gateway, error) {
	if len(config.Upstreams) == 0 {
		return nil, errors.New("no upstream: name the order platform's URL")
	}
	g := &Gateway{
		engine: config.Engine, ledger: config.Ledger, observer: config.Observer,
		log: config.Log, callout: config.Callout, access: config.Access, now: config.Now, timeouts: config.Timeouts.withDefaults(), routes: newRecordRoutes(), pool: &bufferPool{},
		slowed: make(chan struct{}, maxSlowed),
		heavy:  make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1)),
	}
	hasher := config.Hasher
	g.hashers.New = func() any { return hasher.Clone() }
	if g.now == nil {
		g.now = time.Now
	}
	if g.wait = config.Wait; g.wait == nil {
		g.wait = wait
	}
	for _, route := range config.Carried {
		g.routes.add(route)
	}
	g.rates = newRates()
	g.groups = g.newGroups(config)
	g.memory = newMemory(config.Memory)
	g.proxy = g.reverseProxy()
	g.Reload(policy)
	return g, nil
}

// Reload replaces the policy of all later exchanges, atomically.
func (g *Gateway) Reload(policy *Policy) {
	given := *policy // it is the caller's, and may be given to several gateways
	given.words = given.declared(g.groups)
	g.policy.Store(&given)
}

// Trusts reports whether an address is a trusted proxy's: many clients stand behind it.
func (g *Gateway) Trusts(addr netip.Addr) bool { return g.policy.Load().trusts(addr) }

// Close ends the health checks and releases idle upstream connections.
func (g *Gateway) Close() { g.groups.close() }

// Upstreams says how the platform's servers do, and how many requests were sent
// to a second one since the start.
func (g *Gateway) Upstreams() (states []UpstreamState, retries uint64) {
	for _, each := range g.groups.all() {
		for _, state := range each.states() {
			if each.name != "" {
				state.Name = each.name + " " + state.Name
			}
			states = append(states, state)
		}
		retries += each.retries.Load()
	}
	return states, retries
}

func (g *Gateway) newGroups(config *Config) *groups {
	made := &groups{fallback: &group{backends: newBackends(config.Upstreams, g.transport(config.UpstreamTLS), config.Health, config.Log)}}
	for _, c := range config.Groups {
		made.named = append(made.named, &group{
			name: c.Name, hosts: c.Hosts, paths: c.Paths, backends: newBackends(c.Servers, g.transport(c.TLS), c.Health, config.Log),
		})
	}
	return made
}

// ServeHTTP serves one exchange.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.begin(w, r)
	defer func() {
		cause := recover()
		if cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // the value net/http panics with
			x.died(w, cause)
			if x.answered {
				cause = http.ErrAbortHandler // nothing clean can follow: cut the connection
			} else {
				cause = nil
			}
		}
		x.finish(cause == nil)
		if cause != nil {
			panic(cause)
		}
	}()
	if v := x.admit(w, r); v.Action == rules.Refuse {
		x.refuse(w, v)
		return
	}
	// The request is read: its deadline must not end a long download, which
	// net/http takes for a client that is gone. The next request gets its own.
	_ = x.control.SetReadDeadline(time.Time{}) // a connection without deadlines has none to lift
	defer x.endSocket()
	g.proxy.ServeHTTP(w, x.outgoing(r))
}

func (g *Gateway) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{
		gateway: g, policy: g.policy.Load(), control: http.NewResponseController(w),
		start: g.now(), method: r.Method, path: withoutParameters(r.URL.Path),
		proto: r.Proto,
	}
	x.hasher, _ = g.hashers.Get().(*rules.Hasher) // New makes no other
	parent := readTraceParent(r.Header["Traceparent"])
	x.trace = parent.trace
	rand.Read(x.id[:]) // never fails (crypto/rand, Go 1.24)
	x.Reason = rules.ReasonNone
	if f, ok := r.Context().Value(framingKey{}).(*framing); ok && r.ProtoMajor == 1 {
		x.framing, x.request = f, f.next()
	}
	x.directed(r)
	x.rule = x.policy.routeOf(x.group.name, r.Method, r.URL.Path)
	if x.route = x.rule.Template; x.route == "" {
		x.route = x.template()
	}
	x.beginSpan(r, parent)
	return x
}

// died is the policy for a fault of ours: this exchange dies, the process
// lives, and the fault is told.
func (x *exchange) died(w http.ResponseWriter, cause any) {
	x.gateway.log.Error("exchange died", "exchange", x.id.String(), "route", x.route, "cause", describePanic(cause))
	if x.answered {
		x.Reason = rules.ReasonPanic
		return
	}
	x.refuse(w, rules.Verdict{Action: rules.Refuse, Reason: rules.ReasonPanic, Status: http.StatusInternalServerError})
}
