package proxy

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
)

// Connections bound how many connections clients may hold at a time, of all
// together and from one address: each costs a file descriptor, goroutines and
// buffers whether or not it ever asks for anything. The policy:
//
//   - where there is no room, the connection that has waited longest for a request
//     makes it: a client that keeps one open in vain loses nothing by it but a new
//     handshake (RFC 9112, 9.5), and a flood of idle connections shuts nobody out;
//   - where none waits, all of them serving a request, the newcomer is closed;
//   - when the process has no more file descriptors, a waiting connection is closed
//     likewise.
//
// A connection waits until the whole header of a request has come, so that slow
// headers make room, too; on HTTP/2, while it has no stream. Safe for concurrent
// use; nil bounds nothing.
type Connections struct {
	most, each int
	exempt     func(netip.Addr) bool

	mu        sync.Mutex // never held while a connection is closed
	open      int
	waiting   list.List // of *counted, longest first
	addresses map[netip.Addr]*clientConnections
	state     ConnectionsState
}

// ConnectionsState is what metrics show of the connections.
type ConnectionsState struct {
	Open, Most int
	Waiting    int // of those that are open, for a request
	// Closed since the start: newcomers for whom there was no room, and waiting ones
	// that made room, by whether all together or those of one address were too many.
	// Those closed for want of file descriptors count as of all.
	RefusedAll, RefusedAddress, ReclaimedAll, ReclaimedAddress uint64
}

// clientConnections are those of one address.
type clientConnections struct {
	open    int
	waiting list.List // of *counted, longest first
}

// NewConnections returns bounds for one or several listeners together: most
// connections in all, and each from one IPv4 address or IPv6 /64. Addresses that
// exempt reports, those of load balancers, have many clients behind them and are
// bounded by most alone; nil exempts nobody.
func NewConnections(most, each int, exempt func(netip.Addr) bool) *Connections {
	if exempt == nil {
		exempt = func(netip.Addr) bool { return false }
	}
	return &Connections{most: max(most, 1), each: max(each, 1), exempt: exempt, addresses: make(map[netip.Addr]*clientConnections)}
}

// State says how many there are.
func (c *Connections) State() ConnectionsState {
	if c == nil {
		return ConnectionsState{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.state
	state.Open, state.Most, state.Waiting = c.open, c.most, c.waiting.Len()
	return state
}

// counted is one connection; but for its embedded Conn guarded by Connections.mu.
type counted struct {
	net.Conn
	of      *Connections
	address netip.Addr    // zero: not counted by address
	inAll   *list.Element // while it waits
	inOwn   *list.Element // likewise, among those of its address
	gone    bool
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // a connection's own errors are looked at by net/http
}

// CloseWrite lets net/http end an answer cleanly where a client still sends.
func (c *counted) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite ends our side of a connection that can be ended by half.
func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // a connection's own errors are looked at by net/http
	}
	return nil
}

// enter makes room for a newcomer and counts it. victim is to be closed; ok is
// false where there is no room.
func (c *Connections) enter(newcomer *counted) (victim *counted, ok bool) {
	own := c.addresses[newcomer.address]
	if newcomer.address.IsValid() && own != nil && own.open >= c.each {
		if victim = first(&own.waiting); victim == nil {
			c.state.RefusedAddress++
			return nil, false
		}
		c.state.ReclaimedAddress++
	} else if c.open >= c.most {
		if victim = first(&c.waiting); victim == nil {
			c.state.RefusedAll++
			return nil, false
		}
		c.state.ReclaimedAll++
	}
	if victim != nil {
		c.remove(victim)
	}
	c.open++
	if newcomer.address.IsValid() {
		if own = c.addresses[newcomer.address]; own == nil {
			own = &clientConnections{}
			c.addresses[newcomer.address] = own
		}
		own.open++
	}
	c.wait(newcomer)
	return victim, true
}

func first(waiting *list.List) *counted {
	if element := waiting.Front(); element != nil {
		return element.Value.(*counted) //nolint:forcetypeassert // holds nothing else
	}
	return nil
}

// wait puts a connection at the end of those that wait for a request.
func (c *Connections) wait(conn *counted) {
	c.busy(conn)
	if conn.gone {
		return
	}
	conn.inAll = c.waiting.PushBack(conn)
	if own := c.addresses[conn.address]; own != nil {
		conn.inOwn = own.waiting.PushBack(conn)
	}
}

// busy takes a connection from those that wait.
func (c *Connections) busy(conn *counted) {
	if conn.inAll != nil {
		c.waiting.Remove(conn.inAll)
	}
	if own := c.addresses[conn.address]; own != nil && conn.inOwn != nil {
		own.waiting.Remove(conn.inOwn)
	}
	conn.inAll, conn.inOwn = nil, nil
}

// remove forgets a connection; it may be called again.
func (c *Connections) remove(conn *counted) {
	if conn.gone {
		return
	}
	c.busy(conn)
	conn.gone = true
	c.open--
	if own := c.addresses[conn.address]; own != nil {
		if own.open--; own.open == 0 {
			delete(c.addresses, conn.address)
		}
	}
}

// changed follows a connection of net/http ([http.Server.ConnState]).
func (c *Connections) changed(conn net.Conn, state http.ConnState) {
	counted := countedOf(conn)
	if c == nil || counted == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateIdle:
		c.wait(counted)
	case http.StateActive, http.StateHijacked:
		c.busy(counted)
	case http.StateNew, http.StateClosed: // it waits from the start; Close forgets it
	}
}

// countedOf finds the connection below its layers: PROXY protocol, TLS, refusals.
func countedOf(conn net.Conn) *counted {
	for conn != nil {
		switch c := conn.(type) {
		case *counted:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		case interface{ Raw() net.Conn }:
			conn = c.Raw()
		default:
			return nil
		}
	}
	return nil
}

// boundedListener counts the connections of a listener.
type boundedListener struct {
	net.Listener
	connections *Connections
}

// bounded returns the listener with its connections counted.
func (c *Connections) bounded(inner net.Listener) net.Listener {
	if c == nil {
		return inner
	}
	return &boundedListener{inner, c}
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.exhausted(err)
			return nil, err //nolint:wrapcheck // net/http looks at it
		}
		c := &counted{Conn: conn, of: l.connections, address: l.connections.addressOf(conn)}
		l.connections.mu.Lock()
		victim, ok := l.connections.enter(c)
		l.connections.mu.Unlock()
		if victim != nil {
			_ = victim.Conn.Close() // whoever reads from it learns of it
		}
		if ok {
			return c, nil
		}
		_ = conn.Close() // nothing was said on it
	}
}

// outOfDescriptors reports whether an error is that the process, or the machine, has
// no more file descriptors.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// exhausted makes room when the process has no more file descriptors; net/http
// asks again a moment later.
func (l *boundedListener) exhausted(err error) {
	if !outOfDescriptors(err) {
		return
	}
	c := l.connections
	c.mu.Lock()
	victim := first(&c.waiting)
	if victim != nil {
		c.state.ReclaimedAll++
		c.remove(victim)
	}
	c.mu.Unlock()
	if victim != nil {
		_ = victim.Conn.Close() // whoever reads from it learns of it
	}
}

// addressOf is what a connection is counted by; zero where it is not by address.
func (c *Connections) addressOf(conn net.Conn) netip.Addr {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil || c.exempt(peer.Addr().Unmap()) {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil { // what one customer usually gets
			return prefix.Addr()
		}
	}
	return addr
}
