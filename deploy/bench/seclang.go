//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// limits of bodies, the same for all: ordergate's defaults.
const (
	requestBody  = 256 << 10
	responseBody = 64 << 10
)

// directives are what stands before the Core Rule Set in every engine but
// ordergate's, whose own are the same (rules/waf).
func directives(paranoia int) string {
	return fmt.Sprintf(`SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit %[1]d
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml
SecResponseBodyLimit %[2]d
SecResponseBodyLimitAction ProcessPartial
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',severity:2"
SecAction "id:9900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%[3]d,setvar:tx.detection_paranoia_level=%[3]d"
SecAction "id:9900002,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'"
`, requestBody, responseBody, paranoia)
}

// modsecurity is what ModSecurity needs beyond: bounds of PCRE as in its
// modsecurity.conf-recommended, since the built-in ones are too low for the Core
// Rule Set, and Unicode's mapping where the package brings it.
func modsecurity(s *setting) string {
	var b strings.Builder
	b.WriteString(directives(s.paranoia))
	b.WriteString("SecPcreMatchLimit 100000\nSecPcreMatchLimitRecursion 100000\n")
	for _, mapping := range []string{"/etc/modsecurity/unicode.mapping", "/etc/nginx/unicode.mapping"} {
		if _, err := os.Stat(mapping); err == nil {
			fmt.Fprintf(&b, "SecUnicodeMapFile %s 20127\n", mapping)
			break
		}
	}
	fmt.Fprintf(&b, "Include %s\nInclude %s\n", filepath.Join(s.rules, "crs-setup.conf"), filepath.Join(s.rules, "rules", "*.conf"))
	return b.String()
}

// writeRules writes the embedded Core Rule Set out as files. Rules stay as they
// are; a blank line is put before each, as in the project's own files, because
// libmodsecurity does not see where a rule without actions ends otherwise.
func writeRules(folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, "rules"), 0o755); err != nil { //nolint:gosec // a server reads it under another user
		return fmt.Errorf("making the rules' folder: %w", err)
	}
	write := func(from, to string) error {
		text, err := fs.ReadFile(coreruleset.FS, from)
		if err != nil {
			return fmt.Errorf("reading the embedded rules: %w", err)
		}
		spaced := string(text)
		if strings.HasSuffix(to, ".conf") {
			spaced = strings.ReplaceAll(spaced, "\nSec", "\n\nSec")
		}
		if err := os.WriteFile(filepath.Join(folder, to), []byte(spaced), 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("writing the rules: %w", err)
		}
		return nil
	}
	if err := write("@crs-setup.conf.example", "crs-setup.conf"); err != nil {
		return err
	}
	files, err := fs.ReadDir(coreruleset.FS, "@owasp_crs")
	if err != nil {
		return fmt.Errorf("reading the embedded rules: %w", err)
	}
	if len(files) == 0 {
		return errors.New("there are no embedded rules")
	}
	for _, f := range files {
		if err := write(path.Join("@owasp_crs", f.Name()), filepath.Join("rules", f.Name())); err != nil {
			return err
		}
	}
	return nil
}
