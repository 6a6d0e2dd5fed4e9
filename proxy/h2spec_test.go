package proxy_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/proxy/proxytest"
)

// h2specAccepted are cases of h2spec in which net/http decides otherwise than the
// suite asks, and why that harms nobody.
var h2specAccepted = map[string]string{
	"Sends invalid connection preface":                                                               "without TLS it may be HTTP/1.1: it is answered 400, and the connection ends",
	"Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE":                      "net/http takes frames of up to 1 MiB, and says so in its own settings",
	"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                          "net/http ends a connection that sends a setting twice in a frame",
	"Sends a HEADERS frame that contains the connection-specific header field":                       "the request is answered 400 instead of with an error of the stream, and goes nowhere",
	"Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "likewise",
}

// TestH2Spec holds HTTP/2, with TLS and without (h2c), against h2spec, a suite of the
// rules of RFC 7540 and RFC 7541.
func TestH2Spec(t *testing.T) {
	if testing.Short() {
		t.Skip("a program of its own asks: the race detector learns little")
	}
	t.Parallel()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("tea ", 100))
	})
	a := proxytest.NewAuthority(t)
	ended := secured(t, a, nil, proxytest.Leaf{Names: []string{"127.0.0.1"}})
	for name, w := range map[string]*proxytest.World{
		"TLS": proxytest.Start(t, hello, withTLS(a, ended)),
		"h2c": proxytest.Start(t, hello),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, address, _ := strings.Cut(w.URL, "://")
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"tool", "-modfile=../.ci/go.mod", "h2spec", "--host", host, "--port", port, "--timeout", "2"}
			if name == "TLS" {
				args = append(args, "--tls", "--insecure")
			}
			out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
			total := regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`).FindStringSubmatch(string(out))
			if total == nil {
				if os.Getenv("ORDERGATE_TEST_H2SPEC") == "required" {
					t.Fatalf("h2spec did not run: %v\n%s", err, out)
				}
				t.Skipf("h2spec cannot be had here: %v", err)
			}
			t.Log(total[0])
			_, failures, _ := strings.Cut(string(out), "\nFailures:")
			for _, m := range regexp.MustCompile(`(?m)^\s+× \d+: (.+)$`).FindAllStringSubmatch(failures, -1) {
				if h2specAccepted[m[1]] == "" {
					t.Error(m[1])
				}
			}
			if t.Failed() {
				t.Logf("%s", failures)
			}
			if total[2] == "0" {
				t.Error("no case passed: h2spec reached nobody")
			}
		})
	}
}
