package drill

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/rules"
)

// login logs a customer in with the form, and looks at the account, where the
// gateway learns whose session it is.
func (v *visitor) login(customer int) reply {
	c := v.scene.customers()[customer]
	v.self[customer] = true
	v.do(get("/login"))
	got := v.do(postForm("/login", "email", c.Email, "password", c.Password()))
	v.role, v.account = rules.RoleShopper, c.ID
	return got
}

// appLogin logs a customer in as the app does, with a bearer token.
func (v *visitor) appLogin(customer int) {
	c := v.scene.customers()[customer]
	v.self[customer] = true
	got := v.do(postJSON("/api/login", jsonText(map[string]string{"email": c.Email, "password": c.Password()})))
	v.takeToken(got)
	v.role, v.account = rules.RoleShopper, c.ID
	v.do(get("/api/me"))
}

// businessLogin logs staff, a partner or a seller in.
func (v *visitor) businessLogin(path, login, password string, role rules.Role) {
	v.takeToken(v.do(postJSON(path, jsonText(map[string]string{"email": login, "password": password}))))
	v.role, v.account = role, login
}

func (v *visitor) takeToken(got reply) {
	var answer struct{ Token string }
	if json.Unmarshal(got.body, &answer) == nil {
		v.token = answer.Token
	}
	v.cookies = map[string]string{} // programs send their token alone.
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("BUG: the drill writes JSON that cannot be written: " + err.Error())
	}
	return string(text)
}

// register makes a new account, which is nobody's of the shop's list.
func (v *visitor) register(nth int) {
	email := fmt.Sprintf("new.%d@sybil%d.example", nth, nth%7)
	got := v.do(postJSON("/api/register", jsonText(map[string]string{
		"email": email, "name": "Robin Vane", "street": strconv.Itoa(1+nth) + " Quiet Mews", "city": "Leeds", "postcode": "LS1 4AB", "country": "GB",
		"phone": fmt.Sprintf("+45 32 90 %02d %02d", nth/100%100, nth%100), "password": "password-" + strconv.Itoa(nth),
	})))
	v.takeToken(got)
	v.role, v.account = rules.RoleShopper, email
	v.do(get("/api/me"))
}

// visit is one honest person's visit; sleep returns false when it is to end.
func (s *scene) visit(address string, sleep func(time.Duration) bool) bool {
	who := s.honestCustomer()
	c := s.customers()[who]
	v := s.visitor(address, false)
	pause := func() bool { return sleep(time.Duration(2+s.rand.IntN(9)) * time.Second) }
	switch s.rand.IntN(4) {
	case 0: // looks around
		for _, path := range []string{"/", "/product/GAR-101", "/search?q=lamp"} {
			if v.do(get(path)); !pause() {
				return false
			}
		}
	case 1: // buys as a guest, and asks where it is
		v.self[who] = true
		v.do(get("/product/DSK-101"))
		if !pause() {
			return false
		}
		return v.checkout(c) && pause()
	case 2: // the app
		v.appLogin(who)
		if !pause() {
			return false
		}
		v.do(get("/api/orders"))
	default:
		v.login(who)
		if !pause() {
			return false
		}
		v.do(get("/orders/" + c.Orders[s.rand.IntN(len(c.Orders))].NumberText()))
	}
	return pause()
}

// checkout buys as a guest and looks the order up; it reports whether it went
// through.
func (v *visitor) checkout(c demo.Customer) bool {
	a := c.Address
	got := v.do(postJSON("/api/checkout", jsonText(map[string]any{
		"email": c.Email, "name": a.Name, "phone": c.Phone, "street": a.Street, "city": a.City, "postcode": a.Postcode, "country": a.Country, "sku": "DSK-101", "quantity": 1,
	})))
	var placed struct{ Number string }
	if json.Unmarshal(got.body, &placed) == nil && placed.Number != "" {
		v.do(postForm("/track", "order_number", placed.Number, "email", c.Email))
		v.do(get("/orders/" + placed.Number + "/label.png"))
	}
	return true
}

// In a long piece honest people come so often at first, and then every three
// hours, and agents take a caller every four: the drill has to end some day.
const (
	oftenVisits, oftenTickets = 40, 20
	laterVisit, laterTicket   = 3 * time.Hour, 4 * time.Hour
)

// shoppers lets honest people come, one every so often, until the piece ends.
func (s *scene) shoppers(every time.Duration) {
	lanes := 3
	for lane := range lanes {
		s.stage.enter(every*time.Duration(lane), func(sleep func(time.Duration) bool) {
			for n := lane; !s.ended(); n += lanes {
				began := s.clock.since()
				if !s.visit(homeAddress(n), sleep) {
					return
				}
				pace := every
				if n >= oftenVisits {
					pace = max(every, laterVisit)
				}
				if rest := pace*time.Duration(lanes) - (s.clock.since() - began); rest > 0 && !sleep(rest) {
					return
				}
			}
		})
	}
}

// agent is a member of staff at a desk.
func (s *scene) agent(i int) *visitor { return s.agentAt("194.5.5."+strconv.Itoa(10+i), i) }

func (s *scene) agentAt(address string, i int) *visitor {
	v := s.visitor(address, false)
	login, password := demo.Agent(i)
	v.businessLogin("/staff/login", login, password, rules.RoleStaff)
	return v
}

// ticket is one caller: the name is searched, the record opened.
func (v *visitor) ticket(c demo.Customer) {
	v.do(get("/staff/customers?size=3&q=" + queryText(c.Name())))
	v.do(get("/staff/customers/" + c.ID))
}

// desk lets two agents answer a caller every so often, until the piece ends.
func (s *scene) desk(every time.Duration) {
	for i := range 2 {
		s.stage.enter(time.Duration(i)*time.Minute, func(sleep func(time.Duration) bool) {
			v := s.agent(50 + i) // nobody of the pieces
			for n := 0; !s.ended(); n++ {
				v.ticket(s.customers()[s.honestCustomer()])
				if n == oftenTickets {
					every = max(every, laterTicket)
				}
				if !sleep(every) {
					return
				}
			}
		})
	}
}
