package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// update rewrites golden files in place of comparing with them.
var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// minimal is the smallest config there is.
const minimal = "upstream: http://127.0.0.1:3000\n"

func parse(t *testing.T, text string) Config {
	t.Helper()
	c, err := Parse("ordergate.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// golden compares got with a file, or rewrites the file with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := read(t, path)
	if got == want {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Errorf("%s:%d differs; run the test with -update if it should\ngot:  %s\nwant: %s", path, i+1, gotLines[i], wantLines[i])
			return
		}
	}
	t.Errorf("%s has %d lines, now there are %d; run the test with -update if it should", path, len(wantLines), len(gotLines))
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	return paths
}

func TestGoodFiles(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".effective", c.YAML())
			roundTrip(t, &c)
		})
	}
}

// roundTrip checks that the effective text of a config without secrets means
// the same config.
func roundTrip(t *testing.T, c *Config) {
	t.Helper()
	open := *c
	open.dir, open.AdminToken, open.Canaries = "", NewSecret("sixteen characters"), Canaries{}
	open.Tracing.Headers = slices.Clone(open.Tracing.Headers)
	for i := range open.Tracing.Headers {
		open.Tracing.Headers[i].Value = NewSecret("sixteen characters")
	}
	if secret := &open.Containment.Callout.Secret; !secret.IsZero() {
		*secret = NewSecret("sixteen characters")
	}
	text := strings.ReplaceAll(open.YAML(), "(hidden)", "sixteen characters")
	again, err := Parse("again", []byte(text))
	if err != nil {
		t.Fatalf("the effective config does not parse:\n%v\n%s", err, text)
	}
	if !reflect.DeepEqual(again, open) {
		t.Errorf("the effective config means something else:\n%s\nnow\n%s", text, again.YAML())
	}
	if again.Digest() != open.Digest() {
		t.Error("the effective config has another digest")
	}
}

func TestBadFiles(t *testing.T) {
	secret := regexp.MustCompile("hunter2")
	for _, path := range files(t, "testdata/bad/*.txtar") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			const first, second = "-- ordergate.yaml --\n", "-- error --\n"
			text, _, ok := strings.Cut(strings.TrimPrefix(read(t, path), first), second)
			if !ok {
				t.Fatalf("want a txtar of ordergate.yaml and error")
			}
			c, err := Parse("ordergate.yaml", []byte(text))
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("accepted, or not Faults: %v", err)
			}
			if !reflect.DeepEqual(c, Config{}) {
				t.Error("a faulty file gave a usable config")
			}
			if secret.MatchString(err.Error()) {
				t.Errorf("a secret is in the fault:\n%v", err)
			}
			for _, f := range faults {
				if f.Problem == "" || f.Remedy == "" {
					t.Errorf("a fault without problem or remedy: %v", f)
				}
			}
			golden(t, path, first+text+second+err.Error()+"\n")
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"))
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err = Load(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	path := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(path, []byte(minimal+"#"+strings.Repeat("x", maxFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(path); err == nil || !strings.Contains(err.Error(), "big.yaml: is larger than 256 KiB") {
		t.Errorf("a large file: %v", err)
	}
	_, err = Parse("deep.yaml", []byte("waf: "+strings.Repeat("[", 100_000)))
	if err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("a deep file: %v", err)
	}
	_, err = Parse("binary", []byte{0xff, 0xfe, 0})
	if err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("a binary file: %v", err)
	}
	_, err = Parse("lines.yaml", []byte(strings.Repeat("a: b\n", 10_001)))
	if err == nil || !strings.Contains(err.Error(), "more than 10000 lines") {
		t.Errorf("many lines: %v", err)
	}
	_, err = Parse("faults.yaml", []byte(strings.Repeat("a: b\n", 1000)))
	if err == nil || strings.Count(err.Error(), "\n") != maxFaults || !strings.HasSuffix(err.Error(), "has 901 more faults: correct these first") {
		t.Errorf("many faults: %v", err)
	}
	_, err = Parse("long.yaml", []byte(minimal+"trusted_proxies: ["+strings.Repeat("10.0.0.1,", 1001)+"]"))
	if err == nil || !strings.Contains(err.Error(), "more than 1000 entries") {
		t.Errorf("a long list: %v", err)
	}
}

func TestResolve(t *testing.T) {
	c, err := Resolve("", "http://127.0.0.1:3000")
	if err != nil {
		t.Fatal(err)
	}
	if want := parse(t, minimal); c.Digest() != want.Digest() {
		t.Error("--upstream alone differs from a file that says the same")
	}
	c, err = Resolve("testdata/good/design.yaml", "https://other.example")
	if err != nil || len(c.Upstream) != 1 || c.Upstream[0].URL.String() != "https://other.example" {
		t.Errorf("--upstream did not replace the file's: %v %v", c.Upstream, err)
	}
	for upstream, want := range map[string]string{
		"":                        "--upstream: upstream: is missing",
		"shop":                    "--upstream: is neither",
		"http://u:hunter2@[::1]/": "--upstream: names a user",
	} {
		_, err := Resolve("", upstream)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Resolve(%q) = %v, want %s…", upstream, err, want)
		}
	}
}

func TestDigest(t *testing.T) {
	base := parse(t, minimal)
	if d := base.Digest(); !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(d) {
		t.Errorf("digest %q", d)
	}
	same := []string{
		"# words\n" + minimal,
		"listen: :8080\n" + minimal + "caps: {guest: {response: 2}}\n",
		minimal + "admin_token: correct horse battery staple\n",
		minimal + "limits: {first_window: 65536}\nledger: {retention: 9600h}\n",
	}
	for _, text := range same {
		if c := parse(t, text); c.Digest() != base.Digest() {
			t.Errorf("another digest for\n%s", text)
		}
	}
	seen := map[string]string{base.Digest(): minimal}
	for _, more := range []string{
		"caps: {guest: {response: 1}}", "mode: observe", "waf: {rules: [a.conf]}", "canaries: {emails: [a@shop.example]}",
		"canaries: {emails: [b@shop.example]}", "sessions: [cookie:A]", "routes: [{path: /a/**}]", "records: {countries: [AU]}",
	} {
		c := parse(t, minimal+more)
		if other, ok := seen[c.Digest()]; ok {
			t.Errorf("%q and %q have the same digest", more, other)
		}
		seen[c.Digest()] = more
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := parse(t, minimal+"admin_token: hunter2hunter2hunter2\ncanaries: {emails: [hunter2@shop.example], phones: ['+61255500199'], customer_ids: [hunter2]}\ncontainment: {callout: {url: https://shop.example, secret: hunter2}}\n")
	if callout, told := c.Callout(); !told || callout.Secret != "hunter2" {
		t.Error("the callout's secret was not read")
	}
	if c.AdminToken.Reveal() != "hunter2hunter2hunter2" {
		t.Error("the token was not read")
	}
	for _, text := range []string{c.YAML(), sprint(c), sprint(&c), sprint(c.Canaries)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "5550") {
			t.Errorf("a secret is printed in\n%s", text)
		}
	}
}
