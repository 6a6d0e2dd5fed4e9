//go:build unix

package soak

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// customers is how many people the platform knows; sessions how many log in.
const (
	customers = 5000
	sessions  = 200
)

func email(n int) string { return fmt.Sprintf("marieke.%d@example.net", n) }

func person(n int) string {
	return fmt.Sprintf(`{"id":"C-%05d","name":"Marieke Janssen","email":"%s","phone":"+31 6 1200 %04d","street":"Lindenlaan %d","postcode":"1012 AB","city":"Utrecht"}`,
		n, email(n), n, n)
}

// trouble is what is wrong with the platform now.
type trouble int32

const (
	well trouble = iota
	storm
	slow
	troubles
)

// platform is an order platform that fails as it is told, and now and then by
// itself once it may.
type platform struct {
	now    atomic.Int32 // trouble
	random atomic.Bool  // one response in forty breaks off
	resets atomic.Int64
}

// goods are n items of the catalogue.
func goods(n int) string {
	const item = `{"sku":"T-1","name":"Teapot","price":2495,"text":"a pot for tea, of stoneware"}`
	return `{"items":[` + strings.Repeat(item+",", n-1) + item + `]}`
}

var (
	catalogue = goods(100)
	items     = goods(20)
	page      = "<!doctype html><html><body>" + strings.Repeat(`<li class="product"><a href="/p/1">Teapot</a> <span>24.95</span></li>`, 150) + "</body></html>"
)

// ServeHTTP implements http.Handler.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch trouble(p.now.Load()) {
	case storm:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "<html>Traceback (most recent call last)</html>")
		return
	case slow:
		select {
		case <-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond): // some of them longer than the gateway waits
		case <-r.Context().Done():
			return
		}
	case well, troubles:
	}
	number, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	breaks := p.random.Load() && rand.IntN(40) == 0
	kind, body := "application/json", catalogue
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/page/"):
		kind, body = "text/html; charset=utf-8", page
	case strings.HasPrefix(path, "/visit/"):
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: fmt.Sprintf("session-of-visitor-%d", number)})
		body = "{}"
	case strings.HasPrefix(path, "/orders/"):
		body = fmt.Sprintf(`{"order":%d,"total":2495,"customer":%s}`, 100000+number, person(number))
	case strings.HasPrefix(path, "/staff/list/"):
		var list []string
		for i := range 20 {
			list = append(list, person((number+i)%customers))
		}
		body = `{"customers":[` + strings.Join(list, ",") + `]}`
	case strings.HasPrefix(path, "/staff/export/"):
		p.export(w, r, number, breaks)
		return
	}
	w.Header().Set("Content-Type", kind)
	if breaks {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1000)) // a lie
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		p.reset()
	}
	_, _ = io.WriteString(w, body)
}

// export streams 60 customers, between catalogue items that make it longer than
// what is decided before the status line.
func (p *platform) export(w http.ResponseWriter, r *http.Request, from int, breaks bool) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	for i := range 60 {
		_, _ = fmt.Fprintf(w, "%s\n%s\n", person((from+i)%customers), items)
		if i%10 == 9 {
			_ = http.NewResponseController(w).Flush()
		}
		if r.Context().Err() != nil {
			return
		}
		if breaks && i == 40 {
			p.reset()
		}
	}
}

func (p *platform) reset() {
	p.resets.Add(1)
	panic(http.ErrAbortHandler) // net/http cuts the connection
}
