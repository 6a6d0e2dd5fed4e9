package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
)

// asOrdergate makes the test binary be the program itself.
const asOrdergate = "ORDERGATE_TEST_IS_ORDERGATE"

func TestMain(m *testing.M) {
	if os.Getenv(asOrdergate) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// TestKill: SIGKILL in the middle of disclosures. Everything that a client
// fully received is in the ledger.
func TestKill(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	c := startChild(t, writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide(upstream.URL, data)))

	received := receive(t, c, func(n int) {
		if n == 400 {
			_ = c.cmd.Process.Kill()
		}
	})
	_ = c.end(t, syscall.SIGKILL)

	recorded := ledgerEmails(t, data)
	for email := range received {
		if !recorded[email] {
			t.Errorf("%s was received and is not in the ledger", email)
		}
	}
	if extra := len(recorded) - len(received); extra < 0 || extra > 16 {
		t.Errorf("%d received, %d recorded: at most the 16 under way may differ", len(received), len(recorded))
	}
	// It starts again, and remembers: the caps are rebuilt from the ledger.
	c = startChild(t, filepath.Join(dir, "ordergate.yaml"))
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM after the restart: %v", err)
	}
}

// released selects the rows whose bytes may have arrived.
var released = ledger.Query{States: []rules.State{rules.Unknown, rules.Delivered}}

// TestReload: SIGHUP takes a good config over; a bad one keeps the old and
// says so.
func TestReload(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "["+proxytest.Person(1)+","+proxytest.Person(2)+"]")
	}))
	defer upstream.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "ordergate.yaml")
	good := wide(upstream.URL, filepath.Join(dir, "data"))
	c := startChild(t, writeConfig(t, path, good))
	defer c.end(t, syscall.SIGTERM) //nolint:errcheck // asserted elsewhere
	status := func() int {
		response, err := client.Get(c.listen + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if got := status(); got != http.StatusOK {
		t.Fatalf("before: %d", got)
	}
	hangup := func(text, message string) {
		writeConfig(t, path, text)
		if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.wait(t, message)
	}
	hangup(strings.Replace(good, "response: 100", "response: 1", 1), "config reloaded")
	if got := status(); got != http.StatusForbidden {
		t.Errorf("with a tighter cap: %d", got)
	}
	hangup(good+"colour: red\n", "reload failed")
	if got := status(); got != http.StatusForbidden {
		t.Errorf("after a bad config: %d", got)
	}
	if text := get(t, c.admin+"/metrics"); !strings.Contains(text, "ordergate_config_last_reload_successful 0") {
		t.Error("the metrics do not say that the reload failed")
	}
	hangup(good, "config reloaded")
	if got := status(); got != http.StatusOK {
		t.Errorf("with the first config again: %d", got)
	}
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		if text := get(t, c.admin+path); text != "ok\n" {
			t.Errorf("%s says %q", path, text)
		}
	}
}

// TestTLSFilesChange: a certificate that is renewed is shown without a signal and
// without a restart; files with a fault keep the older ones, and say so; a
// program does not start with them.
func TestTLSFilesChange(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	a := proxytest.NewAuthority(t)
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	text := wide(upstream.URL, filepath.Join(dir, "data")) + "tls: {listen: '127.0.0.1:0', certificates: [{certificate: shop.pem, key: shop.key}]}\n"
	path := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), text)
	c := startChild(t, path)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", c.tls, &tls.Config{RootCAs: a.Pool, ServerName: "shop.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // a test's own
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	first := serial()
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}})
	for { // between the two files a check may have fallen, which said that they do not belong together
		if c.wait(t, "changed files read"); serial() != first {
			break
		}
	}
	renewed := serial()
	a.Write(dir, "shop", proxytest.Leaf{Names: []string{"shop.example"}, After: time.Now().Add(-time.Hour)})
	c.wait(t, "changed files cannot be used: what was read before stays")
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if line := c.wait(t, "reload failed"); !strings.Contains(fmt.Sprint(line["err"]), "shop.pem") {
		t.Errorf("%v: want the file's name", line)
	}
	if got := serial(); got != renewed {
		t.Errorf("serial %d with an expired file, want %d still", got, renewed)
	}
	for _, want := range []string{"ordergate_config_last_reload_successful 0", `ordergate_files_last_reload_successful{kind="certificates"} 0`} {
		if !strings.Contains(get(t, c.admin+"/metrics"), want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if response, err := client.Get(c.listen + "/orders/1"); err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
		t.Errorf("without TLS beside it: %v", err)
	}
	if err := c.end(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	var stderr bytes.Buffer
	for _, command := range [][]string{{"serve", "--config", path}, {"check", "--config", path}} {
		if code := run(t.Context(), command, io.Discard, &stderr); code != cli.ExitUsage || !strings.Contains(stderr.String(), "shop.pem: expired on") {
			t.Errorf("%s with an expired certificate: code %d, %s", command[0], code, stderr.String())
		}
		stderr.Reset()
	}
}

// TestFilesMissing: neither serve nor check goes on without a file that the
// config names.
func TestFilesMissing(t *testing.T) {
	for _, text := range []string{"asn: {file: none.file}\n", "upstream_tls: {ca: none.file}\n"} {
		dir := t.TempDir()
		path := writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide("https://127.0.0.1:1", filepath.Join(dir, "data"))+text)
		for _, command := range []string{"serve", "check"} {
			var stderr bytes.Buffer
			if code := run(t.Context(), []string{command, "--config", path}, io.Discard, &stderr); code != cli.ExitUsage || !strings.Contains(stderr.String(), "none.file: does not exist: look at the path") {
				t.Errorf("%s with %s: code %d, %s", command, text, code, stderr.String())
			}
		}
	}
}

// TestProxyProtocol: the config's load balancers must say who the client is,
// on the listener for clients alone.
func TestProxyProtocol(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	c := startChild(t, writeConfig(t, filepath.Join(dir, "ordergate.yaml"), wide(upstream.URL, filepath.Join(dir, "data"))+"proxy_protocol: [127.0.0.1]\n"))
	defer c.end(t, syscall.SIGTERM) //nolint:errcheck // asserted elsewhere
	for header, fine := range map[string]bool{"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n": true, "": false} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.listen, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, header+"GET /orders/1 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) != fine || !fine && len(answer) > 0 {
			t.Errorf("with header %q: %.60q", header, answer)
		}
	}
	if text := get(t, c.admin+"/livez"); text != "ok\n" {
		t.Errorf("the admin listener says %q", text)
	}
}

// TestDemo is the story from end to end: every attack is stopped at its cap,
// nobody honest is harmed, the report names exactly those whose data left, and
// nothing readable of anybody is left in ledger or log.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	var story bytes.Buffer
	var result demo.Result
	command := cli.Demo{
		Quick: true, Customers: 600, DataDir: dir, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Observe: func(r demo.Result) { result = r },
	}
	if err := command.Run(context.Background(), "test", &story); err != nil {
		t.Fatalf("%v\n%s", err, story.String())
	}
	if len(result.Taken) == 0 || len(result.Missing)+len(result.Extra) != 0 || len(result.Reported) != len(result.Taken) {
		t.Errorf("%d taken, %d reported, %d missing, %d extra", len(result.Taken), len(result.Reported), len(result.Missing), len(result.Extra))
	}
	for i, most := range []int{5, 120, 0, 3} { // the caps of shopper, staff, (WAF), guest
		if got := len(result.Attacks[i].Through.Received); got > most {
			t.Errorf("%s took %d customers, the cap is %d", result.Attacks[i].Name, got, most)
		}
		if straight := len(result.Attacks[i].Direct.Received); straight <= most {
			t.Errorf("%s takes %d straight at the shop: no attack", result.Attacks[i].Name, straight)
		}
	}
	segments, err := filepath.Glob(filepath.Join(dir, "ordergate-data", "ledger", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("the rows are in %v, %v", segments, err)
	}
	for _, file := range append(segments, filepath.Join(dir, "ordergate.log"), filepath.Join(dir, "ordergate-data/ledger.db"), filepath.Join(dir, "ordergate-data/ledger.db-wal")) {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, c := range demo.Generate(600, demo.DefaultSeed) {
			for _, value := range []string{c.Email, c.Name(), c.Phone} {
				if len(value) > 6 && bytes.Contains(content, []byte(value)) {
					t.Fatalf("%s holds %q in readable form", file, value)
				}
			}
		}
	}
}

// TestCommandLine pins exit codes and the words of refusals.
func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return writeConfig(t, filepath.Join(dir, name), text) }
	if err := os.MkdirAll(filepath.Join(dir, "corrupt"), 0o700); err != nil {
		t.Fatal(err)
	}
	file("corrupt/ledger.db", strings.Repeat("this is not a ledger\n", 500))
	busy := httptest.NewServer(http.NotFoundHandler())
	defer busy.Close()
	body := file("body.json", "["+proxytest.Person(1)+"]")
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"help", []string{"--help"}, 0, []string{"ordergate demo", "Exit codes"}},
		{"version", []string{"version"}, 0, []string{"devel"}},
		{"nothing", nil, 2, []string{"--help"}},
		{"unknown command", []string{"fly"}, 2, []string{"fly"}},
		{"check defaults", []string{"check", "--upstream", "http://127.0.0.1:3000"}, 0, []string{"upstream", "Worst loss"}},
		{"check unknown key", []string{"check", "--config", file("bad.yaml", "upstream: http://127.0.0.1:1\ncolour: red\ncaps: {guest: {session: {1h: abc}}}\n")}, 2, []string{"colour", "caps.guest.session.1h", "abc"}},
		{"serve without upstream", []string{"serve"}, 2, []string{"upstream"}},
		{"serve with a corrupt ledger", []string{"serve", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "corrupt")}, 1, []string{"ledger.db"}},
		{"serve where data cannot be", []string{"serve", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", body}, 1, []string{"data_dir"}},
		{"serve on a taken port", []string{"serve", "--upstream", "http://127.0.0.1:1", "--admin", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "fresh"), "--listen", strings.TrimPrefix(busy.URL, "http://")}, 1, []string{"address already in use"}},
		{"inspect", []string{"inspect", body, "--json"}, 0, []string{`"subjects":1`, `"email":1`, `"uninspected":""`}},
		{"report without a ledger", []string{"report", "affected", "--data-dir", filepath.Join(dir, "nowhere")}, 1, []string{"nowhere"}},
		{"incident without a gateway", []string{"incident", "list", "--admin", "127.0.0.1:1"}, 1, []string{"is it running"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			var out bytes.Buffer
			if code := run(ctx, c.args, &out, &out); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, out.String())
			}
			for _, words := range c.says {
				if !strings.Contains(out.String(), words) {
					t.Errorf("it does not say %q: %s", words, out.String())
				}
			}
			if strings.Contains(out.String(), "marieke") {
				t.Error("it prints a personal value")
			}
		})
	}
}

// TestIncidentDesk: a tripped cap raises the breach alert at once, and a
// person who acknowledges the incident lowers it.
func TestIncidentDesk(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	c := startChild(t, writeConfig(t, filepath.Join(dir, "o.yaml"),
		fmt.Sprintf("upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\n", upstream.URL, filepath.Join(dir, "data"))))
	defer c.end(t, syscall.SIGTERM) //nolint:errcheck // asserted elsewhere
	for n := range 4 {
		get(t, fmt.Sprintf("%s/orders/%d", c.listen, n))
	}
	began := time.Now()
	const alert = `ordergate_breach_alert{severity="high"} 1`
	for !strings.Contains(get(t, c.admin+"/metrics"), alert) {
		if time.Since(began) > time.Second {
			t.Fatal("no breach alert within a second")
		}
	}
	for line := c.wait(t, "incident"); line["severity"] != "high"; line = c.wait(t, "incident") {
		if line["detector"] != string(rules.DetectorUnauthenticated) || line["severity"] != "medium" {
			t.Errorf("incident line %v", line)
		}
	}
	command := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		args = append([]string{"incident"}, append(args, "--admin", strings.TrimPrefix(c.admin, "http://"))...)
		if code := run(context.Background(), args, &out, &out); code != 0 {
			t.Fatalf("%v: %s", args, out.String())
		}
		return out.String()
	}
	var open []rules.Incident
	if err := json.Unmarshal([]byte(command("list", "--json")), &open); err != nil || len(open) != 2 {
		t.Fatalf("incidents %+v, %v: want the cap's and the unauthenticated one's", open, err)
	}
	for i := range open {
		if text := command("show", open[i].ID); !strings.Contains(text, "report affected --incident "+open[i].ID) {
			t.Errorf("show does not say what to do next: %s", text)
		}
		command("ack", open[i].ID)
	}
	for strings.Contains(get(t, c.admin+"/metrics"), alert) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the breach alert stays after everything is acknowledged")
		}
	}
	// One exchange may have opened both, and then chance orders them: the cap's
	// is of a session, which can be held; the other is of a route.
	slices.SortFunc(open, func(a, b rules.Incident) int { return bytes.Compare(b.Session[:], a.Session[:]) })
	if !open[1].Session.IsZero() {
		t.Fatalf("both incidents are of a session: %+v", open)
	}
	if text := command("contain", open[0].ID, "--step", "slow", "--for", "2h"); !strings.Contains(text, "contained") {
		t.Errorf("contain: %s", text)
	}
	if text := command("show", open[0].ID); !strings.Contains(text, "held      slow until") || !strings.Contains(text, "by a person") {
		t.Errorf("show does not tell the containment: %s", text)
	}
	command("release", open[0].ID)
	if text := command("show", open[0].ID); strings.Contains(text, "held ") {
		t.Errorf("released, and still held: %s", text)
	}
	command("false-alarm", open[0].ID)
	command("close", open[1].ID)
	if text := command("list"); !strings.Contains(text, "no incident") {
		t.Errorf("after closing: %s", text)
	}
}

// TestLibrariesSayNothing: what a platform sends behind a response's announced
// length is quoted by net/http on the standard library's log, and must not get
// into ours.
func TestLibrariesSayNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test's own
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil && request.URL.Path == "/" {
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok%s", proxytest.Person(1))
			}
			_ = conn.Close()
		}
	}()
	dir := t.TempDir()
	c := startChild(t, writeConfig(t, filepath.Join(dir, "o.yaml"), wide("http://"+listener.Addr().String(), filepath.Join(dir, "data"))))
	defer c.end(t, syscall.SIGTERM) //nolint:errcheck // asserted elsewhere
	if got := get(t, c.listen+"/"); got != "ok" {
		t.Fatalf("the client got %q", got)
	}
	for {
		line := fmt.Sprint(<-c.lines)
		if strings.Contains(line, "marieke") {
			t.Fatalf("the log quotes a customer's record: %s", line)
		}
		if strings.Contains(line, "withheld") {
			return
		}
	}
}

// TestCanary: a planted customer in any response is a critical incident, told
// by digest only; the twin is any other customer.
func TestCanary(t *testing.T) {
	upstream := orders(t)
	dir := t.TempDir()
	config := wide(upstream.URL, filepath.Join(dir, "data")) + fmt.Sprintf("canaries: {emails: [%q]}\n", strings.ToUpper(proxytest.Email(7)))
	c := startChild(t, writeConfig(t, filepath.Join(dir, "o.yaml"), config))
	defer c.end(t, syscall.SIGTERM) //nolint:errcheck // asserted elsewhere
	const hits = `ordergate_canary_hits_total{role="guest"} `
	get(t, c.listen+"/orders/8")
	if text := get(t, c.admin+"/metrics"); !strings.Contains(text, hits+"0") {
		t.Error("a hit without the canary")
	}
	get(t, c.listen+"/orders/7")
	if text := get(t, c.admin+"/metrics"); !strings.Contains(text, hits+"1") {
		t.Error("no hit for the canary")
	}
	for {
		line := c.wait(t, "incident")
		if strings.Contains(fmt.Sprint(line), "marieke") {
			t.Errorf("the incident's line names the customer: %v", line)
		}
		if line["detector"] == string(rules.DetectorCanary) {
			if line["severity"] != "critical" {
				t.Errorf("incident %v", line)
			}
			return
		}
	}
}
