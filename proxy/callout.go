package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// CalloutConfig says how the platform is told that a principal is held, so that it
// can end the session itself.
type CalloutConfig struct {
	URL     string        // what is sent the POST; redirects are not followed
	Header  string        // that carries Secret; empty: Authorization
	Secret  string        // its value; empty: no header
	Timeout time.Duration // of one attempt
	Steps   []rules.Step  // by which a principal must be held to be told of
	Release bool          // tell that principals were let go, too
	// Credential also tells the session or token itself, which the platform can use
	// and this gateway's digest of it cannot be turned into. It is taken from the next
	// request of a session that is held: it is in memory until it is sent or given
	// up, and nowhere else.
	Credential bool
	// Done is told what became of an event; nil: nobody is.
	Done func(rules.CalloutOutcome)
	Log  *slog.Logger
	// Backoff is how long the first repetition waits, each next one twice as long;
	// 0 means a second.
	Backoff time.Duration
}

// CalloutEvent is what the platform is told, as JSON. Digests are this gateway's
// own: they join events, rows of the ledger and incidents.
type CalloutEvent struct {
	Event    string         `json:"event"` // contained, released, or seen: a request of a held session
	Step     rules.Step     `json:"step"`
	Incident string         `json:"incident,omitempty"`
	Sessions []rules.Digest `json:"sessions"`
	Accounts []rules.Digest `json:"accounts,omitempty"`
	Until    time.Time      `json:"until,omitzero"`
	Person   bool           `json:"person"` // a person ordered it
	// Credential is the session itself, in events of kind seen only.
	Credential string `json:"credential,omitempty"`
}

const (
	maxCallouts     = 256 // events that wait
	maxAttempts     = 5   // of one event: with a second of backoff, over half a minute
	maxSeenSessions = 4096
	defaultBackoff  = time.Second
)

// Callout tells the platform of containments: one event after the other, in the
// background. Tell never waits. Safe for concurrent use. Make one with NewCallout,
// end it with Close.
type Callout struct {
	config CalloutConfig
	client *http.Client
	queue  chan []byte
	ended  context.Context // done when Close gives up
	stop   context.CancelFunc
	done   chan struct{} // closed when the worker has ended

	mu     sync.Mutex
	closed bool
	seen   *simplelru.LRU[rules.Digest, rules.Step] // sessions whose credential was told, and for which step
}

// NewCallout starts a callout. The config must be valid: deploy/config checks it.
func NewCallout(config CalloutConfig) *Callout {
	if config.Header == "" {
		config.Header = "Authorization"
	}
	if config.Backoff <= 0 {
		config.Backoff = defaultBackoff
	}
	seen, err := simplelru.NewLRU[rules.Digest, rules.Step](maxSeenSessions, nil)
	if err != nil {
		panic("BUG: simplelru refuses a positive size: " + err.Error())
	}
	c := &Callout{
		config: config, queue: make(chan []byte, maxCallouts), done: make(chan struct{}), seen: seen,
		client: &http.Client{
			Timeout: config.Timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.ended, c.stop = context.WithCancel(context.Background())
	go c.work()
	return c
}

// Incident tells what holds the principals of an incident, or that nothing does
// any more. A nil Callout tells nobody.
func (c *Callout) Incident(in *rules.Incident) {
	if c == nil {
		return
	}
	e := CalloutEvent{Event: "released", Incident: in.ID}
	if held := in.Containment; held != nil {
		if !slices.Contains(c.config.Steps, held.Step) {
			return
		}
		e.Event, e.Step, e.Until, e.Person = "contained", held.Step, held.Until, held.Person
	} else if !c.config.Release {
		return
	}
	if !in.Session.IsZero() {
		e.Sessions = append(e.Sessions, in.Session)
	}
	if !in.Account.IsZero() && (in.Containment == nil || in.Containment.Step == rules.StepRevoke) {
		e.Accounts = append(e.Accounts, in.Account)
	}
	if in.Containment == nil || in.Containment.Linked {
		for _, l := range in.Linked {
			e.Sessions = append(e.Sessions, l.Session)
		}
	}
	if e.Event == "released" {
		c.forget(e.Sessions)
	}
	c.tell(&e)
}

// present tells the credential of a session that is held and has sent a request,
// once for each session and step.
func (c *Callout) present(p *rules.Principal, step rules.Step, credential string) {
	if c == nil || !c.config.Credential || credential == "" || !slices.Contains(c.config.Steps, step) {
		return
	}
	c.mu.Lock()
	told, again := c.seen.Get(p.Session)
	c.seen.Add(p.Session, step)
	c.mu.Unlock()
	if again && told == step {
		return
	}
	e := CalloutEvent{Event: "seen", Step: step, Sessions: []rules.Digest{p.Session}, Credential: credential}
	if !p.Account.IsZero() {
		e.Accounts = []rules.Digest{p.Account}
	}
	c.tell(&e)
}

// wants reports whether requests' credentials are needed.
func (c *Callout) wants() bool { return c != nil && c.config.Credential }

func (c *Callout) forget(sessions []rules.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range sessions {
		c.seen.Remove(s)
	}
}

// tell puts an event into the queue, or drops it.
func (c *Callout) tell(e *CalloutEvent) {
	body, err := json.Marshal(e)
	if err != nil {
		return // strings, digests and times: it cannot
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		select {
		case c.queue <- body:
			return
		default:
		}
	}
	c.outcome(rules.CalloutDropped)
}

// work sends events until the queue is closed.
func (c *Callout) work() {
	defer close(c.done)
	for body := range c.queue {
		c.outcome(c.deliver(body))
		clear(body) // it may hold a credential
	}
}

// deliver sends one event, again after a failure that may pass.
func (c *Callout) deliver(body []byte) rules.CalloutOutcome {
	delay := c.config.Backoff
	for attempt := 1; ; attempt++ {
		err := c.post(body)
		switch {
		case err == nil:
			return rules.CalloutDelivered
		case c.ended.Err() != nil:
			return rules.CalloutDropped
		}
		final := errors.Is(err, errRefused) || attempt == maxAttempts
		c.config.Log.Warn("callout failed", "attempt", attempt, "given_up", final, "err", err)
		if final {
			return rules.CalloutFailed
		}
		if wait(c.ended, delay) != nil {
			return rules.CalloutDropped
		}
		delay *= 2
	}
}

// errRefused is an answer that the same event will always get.
var errRefused = errors.New("the platform refused it")

func (c *Callout) post(body []byte) error {
	request, err := http.NewRequestWithContext(c.ended, http.MethodPost, c.config.URL, bytes.NewReader(body))
	if err != nil {
		return errRefused // the URL was checked: it cannot be
	}
	request.Header.Set("Content-Type", "application/json")
	if c.config.Secret != "" {
		request.Header.Set(c.config.Header, c.config.Secret)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err //nolint:wrapcheck // says it all: method, URL and what failed
	}
	defer response.Body.Close()                                      //nolint:errcheck // nothing was written
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10)) // so that the connection can be used again
	switch s := response.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s >= 300 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusTooManyRequests:
		return fmt.Errorf("status %d: %w", s, errRefused)
	default:
		return fmt.Errorf("status %d", s)
	}
}

func (c *Callout) outcome(o rules.CalloutOutcome) {
	if c.config.Done != nil {
		c.config.Done(o)
	}
}

// Close sends what waits, until ctx ends; what is left is dropped, and counted.
// A nil Callout has nothing to close.
func (c *Callout) Close(ctx context.Context) {
	if c == nil {
		return
	}
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	c.stop()
	<-c.done
	c.client.CloseIdleConnections()
}
