package proxy

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestServerIsTriedAgain: behind its time out a server gets one request; if
// nothing is ever heard of that one, the next comes after the same time, so that no
// lost request keeps a server out for good.
func TestServerIsTriedAgain(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	b := newBackends([]Upstream{
		{URL: &url.URL{Scheme: "http", Host: "first"}, Weight: 1 << 40}, {URL: &url.URL{Scheme: "http", Host: "other"}, Weight: 1},
	}, &http.Transport{}, Health{}, slog.New(slog.DiscardHandler))
	defer b.close()
	b.now = func() time.Time { return now }
	for range maxFailures {
		b.served(b.all[0], false)
	}
	expect := func(when, want string) {
		t.Helper()
		if got := b.pick(nil).url.Host; got != want {
			t.Errorf("%s: %s is asked, want %s", when, got, want)
		}
	}
	expect("out", "other")
	now = now.Add(outFor + time.Second)
	expect("behind its time", "first")
	expect("while it is tried", "other")
	now = now.Add(outFor + time.Second)
	expect("when nothing was heard", "first")
	b.served(b.all[0], true)
	expect("after a success", "first")
	expect("and again", "first")
	if states := b.states(); !states[0].Up {
		t.Error("back, and told to be out")
	}
}

// TestOwnWantIsNobodysFailure: a server that could not be dialled because this
// process has no more file descriptors has done nothing; one that refuses has.
func TestOwnWantIsNobodysFailure(t *testing.T) {
	for _, c := range []struct {
		cause error
		up    bool
	}{{syscall.EMFILE, true}, {syscall.ENFILE, true}, {syscall.ECONNREFUSED, false}} {
		b := newBackends([]Upstream{{URL: &url.URL{Scheme: "http", Host: "shop"}, Weight: 1}}, &http.Transport{}, Health{}, slog.New(slog.DiscardHandler))
		for range maxFailures {
			err := &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", c.cause)}
			b.settle(httptest.NewRequest(http.MethodGet, "/", nil), b.all[0], nil, err)
		}
		if got := b.states()[0].Up; got != c.up {
			t.Errorf("after %v: up is %v", c.cause, got)
		}
		b.close()
	}
}
