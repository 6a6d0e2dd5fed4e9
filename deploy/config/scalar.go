package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules"
)

// scalar reads and writes the values of one type.
type scalar struct {
	word   string // what the reference table calls the type
	hidden bool   // the text may be a secret: it goes into no fault
	parse  func(text string) (any, *problem)
	format func(value any) string
}

// scalarFor builds a scalar from typed functions.
func scalarFor[T any](word string, parse func(string) (T, *problem), format func(T) string) scalar {
	return scalar{
		word:   word,
		parse:  func(text string) (any, *problem) { return parse(text) },
		format: func(value any) string { return format(value.(T)) },
	}
}

func hide(s scalar) scalar { s.hidden = true; return s }

// stringer formats a value that knows its own text.
func stringer[T fmt.Stringer](v T) string { return v.String() }

// scalarOf returns how values of a type are read and written, and false for a
// type that is not a scalar.
func scalarOf(t reflect.Type) (scalar, bool) {
	switch t {
	case reflect.TypeFor[string]():
		return scalarFor("text", parseText, func(s string) string { return s }), true
	case reflect.TypeFor[bool]():
		return scalarFor("true or false", parseBool, strconv.FormatBool), true
	case reflect.TypeFor[int]():
		return scalarFor("number", parseInt, strconv.Itoa), true
	case reflect.TypeFor[time.Duration]():
		return scalarFor("duration", parseDuration, formatDuration), true
	case reflect.TypeFor[netip.Prefix]():
		return scalarFor("address or CIDR", parsePrefix, stringer[netip.Prefix]), true
	case reflect.TypeFor[rules.Mode]():
		return scalarFor("enforce, observe or off", parseMode, stringer[rules.Mode]), true
	case reflect.TypeFor[rules.Action]():
		return scalarFor("refuse or pass", parseAction, formatAction), true
	case reflect.TypeFor[rules.Step]():
		return scalarFor("none, slow, mask, cut, refuse or revoke", parseStep, stringer[rules.Step]), true
	case reflect.TypeFor[rules.Role]():
		return scalarFor("role", parseRole, stringer[rules.Role]), true
	case reflect.TypeFor[Limit]():
		return scalarFor("number or unlimited", parseLimit, stringer[Limit]), true
	case reflect.TypeFor[Size]():
		return scalarFor("size", parseSize, stringer[Size]), true
	case reflect.TypeFor[Overflow]():
		return scalarFor("refuse or stream", parseOverflow, stringer[Overflow]), true
	case reflect.TypeFor[proxy.Purpose]():
		return scalarFor("account, checkout or other", parsePurpose, stringer[proxy.Purpose]), true
	case reflect.TypeFor[Glob]():
		return scalarFor("path pattern", parseGlob, func(g Glob) string { return string(g) }), true
	case reflect.TypeFor[Carrier]():
		return scalarFor("cookie:NAME, header:NAME or bearer", parseCarrier, stringer[Carrier]), true
	case reflect.TypeFor[Secret]():
		return hide(scalarFor("secret text", parseSecret, stringer[Secret])), true
	case reflect.TypeFor[SHA256]():
		// Whoever writes the credential where its digest belongs must not find
		// it in a log.
		return hide(scalarFor("64 hexadecimal characters", parseSHA256, stringer[SHA256])), true
	case reflect.TypeFor[URL]():
		return scalarFor("URL", parseURL, stringer[URL]), true
	}
	return scalar{}, false
}

// maxText bounds a text value, in bytes.
const maxText = 4096

func parseText(text string) (string, *problem) {
	if len(text) > maxText {
		return "", &problem{"is longer than 4096 bytes", "write a shorter text"}
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return "", &problem{"has a control character", "write it on one line, without tabs"}
		}
	}
	return text, nil
}

func parseSecret(text string) (Secret, *problem) {
	text, bad := parseText(text)
	return Secret{text}, bad
}

func parseBool(text string) (bool, *problem) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &problem{"is neither true nor false", "write true or false"}
}

func parseInt(text string) (int, *problem) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, &problem{"is not a whole number", "write digits only, such as 5"}
	}
	return int(n), nil
}

// parseDuration reads what time.ParseDuration reads, and days.
func parseDuration(text string) (time.Duration, *problem) {
	bad := &problem{"is not a duration", "write a number with its unit, such as 500ms, 10s, 5m, 24h or 400d"}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 15) // fits: 2^15 days are 90 years
		if err != nil {
			return 0, bad
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, bad
	}
	if d < 0 {
		return 0, &problem{"is less than 0", bad.remedy}
	}
	return d, nil
}

// formatDuration is the inverse of parseDuration, in the largest unit that
// is exact.
func formatDuration(d time.Duration) string {
	switch {
	case d >= 2*day && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d > 2*time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d >= time.Second && d < time.Hour && d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return d.String()
}

func parsePrefix(text string) (netip.Prefix, *problem) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, &problem{"is neither an address nor a CIDR", "write one such as 10.0.0.1 or 10.1.0.0/16"}
	case p.Addr().Is4In6():
		return netip.Prefix{}, &problem{"is an IPv4 address written as IPv6", "write it as IPv4, such as 10.1.0.0/16"}
	case p != p.Masked():
		return netip.Prefix{}, &problem{"has bits after its prefix", "write " + p.Masked().String() + ", or the one address alone"}
	}
	return p, nil
}

func parseMode(text string) (rules.Mode, *problem) {
	for _, m := range []rules.Mode{rules.Enforce, rules.Observe, rules.Off} {
		if text == m.String() {
			return m, nil
		}
	}
	return rules.Enforce, &problem{"is not a mode", "write enforce or observe; waf.mode also knows off"}
}

func parseAction(text string) (rules.Action, *problem) {
	switch text {
	case "refuse":
		return rules.Refuse, nil
	case "pass":
		return rules.Pass, nil
	}
	return rules.Refuse, &problem{"is neither refuse nor pass", "write refuse or pass"}
}

func formatAction(a rules.Action) string {
	if a == rules.Pass {
		return "pass"
	}
	return "refuse"
}

func parseStep(text string) (rules.Step, *problem) {
	if s, ok := rules.ParseStep(text); ok {
		return s, nil
	}
	return rules.StepNone, &problem{"is not a step of containment", "write none, slow, mask, cut, refuse or revoke"}
}

func parseOverflow(text string) (Overflow, *problem) {
	switch text {
	case "refuse":
		return OverflowRefuse, nil
	case "stream":
		return OverflowStream, nil
	}
	return OverflowRefuse, &problem{"is neither refuse nor stream", "write refuse or stream"}
}

func parsePurpose(text string) (proxy.Purpose, *problem) {
	if p, ok := proxy.Purposes()[text]; ok {
		return p, nil
	}
	return proxy.PurposeTold, &problem{"is no purpose of a route", "write account, checkout or other, or leave it out"}
}

func parseRole(text string) (rules.Role, *problem) {
	if r, ok := rules.ParseRole(text); ok {
		return r, nil
	}
	names := make([]string, 0, len(rules.Roles()))
	for _, r := range rules.Roles() {
		names = append(names, r.String())
	}
	return rules.RoleGuest, &problem{"is not a role", "write one of " + strings.Join(names, ", ")}
}
