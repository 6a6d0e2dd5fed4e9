//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// client is one connection to a server, as cheap as can be, so that it takes
// little from what is measured. Not safe for concurrent use. The zero value with
// an address is ready.
type client struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
	body    []byte // of the last answer
}

// answerTime bounds one request; a variable for the test that waits for it.
var answerTime = 30 * time.Second

// maxAnswer bounds an answer's body.
const maxAnswer = 1 << 20

// answer is what a server answered, without its body, which the client holds.
type answer struct {
	status  int
	session string // that it issues; empty: none
	closes  bool   // the connection
}

// do sends a request and reads the answer, whose body is valid until the next
// call. It connects again where the server has closed.
func (c *client) do(ctx context.Context, raw []byte) (answer, error) {
	fresh := c.conn == nil
	res, err := c.try(ctx, raw)
	if err != nil && !fresh && ctx.Err() == nil { // closed between two requests
		res, err = c.try(ctx, raw)
	}
	return res, err
}

func (c *client) try(ctx context.Context, raw []byte) (answer, error) {
	if c.conn == nil {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", c.address)
		if err != nil {
			return answer{}, fmt.Errorf("connecting: %w", err)
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 32<<10)
	}
	res, err := c.exchange(raw)
	if err != nil || res.closes {
		c.close()
	}
	return res, err
}

func (c *client) exchange(raw []byte) (answer, error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return answer{}, fmt.Errorf("setting a deadline: %w", err)
	}
	if _, err := c.conn.Write(raw); err != nil {
		return answer{}, fmt.Errorf("sending: %w", err)
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return answer{}, fmt.Errorf("reading an answer: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // it is read
	if c.body, err = readAll(res.Body, c.body[:0]); err != nil {
		return answer{}, fmt.Errorf("reading an answer's body: %w", err)
	}
	return answer{res.StatusCode, sessionOf(res), res.Close}, nil
}

// readAll is io.ReadAll into a buffer that is kept.
func readAll(from io.Reader, into []byte) ([]byte, error) {
	for len(into) < maxAnswer {
		if len(into) == cap(into) {
			into = append(into, 0)[:len(into)]
		}
		n, err := from.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		if err == io.EOF { //nolint:errorlint // as io.ReadAll
			return into, nil
		} else if err != nil {
			return into, err //nolint:wrapcheck // the caller says what it was
		}
	}
	return into, fmt.Errorf("longer than %d bytes", maxAnswer)
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.conn = nil
}

// sessionOf returns the session that an answer issues, if any.
func sessionOf(res *http.Response) string {
	value, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	session, ok := strings.CutPrefix(value, "session=")
	if !ok {
		return ""
	}
	return session
}
