//go:build unix

package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// people use the gateway, each as one connection that is kept.
type people struct {
	url, address string
	books        *books
	client       *http.Client
	faults       atomic.Bool // they abort, too
	done         atomic.Int64
	busy         atomic.Int64 // asked for while everybody was busy: not sent
	aborted      atomic.Int64

	mu     sync.Mutex
	status map[int]int64 // 0: no whole answer
	took   []time.Duration
}

func newPeople(url string, b *books) *people {
	return &people{
		url: url, address: strings.TrimPrefix(url, "http://"), books: b, status: make(map[int]int64),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: 2 * workers}, Timeout: 20 * time.Second},
	}
}

// workers is how many requests are under way at a time at most.
const workers = 64

// one does something that people do.
func (p *people) one(ctx context.Context) {
	n := rand.IntN(customers)
	shopper := []string{"Cookie", fmt.Sprintf("sid=session-of-visitor-%d", rand.IntN(sessions))}
	staff := []string{"X-Staff-Token", staffToken}
	switch dice := rand.IntN(100); {
	case dice < 45:
		p.get(ctx, fmt.Sprintf("/catalogue/%d", n), shopper)
	case dice < 70:
		p.get(ctx, fmt.Sprintf("/page/%d", n), shopper)
	case dice < 75:
		p.get(ctx, fmt.Sprintf("/visit/%d", rand.IntN(sessions)), nil)
	case dice < 80:
		p.do(ctx, http.MethodPost, "/basket", strings.NewReader("sku=T-1&amount=1"), shopper)
	case dice < 90:
		p.get(ctx, fmt.Sprintf("/orders/%d", n), staff)
	case dice < 96:
		p.get(ctx, fmt.Sprintf("/staff/list/%d", n), staff)
	case dice < 98 || !p.faults.Load():
		p.get(ctx, fmt.Sprintf("/staff/export/%d", n), staff)
	case dice < 99:
		p.abort(n)
	default:
		p.half()
	}
}

func (p *people) get(ctx context.Context, path string, header []string) {
	p.do(ctx, http.MethodGet, path, http.NoBody, header)
}

func (p *people) do(ctx context.Context, method, path string, body io.Reader, header []string) {
	if p.faults.Load() && rand.IntN(50) == 0 { // gives up at some time
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(30_000))*time.Microsecond)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, body)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	request.Header.Set("User-Agent", "soak/1.0")
	request.Header.Set("Accept", "*/*")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if header != nil {
		request.Header.Set(header[0], header[1])
	}
	began, status := time.Now(), 0
	if response, err := p.client.Do(request); err == nil {
		received, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		p.books.add(received)
		if err == nil {
			status = response.StatusCode
		}
	}
	p.note(status, time.Since(began))
}

func (p *people) note(status int, took time.Duration) {
	p.done.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status[status]++
	if p.took = append(p.took, took); len(p.took) > 200_000 {
		p.took = p.took[100_000:]
	}
}

// abort reads a part of an export and is gone; what it read counts.
func (p *people) abort(n int) {
	p.aborted.Add(1)
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = fmt.Fprintf(conn, "GET /staff/export/%d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: soak/1.0\r\nAccept: */*\r\nX-Staff-Token: %s\r\n\r\n", n, staffToken)
	received := make([]byte, 1000+rand.IntN(60_000))
	read, _ := io.ReadFull(conn, received)
	p.books.add(received[:read])
	if tcp, ok := conn.(*net.TCPConn); ok && n%2 == 0 {
		_ = tcp.SetLinger(0) // a reset, not an end
	}
}

// half sends a part of a request, ends its side, and reads what comes.
func (p *people) half() {
	p.aborted.Add(1)
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // a test's own
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "POST /basket HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: soak/1.0\r\nAccept: */*\r\nContent-Length: 1000\r\n\r\nsku=")
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, conn)
}

// closedLoop asks as fast as it can, and returns requests by second.
func (p *people) closedLoop(ctx context.Context, lasting time.Duration) float64 {
	ctx, cancel := context.WithTimeout(ctx, lasting)
	defer cancel()
	before, began := p.done.Load(), time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				p.one(context.WithoutCancel(ctx))
			}
		})
	}
	all.Wait()
	return float64(p.done.Load()-before) / time.Since(began).Seconds()
}

// paced asks so often by second until ctx ends. What nobody is free for is left
// out and counted: a queue would ask for more than the share when it empties.
func (p *people) paced(ctx context.Context, perSecond float64) {
	jobs := make(chan struct{})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range jobs {
				p.one(context.WithoutCancel(ctx))
			}
		})
	}
	const beat = 10 * time.Millisecond
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for owed, last := 0.0, time.Now(); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case now := <-ticker.C:
			owed += now.Sub(last).Seconds() * perSecond
			last = now
		}
		for ; owed >= 1; owed-- {
			select {
			case jobs <- struct{}{}:
			default:
				p.busy.Add(1)
			}
		}
	}
	close(jobs)
	all.Wait()
}
