package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ordergate/ordergate/deploy/cli"
	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/sqlite"
	"github.com/ordergate/ordergate/metrics/otlp/otlptest"
	"github.com/ordergate/ordergate/proxy/proxytest"
)

// TestPrivacy runs a thief beside an honest guest and looks through everything
// that is left of it (ledger, keys, sealed window, log, metrics, spans, reports): no
// customer's value is anywhere, and the thief's address and browser are nowhere
// but in the evidence of the incident and the report made from it. The guest's
// are nowhere.
func TestPrivacy(t *testing.T) {
	const thief, guest, thiefAgent, guestAgent = "203.0.113.77", "198.51.100.5", "Exfiltrator/6.6", "HonestBrowser/1.0"
	upstream := orders(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	access := filepath.Join(dir, "access.log")
	collector := otlptest.Start(t)
	c := startChild(t, writeConfig(t, filepath.Join(dir, "ordergate.yaml"), fmt.Sprintf(
		"upstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\ntrusted_proxies: [127.0.0.1/32]\naccess_log: {file: %q}\ntracing: {endpoint: %s}\n", upstream.URL, data, access, collector.URL)))
	get := func(path, address, agent string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", address)
		request.Header.Set("User-Agent", agent)
		if address == guest { // who shows no credential is part of an incident of such reads
			request.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: "0123456789abcdef0123456789abcdef"})
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	get("/orders/900", guest, guestAgent)
	for _, path := range []string{"/customers/janssen", "/search/marieke/janssen", "/Marieke-Janssen", "/customers/JANSSEN.html"} {
		get(path, guest, guestAgent) // names are letters only, as words of a path are
		get(path, thief, thiefAgent)
	}
	refused := 0
	for n := range 30 {
		if get(fmt.Sprintf("/orders/%d", n), thief, thiefAgent) != http.StatusOK {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("the walk was not stopped")
	}
	response, err := client.Get(c.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	artefacts := map[string][]byte{}
	if artefacts["metrics"], err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for line := range c.lines {
		fmt.Fprintln(&log, line)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	artefacts["log"] = log.Bytes()
	if artefacts["access log"], err = os.ReadFile(access); err != nil || bytes.Count(artefacts["access log"], []byte("\n")) < 30 {
		t.Fatalf("the access log: %v, %d bytes", err, len(artefacts["access log"]))
	}
	artefacts["spans"] = collector.Raw()
	if spans := collector.Spans(); len(spans) < 39 {
		t.Fatalf("%d spans of 39 exchanges", len(spans))
	}
	err = filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		artefacts[strings.TrimPrefix(path, data+"/")], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.OpenReadOnly(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	incidents, err := store.Incidents(t.Context())
	if err != nil || len(incidents) == 0 {
		t.Fatalf("incidents: %v %v", incidents, err)
	}
	if v, err := store.Verify(t.Context(), ledger.VerifyOptions{}); err != nil || len(v.Faults) > 0 {
		t.Errorf("verify: %v %q", err, v.Faults)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	told := false
	for _, incident := range incidents {
		var report, affected bytes.Buffer
		r := cli.ReportIncident{Format: "md"}
		r.DataDir, r.Incident = data, incident.ID
		if err := r.Run(&report, io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := (&cli.ReportAffected{DataDir: data, Incident: incident.ID}).Run(&affected, &affected); err != nil {
			t.Fatal(err)
		}
		artefacts["report affected "+incident.ID] = affected.Bytes()
		artefacts["evidence of "+incident.ID] = report.Bytes() // may name the thief
		told = told || strings.Contains(report.String(), thief) && strings.Contains(report.String(), "Exfiltrator")
	}
	if !told {
		t.Error("no incident report says the thief's address and browser")
	}
	sealed := false
	for name, content := range artefacts {
		sealed = sealed || strings.HasSuffix(name, ".seal") && len(content) > 100
		var never []string
		for n := range 30 {
			never = append(never, proxytest.Email(n))
		}
		never = append(never, proxytest.Email(900), guest, guestAgent)
		if !strings.HasPrefix(name, "evidence") {
			never = append(never, thief, thiefAgent)
		}
		never = append(never, "marieke", "Marieke", "janssen", "Janssen", "JANSSEN")
		for _, value := range never {
			if bytes.Contains(content, []byte(value)) {
				t.Errorf("%s holds %q", name, value)
			}
		}
	}
	if !sealed {
		t.Error("there is no sealed window: the test does not do what it says")
	}
}
