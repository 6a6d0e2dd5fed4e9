package rules

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// MaxAgent bounds Peer.UserAgent in bytes.
const MaxAgent = 256

// Peer is how a principal is seen on the network: the one place where its
// identifiers are readable, beside the digests that the ledger has of them. It
// goes nowhere but into the sealed window and from there into the evidence of
// incidents: no formatting verb and no log prints it.
type Peer struct {
	Time    time.Time
	Session Digest
	Account Digest
	IP      Digest
	Address netip.Addr
	JA4     string // fingerprint of its TLS; empty: not known
	// UserAgent is what it calls itself, cut to MaxAgent bytes.
	UserAgent string
}

// String names the session's digest alone.
func (p Peer) String() string { return "peer " + p.Session.String() }

// Format writes what String does, whatever the verb.
func (p Peer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue returns what String does.
func (p Peer) LogValue() slog.Value { return slog.StringValue(p.String()) }
