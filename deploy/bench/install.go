//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// policyFile is what Debian's packages ask before they start a service
// (invoke-rc.d(8)): a program that says 101 for no.
const policyFile = "/usr/sbin/policy-rc.d"

// install installs the packages of the contenders that are missing, without
// starting their services, now or at the next boot.
func install(ctx context.Context, says io.Writer) error {
	var missing []string
	for i := range contenders {
		c := &contenders[i]
		if _, err := c.installed(); c.program != "" && err != nil {
			missing = append(missing, strings.Fields(c.packages)...)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	tell(says, "installing %s", strings.Join(missing, " "))
	if _, err := os.Stat(policyFile); errors.Is(err, fs.ErrNotExist) {
		if err := asRoot(ctx, says, "sh", "-c", `printf '#!/bin/sh\nexit 101\n' > "$1" && chmod 755 "$1"`, "sh", policyFile); err != nil {
			return err
		}
		defer func() {
			// Also when it was interrupted: services of other packages must start again.
			_ = asRoot(context.WithoutCancel(ctx), says, "rm", "-f", policyFile)
		}()
	}
	if err := asRoot(ctx, says, "apt-get", "update", "-qq"); err != nil {
		return err
	}
	if err := asRoot(ctx, says, "env", append([]string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"}, missing...)...); err != nil {
		return err
	}
	if _, err := exec.LookPath("systemctl"); err == nil {
		for _, name := range missing {
			if !strings.HasPrefix(name, "lib") {
				_ = asRoot(ctx, io.Discard, "systemctl", "disable", name) // a machine without systemd at work has none to disable
			}
		}
	}
	return nil
}

func asRoot(ctx context.Context, says io.Writer, name string, args ...string) error {
	if os.Getuid() != 0 {
		name, args = "sudo", append([]string{name}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- the commands above
	cmd.Stdout, cmd.Stderr, cmd.Stdin = says, says, os.Stdin
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
