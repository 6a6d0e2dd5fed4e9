package config

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
)

func hasher(t *testing.T) *rules.Hasher {
	t.Helper()
	h, err := rules.NewHasher(bytes.Repeat([]byte{7}, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestDefaultCaps checks the defaults against the table of design section 6.
func TestDefaultCaps(t *testing.T) {
	const hour, day, month = rules.WindowHour, rules.WindowDay, rules.WindowMonth
	c := Default()
	got := c.Exfil(hasher(t))
	want := map[rules.Role]exfil.RoleCaps{
		rules.RoleGuest:   {Session: exfil.Limits{{Window: hour, Max: 3}, {Window: day, Max: 10}}, Address: exfil.Limits{{Window: hour, Max: 30}}, ASN: exfil.Limits{{Window: hour, Max: 100}}, Response: 2},
		rules.RoleShopper: {Session: exfil.Limits{{Window: hour, Max: 5}, {Window: day, Max: 20}, {Window: month, Max: 60}}, Address: exfil.Limits{{Window: hour, Max: 60}}, ASN: exfil.Limits{{Window: hour, Max: 200}}, Response: 5},
		rules.RoleStaff:   {Session: exfil.Limits{{Window: hour, Max: 120}, {Window: day, Max: 600}}, Response: 100},
		rules.RoleSeller:  {Session: exfil.Limits{{Window: hour, Max: 500}, {Window: day, Max: 2000}}, Response: 250},
		rules.RoleCrawler: {Session: exfil.Limits{{Window: day, Max: 0}}, Response: 0},
	}
	if !reflect.DeepEqual(got.Roles, want) {
		t.Errorf("roles\n%v\nwant\n%v", got.Roles, want)
	}
	if site := (exfil.Limits{{Window: hour, Max: 300}, {Window: day, Max: 2000}}); !reflect.DeepEqual(got.Site, site) {
		t.Errorf("site %v, want %v", got.Site, site)
	}
	if len(got.Modes) != 0 || got.Unauthenticated != 1 || got.Principals != 1_000_000 || len(got.Machines) != 0 || len(got.Canaries) != 0 {
		t.Errorf("not the defaults: %+v", got)
	}
}

func TestExfil(t *testing.T) {
	c := parse(t, read(t, "testdata/good/design.yaml"))
	h := hasher(t)
	got := c.Exfil(h)
	guest := got.Roles[rules.RoleGuest]
	if want := (exfil.Limits{{Window: rules.WindowHour, Max: 2}, {Window: rules.WindowDay, Max: 10}}); !reflect.DeepEqual(guest.Session, want) || guest.Response != 1 {
		t.Errorf("a role that is written must override only what it names: %v", guest)
	}
	machine := exfil.RoleCaps{Session: exfil.Limits{{Window: rules.WindowMinute, Max: 30_000}, {Window: rules.WindowDay, Max: 50_000}}, Response: -1}
	if !reflect.DeepEqual(got.Machines, []exfil.RoleCaps{machine}) {
		t.Errorf("machines %v, want %v", got.Machines, machine)
	}
	if machines := c.Machines(); len(machines) != 1 || machines[0].Header != "X-ERP-Key" {
		t.Errorf("machines %v", machines)
	}
	if want := map[rules.Detector]rules.Mode{rules.DetectorUnauthenticated: rules.Observe}; !reflect.DeepEqual(got.Modes, want) || got.Unauthenticated != 3 {
		t.Errorf("modes %v, want %v", got.Modes, want)
	}
	canaries := []rules.Identifier{
		{Kind: rules.IdentifierEmail, Digest: h.Identifier(rules.IdentifierEmail, []byte("canary@shop.example"))},
		{Kind: rules.IdentifierPhone, Digest: h.Identifier(rules.IdentifierPhone, []byte("61255500199"))},
		{Kind: rules.IdentifierCustomerID, Digest: h.Identifier(rules.IdentifierCustomerID, []byte("CN-000017"))},
	}
	if !reflect.DeepEqual(got.Canaries, canaries) {
		t.Errorf("canaries %v, want %v", got.Canaries, canaries)
	}
	finder := c.RecordConfig(h)
	ignore := []rules.Identifier{{Kind: rules.IdentifierEmail, Digest: h.Identifier(rules.IdentifierEmail, []byte("service@shop.example"))}}
	if !reflect.DeepEqual(finder.Ignore, ignore) || !reflect.DeepEqual(finder.Countries, []string{"AU", "NZ"}) {
		t.Errorf("finder %v %v", finder.Ignore, finder.Countries)
	}
}

func TestObserveEverything(t *testing.T) {
	c := parse(t, minimal+"mode: observe\n")
	got := c.Exfil(hasher(t))
	for _, d := range rules.Detectors() {
		if got.Modes[d] != rules.Observe {
			t.Errorf("mode: observe, and %s enforces", d)
		}
	}
}

func TestBound(t *testing.T) {
	const no = Unlimited
	tests := []struct {
		limits                   Windows
		minute, hour, day, month Limit
	}{
		{noWindows(), no, no, no, no},
		{Windows{no, 3, 10, no}, 3, 3, 10, 300},
		{Windows{no, 500, 100, no}, 100, 100, 100, 3000}, // the day's limit holds within an hour too
		{Windows{1, no, no, no}, 1, 60, 1440, 43200},
		{Windows{no, no, 0, no}, 0, 0, 0, 0},
		{Windows{no, no, no, 60}, 60, 60, 60, 60},
	}
	for _, tt := range tests {
		got := [4]Limit{}
		for i, w := range rules.Windows() {
			got[i] = tt.limits.Bound(w)
		}
		if want := [4]Limit{tt.minute, tt.hour, tt.day, tt.month}; got != want {
			t.Errorf("%v bounds %v, want %v", tt.limits, got, want)
		}
	}
}

// TestWorstLosses checks the formula min(N × principals, B) / recall.
func TestWorstLosses(t *testing.T) {
	recall, _ := Recall()
	if recall <= 0 || recall > 1 {
		t.Fatalf("recall %v", recall)
	}
	c := parse(t, read(t, "testdata/good/design.yaml"))
	type figure struct {
		role       rules.Role
		window     rules.Window
		principals int
	}
	got := make(map[figure]Limit)
	for _, w := range c.WorstLosses() {
		for _, l := range w.Losses {
			got[figure{w.Role, l.Window, l.Principals}] = l.Subjects
		}
	}
	want := map[figure]Limit{
		{rules.RoleGuest, rules.WindowHour, 1}:      2,
		{rules.RoleGuest, rules.WindowHour, 100}:    200,
		{rules.RoleGuest, rules.WindowHour, 1000}:   300, // the budget
		{rules.RoleGuest, rules.WindowDay, 1000}:    1500,
		{rules.RoleShopper, rules.WindowDay, 10}:    200,
		{rules.RoleStaff, rules.WindowHour, 1}:      120,
		{rules.RoleStaff, rules.WindowDay, 1000}:    600_000, // no budget
		{rules.RoleMachine, rules.WindowHour, 1}:    50_000,
		{rules.RoleCrawler, rules.WindowDay, 1000}:  0,
		{rules.RoleSeller, rules.WindowHour, 10}:    5000,
		{rules.RoleShopper, rules.WindowHour, 10}:   50,
		{rules.RoleShopper, rules.WindowHour, 1000}: 300,
		{rules.RoleGuest, rules.WindowDay, 1}:       10,
	}
	for f, subjects := range want {
		if least := float64(subjects) / recall; float64(got[f]) < least || float64(got[f]) > least+1 {
			t.Errorf("%v: worst loss %v, want %v", f, got[f], least)
		}
	}
	open := parse(t, read(t, "testdata/good/everything-open.yaml"))
	for _, w := range open.WorstLosses() {
		for _, l := range w.Losses {
			if (w.Role == rules.RoleGuest || w.Role == rules.RoleShopper) && l.Subjects != Unlimited {
				t.Errorf("%v: nothing limits it, and the worst loss is %v", w.Role, l.Subjects)
			}
		}
	}
	if why := open.Unbounded(); len(why) != 8 {
		t.Errorf("everything is open, and only this is said: %q", why)
	}
	if base := parse(t, minimal); len(base.Unbounded()) > 0 {
		t.Errorf("the defaults are called weak: %q", base.Unbounded())
	}
}
