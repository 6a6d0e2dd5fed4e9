package demo

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
)

// DrillSellers is how many sellers share the customers of a drill's shop: the
// orders of order number n belong to seller n modulo this.
const DrillSellers = 20

// erpPage is how many orders the ERP takes at a time.
const erpPage = 250

func (s *Shop) partnerLogin(w http.ResponseWriter, r *http.Request) { s.businessLogin(w, r, "partner") }

func (s *Shop) sellerLogin(w http.ResponseWriter, r *http.Request) { s.businessLogin(w, r, "seller") }

// businessLogin logs a partner or a seller in, with JSON of email and password.
func (s *Shop) businessLogin(w http.ResponseWriter, r *http.Request, kind string) {
	var in struct{ Email, Password string }
	if !readJSON(w, r, &in) {
		return
	}
	want := drillPassword(in.Email, kind)
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(in.Password)) != 1 {
		failJSON(w, r, http.StatusUnauthorized, "the login or the password is wrong")
		return
	}
	sendJSON(w, r, http.StatusOK, map[string]any{
		"token": s.sessions.issue(session{partner: in.Email}), "role": kind, "user": map[string]string{"id": in.Email[:len(in.Email)-len("@ternandthistle.example")], "username": in.Email},
	})
}

// business returns the login name of a partner or seller; without one it has
// answered 401.
func (s *Shop) business(w http.ResponseWriter, r *http.Request, kind string) (string, bool) {
	state, _ := s.sessions.carried(r, shopperCookie)
	if !strings.HasPrefix(state.partner, kind) {
		failJSON(w, r, http.StatusUnauthorized, kind+"s only: log in first")
		return "", false
	}
	return state.partner, true
}

// AssetTag returns the tag on the goods of an order: seven signs, which anybody
// who knows a few can continue.
func AssetTag(number int) string {
	return "T" + strings.ToUpper(strconv.FormatInt(int64(number)*37+11, 36))
}

// partnerAsset tells any partner who bought the goods with a tag.
func (s *Shop) partnerAsset(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.business(w, r, "partner"); !ok {
		return
	}
	tag, _ := strings.CutPrefix(r.PathValue("tag"), "T")
	n, err := strconv.ParseInt(strings.ToLower(tag), 36, 64)
	o, found := s.store.order(int((n - 11) / 37))
	if err != nil || !found || (n-11)%37 != 0 {
		failJSON(w, r, http.StatusNotFound, "no such tag")
		return
	}
	sendJSON(w, r, http.StatusOK, o.wire())
}

// sellerOrders is a page of the orders that a seller has to send.
func (s *Shop) sellerOrders(w http.ResponseWriter, r *http.Request) {
	who, ok := s.business(w, r, "seller")
	if !ok {
		return
	}
	orders := []orderJSON{}
	for _, o := range window(s.sellersOrders(who), number(r, "page", 1), min(50, number(r, "size", 50))) {
		orders = append(orders, o.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"orders": orders})
}

func (s *Shop) sellersOrders(who string) []Order {
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(who, "seller"), "@ternandthistle.example"))
	return s.store.matching(func(o Order) bool { return o.Number%DrillSellers == n%DrillSellers && !s.planted[o.CustomerID] })
}

// sellerLabels prints a page of labels.
func (s *Shop) sellerLabels(w http.ResponseWriter, r *http.Request) {
	who, ok := s.business(w, r, "seller")
	if !ok {
		return
	}
	orders := window(s.sellersOrders(who), number(r, "page", 1), 50)
	var text []string
	for _, o := range orders {
		text = append(text, o.Delivery.Name)
	}
	s.tell(r, orders...)
	send(w, r, http.StatusOK, "application/pdf", document(text))
}

// erpOrders is a page of all orders, for the ERP's key. A forged admin token
// does as well. What programs and sellers fetch leaves planted customers out,
// as a shop that plants them has to: otherwise each night is an alarm.
func (s *Shop) erpOrders(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(bearer(r), signedPrefix) && !keyed(w, r, "X-ERP-Key", ERPKey) {
		return
	}
	all := s.store.matching(func(o Order) bool { return !s.planted[o.CustomerID] })
	orders := []orderJSON{}
	for _, o := range window(all, number(r, "page", 1), min(erpPage, number(r, "limit", erpPage))) {
		orders = append(orders, o.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"total": len(all), "orders": orders})
}

// picking is what the warehouse needs of an order: where it goes.
func (s *Shop) picking(w http.ResponseWriter, r *http.Request) {
	if !keyed(w, r, "X-Picker-Key", PickerKey) {
		return
	}
	if o, ok := s.pathOrder(w, r); ok {
		sendJSON(w, r, http.StatusOK, map[string]any{"order": o.NumberText(), "delivery_address": o.Delivery})
	}
}
