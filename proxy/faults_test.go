package proxy_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

var update = flag.Bool("update", false, "rewrite FAULTS.md")

// fault is one thing that goes wrong. What FAULTS.md says of it is made of the
// fields that the test compares, so that the one cannot drift from the other.
type fault struct {
	name  string
	note  string // what an operator should know beside it
	setup func(*proxytest.Setup)
	// upstream answers; nil: one customer's record.
	upstream http.HandlerFunc
	// happen makes it, and returns what the client saw.
	happen func(*proxytest.World) proxytest.Response
	want   seen
	// unrecorded says that the policy lets somebody be shown without a row.
	unrecorded int
	// after, if set, must hold once the fault is over: a sentence, and the check.
	after      string
	afterwards func(*proxytest.World) error
}

// seen is what came of a fault.
type seen struct {
	status      int  // 0: no answer
	broken      bool // the body broke off
	outcome     rules.Reason
	uninspected rules.Uninspected
	rows        map[rules.State]int // distinct people in the ledger
}

// client says what the client sees.
func (s seen) client() string {
	switch {
	case s.status == 0:
		return "the connection closed, without an answer"
	case s.broken:
		return fmt.Sprintf("%d, then the connection cut inside the body", s.status)
	case s.status >= 400:
		return fmt.Sprintf("%d and a reference id", s.status)
	}
	return fmt.Sprintf("%d, the whole answer", s.status)
}

// lost says what is lost, and what the ledger knows.
func (s seen) lost() string {
	var states []string
	for _, state := range rules.States() {
		if n := s.rows[state]; n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(states) == 0 {
		return "nothing; nobody was shown"
	}
	return "nothing; ledger: " + strings.Join(states, ", ")
}

// told says what the metrics say.
func (s seen) told() string {
	text := fmt.Sprintf("`ordergate_requests_total{outcome=%q}`", string(s.outcome))
	if s.uninspected != rules.UninspectedNone {
		text += fmt.Sprintf(", `ordergate_uninspected_responses_total{reason=%q}`", string(s.uninspected))
	}
	return text
}

// TestFaults makes each fault of FAULTS.md happen, and compares what the client
// sees, what the ledger has and what is counted. Whoever was shown to a client is in
// the ledger, always.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			upstream := f.upstream
			if upstream == nil {
				upstream = onePerson
			}
			var changes []func(*proxytest.Setup)
			if f.setup != nil {
				changes = append(changes, f.setup)
			}
			w := proxytest.Start(t, upstream, changes...)
			got := f.happen(w)
			summary := proxy.Summary{}
			if f.want.outcome != "" {
				summary = w.Observer.Next()
			}
			result := seen{status: got.StatusCode, broken: got.StatusCode != 0 && got.Err != nil, outcome: summary.Reason, uninspected: summary.Uninspected, rows: people4(w)}
			if f.want.rows == nil {
				f.want.rows = map[rules.State]int{}
			}
			if fmt.Sprint(result) != fmt.Sprint(f.want) {
				t.Errorf("got  %+v\nwant %+v\nerror %v, body %.200q", result, f.want, got.Err, got.Body)
			}
			if result.status >= 400 && !result.broken && !refusalBody.MatchString(got.Body) {
				t.Errorf("the client is shown %.200q", got.Body)
			}
			recorded := w.Ledger.Subjects(rules.Unknown, rules.Delivered)
			if _, released := w.Observer.LedgerFailures(); released != f.unrecorded {
				t.Errorf("%d rows were released unrecorded, want %d", released, f.unrecorded)
			}
			for n := range 10 {
				if f.unrecorded == 0 && strings.Contains(got.Body, proxytest.Email(n)) && !recorded[w.Hasher.Identifier(rules.IdentifierEmail, []byte(proxytest.Email(n)))] {
					t.Errorf("person %d was shown, and is not in the ledger", n)
				}
			}
			if f.afterwards != nil {
				if err := f.afterwards(w); err != nil {
					t.Errorf("afterwards: want %s: %v", f.after, err)
				}
			}
		})
	}
}

// people4 counts the distinct people of the ledger by state.
func people4(w *proxytest.World) map[rules.State]int {
	rows := map[rules.State]int{}
	for _, state := range rules.States() {
		if n := len(w.Ledger.Subjects(state)); n > 0 {
			rows[state] = n
		}
	}
	return rows
}

// TestFaultsFile: FAULTS.md is what the table makes of it, and names metrics that
// there are.
func TestFaultsFile(t *testing.T) {
	exposition, err := os.ReadFile("../metrics/testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(faultsHead)
	for _, f := range faults() {
		told := "nothing: no exchange began"
		if f.want.outcome != "" {
			told = f.want.told()
		}
		lost, after := f.want.lost(), ""
		if f.unrecorded > 0 {
			lost = fmt.Sprintf("%d row, by policy", f.unrecorded)
		}
		if f.after != "" {
			after = " Afterwards: " + f.after + "."
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s%s |\n", f.name, f.want.client(), lost, told, f.note, after)
	}
	for _, metric := range regexp.MustCompile(`(ordergate_\w+)(?:\{(\w+="\w+")\})?`).FindAllStringSubmatch(b.String(), -1) {
		if !regexp.MustCompile(metric[1] + `(\{[^}]*` + regexp.QuoteMeta(metric[2]) + `[^}]*\})? `).Match(exposition) {
			t.Errorf("no metric is exposed as %s", metric[0])
		}
	}
	if *update {
		if err := os.WriteFile("FAULTS.md", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile("FAULTS.md")
	if err != nil || !bytes.Equal(written, b.Bytes()) {
		t.Errorf("FAULTS.md is not what the table says (%v): run go test ./proxy -run TestFaultsFile -update", err)
	}
}

const faultsHead = `# What goes wrong, and what comes of it

Generated from the table in faults_test.go by ` + "`go test ./proxy -run TestFaultsFile -update`" + `; do not edit. One command makes each of these
happen, over real sockets, and compares every column:

    go test ./proxy -run TestFaults -v

In every row but the one whose policy says otherwise, whoever was shown to a client is in the ledger; a client sees a status and a reference id, nothing else; the process lives and
serves the next request. An answer whose status line has gone can only be cut: the client cannot take the part for the whole.

| fault | the client sees | lost | the metrics say | notes |
|---|---|---|---|---|
`

func onePerson(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, proxytest.Person(1))
}

// order asks for the record.
func order(w *proxytest.World) proxytest.Response { return w.Get("/api/orders/1") }

// served wants a request to be answered with 200.
func served(w *proxytest.World) error {
	if got := order(w); got.StatusCode != http.StatusOK || got.Err != nil {
		return fmt.Errorf("the next request: %d %v", got.StatusCode, got.Err) //nolint:errorlint // a test's own
	}
	return nil
}

// faults is the table.
func faults() []fault {
	return slices.Concat(upstreamFaults(), ownFaults(), clientFaults())
}
