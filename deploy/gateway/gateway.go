package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sealed"
	"github.com/ordergate/ordergate/metrics/otlp"
	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/waf"
)

// Gateway is one running gateway. Make one with Start, end it with Stop.
type Gateway struct {
	draining atomic.Bool // Stop was called: readyz fails

	config      config.Config
	hasher      *rules.Hasher
	keys        keys
	log         *slog.Logger
	store       store          // nil: none is open
	sealed      *sealed.Keeper // nil: no readable identifiers are kept
	ledger      *ledger.Ledger
	notary      *ledger.Notary
	engine      *exfil.Engine
	history     *history            // what its detectors remember, in data_dir
	carried     map[string]struct{} // routes of the rows that were restored; nil once it serves
	metrics     *metrics.Metrics
	watch       *watch
	access      *proxy.AccessLog // nil: there is none
	callout     *proxy.Callout   // nil: the platform is not told of containments
	proxy       *proxy.Gateway
	server      *proxy.Server
	secure      *proxy.Server // with TLS; nil: none ends here
	quic        *proxy.HTTP3  // nil: HTTP/3 is not served
	tls         *proxy.TLS
	acme        *proxy.ACME          // nil: no certificates from an authority
	platform    []*proxy.UpstreamTLS // certificates that the platform is shown, by group
	reloading   sync.Mutex           // guards asn, rules, traces and tracing
	asn         *proxy.ASN           // nil: no database
	rules       *waf.Engine          // of the policy
	traces      *otlp.Traces         // nil: tracing was never on
	tracing     bool                 // it is on
	admin       *proxy.Server
	connections *proxy.Connections
	unbound     func() // takes the memory limit back; nil: there is none of ours
	warm        time.Time
	now         func() time.Time
	options     Options
	serving     *errgroup.Group
	ended       context.Context // done when serving has ended, of itself or by Stop
	stop        context.CancelFunc
	kept        chan struct{} // closed when keep has ended
}

// warmUp is how long a gateway with an empty ledger learns which sessions are
// in use before unissued ones of an address are counted together.
const warmUp = 24 * time.Hour

// Options are what a gateway is told beyond its config. Log is needed.
type Options struct {
	Version string // of the program, for the metrics
	Log     *slog.Logger

	// Now is what the deciding code takes for the time; nil means time.Now.
	// Sockets keep the machine's own. Drills compress days with it.
	Now func() time.Time
	// Wait is how a slowed principal's request waits; nil means a timer.
	Wait func(ctx context.Context, delay time.Duration) error
	// Store is what the ledger writes through instead of the store itself, which it
	// is given; nil: nothing. Soaks let it stall.
	Store func(ledger.Store) ledger.Store
	// Stdout is where an access log to standard output goes; nil: nowhere.
	Stdout io.Writer
	// Sockets are open already; where one is missing its address is opened.
	Sockets Sockets
	// Finished is called when an exchange is over and everything about it has
	// been told; nil: nobody is. It is called on the request path.
	Finished func()
}

// Start opens the ledger, rebuilds the caps from it, and serves. An error has
// released everything and says what to do.
func Start(ctx context.Context, cfg config.Config, options Options) (*Gateway, error) {
	g := &Gateway{config: cfg, log: options.Log, kept: make(chan struct{}), now: options.Now, options: options}
	if g.now == nil {
		g.now = time.Now
	}
	if err := g.start(ctx, options.Version); err != nil {
		return nil, errors.Join(err, g.release(ctx))
	}
	return g, nil
}

func (g *Gateway) start(ctx context.Context, version string) error {
	cfg := g.config
	if err := g.openKeys(); err != nil {
		return err
	}
	signer, err := ledger.LoadOrCreateSigner(cfg.DataDir)
	if err != nil {
		return fmt.Errorf("opening the checkpoint key: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if g.metrics, err = metrics.New(registry); err != nil {
		return fmt.Errorf("registering the metrics: %w", err)
	}
	g.metrics.Build(version)
	if err := g.openStore(ctx, signer); err != nil {
		return err
	}
	for _, warning := range g.store.Warnings() {
		g.log.Warn("ledger", "found", warning)
	}
	g.metrics.LedgerGap(int(g.store.Lost()))
	if err := g.openSealed(); err != nil {
		return err
	}
	var kept ledger.Store = g.store
	if g.options.Store != nil {
		kept = g.options.Store(kept)
	}
	g.ledger = ledger.New(kept, ledger.Options{Observe: g.ledgerObserver()})
	g.notary = ledger.NewNotary(g.store, signer, g.notaryOptions())
	if err := g.restore(ctx); err != nil {
		return err
	}
	if err := g.open(registry); err != nil {
		return err
	}
	g.serve()
	if g.acme == nil {
		return nil
	}
	return g.acme.Manage(g.Addr(), g.TLSAddr()) //nolint:wrapcheck // says it all
}

// open compiles the WAF and opens the listeners.
func (g *Gateway) open(registry *prometheus.Registry) error {
	engine, err := g.wall(&g.config)
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	g.setRules(engine)
	debug.FreeOSMemory() // compiling the rules took as much again as they keep
	g.metrics.SetRules(engine.RuleIDs())
	g.metrics.Source(g.snapshot)
	g.metrics.ConfigLoaded(true, time.Now())
	g.watch = newWatch(g)
	if callout, told := g.config.Callout(); told {
		callout.Log, callout.Done = g.log, g.metrics.Callout
		g.callout = proxy.NewCallout(callout)
	}
	asn, err := g.config.OpenASN()
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	g.setASN(asn)
	if err := g.openAccessLog(); err != nil {
		return err
	}
	if err := g.openTracing(); err != nil {
		return err
	}
	upstreamTLS, groups, err := g.openPlatform()
	if err != nil {
		return err
	}
	contracts, err := g.config.OpenContracts()
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	carried := slices.Collect(maps.Keys(g.carried))
	g.carried = nil
	g.proxy, err = proxy.New(&proxy.Config{
		Upstreams: g.config.Servers(), Health: g.config.UpstreamHealth(), UpstreamTLS: upstreamTLS, Groups: groups, Timeouts: g.config.ProxyTimeouts(), Hasher: g.hasher,
		Engine: g.engine, Ledger: g.ledger, Observer: g.watch, Log: g.log, Callout: g.callout, Access: g.access, Carried: carried, Memory: g.bound(), Now: g.now, Wait: g.options.Wait,
	}, g.policy(&g.config, engine, contracts))
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	admin := &proxy.Admin{
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}),
		Ready:   g.ready, Token: g.config.AdminToken.Reveal(), Incidents: g.watch,
	}
	server := proxy.ServerConfig{Timeouts: g.config.ProxyTimeouts(), MaxHeader: int(g.config.Limits.RequestHeaders), Log: g.log}
	clients := server
	clients.ProxyProtocol, clients.Connections = g.config.ProxyProtocol, g.connections
	if err := g.openACME(); err != nil {
		return err
	}
	var handler http.Handler = g.proxy
	if g.acme != nil {
		handler = g.acme.Solving(handler)
	}
	clients.Listener, server.Listener = g.options.Sockets.Listen, g.options.Sockets.Admin
	if g.server, err = proxy.Listen(g.config.Listen, handler, clients); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	if g.admin, err = proxy.Listen(g.config.Admin, admin.Handler(), server); err != nil {
		return err //nolint:wrapcheck // says it all
	}
	return g.openTLS(clients)
}

// wall compiles the WAF of a config, and says when there is no clearance.
func (g *Gateway) wall(cfg *config.Config) (*waf.Engine, error) {
	c := cfg.WAFConfig()
	c.Proved = g.proved
	engine, err := waf.New(c)
	if err != nil {
		return nil, err //nolint:wrapcheck // says it all
	}
	if off := engine.Account().Off; len(off) > 0 {
		g.log.Warn("the WAF judges every exchange by all rules: clearance is off", "reasons", off)
	}
	return engine, nil
}

// proved counts what Coraza's own rule set said of an exchange that was judged by
// less.
func (g *Gateway) proved(p waf.Proof) {
	switch {
	case p.Err != nil:
		g.metrics.Clearance(metrics.ClearanceUnproven)
		g.log.Warn("an exchange could not be judged again", "err", p.Err)
	case p.Agreed:
		g.metrics.Clearance(metrics.ClearanceConfirmed)
	default:
		g.metrics.Clearance(metrics.ClearanceRefuted)
		g.log.Error("clearance was wrong, and is off until the next reload", "rules", p.Rules)
	}
}

// policy is the config's, with what this process has learnt of identifiers that
// are shown to everybody.
func (g *Gateway) policy(cfg *config.Config, engine *waf.Engine, contracts []proxy.Contract) *proxy.Policy {
	policy := cfg.Policy(g.hasher, engine)
	policy.Records.Common = g.engine.Commons().Has
	policy.ASN, policy.Contracts, policy.Tracer = g.operators(), contracts, g.tracer()
	return policy
}

func (g *Gateway) serve() {
	keep, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.serving, g.ended = errgroup.WithContext(context.Background())
	g.serving.Go(g.server.Serve)
	g.serving.Go(g.admin.Serve)
	if g.secure != nil {
		g.serving.Go(g.secure.Serve)
	}
	if g.quic != nil {
		g.serving.Go(g.quic.Serve)
	}
	go g.keep(keep)
	g.log.Info("serving", "listen", g.Addr(), "tls", g.TLSAddr(), "admin", g.AdminAddr(), "mode", g.config.Mode.String(), "config", g.config.Digest())
}

// Addr is the address that clients connect to.
func (g *Gateway) Addr() string { return g.server.Addr() }

// AdminAddr is the address of the metrics and health checks.
func (g *Gateway) AdminAddr() string { return g.admin.Addr() }

// Ended is closed when a listener has failed; Stop says why.
func (g *Gateway) Ended() <-chan struct{} { return g.ended.Done() }

// Reload takes a new config over, atomically. On an error the old one stays
// and ordergate_config_last_reload_successful is 0. What belongs to the
// process (upstream, addresses, data_dir, timeouts) needs a restart: it is
// told, and keeps its value.
func (g *Gateway) Reload(load func() (config.Config, error)) error {
	cfg, err := load()
	var keys map[string]ledger.Key
	var ring *ledger.Keyring
	if err == nil {
		keys, ring, err = g.readKeys(cfg.TenantNames())
	}
	var engine *waf.Engine
	if err == nil {
		engine, err = g.wall(&cfg)
	}
	var counted []exfil.Rule
	if err == nil {
		counted, err = cfg.RuleFiles()
	}
	var asn *proxy.ASN
	if err == nil {
		asn, err = cfg.OpenASN()
	}
	var contracts []proxy.Contract
	if err == nil {
		contracts, err = cfg.OpenContracts()
	}
	var target otlp.Target
	traced := false
	if err == nil {
		target, traced, err = cfg.OpenTracing()
	}
	if err == nil {
		err = g.reloadTLS(&cfg) // last: what it takes over cannot be taken back
	}
	g.metrics.ConfigLoaded(err == nil, time.Now())
	if err != nil {
		if engine != nil {
			err = errors.Join(err, engine.Close())
		}
		return fmt.Errorf("the old config stays: %w", err)
	}
	for _, name := range fixed(&g.config, &cfg) {
		g.log.Warn("this setting changes at the next restart only", "setting", name)
	}
	if err := g.rekey(context.Background(), keys, ring, cfg.TenantNames()); err != nil {
		g.log.Error("the ledger key before goes on", "err", err) // the next look at the file tries again
	}
	g.setASN(asn)
	g.aim(target, traced)
	g.metrics.SetRules(engine.RuleIDs())
	exfilConfig := cfg.Exfil(g.hasher)
	exfilConfig.WarmUntil, exfilConfig.Started, exfilConfig.Rules = g.warm, g.started(), counted
	g.engine.Configure(exfilConfig)
	g.proxy.Reload(g.policy(&cfg, engine, contracts))
	old := g.setRules(engine)
	g.log.Info("config reloaded", "config", cfg.Digest())
	return old.Close() //nolint:wrapcheck // it fails never
}

// setRules notes the compiled rules and returns those before.
func (g *Gateway) setRules(engine *waf.Engine) (before *waf.Engine) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	before, g.rules = g.rules, engine
	return before
}

// Stop drains the listeners, writes what is left and closes the ledger, within
// ctx. It may be called once.
func (g *Gateway) Stop(ctx context.Context) error {
	return g.release(ctx)
}

// release ends what has been started, in the reverse order.
func (g *Gateway) release(ctx context.Context) error {
	var errs []error
	g.draining.Store(true) // before a listener closes
	errs = append(errs, g.drain(ctx))
	if g.stop != nil {
		g.stop()
		<-g.kept
	}
	if g.admin != nil {
		errs = append(errs, g.admin.Shutdown(ctx))
	}
	if g.serving != nil {
		errs = append(errs, g.serving.Wait())
	}
	g.acme.Close()
	if g.proxy != nil {
		g.proxy.Close()
	}
	if rules := g.setRules(nil); rules != nil {
		errs = append(errs, rules.Close())
	}
	g.callout.Close(ctx)
	errs = append(errs, g.access.Close(ctx))
	g.sealed.Close()
	if g.ledger != nil {
		errs = append(errs, g.ledger.Close(ctx))
	}
	if g.notary != nil {
		errs = append(errs, g.notary.Close(ctx))
	}
	if g.store != nil {
		errs = append(errs, g.store.Close())
	}
	g.endTracing(ctx) // last: evidence does not wait for it
	if g.unbound != nil {
		g.unbound()
	}
	return errors.Join(errs...)
}

// drain ends the listeners for clients, beside each other: each may take the
// whole drain time.
func (g *Gateway) drain(ctx context.Context) error {
	var draining errgroup.Group
	for _, server := range []*proxy.Server{g.server, g.secure} {
		if server != nil {
			draining.Go(func() error { return server.Shutdown(ctx) })
		}
	}
	if g.quic != nil {
		draining.Go(func() error { return g.quic.Shutdown(ctx) })
	}
	return draining.Wait() //nolint:wrapcheck // says it all
}

// fixed names the settings that differ and cannot change while the process runs.
func fixed(old, now *config.Config) []string {
	var names []string
	for name, same := range map[string]bool{
		"listen": old.Listen == now.Listen, "admin": old.Admin == now.Admin, "data_dir": old.DataDir == now.DataDir,
		"upstream": fmt.Sprint(old.Upstream) == fmt.Sprint(now.Upstream), "timeouts": old.Timeouts == now.Timeouts,
		"ledger.store":                   old.Ledger.Store == now.Ledger.Store && old.Ledger.Spool == now.Ledger.Spool,
		"ledger.identifiers":             old.Ledger.Identifiers == now.Ledger.Identifiers,
		"ledger.durability":              old.Ledger.Durability == now.Ledger.Durability,
		"ledger.checkpoints":             old.Ledger.Checkpoints == now.Ledger.Checkpoints,
		"access_log":                     old.AccessLog == now.AccessLog,
		"health":                         old.Health == now.Health,
		"upstreams":                      reflect.DeepEqual(old.Upstreams, now.Upstreams),
		"upstream_tls":                   old.UpstreamTLS == now.UpstreamTLS,
		"proxy_protocol":                 slices.Equal(old.ProxyProtocol, now.ProxyProtocol),
		"tls.listen":                     old.TLS.Listen == now.TLS.Listen,
		"tls.acme":                       reflect.DeepEqual(old.TLS.ACME, now.TLS.ACME),
		"tls.http3":                      old.TLS.HTTP3 == now.TLS.HTTP3,
		"tls.certificates":               old.TLS.On() == now.TLS.On(), // whether there are any: others are taken over
		"limits.memory":                  old.Limits.Memory == now.Limits.Memory,
		"limits.connections":             old.Limits.Connections == now.Limits.Connections,
		"limits.connections_per_address": old.Limits.ConnectionsPerAddress == now.Limits.ConnectionsPerAddress,
		"limits.principals":              old.Limits.Principals == now.Limits.Principals,
		"containment.callout":            reflect.DeepEqual(old.Containment.Callout, now.Containment.Callout),
	} {
		if !same {
			names = append(names, name)
		}
	}
	return names
}
