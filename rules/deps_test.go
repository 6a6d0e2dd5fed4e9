package rules_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/ordergate/ordergate"

// directions are the imports that the design forbids: a package at or below
// from must not import, even indirectly, one at or below to; a path that ends
// in a slash means strictly below.
var directions = []struct{ from, to, why string }{
	{"/rules/", "/proxy", "deciding code moves no bytes"},
	{"/rules/", "/metrics", "deciding code shows nothing"},
	{"/rules/", "/deploy", "deciding code does not know how it is deployed"},
	{"/proxy", "/metrics", "the proxy tells an Observer, and writes to a Ledger of its own"},
	{"/proxy", "/deploy", "the proxy is given its policy"},
	{"/metrics", "/proxy", "metrics are told, they do not ask"},
	{"/metrics", "/deploy", "metrics are told, they do not ask"},
	{"/metrics", "/rules/", "metrics know the vocabulary, not the deciding code"},
	{"/rules/waf", "/rules/exfil", "rules/* import rules and record only"},
	{"/rules/waf", "/rules/record", "the WAF knows no records"},
	{"/rules/record", "/rules/exfil", "rules/* import rules and record only"},
	{"/rules/record", "/rules/waf", "rules/* import rules and record only"},
	{"/rules/exfil", "/rules/waf", "rules/* import rules and record only"},
}

func below(path, of string) bool {
	if strict, ok := strings.CutSuffix(of, "/"); ok {
		return strings.HasPrefix(path, strict+"/")
	}
	return path == of || strings.HasPrefix(path, of+"/")
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
	Doc        string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,GoFiles,Doc", module+"/...")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v: %s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportDirections(t *testing.T) {
	all := packages(t)
	if len(all) < 8 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	for _, p := range all {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, dep := range p.Deps {
			own, ok := strings.CutPrefix(dep, module)
			if !ok {
				continue
			}
			if path == "/rules" {
				t.Errorf("rules imports %s: the vocabulary imports nothing of ours", dep)
			}
			for _, d := range directions {
				if below(path, d.from) && below(own, d.to) {
					t.Errorf("%s imports %s: %s", p.ImportPath, dep, d.why)
				}
			}
		}
		for _, dep := range p.Imports {
			if strings.HasPrefix(dep, "github.com/corazawaf/") && path != "/rules/waf" && path != "/deploy/bench" { // which measures Coraza by itself
				t.Errorf("%s imports %s: Coraza is known in rules/waf only", p.ImportPath, dep)
			}
			if path == "/rules" && strings.Contains(dep, ".") {
				t.Errorf("rules imports %s: the vocabulary stands on the standard library", dep)
			}
			if strings.HasPrefix(path, "/rules") && path != "/rules/waf" && (dep == "os" || dep == "net" || dep == "net/http/httputil" || dep == "database/sql") {
				t.Errorf("%s imports %s: deciding code does no I/O", p.ImportPath, dep)
			}
		}
	}
}

// TestOnePackageComment: every package says what it is for.
func TestOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && len(p.Doc) < 20 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
