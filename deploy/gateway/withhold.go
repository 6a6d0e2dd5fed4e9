package gateway

import "log/slog"

// Withheld takes what libraries write to the standard library's log, and tells
// only that they wrote: net/http quotes there what a platform sent behind a
// response's announced length ("Unsolicited response received on idle HTTP
// channel starting with …"), which may be somebody's record. It is safe for
// concurrent use.
type Withheld struct{ Log *slog.Logger }

// Write implements io.Writer; it never fails.
func (w Withheld) Write(p []byte) (int, error) {
	w.Log.Warn("a library wrote a message, withheld because it may quote a body; a platform that sends more than a response's Content-Length is a common reason", "bytes", len(p))
	return len(p), nil
}
