package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// eventCases need bytes that no fixture shows.
func eventCases() []testCase {
	both := rules.FieldName | rules.FieldEmail
	return []testCase{
		{name: "cr", contentType: "text/event-stream", body: "\uFEFFdata: {\"customer\":\rdata:{\"name\":\"Ada Lund\",\"email\":\"ada@lund.example\"}}\r\r", subjects: 1, fields: both},
		{name: "crlf", contentType: "text/event-stream", body: "data: {\"customer\":\r\ndata:{\"name\":\"Ada Lund\",\"email\":\"ada@lund.example\"}}\r\n\r\ndata\r\n\r\n", subjects: 1, fields: both},
		{name: "text over lines", contentType: "text/event-stream", body: "event: order\nid: 7\ndata: Name: Ada\ndata:  Lund\ndata: Email: ada@lund.example\n\ndata: Name: Bo Ek\rdata\rdata:Email: bo@ek.example\n\n", subjects: 2, fields: both},
		{name: "page over lines", contentType: "text/event-stream", body: "data: <p>Name: <b>Ada\r\ndata: Lund</b>\r\ndata: <a href=\"mailto:ada@lund.example\">\r\ndata: write</a>\r\n\r\n: <b>Bo Ek</b>\n\n", subjects: 1, fields: both},
		{name: "long name", contentType: "text/event-stream", body: ":\ndata" + strings.Repeat("x", 5000) + ": ada@lund.example\n\n"},
		{name: "sequence/attack", contentType: "application/json-seq", body: "\x1E{\"name\":\"Ada Lund\",\"email\":\"ada@lund.example\"}\n\x1E[{\"email\":\"bo@ek.example\"}]\n", subjects: 2, fields: both},
		{name: "sequence/twin", contentType: "application/json-seq", body: "\x1E{\"name\":\"Ada lamp\",\"image\":\"lamp@2x.png\"}\n\x1E7\n"},
	}
}

func TestEvents(t *testing.T) {
	for _, c := range eventCases() {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			same(t, c.contentType, []byte(c.body), 1)
		})
	}
}

// TestEventsPause: what is whole goes out between events; JSON that goes on in
// the next line waits for it.
func TestEventsPause(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "text/event-stream")
	write := func(s string) {
		_, _ = f.Write([]byte(s))
		f.Flush()
	}
	write(": hello\n\n")
	write("data: {\"stock\":1}\n")
	if f.Safe() != f.Offset() {
		t.Errorf("%d of %d safe behind a whole value", f.Safe(), f.Offset())
	}
	before := f.Offset()
	write("\ndata: {\"customer\":{\"name\":\"Ada Lund\",\n")
	if at := before + int64(strings.Index("\ndata: {\"customer\":{\"name\":\"Ada Lund", "Ada")); f.Safe() > at {
		t.Errorf("safe to %d, but the name at %d is not told", f.Safe(), at)
	}
	write("data: \"email\":\"ada@lund.example\"}}\n\n")
	records := f.Take(nil)
	if f.Safe() != f.Offset() || len(records) != 1 || records[0].Fields != rules.FieldName|rules.FieldEmail {
		t.Errorf("%d of %d safe, records %v", f.Safe(), f.Offset(), records)
	}
}

// TestEventsMany: thousands of events cost what they hold, once.
func TestEventsMany(t *testing.T) {
	f := NewFinder(nil, testHasher(t), "text/event-stream")
	event := func(i int) {
		_, _ = fmt.Fprintf(f, "data: {\"email\":\"u%d@mail.example\",\"note\":\"x\"}\n\n", i%50)
		f.Take(nil)
	}
	for i := range 100 {
		event(i)
	}
	piece := []byte("data: {\"email\":\"u1@mail.example\",\"note\":\"x\"}\n\n")
	if n := testing.AllocsPerRun(1000, func() { _, _ = f.Write(piece) }); n > 0 && !raceEnabled { // the race detector changes counts
		t.Errorf("%v allocations an event", n)
	}
	if f.Subjects() != 50 || f.Offset()-f.Safe() > maxSniff {
		t.Errorf("%d subjects, %d bytes held", f.Subjects(), f.Offset()-f.Safe())
	}
}
