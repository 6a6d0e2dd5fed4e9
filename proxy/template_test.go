package proxy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// routed returns what makes the template of a path: with routes that the operator
// declared, or in a group with hosts of its own.
func routed(t testing.TB) func(path string, group *group) string {
	t.Helper()
	hasher, err := rules.NewHasher(make([]byte, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	policy := &Policy{Routes: []RouteRule{{Path: "/tellimused/*/arve-*"}}, Roles: []RoleRule{{Path: "/haldus/**"}}}
	policy.words = policy.declared(&groups{named: []*group{{paths: []string{"/eest2/**"}}}})
	return func(path string, g *group) string {
		return (&exchange{policy: policy, hasher: hasher, group: g, path: path}).template()
	}
}

// TestTemplate: fixed words stay, and what may be somebody's does not.
func TestTemplate(t *testing.T) {
	template := routed(t)
	for path, want := range map[string]string{
		"/": "/", "/orders/100001": "/orders/{id}", "/api/v2/orders/100001/invoice.pdf": "/api/v2/orders/{id}/invoice.pdf",
		"/customers/mary@example.org": "/customers/{id}", "/v123456": "/{id}", "/u/3f2a": "/u/{id}", "/" + strings.Repeat("x", 40): "/{id}",
		"/order-history": "/order-history", "/wp-json/wc/v3/customers/7": "/wp-json/wc/v3/customers/{id}", "/kunde/bestellungen": "/kunde/bestellungen",
		"/webapp/wcs/stores/servlet/OrderItemDisplay": "/webapp/wcs/stores/servlet/OrderItemDisplay", "/.well-known/security.txt": "/.well-known/security.txt",
		"/p/s": "/p/s", "/CHECKOUT": "/CHECKOUT", "/en-gb/account": "/en-gb/account", "/customers//orders": "/customers//orders",
		"/tellimused/7/arve": "/tellimused/{id}/{0168ec}", "/haldus/eest2": "/haldus/eest2", "/tellimus": "/{b060ae}", // declared words, and others
	} {
		if got := template(path, &group{}); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if got := template("/orders/7/janssen", &group{name: "erp", hosts: []string{"erp.shop.example"}}); !strings.HasPrefix(got, "erp:/orders/{id}/{") {
		t.Errorf("of a group with hosts: %q", got)
	}
}

// TestTemplateNames: a name in a path does not reach the template, however it is
// written; nor does the template merge two routes because of that.
func TestTemplateNames(t *testing.T) {
	template := routed(t)
	value := regexp.MustCompile(`^\{(?:id|[0-9a-f]{6})\}$`)
	for _, name := range []string{
		"marieke", "janssen", "Janssen", "JANSSEN", "marieke-janssen", "janssen.marieke", "MariekeJanssen", "marieke_janssen", "marieke janssen", "m-janssen", "order-janssen",
		"janssen.html", "J-A-N", "OrderJanssen", "janssenOrder", "jürgen", "smith", "garcia", "nguyen", "wang", "li", "Hu", "bill", "mary-ann", "de-vries", "o-brien", "McDonald", "rossi", "kowalski",
	} {
		for _, place := range []string{"/customers/", "/search/", "/"} {
			got := template(place+name, &group{})
			if segment := got[strings.LastIndexByte(got, '/')+1:]; !value.MatchString(segment) {
				t.Errorf("%q becomes %q", place+name, got)
			}
		}
	}
	if a, b := template("/tellimus/1", &group{}), template("/klubi/1", &group{}); a == b || a != template("/tellimus/22", &group{}) {
		t.Errorf("routes in a language that is not in the lexicon: %q, %q", a, b)
	}
}

// FuzzTemplate: a template holds nothing but words that are known and
// placeholders, and is never too long.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"/", "/orders/100001", "/api/v2/orders/100001/invoice", "/a%20b/c", "/Jörg", "//x//", strings.Repeat("/a", 200), "/mary@example.org", "/customers/Janssen", "/OrderItem-x.y", "/v0A", "/v12"} {
		f.Add(seed)
	}
	template := routed(f)
	kept := regexp.MustCompile(`^(?:[A-Za-z_.-]|v[0-9]{1,2}|[A-Za-z_.-]{2,32}|\{id\}|\{[0-9a-f]{6}\}|…|eest2|)$`)
	words := regexp.MustCompile(`[A-Z]*[a-z]+|[A-Z]+`)
	f.Fuzz(func(t *testing.T, path string) {
		got := template(path, &group{})
		if len(got) > rules.MaxRoute || !strings.HasPrefix(got, "/") {
			t.Errorf("%q: %q, %d bytes", path, got, len(got))
		}
		for segment := range strings.SplitSeq(got[1:], "/") {
			if !kept.MatchString(segment) {
				t.Errorf("%q: %q keeps %q", path, got, segment)
			}
			if len(segment) < 2 || segment[0] == '{' || strings.ContainsAny(segment, "0123456789") || segment == "…" || segment == "tellimused" || segment == "haldus" {
				continue
			}
			for _, word := range words.FindAllString(segment, -1) {
				if !known([]byte(strings.ToLower(word))) {
					t.Errorf("%q: %q keeps %q of %q", path, got, word, segment)
				}
			}
		}
	})
}

// TestTemplateAllocates: a route of known words costs its own text.
func TestTemplateAllocates(t *testing.T) {
	template, g := routed(t), &group{}
	if n := testing.AllocsPerRun(100, func() { template("/api/v2/orders/history", g) }); n > 4 {
		t.Errorf("%v allocations", n)
	}
}
