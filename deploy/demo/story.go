package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// What can be wrong at the end of a story; [Run] joins them.
var (
	// ErrDifference says that the report does not name exactly the customers
	// whose data the attackers received.
	ErrDifference = errors.New("the report differs from what the attackers received")
	// ErrHarmed says that a shopper or an honest member of staff was refused,
	// or failed.
	ErrHarmed = errors.New("honest people were harmed")
)

// Options are the stage of the story. ShopURL, GatewayURL, Out and Customers
// are needed.
type Options struct {
	ShopURL    string // the shop itself, for contrast
	GatewayURL string // the gateway in front of it
	AdminURL   string // the gateway's admin address; empty: its metrics are not read
	Out        io.Writer
	Customers  []Customer // those of the shop, at least 20

	// Affected returns the customers that the gateway's report names, by
	// e-mail address, and the report as CSV, joined with the retailer's own
	// list, which is the text of [WriteCustomersCSV]. It should name those
	// whose records went to principals with an incident, and nobody for
	// their own. Nil: nothing is compared.
	Affected func(ctx context.Context, customersCSV string) (emails []string, report string, err error)
	// ReportCommand is the command that is printed for looking at the report
	// again; empty means one without folders.
	ReportCommand string
	// Attacks are done one after the other; nil means DefaultAttacks.
	Attacks []Attack
	// Quick sends fewer requests.
	Quick bool
}

// AttackResult is one attack of the story.
type AttackResult struct {
	Name          string
	Direct        Outcome     // straight at the shop, for contrast
	Through       Outcome     // through the gateway
	Before, After GatewayView // zero when AdminURL is empty
}

// Result is the story in numbers.
type Result struct {
	Attacks  []AttackResult
	Shoppers TrafficResult
	Staff    TrafficResult // one visit before the attacks, one after
	Taken    []string      // e-mail addresses that any attacker received through the gateway, in order
	Reported []string      // those that the report names, in order
	Missing  []string      // taken and not reported
	Extra    []string      // reported and not taken
	Report   string        // the report as CSV
	Elapsed  time.Duration
}

// story is one run.
type story struct {
	Options
	tell   *teller
	result Result
	own    map[string]bool // accounts that attackers logged in with
}

// Run tells the story: shoppers in the background, one attack after the
// other, and at the end the report against what the attackers really
// received. It takes a few seconds. The result is complete as far as the story
// came; the error joins [ErrDifference] and [ErrHarmed] when they apply, or
// says what kept the story from going on.
func Run(ctx context.Context, options Options) (Result, error) {
	if len(options.Customers) < 20 || options.Out == nil || options.ShopURL == "" || options.GatewayURL == "" {
		return Result{}, errors.New("telling the demo's story: set ShopURL, GatewayURL, Out and at least 20 Customers")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s := &story{Options: options, tell: newTeller(options.Out), own: map[string]bool{}}
	started := time.Now()
	err := s.run(ctx)
	s.result.Elapsed = time.Since(started)
	return s.result, err
}

func (s *story) run(ctx context.Context) error {
	s.opening()
	middle := len(s.Customers) / 2
	shoppers := startTraffic(ctx, s.GatewayURL, s.Customers[middle:middle+max(1, len(s.Customers)/8)], 3)
	defer shoppers.end()
	if err := shoppers.warm(ctx); err != nil {
		return err
	}
	s.staffTurn(ctx)
	attacks := s.Attacks
	if attacks == nil {
		attacks = DefaultAttacks(s.Customers, s.Quick)
	}
	for i, attack := range attacks {
		if err := s.attack(ctx, i+1, attack); err != nil {
			return err
		}
	}
	s.staffTurn(ctx)
	s.result.Shoppers = shoppers.end()
	s.sum()
	harmed := s.honest()
	return errors.Join(harmed, s.compare(ctx))
}

// DefaultAttacks are the four attacks of the story, against these customers.
func DefaultAttacks(customers []Customer, quick bool) []Attack {
	bounds := Bounds{Requests: 400, Time: 8 * time.Second, Refusals: 20}
	if quick {
		bounds = Bounds{Requests: 150, Time: time.Minute, Refusals: 8}
	}
	spell := bounds
	spell.Refusals = 50 // all six spellings, each refused four times.
	return []Attack{
		OrderWalk{Customer: customers[len(customers)-1], Bounds: bounds},
		StaffBulkList{Login: StaffTom, Password: StaffTomPassword, Bounds: bounds},
		SQLInjection{Bounds: spell},
		guesses(customers, bounds),
	}
}

// guesses is a guest walk over the middle of the orders, with the addresses
// of six people who ordered there.
func guesses(customers []Customer, bounds Bounds) GuestWalk {
	total := 0
	for _, c := range customers {
		total += len(c.Orders)
	}
	walk := GuestWalk{First: FirstOrderNumber + total/3, Bounds: bounds}
	walk.Last = walk.First + 59
	known := map[int]string{}
	for _, c := range customers {
		for _, o := range c.Orders {
			known[o.Number] = c.Email
		}
	}
	for number := walk.First + 1; len(walk.Emails) < 6 && number <= walk.Last; number += 4 {
		if email := known[number]; email != "" && !slices.Contains(walk.Emails, email) {
			walk.Emails = append(walk.Emails, email)
		}
	}
	return walk
}

// attack does one attack, straight at the shop and through the gateway.
func (s *story) attack(ctx context.Context, number int, attack Attack) error {
	s.tell.heading(fmt.Sprintf("%d. %s", number, title(attack)))
	s.tell.text(plot(attack))
	result := AttackResult{Name: attack.Name()}
	defer func() { s.result.Attacks = append(s.result.Attacks, result) }()
	var err error
	if result.Direct, err = attack.Run(ctx, Target{URL: s.ShopURL}); err != nil {
		return fmt.Errorf("%s, straight at the shop: %w", attack.Name(), err)
	}
	if s.AdminURL != "" {
		if result.Before, err = readGateway(ctx, s.AdminURL); err != nil {
			return err
		}
	}
	from := netip.AddrFrom4([4]byte{127, 66, byte(number), 1}) // #nosec G115 -- a handful.
	if result.Through, err = attack.Run(ctx, Target{URL: s.GatewayURL, From: from}); err != nil {
		return fmt.Errorf("%s, through the gateway: %w", attack.Name(), err)
	}
	if own := result.Through.Own; own != "" {
		s.own[own] = true
	}
	if s.AdminURL != "" {
		if result.After, err = settle(ctx, s.AdminURL, result.Before, result.Through); err != nil {
			return err
		}
	}
	s.tell.attack(result, s.AdminURL)
	return nil
}

// staffTurn lets Mia answer a few callers.
func (s *story) staffTurn(ctx context.Context) {
	third := len(s.Customers) / 3
	mia := NewStaff(Target{URL: s.GatewayURL, From: netip.AddrFrom4([4]byte{127, 10, 0, 1})}, StaffMia, StaffMiaPassword)
	defer mia.Close()
	var refused *RefusedError
	books := &s.result.Staff
	switch err := mia.LoginAndWork(ctx, s.Customers[third:third+5]); {
	case err == nil:
		books.Visits++
		s.tell.line("")
		s.tell.text(fmt.Sprintf("Mia at the help line answered five callers and saw %d customers on the way. That is her work.", len(mia.Received)))
	case errors.As(err, &refused):
		books.Refused++
		books.Faults = append(books.Faults, err.Error())
	default:
		books.Failed++
		books.Faults = append(books.Faults, err.Error())
	}
}

// sum joins what all attackers received.
func (s *story) sum() {
	taken := map[string]struct{}{}
	for _, a := range s.result.Attacks {
		maps.Copy(taken, a.Through.Received)
	}
	s.result.Taken = slices.Sorted(maps.Keys(taken))
}

// honest tells how the shoppers and the staff fared.
func (s *story) honest() error {
	s.tell.heading("The honest people meanwhile")
	s.tell.people("Shoppers", s.result.Shoppers)
	s.tell.people("Staff", s.result.Staff)
	harmed := s.result.Shoppers.Refused + s.result.Shoppers.Failed + s.result.Staff.Refused + s.result.Staff.Failed
	if harmed > 0 {
		return fmt.Errorf("%w: %d visits", ErrHarmed, harmed)
	}
	return nil
}

// compare asks for the report and holds it against what was taken. An
// attacker's own account counts only when another attacker took it.
func (s *story) compare(ctx context.Context) error {
	s.tell.heading("The answer")
	if s.Affected == nil {
		s.tell.text(fmt.Sprintf("All attackers together received %s. There is no report to compare with.", customersText(len(s.result.Taken))))
		return nil
	}
	var list bytes.Buffer
	if err := WriteCustomersCSV(&list, s.Customers); err != nil {
		return err
	}
	emails, report, err := s.Affected(ctx, list.String())
	if err != nil {
		return fmt.Errorf("asking for the report: %w", err)
	}
	s.result.Report = report
	slices.Sort(emails)
	s.result.Reported = slices.Compact(emails)
	s.result.Missing = without(s.result.Taken, s.result.Reported)
	extra := without(s.result.Reported, s.result.Taken)
	s.result.Extra = slices.DeleteFunc(slices.Clone(extra), func(email string) bool { return s.own[email] })
	s.answer(len(extra) - len(s.result.Extra))
	if len(s.result.Missing)+len(s.result.Extra) > 0 {
		return fmt.Errorf("%w: %d missing, %d too many", ErrDifference, len(s.result.Missing), len(s.result.Extra))
	}
	return nil
}

// without returns what is in a and not in b; both are in order.
func without(a, b []string) []string {
	var out []string
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); !found {
			out = append(out, x)
		}
	}
	return out
}
