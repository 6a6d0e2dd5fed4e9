package drill

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/rules"
)

// Target describes a gateway and a shop that the drill did not start: a staging
// deployment with made-up customers. It is read from YAML; the files in targets/
// are examples.
type Target struct {
	// URL is where clients reach the gateway, without a trailing slash.
	URL string `yaml:"url"`
	// Proof is what the target answers at /.well-known/ordergate-drill, as text:
	// that whoever runs it lets it be attacked. At least 16 signs.
	Proof string `yaml:"proof"`
	// AddressHeader is the header (X-Forwarded-For) in which the gateway believes
	// this machine what address a client has. Empty: all come from one address.
	AddressHeader string `yaml:"address_header"`
	Pace          Pace   `yaml:"pace"`
	// Customers is a CSV file, named from the folder of the description: the
	// planted or made-up customers of the target. What is lost is counted by their
	// values in the bytes that came. Columns: customer_id, name, email, phone, street,
	// postcode, orders (numbers, divided by blanks), password (of those that may log
	// in), canary (anything: the gateway knows them for planted, so that honest people
	// leave them alone). Others are ignored.
	Customers string `yaml:"customers"`
	// Config is the config of the gateway, for what it promises; likewise from
	// the folder. Empty: the defaults.
	Config  string                `yaml:"config"`
	Roles   map[string]TargetRole `yaml:"roles"`
	Actions map[string]Action     `yaml:"actions"`

	base      *url.URL
	people    []targetCustomer
	gates     config.Config
	elsewhere bool // in tests: a target on this machine is taken for one elsewhere
	hurry     bool // likewise: nobody waits longer than the pace wants
}

// Pace bounds what a target has to bear. Zero values are the defaults.
type Pace struct {
	PerSecond   float64       `yaml:"requests_per_second"`   // 5; at most 200
	Requests    int           `yaml:"requests"`              // of the whole run: 3,000; at most 200,000
	PerPlaybook int           `yaml:"requests_per_playbook"` // of an attack or a workload: 150
	AtMost      time.Duration `yaml:"at_most"`               // of the whole run: 30m
}

// TargetRole is how one kind of client is told from others.
type TargetRole struct {
	Login    *Login            `yaml:"login"`
	Accounts []TargetAccount   `yaml:"accounts"` // of shoppers: the customers with a password
	Headers  map[string]string `yaml:"headers"`  // of every request: a key of a program
}

// TargetAccount is a login of staff, a partner or a seller. env:NAME stands for
// what is in the environment.
type TargetAccount struct {
	Login    string `yaml:"login"`
	Password string `yaml:"password"`
}

// Action is one request. {names} in its texts are replaced, escaped as their place
// wants it.
type Action struct {
	Method  string            `yaml:"method"` // GET, or POST with a body
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"`
	Form    map[string]string `yaml:"form"`
	JSON    string            `yaml:"json"`
	Alias   string            `yaml:"alias"` // of graphql: one field of its {query}, with {n} and {order}
	Paths   []string          `yaml:"paths"` // of catalogue: public pages, instead of path
}

// Login is the action that logs in, with {login}, {password} and {hidden}.
type Login struct {
	Action `yaml:",inline"`
	Page   string `yaml:"page"`   // asked for before: it sets cookies
	Hidden string `yaml:"hidden"` // a regular expression with one group for a form's token in that page
	Token  string `yaml:"token"`  // a JSON pointer (RFC 6901) into the answer, or header:Name; empty: cookies
	Send   string `yaml:"send"`   // Authorization: Bearer {token}
}

// targetCustomer is a customer of the target.
type targetCustomer struct {
	person
	password string
	orders   []string
	canary   bool
}

// targetRoles are the roles that a description may have, and what the gateway
// should take them for.
var targetRoles = map[string]rules.Role{
	"shopper": rules.RoleShopper, "partner": rules.RoleShopper, "staff": rules.RoleStaff, "seller": rules.RoleSeller,
	"machine": rules.RoleMachine, "picker": rules.RoleMachine, "app": rules.RoleGuest,
}

// actionWords are the actions, and which {names} each is given.
var actionWords = map[string]string{
	"me": "", "my_orders": "", "order": "order", "order_open": "order", "label_open": "order", "invoice": "order", "search": "query", "people": "query",
	"people_csv": "query", "track": "order postcode", "lookup": "email", "lookup_batch": "emails", "customer_open": "customer", "app_customer": "customer",
	"partner_record": "order", "graphql": "query", "facets": "page", "staff_search": "query", "staff_customer": "customer", "staff_list": "page",
	"staff_export": "", "seller_page": "page", "machine_page": "page", "pick": "order", "catalogue": "",
}

// maxDescription bounds a description, and maxTargetCustomers its customers.
const (
	maxDescription     = 256 << 10
	maxTargetCustomers = 200_000
)

// LoadTarget reads a description and the files that it names; address, unless it
// is empty, goes before its url. All faults are in one error.
func LoadTarget(path, address string) (*Target, error) {
	text, err := readBounded(path, maxDescription)
	if err != nil {
		return nil, fmt.Errorf("reading the description of the target: %w", err)
	}
	t := &Target{}
	if err := yaml.UnmarshalWithOptions(text, t, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, false)) // without the source: it may hold passwords.
	}
	if address != "" {
		t.URL = address
	}
	if err := errors.Join(t.check(), t.open(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names the file.
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it is.
	}
	defer file.Close() //nolint:errcheck // nothing was written.
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d bytes: check that it is the right file", path, most)
	}
	return text, err //nolint:wrapcheck // likewise.
}

// check looks at the description alone, and fills in defaults.
func (t *Target) check() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	base, err := url.Parse(strings.TrimSuffix(t.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		fault("url: %q is no address of a shop: write one such as https://staging.shop.example", t.URL)
	}
	t.base = base
	p := &t.Pace
	p.PerSecond, p.Requests, p.PerPlaybook, p.AtMost = cmpOr(p.PerSecond, 5), cmpOr(p.Requests, 3000), cmpOr(p.PerPlaybook, 150), cmpOr(p.AtMost, 30*time.Minute)
	if p.PerSecond < 0.01 || p.PerSecond > 200 {
		fault("pace.requests_per_second: %v: write 0.01 to 200", p.PerSecond)
	}
	if p.Requests < 1 || p.Requests > 200_000 || p.PerPlaybook < 1 || p.AtMost < 0 {
		fault("pace: requests %d, requests_per_playbook %d, at_most %s: write 1 to 200000 requests, and times such as 30m", p.Requests, p.PerPlaybook, p.AtMost)
	}
	if t.Proof != "" && len(t.Proof) < minProof {
		fault("proof: it has %d signs: write at least %d that nobody guesses", len(t.Proof), minProof)
	}
	for name, role := range t.Roles {
		if _, ok := targetRoles[name]; !ok {
			fault("roles.%s: there is no such role: they are app, machine, partner, picker, seller, shopper and staff", name)
		}
		if role.Login != nil {
			errs = append(errs, role.Login.check("roles."+name+".login", "login password hidden"))
		}
		for i := range role.Accounts {
			a := &role.Accounts[i]
			login, err1 := secretText(a.Login)
			password, err2 := secretText(a.Password)
			if err := errors.Join(err1, err2); err != nil {
				fault("roles.%s.accounts[%d]: %w", name, i, err)
			}
			a.Login, a.Password = login, password
		}
		for header, value := range role.Headers {
			if role.Headers[header], err = secretText(value); err != nil {
				fault("roles.%s.headers.%s: %w", name, header, err)
			}
		}
	}
	for name, action := range t.Actions {
		words, ok := actionWords[name]
		if !ok {
			fault("actions.%s: there is no such action", name)
			continue
		}
		errs = append(errs, action.check("actions."+name, words))
	}
	return errors.Join(errs...)
}

func cmpOr[T comparable](value, instead T) T {
	var zero T
	if value == zero {
		return instead
	}
	return value
}

// secretText returns a text, or of env:NAME what the environment has.
func secretText(text string) (string, error) {
	name, ok := strings.CutPrefix(text, "env:")
	if !ok {
		return text, nil
	}
	value, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("%s is not in the environment: set it", name)
	}
	return value, nil
}

// open reads the customers and the config.
func (t *Target) open(dir string) error {
	within := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	var err error
	t.gates = config.Default()
	if t.Config != "" {
		t.gates, err = config.Load(within(t.Config))
	}
	if t.Customers == "" {
		return errors.Join(err, errors.New("customers: name a CSV file with the customers whose values are looked for"))
	}
	people, failed := readCustomers(within(t.Customers))
	t.people = people
	return errors.Join(err, failed)
}

func readCustomers(path string) ([]targetCustomer, error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names the file.
	if err != nil {
		return nil, fmt.Errorf("customers: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written.
	rows := csv.NewReader(io.LimitReader(file, maxBody))
	heading, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("customers: reading the heading of %s: %w", path, err)
	}
	var people []targetCustomer
	for len(people) < maxTargetCustomers {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("customers: %w", err)
		}
		cell := func(name string) string {
			if i := slices.Index(heading, name); i >= 0 && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		c := targetCustomer{
			person:   person{cell("customer_id"), cell("name"), cell("email"), cell("phone"), cell("street"), cell("postcode")},
			password: cell("password"), orders: strings.Fields(cell("orders")), canary: cell("canary") != "",
		}
		if c.email == "" && len(digits(c.phone)) < minPhone && (c.name == "" || c.street == "") {
			return nil, fmt.Errorf("customers: line %d of %s has no e-mail address, no phone number, and no name with a street: nothing tells this customer", len(people)+2, path)
		}
		people = append(people, c)
	}
	if len(people) == 0 {
		return nil, fmt.Errorf("customers: %s has none", path)
	}
	return people, nil
}

// loopback reports whether the target is this machine.
func (t *Target) loopback() bool {
	host := t.base.Hostname()
	ip := net.ParseIP(host)
	return !t.elsewhere && (strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback())
}
