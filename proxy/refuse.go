package proxy

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// refusal carries a verdict through httputil.ReverseProxy's error handler.
type refusal struct{ verdict rules.Verdict }

// Error never reaches a client.
func (e *refusal) Error() string { return "refused: " + string(e.verdict.Reason) }

// refuse answers with a status and a reference id, nothing else. The reason
// goes to log, metrics and ledger.
func (x *exchange) refuse(w http.ResponseWriter, v rules.Verdict) {
	if v.Status == 0 {
		v.Status = http.StatusForbidden // the zero verdict refuses
	}
	x.Reason, x.Status = v.Reason, v.Status
	x.extendWrite(time.Time{}) // the upstream may have taken long
	header := w.Header()
	clear(header)
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if v.RetryAfter > 0 {
		header.Set("Retry-After", retryAfter(v.RetryAfter))
	}
	if v.Status == http.StatusMethodNotAllowed {
		allowed := x.shape().Methods
		if v.Reason == rules.ReasonContract {
			allowed = x.allowed
		}
		header.Set("Allow", strings.Join(allowed, ", ")) // RFC 9110, 15.5.6
	}
	if x.body == nil && (v.Reason == rules.ReasonTooLarge || v.Reason == rules.ReasonPolicy) || x.unread || x.misframed() {
		header.Set("Connection", "close") // nothing sensible can follow what was not read, or not read clearly
	}
	w.WriteHeader(v.Status)
	text := refusalText(v.Status, x.id)
	x.sent = int64(len(text))
	_, _ = io.WriteString(w, text) // a client that is gone misses its reference id, nobody else's
}

// statusClientGone is what nginx logs for a client that is gone: hardly anybody
// reads it, but whoever ended its own side alone.
const statusClientGone = 499

func refusalText(status int, id rules.ExchangeID) string {
	text := http.StatusText(status)
	if status == statusClientGone {
		text = "Client Closed Request"
	}
	return fmt.Sprintf("%d %s\nReference: %s\n", status, text, id)
}

// retryAfter is in whole seconds, rounded up (RFC 9110, 10.2.3).
func retryAfter(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}

func describePanic(cause any) string {
	text := fmt.Sprintf("%T", cause)
	// A panic value may quote what it choked on; only errors of the runtime
	// are known to hold no input.
	if err, ok := cause.(interface {
		error
		RuntimeError()
	}); ok {
		text = err.Error()
	}
	return text
}
