//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nginx has one worker, connections to the origin that are kept, and the rules.
func nginx(s *setting) (*command, error) {
	module := "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
	if _, err := os.Stat(module); err != nil {
		return nil, fmt.Errorf("nginx is there, its module is not installed: %s", s.remedy)
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // the folder is nobody else's, and it listens on loopback only
	}
	text := fmt.Sprintf(`%[1]sload_module %[2]s;
worker_processes 1;
daemon off;
pid %[3]s/pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path %[3]s/body;
	proxy_temp_path %[3]s/proxy;
	fastcgi_temp_path %[3]s/fastcgi;
	uwsgi_temp_path %[3]s/uwsgi;
	scgi_temp_path %[3]s/scgi;
	client_body_buffer_size 256k;
	keepalive_requests 1000000000;
	upstream origin { server %[4]s; keepalive 64; keepalive_requests 1000000000; }
	server {
		listen %[5]s;
		modsecurity on;
		modsecurity_rules_file %[3]s/modsecurity.conf;
		location / {
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_pass http://origin;
		}
	}
}
`, user, module, s.folder, s.origin, s.address)
	if err := s.write(map[string]string{"nginx.conf": text, "modsecurity.conf": modsecurity(s)}); err != nil {
		return nil, err
	}
	return &command{address: s.address, path: s.program, args: []string{"-p", s.folder, "-e", "stderr", "-c", filepath.Join(s.folder, "nginx.conf")}, folder: s.folder}, nil
}

// apache has one process with threads (mpm_event), connections to the origin
// that are kept, and the rules.
func apache(s *setting) (*command, error) {
	modules := "/usr/lib/apache2/modules"
	if _, err := os.Stat(filepath.Join(modules, "mod_security2.so")); err != nil {
		return nil, fmt.Errorf("apache2 is there, its module is not installed: %s", s.remedy)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ServerRoot %s\nServerName shop.example\nListen %s\nPidFile pid\nErrorLog error.log\nLogLevel crit\n", s.folder, s.address)
	for _, m := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "unique_id", "security2"} {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%s.so\n", m, modules, m)
	}
	if os.Getuid() == 0 {
		b.WriteString("User www-data\nGroup www-data\n") // Debian's; as root it refuses to serve
	}
	fmt.Fprintf(&b, "DefaultRuntimeDir %s\nMutex default:%s\n", s.folder, s.folder)
	b.WriteString("StartServers 1\nServerLimit 1\nThreadsPerChild 64\nThreadLimit 64\nMaxRequestWorkers 64\nMaxConnectionsPerChild 0\nKeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\n")
	b.WriteString("SecDataDir tmp\nSecTmpDir tmp\n")
	fmt.Fprintf(&b, "SecRequestBodyNoFilesLimit %d\nSecRequestBodyInMemoryLimit %d\n", requestBody, requestBody)
	b.WriteString(strings.ReplaceAll(modsecurity(s), "SecDataDir tmp", ""))
	fmt.Fprintf(&b, "ProxyPreserveHost On\nProxyPass / http://%s/ keepalive=On\n", s.origin)
	if err := s.write(map[string]string{"apache.conf": b.String()}); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(s.folder, "tmp"), 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for Apache: %w", err)
	}
	if err := os.Chmod(filepath.Join(s.folder, "tmp"), 0o777); err != nil { //nolint:gosec // Apache writes there as www-data; the folder above is private
		return nil, fmt.Errorf("opening a folder for Apache: %w", err)
	}
	return &command{address: s.address, path: s.program, args: []string{"-D", "FOREGROUND", "-f", filepath.Join(s.folder, "apache.conf")}, folder: s.folder}, nil
}

// haproxy has one thread and no rules.
func haproxy(s *setting) (*command, error) {
	text := fmt.Sprintf(`global
	nbthread 1
	maxconn 1000
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	http-reuse always
frontend shop
	bind %s
	default_backend origin
backend origin
	server origin %s
`, s.address, s.origin)
	if err := s.write(map[string]string{"haproxy.cfg": text}); err != nil {
		return nil, err
	}
	return &command{address: s.address, path: s.program, args: []string{"-db", "-f", filepath.Join(s.folder, "haproxy.cfg")}, folder: s.folder}, nil
}

// write writes a contender's files.
func (s *setting) write(files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing a contender's config: %w", err)
		}
	}
	return nil
}
