package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// AccessLogConfig says where the access log goes.
type AccessLogConfig struct {
	// File is appended to, and opened again when another file stands in its place, or
	// none (logrotate's create); one that was emptied (copytruncate) is simply
	// written on. Empty: Out.
	File string
	Out  io.Writer
	// Sample keeps one in so many of the exchanges that nothing is to be said of;
	// 0 and 1 keep all. Errors, refusals, findings and exchanges with records are
	// always kept.
	Sample int
	// Failed is told of the first write that fails, and of the first that works
	// again (nil); it may be nil itself.
	Failed func(err error)
}

const (
	// accessQueue is how many lines wait for the disk; a line has about 500 bytes
	// and at most 1 KiB, since none of its values is longer than rules.MaxRoute.
	accessQueue = 8192
	// accessBatch is how many bytes are written at a time.
	accessBatch = 64 << 10
	// accessLook is how often it is looked whether the file was rotated.
	accessLook = time.Second
)

// AccessLog writes one JSON line for each exchange. No exchange ever waits for it:
// what the disk cannot take in time is lost, and counted. Safe for concurrent use.
// Make one with OpenAccessLog, end it with Close.
type AccessLog struct {
	config  AccessLogConfig
	log     *slog.Logger
	lines   chan []byte
	stop    chan struct{}
	ended   chan struct{}
	lost    atomic.Uint64 // found no room, or were not written
	file    *os.File      // the writer's own from here on
	looked  time.Time
	torn    bool // the last line may have been cut off
	failing bool
}

// OpenAccessLog opens the file and starts the writer.
func OpenAccessLog(config AccessLogConfig) (*AccessLog, error) {
	l := &AccessLog{config: config, lines: make(chan []byte, accessQueue), stop: make(chan struct{}), ended: make(chan struct{})}
	if config.File != "" {
		if info, err := os.Stat(config.File); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			return nil, fmt.Errorf("%s: is a pipe: write a file, or - for standard output", config.File)
		}
		if err := l.open(); err != nil {
			return nil, fmt.Errorf("%s: cannot be written: %w: look at the folder and its permissions", config.File, errors.Unwrap(err))
		}
	}
	l.log = slog.New(slog.NewJSONHandler(l, nil))
	go l.run()
	return l, nil
}

// Lost returns how many lines were lost since the start.
func (l *AccessLog) Lost() uint64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

// Close writes what waits, within ctx. No exchange may follow.
func (l *AccessLog) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	close(l.stop)
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing the access log: %w", ctx.Err())
	}
}

// Write implements io.Writer for slog; it never waits and never fails.
func (l *AccessLog) Write(line []byte) (int, error) {
	select {
	case l.lines <- bytes.Clone(line):
	default:
		l.lost.Add(1)
	}
	return len(line), nil
}

func (l *AccessLog) run() {
	defer close(l.ended)
	batch := make([]byte, 0, accessBatch)
	for stopped := false; !stopped; {
		select {
		case line := <-l.lines:
			batch = append(batch, line...)
		case <-l.stop:
			stopped = true
		}
		for more := true; more; {
			select {
			case line := <-l.lines:
				batch = append(batch, line...)
				if len(batch) >= accessBatch {
					l.write(batch)
					batch = batch[:0]
				}
			default:
				more = false
			}
		}
		l.write(batch)
		batch = batch[:0]
	}
	if l.file != nil {
		_ = l.file.Close() // written as far as it could be
	}
}

// write writes whole lines, and counts those that it could not.
func (l *AccessLog) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	out := l.config.Out
	if l.config.File != "" {
		if err := l.rotated(); err != nil {
			l.settle(lines, err)
			return
		}
		out = l.file
	}
	if l.torn { // what follows must not be read as the rest of a line that was cut off
		if _, err := out.Write([]byte{'\n'}); err != nil {
			l.settle(lines, err)
			return
		}
		l.torn = false
	}
	n, err := out.Write(lines)
	l.torn = n > 0 && lines[n-1] != '\n'
	l.settle(lines[bytes.LastIndexByte(lines[:n], '\n')+1:], err)
}

// settle counts the lines that were not written and tells when writing begins to
// fail, or works again.
func (l *AccessLog) settle(unwritten []byte, err error) {
	l.lost.Add(uint64(bytes.Count(unwritten, []byte{'\n'})))
	if failing := err != nil; failing != l.failing {
		l.failing = failing
		if l.config.Failed != nil {
			l.config.Failed(err)
		}
	}
}

// rotated opens the file again where another one stands in its place.
func (l *AccessLog) rotated() error {
	now := time.Now()
	if l.file != nil && now.Sub(l.looked) < accessLook {
		return nil
	}
	l.looked = now
	if l.file != nil {
		there, err := os.Stat(l.config.File)
		if mine, mineErr := l.file.Stat(); err == nil && mineErr == nil && os.SameFile(there, mine) {
			return nil
		}
		_ = l.file.Close() // rotated away, written as far as it could be
		l.file, l.torn = nil, false
	}
	return l.open()
}

func (l *AccessLog) open() error {
	file, err := os.OpenFile(l.config.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // a log's usual mode: its group reads it
	if err != nil {
		return err //nolint:wrapcheck // the callers do
	}
	l.file, l.looked = file, time.Now()
	return nil
}

// keeps reports whether an exchange gets a line.
func (l *AccessLog) keeps(x *exchange) bool {
	return l.config.Sample <= 1 || x.Reason != rules.ReasonNone || x.Status >= 400 || x.Subjects != [3]int{} || x.Withheld != [3]int{} ||
		x.Signals > 0 || x.Weak > 0 || x.Limited != "" || x.Step != rules.StepNone || x.Uninspected != rules.UninspectedNone || x.WAF.Detected ||
		binary.LittleEndian.Uint64(x.id[:8])%uint64(l.config.Sample) == 0 // ids are random
}

// tell writes the exchange's line. No address, no path, no header: digests
// and templates only.
func (l *AccessLog) tell(x *exchange) {
	if l == nil || !l.keeps(x) {
		return
	}
	attrs := []slog.Attr{
		slog.String("exchange", x.id.String()), slog.String("trace", x.trace), slog.String("proto", protocol(x.proto)), slog.String("method", knownMethod(x.method)),
		slog.String("upstream", x.group.name), slog.String("route", x.route), slog.Int("status", x.Status), slog.String("outcome", string(x.Reason)),
		slog.String("role", x.Role.String()), slog.String("session", x.principal.Session.String()), slog.String("ip", x.principal.IP.String()),
		slog.Int64("received", int64(len(x.body))+x.uploaded.Load()), slog.Int64("sent", x.sent),
		slog.Float64("took_ms", milliseconds(x.Took)), slog.Float64("upstream_ms", milliseconds(x.Upstream)),
		slog.Int("released", total(x.Subjects)), slog.Int("withheld", total(x.Withheld)), slog.Int("signals", x.Signals),
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "access", attrs...)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func total(counts [3]int) int { return counts[0] + counts[1] + counts[2] }

// protocol folds versions that a client made up.
func protocol(proto string) string {
	switch proto {
	case "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0":
		return proto
	}
	return "other"
}
