package demo

import (
	"cmp"
	"fmt"
	"strings"
)

// opening says what is there.
func (s *story) opening() {
	orders := 0
	for _, c := range s.Customers {
		orders += len(c.Orders)
	}
	s.tell.heading("ordergate demo")
	s.tell.text(fmt.Sprintf("A made-up shop, %s, with %s and %s. Three shoppers come and go in the background, and a help line answers callers. "+
		"Then the shop is attacked, each time twice: straight, and through the gateway. What an attacker took is counted from the bytes that it received.",
		ShopName, customersText(len(s.Customers)), plural(orders, "order")))
	s.tell.line("")
	s.tell.row("The shop:", s.ShopURL)
	s.tell.row("The gateway before it:", s.GatewayURL)
	if s.AdminURL != "" {
		s.tell.row("For you only:", s.AdminURL+"/metrics")
	}
}

// title is an attack's heading.
func title(attack Attack) string {
	switch attack.(type) {
	case OrderWalk:
		return "A customer reads everybody's orders"
	case StaffBulkList:
		return "A stolen staff token lists the customers"
	case SQLInjection:
		return "The search is made to show customers"
	case GuestWalk:
		return "A guest guesses orders"
	}
	return attack.Name()
}

// plot says in plain words what the attacker does.
func plot(attack Attack) string {
	switch attack.(type) {
	case OrderWalk:
		return "The attacker has an ordinary account, logs in, and asks for order after order by its number. " +
			"The shop checks that somebody is logged in, and forgets to check whose order it is."
	case StaffBulkList:
		return "Somebody took the token out of Tom's browser. It is a true one, so the shop lists as many customers as it is asked for: " +
			"500 at a time, and smaller pages when those are refused."
	case SQLInjection:
		return "The shop joins the words of a search into its SQL. The attacker ends that statement early and asks for the customers instead, " +
			"in six spellings, whole and in small pieces."
	case GuestWalk:
		return "No account, no cookie: the attacker has six e-mail addresses from elsewhere and tries them with one order number after the other, " +
			"until the order lookup answers."
	}
	return ""
}

// shown is how many addresses of a difference are printed. They are made up.
const shown = 10

// answer says whether the report and the truth agree. The report names so
// many attackers' own accounts besides.
func (s *story) answer(own int) {
	r := s.result
	s.tell.row("Attackers received:", customersText(len(r.Taken))+", counted from the bytes that reached them")
	s.tell.row("The report names:", customersText(len(r.Reported)-own))
	if own > 0 {
		s.tell.row("", "and, not counted, "+plural(own, "account")+" that an attacker used to log in")
	}
	if len(r.Missing)+len(r.Extra) == 0 {
		s.tell.row("", "The two lists are the same: no customer more, no customer fewer.")
	}
	for _, side := range []struct {
		name   string
		emails []string
	}{{"Not in the report:", r.Missing}, {"Too many in it:", r.Extra}} {
		if len(side.emails) > 0 {
			s.tell.row(side.name, customersText(len(side.emails))+": "+strings.Join(side.emails[:min(shown, len(side.emails))], " "))
		}
	}
	s.tell.look(cmp.Or(s.ReportCommand, "ordergate report affected --incident all --customers customers.csv"))
}
