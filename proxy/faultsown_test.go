package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ordergate/ordergate/metrics"
	"github.com/ordergate/ordergate/metrics/otlp"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// ownFaults are those of the gateway's own machine.
func ownFaults() []fault {
	one := map[rules.State]int{rules.Delivered: 1}
	var clock, countdown atomic.Int64
	full := &gauge{}
	begun, end := make(chan struct{}), make(chan struct{})
	files := &descriptors{}
	var spans *otlp.Traces
	return []fault{
		{
			name: "a panic, in any stage",
			setup: func(s *proxytest.Setup) {
				s.Now = func() time.Time {
					if countdown.Add(-1) == 0 {
						panic("a fault of ours, near " + proxytest.Email(1))
					}
					return time.Now()
				}
			},
			happen: func(w *proxytest.World) proxytest.Response {
				countdown.Store(3)
				return order(w)
			},
			want:  seen{status: 500, outcome: rules.ReasonPanic},
			note:  "The log line says the kind of panic, never its text. Behind the status line the answer is cut.",
			after: "whichever stage it is in, the client gets 500 or a closed connection, and the next request is served",
			afterwards: func(w *proxytest.World) error {
				for at := int64(1); at <= 20; at++ {
					countdown.Store(at)
					if got := order(w); got.Err == nil && got.StatusCode != http.StatusInternalServerError && got.StatusCode != http.StatusOK { // 200: behind the last byte, or no such reading
						return fmt.Errorf("at reading %d of the clock: %d", at, got.StatusCode)
					}
					countdown.Store(0)
					if err := served(w); err != nil {
						return err
					}
				}
				if strings.Contains(w.Log.String(), proxytest.Email(1)) {
					return errors.New("the log quotes what it choked on")
				}
				return nil
			},
		},
		{
			name: "the ledger's disk is full", happen: func(w *proxytest.World) proxytest.Response {
				w.Ledger.Fail(syscall.ENOSPC)
				return order(w)
			},
			want: seen{status: 503, outcome: rules.ReasonLedger}, note: "ledger.on_failure: refuse. A page without a record never waits for the ledger.",
			after: "served as soon as a row can be written", afterwards: func(w *proxytest.World) error {
				w.Ledger.Fail(nil)
				return served(w)
			},
		},
		{
			name: "the ledger's disk is full, and the policy is pass", setup: func(s *proxytest.Setup) { s.Policy.LedgerFailure = rules.Pass },
			happen: func(w *proxytest.World) proxytest.Response {
				w.Ledger.Fail(syscall.ENOSPC)
				return order(w)
			},
			want: seen{status: 200, outcome: rules.ReasonNone}, unrecorded: 1, note: "ledger.on_failure: pass gives the promise up: `ordergate_ledger_gap_total` counts what left so, and reports name the gap.",
		},
		{
			name: "the ledger stands still", setup: func(s *proxytest.Setup) { s.Policy.LedgerWait = 20 * time.Millisecond },
			happen: func(w *proxytest.World) proxytest.Response {
				release := w.Ledger.Block()
				defer release()
				return order(w)
			},
			want: seen{status: 503, outcome: rules.ReasonLedger}, note: "After ledger.wait. Caps are counted in memory, which cannot stand still.",
			after: "served", afterwards: served,
		},
		{
			name: "the clock steps an hour back", setup: func(s *proxytest.Setup) {
				clock.Store(0)
				s.Now = func() time.Time { return time.Now().Add(time.Duration(clock.Load())) }
			},
			happen: func(w *proxytest.World) proxytest.Response {
				for n := range 3 { // a guest's cap
					w.Get(fmt.Sprintf("/api/orders/%d", n))
					w.Observer.Next()
				}
				clock.Store(-int64(time.Hour))
				return order(w)
			},
			want: seen{status: 200, outcome: rules.ReasonNone, rows: one}, note: "Deadlines of sockets do not follow the wall clock.",
			after: "served, also a day ahead", afterwards: func(w *proxytest.World) error {
				clock.Store(int64(24 * time.Hour))
				return served(w)
			},
		},
		{
			name: "memory reaches its ceiling", setup: full.memory, happen: func(w *proxytest.World) proxytest.Response {
				full.reads(99, 1)
				return order(w)
			},
			want: seen{status: 503, outcome: rules.ReasonOverload}, note: "By steps, see limits.memory; `ordergate_shedding_step` says which.",
			after: "served once the memory is free for 5 s a step", afterwards: func(w *proxytest.World) error {
				for range 4 {
					full.reads(10, 6)
					w.Gateway.Memory()
				}
				return served(w)
			},
		},
		{
			name: "the collector of spans is gone", setup: func(s *proxytest.Setup) {
				spans = otlp.New(otlp.Config{
					Target: otlp.Target{Endpoint: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Sample: 1},
					Told:   func(metrics.SpanOutcome, int) {}, Failed: func(error) {},
				})
				s.Policy.Tracer = spans.Tracer()
			},
			happen: func(w *proxytest.World) proxytest.Response {
				w.Cleanup(func() { spans.Close(context.Background()) })
				return order(w)
			},
			want: seen{status: 200, outcome: rules.ReasonNone, rows: one},
			note: "No exchange waits for it; `ordergate_spans_total{outcome=\"failed\"}` counts what is lost, and `ordergate_spans_total{outcome=\"dropped\"}` what found no room to wait.",
		},
		{
			name: "all connections are taken, and none waits", setup: bounds(1, 1, nil), upstream: hanging(begun, end),
			happen: func(w *proxytest.World) proxytest.Response {
				answered := make(chan struct{})
				go func() {
					w.Get("/hang")
					close(answered)
				}()
				<-begun
				conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
				if err == nil {
					_, err = conn.Read(make([]byte, 1))
					_ = conn.Close()
				}
				close(end)
				<-answered
				return proxytest.Response{Response: &http.Response{}, Err: err}
			},
			want: seen{}, note: "`ordergate_connections_refused_total` counts it. Where one waits for a request, that one makes room.",
		},
		{
			name: "file descriptors run out", happen: func(w *proxytest.World) proxytest.Response {
				order(w) // the client's connection is there from now on
				w.Observer.Next()
				w.Upstream.CloseClientConnections()
				if err := files.exhaust(); err != nil {
					return proxytest.Response{Response: &http.Response{}, Err: err}
				}
				return order(w)
			},
			want: seen{status: 502, outcome: rules.ReasonUpstream, rows: one}, note: "The row is of the answer before. limits.connections keeps clear of it; new clients wait in the kernel, and a connection that waits for a request is closed for each.",
			after: "served", afterwards: func(w *proxytest.World) error {
				files.restore()
				return served(w)
			},
		},
	}
}

// descriptors takes all file descriptors of the process, and gives them back.
type descriptors struct {
	limit syscall.Rlimit
	files []*os.File
}

func (d *descriptors) exhaust() error {
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &d.limit); err != nil {
		return err
	}
	lower := d.limit
	lower.Cur = min(lower.Cur, 400)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		return err
	}
	// Connections that were closed give theirs back a moment later: these are taken, too.
	for settled := time.Now().Add(300 * time.Millisecond); time.Now().Before(settled); runtime.Gosched() {
		file, err := os.Open(os.DevNull)
		switch {
		case err == nil:
			d.files = append(d.files, file)
		case !errors.Is(err, syscall.EMFILE):
			return err
		}
	}
	return nil
}

func (d *descriptors) restore() {
	for _, file := range d.files {
		_ = file.Close()
	}
	d.files = nil
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &d.limit)
}

// clientFaults are those of clients.
func clientFaults() []fault {
	long := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: %s\n\n", proxytest.Person(1))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	const head = " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: t\r\nAccept: */*\r\n"
	return []fault{
		{
			name: "the client is gone inside the body", upstream: long, happen: func(w *proxytest.World) proxytest.Response {
				return raw(w, "GET /events"+head+"\r\n", func(c *net.TCPConn, r *bufio.Reader) {
					_, _ = r.Peek(300)
					_ = c.SetLinger(0)
					_ = c.Close()
				})
			},
			want: seen{status: 200, broken: true, outcome: rules.ReasonClientGone, rows: map[rules.State]int{rules.Unknown: 1}},
			note: "The platform's work is ended, too.",
		},
		{
			name: "the client ends its side behind its request", happen: func(w *proxytest.World) proxytest.Response {
				return raw(w, "GET /api/orders/1"+head+"\r\n", func(c *net.TCPConn, _ *bufio.Reader) { _ = c.CloseWrite() })
			},
			upstream: func(w http.ResponseWriter, r *http.Request) {
				select { // until the gateway knows
				case <-r.Context().Done():
				case <-time.After(5 * time.Second):
				}
				onePerson(w, r)
			},
			want: seen{status: 499, outcome: rules.ReasonClientGone}, note: "Taken for a client that is gone, as net/http does and most proxies do: the platform's work is ended.",
		},
		{
			name: "the client ends its side inside its request", happen: func(w *proxytest.World) proxytest.Response {
				return raw(w, "POST /basket"+head+"Content-Length: 100\r\n\r\nsku=", func(c *net.TCPConn, _ *bufio.Reader) { _ = c.CloseWrite() })
			},
			want: seen{status: 400, outcome: rules.ReasonClientGone}, note: "The platform never hears of it.",
		},
		{
			name: "the client stalls inside its request", setup: func(s *proxytest.Setup) { s.Timeouts.Read = 100 * time.Millisecond },
			happen: func(w *proxytest.World) proxytest.Response {
				return raw(w, "POST /basket"+head+"Content-Length: 100\r\n\r\nsku=", nil)
			},
			want: seen{status: 408, outcome: rules.ReasonClientGone}, note: "After timeouts.read. The platform never hears of it.",
		},
		{
			name: "the client stalls inside its header", setup: func(s *proxytest.Setup) { s.Timeouts.ReadHeader = 100 * time.Millisecond },
			happen: func(w *proxytest.World) proxytest.Response {
				return raw(w, "GET /products HTTP/1.1\r\nHost: sh", nil)
			},
			want: seen{}, note: "After timeouts.read_header.",
		},
	}
}

// raw writes bytes to the gateway, does as it likes, and reads what comes.
func raw(w *proxytest.World, bytes string, then func(*net.TCPConn, *bufio.Reader)) proxytest.Response {
	none := proxytest.Response{Response: &http.Response{}}
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		none.Err = err
		return none
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	reader := bufio.NewReader(conn)
	if _, none.Err = io.WriteString(conn, bytes); none.Err != nil {
		return none
	}
	if then != nil {
		then(conn.(*net.TCPConn), reader)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		none.Err = err
		return none
	}
	defer response.Body.Close() //nolint:errcheck // a test's own
	body, err := io.ReadAll(response.Body)
	return proxytest.Response{Response: response, Body: string(body), Err: err}
}
