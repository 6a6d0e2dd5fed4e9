package drill

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/ordergate/ordergate/deploy/demo"
)

// line is a WebSocket of a visitor's. Each question with its answer is an attempt, as a
// request is.
type line struct {
	visitor *visitor
	number  int // of the exchange
	session string
	conn    io.ReadWriteCloser // nil: none is open
	end     context.CancelFunc
}

// open asks for a WebSocket, and reports whether there is one.
func (l *line) open(path string) bool {
	v, s := l.visitor, l.visitor.scene
	ctx, end := context.WithCancel(s.ctx)
	l.number, l.session, l.end = s.world.nextRequest(), v.session(), end
	what := get(path)
	what.headers = map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	req, err := v.request(ctx, what, l.number)
	if err != nil {
		end()
		s.fail(err)
		return false
	}
	s.books.requests++
	v.show()
	resp, err := s.world.wires.RoundTrip(req)
	if err != nil {
		end()
		s.fail(fmt.Errorf("opening a WebSocket: %w", err))
		return false
	}
	if conn, is := resp.Body.(io.ReadWriteCloser); is && resp.StatusCode == http.StatusSwitchingProtocols {
		l.conn = conn
		return true
	}
	_ = resp.Body.Close() // what a refusal says is read by nobody
	l.over()
	return false
}

// ask asks on an open WebSocket, or opens one, and writes down what came.
func (l *line) ask(path, text string) {
	s := l.visitor.scene
	gained := 0
	held := l.conn == nil && !l.open(path)
	if !held {
		var got reply
		if got, held = l.told(text); !held {
			gained = l.visitor.received(got, l.number, l.session)
		}
		s.books.requests++
		s.clock.reach(s.clock.since() + exchangeTakes)
	}
	s.books.attempts = append(s.books.attempts, attempt{s.clock.since(), held, gained})
}

// told returns what came upon a question; held: the connection was ended instead.
func (l *line) told(text string) (got reply, held bool) {
	s, conn := l.visitor.scene, l.conn
	watch := time.AfterFunc(maxExchange, func() { _ = conn.Close() })
	defer watch.Stop()
	err := wsutil.WriteClientText(conn, []byte(text))
	if err == nil {
		var header ws.Header
		if header, err = ws.ReadHeader(conn); err == nil && header.OpCode == ws.OpText && header.Length <= maxBody {
			got.status, got.body = http.StatusOK, make([]byte, header.Length)
			if _, err = io.ReadFull(conn, got.body); err == nil {
				return got, false
			}
		}
	}
	if err != nil {
		s.fail(fmt.Errorf("asking on a WebSocket: %w", err))
	}
	l.close()
	return reply{}, true
}

// close ends the WebSocket, if one is open.
func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
		l.over()
	}
}

// over waits until the gateway has told everything of the connection.
func (l *line) over() {
	ctx, cancel := context.WithTimeout(l.visitor.scene.ctx, maxExchange)
	defer cancel()
	l.visitor.scene.world.settled(ctx)
	l.end()
}

// liveWalk is orderWalk through a WebSocket: a new one is opened when the gateway has
// ended the last.
func (s *scene) liveWalk(questions int, every time.Duration) {
	s.act(0, func(sleep func(time.Duration) bool) {
		v := s.attacker(badAddress(1))
		v.login(s.badCustomer(1))
		l := &line{visitor: v}
		defer l.close()
		for n := range questions {
			l.ask("/api/live", `{"order":`+strconv.Itoa(demo.FirstOrderNumber+100+n)+`}`)
			if !sleep(every) {
				return
			}
		}
	})
}
