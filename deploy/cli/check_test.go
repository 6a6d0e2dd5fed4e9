package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules/record/recall"
)

func checkFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ordergate.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lost is a number of subjects divided by the measured recall.
func lost(n int) int {
	share, _ := config.Recall()
	return int(math.Ceil(float64(n) / share))
}

const checkConfig = `upstream: http://127.0.0.1:3000
admin_token: hunter2hunter2hunter2
canaries: {emails: [hunter2@shop.example]}
caps: {guest: {session: {1h: 2}}, site: {24h: 1500}}
roles:
  - role: machine
    header: X-ERP-Key
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    cap: {per_day: 50000}
`

// TestCheckText checks the figures, and that the answer is itself a config
// that means the same.
func TestCheckText(t *testing.T) {
	var out bytes.Buffer
	if err := (&Check{Config: checkFile(t, checkConfig)}).Run(&out, io.Discard); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		fmt.Sprintf("# With one guest session: %d in any hour, %d in any 24 hours. With 1000 of them: %d in any hour, %d in any 24 hours.\n", lost(2), lost(10), lost(300), lost(1500)),
		fmt.Sprintf("# guest      2             1h      %-9d  %-11d  %-12d  %-13d  caps.site\n", lost(2), lost(20), lost(200), lost(300)),
		fmt.Sprintf("# staff      100           24h     %-9d  %-11d  %-12d  %-13d  the number of sessions\n", lost(600), lost(6000), lost(60000), lost(600000)),
		fmt.Sprintf("# machine 1  unlimited     24h     %-9d  -            -             -              its one credential\n", lost(50000)),
		"# crawler    0             1h      0          0            0             0              caps.site\n",
		"    session: {1h: 2, 24h: 10}  # default: {1h: 3, 24h: 10}\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing in the answer: %s", want)
		}
	}
	switch share, measured := config.Recall(); {
	case !measured && !strings.Contains(got, "recall is unmeasured"):
		t.Error("the recall is not measured, and the answer does not say so")
	case measured && !strings.Contains(got, fmt.Sprintf("divided by %.3f, the share of subjects", share)), measured && !strings.Contains(got, recall.Command):
		t.Errorf("the recall is measured as %.3f, and the answer does not say so", share)
	}
	if strings.Contains(got, "hunter2") || strings.Contains(got, "What weakens") {
		t.Errorf("a secret, or a warning about the defaults, in\n%s", got)
	}
	open := strings.NewReplacer("admin_token: (hidden)", "admin_token: hunter2hunter2hunter2", "[(hidden)]", "[hunter2@shop.example]").Replace(got)
	again, err := config.Parse("again", []byte(open))
	if err != nil {
		t.Fatalf("the answer is no config: %v\n%s", err, got)
	}
	first, err := config.Parse("first", []byte(checkConfig))
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != first.Digest() || !strings.Contains(got, first.Digest()) {
		t.Error("the answer is another config, or names another digest")
	}
}

func TestCheckJSON(t *testing.T) {
	var out bytes.Buffer
	if err := (&Check{Upstream: "http://127.0.0.1:3000", JSON: true}).Run(&out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var got checkAnswer
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Digest) != 16 || len(got.Roles) != 5 || len(got.Warnings) != 0 || got.Config == "" {
		t.Errorf("digest %q, %d roles, warnings %q", got.Digest, len(got.Roles), got.Warnings)
	}
	for _, role := range got.Roles {
		if role.Role == "guest" && (figure(role.loss("1h", 1000)) != fmt.Sprint(lost(300)) || figure(role.Response) != "2" || !role.Budget) {
			t.Errorf("guest: %+v", role)
		}
		if role.Role == "staff" && (figure(role.loss("1h", 10)) != fmt.Sprint(lost(1200)) || role.Budget) {
			t.Errorf("staff: %+v", role)
		}
	}
}

func TestCheckWarns(t *testing.T) {
	var out bytes.Buffer
	path := checkFile(t, "upstream: http://127.0.0.1:3000\nmode: observe\ncaps: {site: {1h: unlimited, 24h: unlimited}}\n")
	if err := (&Check{Config: path}).Run(&out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"! mode: observe refuses nothing", "! caps.site has no limit", fmt.Sprintf("With 1000 of them: %d in any hour", lost(3000))} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing: %s\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "are bounded by caps.site") {
		t.Error("there is no budget, and the answer counts on it")
	}
}

func TestCheckRefuses(t *testing.T) {
	badRules := filepath.Join(t.TempDir(), "mine.conf")
	if err := os.WriteFile(badRules, []byte("SecRule ARGS\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		check Check
		want  string
	}{
		"nothing":   {Check{}, "give --config FILE"},
		"no file":   {Check{Config: filepath.Join(t.TempDir(), "none.yaml")}, "does not exist"},
		"faults":    {Check{Config: checkFile(t, "listen: nowhere\nwaf: {paranoia: 9}\n")}, "waf.paranoia"},
		"upstream":  {Check{Upstream: "shop"}, "--upstream"},
		"bad rules": {Check{Config: checkFile(t, "upstream: http://127.0.0.1:3000\nwaf: {rules: ["+badRules+"]}\n")}, "waf.rules"},
		"no rules":  {Check{Config: checkFile(t, "upstream: http://127.0.0.1:3000\nwaf: {rules: [none/*.conf]}\n")}, "waf.rules"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := tt.check.Run(&out, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
				t.Errorf("error %v and %d bytes of answer, want %q and none", err, out.Len(), tt.want)
			}
			if ExitCode(err) != ExitUsage {
				t.Errorf("exit code %d, want %d", ExitCode(err), ExitUsage)
			}
		})
	}
	full := errors.New("no space left")
	if err := (&Check{Upstream: "http://127.0.0.1:3000"}).Run(failingWriter{full}, io.Discard); !errors.Is(err, full) {
		t.Errorf("a write that failed: %v", err)
	}
}

// failingWriter fails every write.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
