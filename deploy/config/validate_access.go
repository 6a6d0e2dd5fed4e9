package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

func (v *checker) sessions(s Sessions) {
	if len(s) == 0 {
		v.fault("sessions", "", "names no place where a session is carried", "write one such as cookie:PHPSESSID, or remove no-builtin")
	}
	for i, c := range s {
		if s[:i].has(c) {
			v.fault("sessions", c.String(), "is written twice", "keep the first")
		}
	}
}

func (v *checker) roles(list []RoleRule) {
	for i, r := range list {
		path := fmt.Sprintf("roles[%d]", i)
		v.role(path, &r)
		for j := range i {
			if sameConditions(r, list[j]) {
				v.fault(path, "", fmt.Sprintf("is never reached, because roles[%d] has the same conditions", j), "remove one of the two")
				break
			}
		}
	}
}

// sameConditions reports whether two rules match the same requests.
func sameConditions(a, b RoleRule) bool {
	a.Role, a.Cap, b.Role, b.Cap = 0, nil, 0, nil
	a.Header, b.Header = strings.ToLower(a.Header), strings.ToLower(b.Header)
	return reflect.DeepEqual(a, b)
}

func (v *checker) role(path string, r *RoleRule) {
	if r.Role == roleUnset {
		v.fault(path+".role", "", "is missing", "write one of guest, shopper, staff, seller, machine, crawler")
	}
	if r.Path == "" && r.Header == "" {
		v.fault(path, "", "has no path and no header", "write at least one of the two; addresses alone give nobody a role")
	}
	if r.Header != "" && !isToken(r.Header) {
		v.fault(path+".header", r.Header, "is not the name of a header", "write one such as X-Staff-Token")
	}
	if !r.SHA256.IsZero() && r.Header == "" {
		v.fault(path+".sha256", "", "has no header that carries the credential", "write header: and its name, such as Authorization")
	}
	for i, p := range r.CIDR {
		if p.Bits() == 0 {
			v.fault(fmt.Sprintf("%s.cidr[%d]", path, i), p.String(), "holds for every address", "write the addresses of the machine, or remove it")
		}
	}
	if r.Role != rules.RoleMachine {
		v.desk(path, r)
		return
	}
	if r.Header == "" || r.SHA256.IsZero() {
		v.fault(path, "", "is a machine without a declared credential", "write header: and sha256: of its credential")
	}
	switch {
	case r.Cap == nil:
		v.fault(path+".cap", "", "is missing", "write what the machine needs, such as cap: {per_second: 10, per_day: 5000}")
	case r.Cap.windows() == noWindows():
		v.fault(path+".cap", "", "limits nothing over time", "write at least one of per_second, per_minute, per_hour, per_day")
	}
}

// desk checks the caps of a rule that is no machine's.
func (v *checker) desk(path string, r *RoleRule) {
	switch {
	case r.Cap == nil || r.Role == roleUnset:
	case r.Role != rules.RoleStaff && r.Role != rules.RoleSeller:
		v.fault(path+".cap", "", "is for roles machine, staff and seller only", "write the caps of role "+r.Role.String()+" under caps:")
	case len(r.CIDR) == 0 && r.SHA256.IsZero():
		v.fault(path+".cap", "", "is for everybody of role "+r.Role.String(), "write cidr: the addresses of the desk, or write the caps of the whole role under caps:")
	case r.Cap.windows() == noWindows():
		v.fault(path+".cap", "", "limits nothing over time", "write at least one of per_second, per_minute, per_hour, per_day")
	}
}

func (v *checker) routes(list []Route) {
	for i, r := range list {
		path := fmt.Sprintf("routes[%d].", i)
		if r.Path == "" {
			v.fault(path+"path", "", "is missing", "write a path pattern such as /checkout/**")
		}
		for j, method := range r.Methods {
			if !isToken(method) || method != strings.ToUpper(method) {
				v.fault(fmt.Sprintf("%smethods[%d]", path, j), method, "is not a method", "write it in capitals, such as GET or POST")
			}
		}
		if r.Mode != nil {
			v.onOff(path+"mode", *r.Mode)
		}
		v.rates(path+"rates.", r.Rates)
		if r.Requests != nil {
			v.requests(path+"requests.", r.Requests)
		}
		if r.Limit != 0 {
			v.sized(path+"limit", r.Limit, 1<<10, 1<<30)
		}
		if len(r.Template) > rules.MaxRoute || r.Template != "" && !strings.HasPrefix(r.Template, "/") {
			v.fault(path+"template", r.Template, "is not a route template", "write one of at most 128 bytes, such as /orders/{id}")
		}
	}
}

func (v *checker) rates(path string, r Rates) {
	v.rate(path+"session.", r.Session)
	v.rate(path+"address.", r.Address)
}

func (v *checker) rate(path string, r Rate) {
	const most = 1_000_000
	if r == (Rate{}) {
		return
	}
	v.within(path+"per_minute", r.PerMinute, 1, most)
	if r.Burst != 0 {
		v.within(path+"burst", r.Burst, 1, most)
	}
}

func (v *checker) canaries(c *Config) {
	check := func(key string, values []Secret, normalise normaliser, what, remedy string) {
		for i, s := range values {
			if _, ok := normalise([]byte(s.Reveal())); !ok {
				v.fault(fmt.Sprintf("canaries.%s[%d]", key, i), "", what, remedy)
			}
		}
	}
	check("emails", c.Canaries.Emails, record.NormalizeEmail, "is not an email address", "write the planted customer's address")
	check("phones", c.Canaries.Phones, c.phones(), "is not a phone number", "write the planted customer's number with country code, such as +61 …")
	check("customer_ids", c.Canaries.CustomerIDs, record.NormalizeCustomerID, "is not a customer id",
		"write a planted customer's id, without blanks, of at most 47 bytes")
	for i, s := range c.Canaries.CustomerIDs {
		if len(strings.TrimSpace(s.Reveal())) < 3 {
			v.fault(fmt.Sprintf("canaries.customer_ids[%d]", i), "", "has fewer than 3 characters", "write a planted customer's id that no other text is likely to equal")
		}
	}
}
