// Package port finds addresses for servers that must know theirs before they
// start: other programs, and those whose address is told to somebody first.
// Whoever can listen on port 0 should.
package port

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// lowest is the first port taken: those below are for services with a name.
const lowest = 10000

// Free returns a loopback address where nobody listened a moment ago, neither
// over TCP nor over UDP. Its port is one the system never gives by itself, so
// that what a listener on port 0 or a connection going out takes meanwhile is
// another; unless the system is set up to give nearly all of them, below 20000,
// too. It fails where a hundred ports are taken, and with ctx. It is safe for
// concurrent use.
func Free(ctx context.Context) (string, error) {
	below, _ := reserved()
	var failed error
	for range 100 {
		if failed = ctx.Err(); failed != nil { // listening on an address without a name never asks
			break
		}
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(below-lowest))
		if failed = try(ctx, address); failed == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("looking for a free port from %d to %d: %w", lowest, below-1, failed)
}

// reserved returns the first port that is not chosen from, and whether that and
// those above are all that the system gives by itself. It is Linux's setting; of
// other systems its usual value is below theirs, too.
func reserved() (below int, all bool) {
	const usual = 32768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual, true
	}
	if _, err = fmt.Sscan(string(text), &below); err != nil || below < 2*lowest { // too few are left
		return usual, false
	}
	return below, true
}

func try(ctx context.Context, address string) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	packets, err := config.ListenPacket(ctx, "udp", address)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return errors.Join(l.Close(), packets.Close())
}
