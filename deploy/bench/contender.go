//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// contender is one way to stand in front of the shop.
type contender struct {
	name, title string
	guarded     bool   // carries the Core Rule Set
	program     string // that must be installed; empty: nothing
	packages    string // of Debian, that bring it
	// prepare writes what the server needs into a folder of its own.
	prepare func(*setting) (*command, error)
}

// setting is what a contender is set up with.
type setting struct {
	program  string // path of the installed program, if it needs one
	remedy   string // the command that installs it
	folder   string // its own
	address  string // where it listens
	admin    string // likewise, for metrics
	origin   string // host and port
	paranoia int
	rules    string // folder of the Core Rule Set's files
	other    string // path of another ordergate program
	data     string // folder of the ledger; empty: a fresh one
	profile  string // file for a CPU profile; empty: none
}

// contenders are all there are, in the order in which they take turns. The first
// is the measure of the others.
var contenders = []contender{
	{name: "bare", title: "httputil.ReverseProxy", prepare: goProxy("bare")},
	{name: "haproxy", title: "HAProxy, no rules", program: "haproxy", packages: "haproxy", prepare: haproxy},
	{name: "nginx", title: "nginx + libmodsecurity", guarded: true, program: "nginx", packages: "nginx libnginx-mod-http-modsecurity", prepare: nginx},
	{name: "apache", title: "Apache + mod_security2", guarded: true, program: "apache2", packages: "apache2 libapache2-mod-security2", prepare: apache},
	{name: "coraza", title: "Coraza, its defaults", guarded: true, prepare: goProxy("coraza")},
	{name: "prefilter", title: "Coraza, SecRxPreFilter On", guarded: true, prepare: goProxy("prefilter")},
	{name: "ordergate", title: "ordergate, everything on", guarded: true, prepare: ordergate},
	{name: "other", title: "another ordergate", guarded: true, prepare: ordergate},
}

// standing is a contender in a run.
type standing struct {
	*contender
	*server
	// fault says why it is not measured; empty: it is.
	fault string
	idle  int64 // bytes of memory before the first request
}

// installed returns the path of a contender's program.
func (c *contender) installed() (string, error) {
	if path, err := exec.LookPath(c.program); err == nil {
		return path, nil
	}
	path := filepath.Join("/usr/sbin", c.program) // not in everybody's PATH
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("not installed: %s", c.remedy())
	}
	return path, nil
}

// remedy is the command that installs what a contender needs.
func (c *contender) remedy() string { return "apt-get install --no-install-recommends " + c.packages }

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// versionOf asks a contender's program for its version; empty without one.
func (c *contender) versionOf(ctx context.Context) string {
	path, err := c.installed()
	if c.program == "" || err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, "-v").CombinedOutput() // #nosec G204 -- one of the three servers
	if err != nil {
		return ""
	}
	return versionNumber.FindString(string(out))
}

// passes checks, before anything is measured, that clean requests come through a
// server with the bytes that the origin gives. It returns what is wrong.
func passes(ctx context.Context, s *server, o *origin, people *visitors, kinds []kind) (string, error) {
	through, direct := client{address: s.address}, client{address: o.address}
	defer through.close()
	defer direct.close()
	v := people.next()
	for _, k := range kinds {
		asked := v.ask(k)
		res, err := through.do(ctx, asked.raw)
		if err != nil {
			return "", fmt.Errorf("a clean request (%s): %w", k, err)
		}
		if res.session != "" {
			v.session = res.session
		}
		if res.status != asked.status {
			return fmt.Sprintf("refuses a clean request (%s) with %d", k, res.status), nil
		}
		if _, err := direct.do(ctx, asked.raw); err != nil {
			return "", fmt.Errorf("the origin: %w", err)
		}
		if !bytes.Equal(through.body, direct.body) || len(direct.body) != asked.length {
			return fmt.Sprintf("changes the answer to a clean request (%s)", k), nil
		}
	}
	return "", nil
}

// refuses checks that a server with rules lets no attack reach the origin. It
// returns what is wrong.
func refuses(ctx context.Context, s *server, o *origin, people *visitors) (string, error) {
	through := client{address: s.address}
	defer through.close()
	v := people.next()
	for _, a := range attacks {
		served := o.served.Load()
		res, err := through.do(ctx, a.ask(v))
		if err != nil {
			return "", fmt.Errorf("an attack (%s): %w", a.name, err)
		}
		if res.status != http.StatusForbidden || o.served.Load() != served {
			return fmt.Sprintf("an attack passes (%s): status %d", a.name, res.status), nil
		}
	}
	return "", nil
}

// goProxy runs this program as a worker.
func goProxy(what string) func(*setting) (*command, error) {
	return func(s *setting) (*command, error) {
		return s.worker(what, "--origin", s.origin, "--listen", s.address, "--paranoia", strconv.Itoa(s.paranoia))
	}
}

func (s *setting) worker(what string, args ...string) (*command, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own program: %w", err)
	}
	args = append([]string{"worker", what, "--admin", s.admin}, args...)
	if s.profile != "" {
		args = append(args, "--profile", s.profile)
	}
	return &command{address: s.address, admin: s.admin, path: self, args: args, folder: s.folder}, nil
}

// ordergate runs the gateway with its defaults, in this program or another.
func ordergate(s *setting) (*command, error) {
	if s.data == "" {
		s.data = filepath.Join(s.folder, "data")
	}
	file := filepath.Join(s.folder, "ordergate.yaml")
	text := fmt.Sprintf("upstream: http://%s\nlisten: %s\nadmin: %s\ndata_dir: %s\ntrusted_proxies: [127.0.0.1/32]\nwaf: {paranoia: %d}\n",
		s.origin, s.address, s.admin, s.data, s.paranoia)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing ordergate's config: %w", err)
	}
	if s.other != "" {
		return &command{address: s.address, admin: s.admin, path: s.other, args: []string{"serve", "--config", file}, folder: s.folder}, nil
	}
	return s.worker("ordergate", "--config", file)
}

// names are the contenders' names, for messages.
func names() string {
	var all []string
	for i := range contenders {
		all = append(all, contenders[i].name)
	}
	return strings.Join(all, ", ")
}
