package demo

import (
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	// liveIdle is how long the shop waits for the next question.
	liveIdle = 2 * time.Minute
	// maxAsked bounds a question, in bytes.
	maxAsked = 1 << 10
)

// live is GET /api/live, a WebSocket on which the shop's app asks how orders are
// getting on: {"order": number}. It asks for a login and forgets to ask whose order it
// is, like apiOrder.
func (s *Shop) live(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.caller(w, r); !ok {
		return
	}
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return // it has answered
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be said
	for {
		asked, err := question(conn)
		if err != nil {
			return
		}
		answer := any(map[string]string{"error": "no such order"})
		if o, found := s.store.order(asked); found {
			answer = map[string]any{"type": "order", "order": o.wire()}
		}
		text, err := json.Marshal(answer)
		if err != nil || wsutil.WriteServerText(conn, text) != nil {
			return
		}
	}
}

// question reads the number of the next order that is asked for.
func question(conn net.Conn) (order int, err error) {
	if err = conn.SetDeadline(time.Now().Add(liveIdle)); err != nil {
		return 0, err //nolint:wrapcheck // ends the connection
	}
	reader := wsutil.Reader{Source: conn, State: ws.StateServerSide, CheckUTF8: true, MaxFrameSize: maxAsked, OnIntermediate: wsutil.ControlFrameHandler(conn, ws.StateServerSide)}
	for {
		header, err := reader.NextFrame()
		if err != nil {
			return 0, err //nolint:wrapcheck // ends the connection
		}
		if header.OpCode.IsControl() {
			if err = wsutil.ControlFrameHandler(conn, ws.StateServerSide)(header, &reader); err != nil {
				return 0, err //nolint:wrapcheck // an end, too
			}
			continue
		}
		var in struct{ Order int }
		if err = json.NewDecoder(&reader).Decode(&in); err == nil {
			err = reader.Discard()
		}
		return in.Order, err //nolint:wrapcheck // ends the connection
	}
}
