package record

import (
	"bytes"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestFlush: between two events everything before is reported and safe, and a
// subject of several events is one.
func TestFlush(t *testing.T) {
	hasher, err := rules.NewHasher(bytes.Repeat([]byte{3}, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson"} {
		f := NewFinder(&Config{}, hasher.Clone(), contentType)
		var found []rules.Record
		for i := range 40 {
			event := "data: {\"stock\":7}\n\n"
			if i%2 == 0 {
				event = "{\"email\":\"joke.smit@example.org\",\"name\":\"Joke Smit\"}\n"
			}
			if contentType == "text/event-stream" && i%2 == 0 {
				event = "data: " + event + "\n"
			}
			_, _ = f.Write([]byte(event))
			f.Flush()
			found = f.Take(found)
			if f.Safe() != f.Offset() {
				t.Fatalf("%s: after event %d only %d of %d bytes are safe", contentType, i, f.Safe(), f.Offset())
			}
			if len(found) == 0 {
				t.Fatalf("%s: the first event's record is not reported", contentType)
			}
		}
		_ = f.Close()
		found = f.Take(found)
		email := hasher.Identifier(rules.IdentifierEmail, []byte("joke.smit@example.org"))
		if f.Subjects() != 1 || found[0].IdentifierOf(rules.IdentifierEmail) != email {
			t.Errorf("%s: %d subjects, records %+v", contentType, f.Subjects(), found)
		}
	}
}
