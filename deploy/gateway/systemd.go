package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Systemd tells the service manager of the process (sd_notify(3)), where it started us.
type Systemd struct{ Log *slog.Logger }

// Ready says that the gateway serves, also after a reload.
func (s Systemd) Ready() { s.tell(daemon.SdNotifyReady) }

// Reloading says that a reload has begun, with the time that Type=notify-reload asks
// for.
func (s Systemd) Reloading() {
	if now := daemon.SdNotifyMonotonicUsec(); now != "" {
		s.tell(daemon.SdNotifyReloading + "\n" + now)
	}
}

// Stopping says that the gateway serves nobody new.
func (s Systemd) Stopping() { s.tell(daemon.SdNotifyStopping) }

func (s Systemd) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.Log.Warn("systemd was not told", "state", state, "err", err)
	}
}

// Watch tells systemd again and again that the gateway answers, where it asks for that
// (WatchdogSec=), until stop is called. A gateway that does not is ended and started
// again by systemd.
func (s Systemd) Watch(g *Gateway) (stop func()) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.Log.Warn("systemd's watchdog is not served", "err", err)
	}
	if within <= 0 {
		return func() {}
	}
	return g.watchOver(within/4, func() { s.tell(daemon.SdNotifyWatchdog) })
}

// watchOver calls alive every so often, as long as the gateway answers, until stop is
// called.
func (g *Gateway) watchOver(every time.Duration, alive func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		client := &http.Client{Timeout: every, Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			err := g.answers(ctx, client)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				alive()
			default:
				g.log.Error("the gateway does not answer itself: systemd's watchdog is not told that it does", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// answers reports whether the process does its work: its admin listener answers over a
// connection, which is kept, so that a want of file descriptors is no reason to end
// it; and the locks that every exchange takes are given. One that is never given ends
// the reporting, too.
//
// It asks nothing of clients' listeners, the platform, the ledger or a collector: a
// flood, or something else that fails, must not have the gateway ended that bears it.
func (g *Gateway) answers(ctx context.Context, client *http.Client) error {
	if g.draining.Load() {
		return nil // a stop has a deadline of its own
	}
	g.reloading.Lock()
	g.reloading.Unlock() //nolint:staticcheck // it can be had
	g.engine.Caps().Sizes()
	g.connections.State()
	g.proxy.Upstreams()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.AdminAddr()+"/livez", http.NoBody)
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("asking the admin listener: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if _, err := io.CopyN(io.Discard, response.Body, 64); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("asking the admin listener: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin listener answers with status %d", response.StatusCode)
	}
	return nil
}
