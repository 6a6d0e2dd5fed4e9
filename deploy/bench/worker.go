//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime/pprof"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	corazahttp "github.com/corazawaf/coraza/v3/http"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/gateway"
)

// worker is this program as a contender's server.
type worker struct {
	What     string `arg:"" enum:"bare,coraza,prefilter,ordergate" help:"Which contender."`
	Listen   string `help:"Address for clients."`
	Admin    string `help:"Address of the metrics."`
	Origin   string `help:"Host and port of the origin."`
	Config   string `help:"Config file of ordergate."`
	Paranoia int    `help:"Paranoia level of Coraza."`
	Profile  string `help:"File for a CPU profile of what comes after the start."`
}

// run serves until ctx or standard input ends: no worker is left behind by a
// bench that was killed.
func (w *worker) run(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // until its end
		stop()
	}()
	if w.What == "ordergate" {
		return w.gateway(ctx, stderr)
	}
	return w.proxy(ctx)
}

// profiled begins a CPU profile, if one is wanted.
func (w *worker) profiled() (end func(), err error) {
	if w.Profile == "" {
		return func() {}, nil
	}
	file, err := os.Create(w.Profile)
	if err != nil {
		return nil, fmt.Errorf("making the profile's file: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("beginning the profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // whoever reads the profile sees whether it is whole
	}, nil
}

// gateway serves as `ordergate serve` does.
func (w *worker) gateway(ctx context.Context, stderr io.Writer) error {
	cfg, err := config.Resolve(w.Config, "")
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	stdlog.SetOutput(gateway.Withheld{Log: log})
	g, err := gateway.Start(ctx, cfg, gateway.Options{Version: "bench", Log: log})
	if err != nil {
		return err //nolint:wrapcheck // says it all
	}
	end, err := w.profiled()
	if err == nil {
		select {
		case <-ctx.Done():
		case <-g.Ended():
		}
		end()
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, g.Stop(deadline))
}

// proxy serves the bare proxy, by itself or behind Coraza.
func (w *worker) proxy(ctx context.Context) error {
	handler := http.Handler(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: w.Origin})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		ErrorLog:  stdlog.New(io.Discard, "", 0), // clients that go away
	})
	if w.What != "bare" {
		text := directives(w.Paranoia)
		if w.What == "prefilter" {
			text += "SecRxPreFilter On\n"
		}
		engine, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(text + "Include @crs-setup.conf.example\nInclude @owasp_crs/*.conf\n"))
		if err != nil {
			return fmt.Errorf("compiling the rules: %w", err)
		}
		handler = corazahttp.WrapHandler(engine, handler)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	var both errgroup.Group
	for address, h := range map[string]http.Handler{w.Listen: handler, w.Admin: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})} {
		server := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: time.Minute}
		both.Go(func() error {
			if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving: %w", err)
			}
			return nil
		})
		context.AfterFunc(ctx, func() { _ = server.Close() })
	}
	end, err := w.profiled()
	if err != nil {
		return err
	}
	defer end()
	return both.Wait() //nolint:wrapcheck // says it all
}
