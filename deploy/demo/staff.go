package demo

import (
	"compress/gzip"
	"crypto/subtle"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// The staff of the shop. Mia answers the help line; Tom's token gets stolen.
const (
	StaffMia         = "mia.stone@ternandthistle.example"
	StaffMiaPassword = "mia-demo-kettle-41" // #nosec G101 -- made up, and meant to be known.
	StaffTom         = "tom.reyes@ternandthistle.example"
	StaffTomPassword = "tom-demo-lantern-58" // #nosec G101 -- likewise.
)

// MaxStaffPage is the most customers that GET /staff/customers lists at once.
const MaxStaffPage = 1000

// staffOrdersPage is how many orders the staff's table shows.
const staffOrdersPage = 20

// staffLoginPage is GET /staff/login: the form, with a cookie that the login
// replaces.
func (s *Shop) staffLoginPage(w http.ResponseWriter, r *http.Request) {
	s.sessions.greet(w, r, staffCookie)
	page(w, r, http.StatusOK, s.pages.staffLogin, view{Title: "Staff"})
}

// staffLogin is POST /staff/login, with a form or JSON of email and password:
// a cookie, and a token for the staff's tools.
func (s *Shop) staffLogin(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if strings.HasPrefix(r.Header.Get("Content-Type"), typeJSON) {
		if !readJSON(w, r, &in) {
			return
		}
	} else {
		if !readForm(w, r) {
			return
		}
		in.Email, in.Password = r.PostFormValue("email"), r.PostFormValue("password")
	}
	want := map[string]string{StaffMia: StaffMiaPassword, StaffTom: StaffTomPassword}[in.Email]
	if want == "" && s.sessions.signed {
		want = drillPassword(in.Email, "agent")
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(in.Password)) != 1 {
		failJSON(w, r, http.StatusUnauthorized, "the login or the password is wrong")
		return
	}
	s.sessions.rotate(w, r, session{staff: in.Email})
	sendJSON(w, r, http.StatusOK, map[string]any{
		"token": s.sessions.issue(session{staff: in.Email}), "role": "staff",
		"user": map[string]string{"id": "staff-" + strconv.Itoa(len(in.Email)), "username": in.Email},
	})
}

// isStaff reports whether staff asks; otherwise it has answered 401.
func (s *Shop) isStaff(w http.ResponseWriter, r *http.Request) bool {
	state, _ := s.sessions.carried(r, staffCookie)
	if state.staff == "" {
		failJSON(w, r, http.StatusUnauthorized, "staff only: log in first")
		return false
	}
	return true
}

// staffCustomers is GET /staff/customers?page=&size=&q=.
func (s *Shop) staffCustomers(w http.ResponseWriter, r *http.Request) {
	if !s.isStaff(w, r) {
		return
	}
	page, size := number(r, "page", 1), min(MaxStaffPage, number(r, "size", 25))
	found, total := s.store.customerPage(r.URL.Query().Get("q"), page, size)
	list := make([]customerJSON, 0, len(found))
	for _, c := range found {
		list = append(list, c.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"page": page, "size": size, "total": total, "customers": list})
}

// staffCustomer is GET /staff/customers/{id}: one customer with all orders.
func (s *Shop) staffCustomer(w http.ResponseWriter, r *http.Request) {
	if !s.isStaff(w, r) {
		return
	}
	c, ok := s.store.customer(r.PathValue("id"))
	if !ok {
		failJSON(w, r, http.StatusNotFound, "no such customer")
		return
	}
	orders := []orderJSON{}
	for _, o := range s.store.ordersOf(c.ID) {
		orders = append(orders, o.wire())
	}
	sendJSON(w, r, http.StatusOK, map[string]any{"customer": c.wire(), "orders": orders})
}

// staffTable is what the staff's table of orders shows.
type staffTable struct {
	Orders                  []Order
	Page, Pages, Prev, Next int
}

// staffOrders is GET /staff/orders?page=: an HTML table, newest first.
func (s *Shop) staffOrders(w http.ResponseWriter, r *http.Request) {
	if !s.isStaff(w, r) {
		return
	}
	at := number(r, "page", 1)
	orders, total := s.store.orderPage(at, staffOrdersPage)
	pages := max(1, (total+staffOrdersPage-1)/staffOrdersPage)
	page(w, r, http.StatusOK, s.pages.staffOrders, view{Title: "Orders", Data: staffTable{orders, at, pages, max(1, at-1), min(pages, at+1)}})
}

// staffExport is GET /staff/export.csv: every customer, streamed.
func (s *Shop) staffExport(w http.ResponseWriter, r *http.Request) {
	if !s.isStaff(w, r) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeCSV)
	h.Set("Content-Disposition", `attachment; filename="customers.csv"`)
	h.Set("Cache-Control", "private, no-store")
	h.Add("Vary", "Accept-Encoding")
	var out io.Writer = w
	switch {
	case acceptsGzip(r):
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer func() { _ = z.Close() }() // the client is gone: nobody to tell.
		out = z
	case acceptsBrotli(r):
		h.Set("Content-Encoding", "br")
		b := brotli.NewWriter(w)
		defer func() { _ = b.Close() }() // likewise.
		out = b
	}
	if r.Method == http.MethodHead {
		return
	}
	s.writeExport(w, out)
}

// exportBatch is how many lines are written before they are sent on.
const exportBatch = 200

// writeExport writes the list batch by batch and stops when the client is gone.
func (s *Shop) writeExport(w http.ResponseWriter, out io.Writer) {
	lines, wire := csv.NewWriter(out), http.NewResponseController(w)
	_ = lines.Write(customersHeader()) // its error stays and is read below.
	for page := 1; ; page++ {
		batch, _ := s.store.customerPage("", page, exportBatch)
		for _, c := range batch {
			_ = lines.Write(c.row())
		}
		lines.Flush()
		if lines.Error() != nil || len(batch) < exportBatch {
			return
		}
		if z, ok := out.(*gzip.Writer); ok && z.Flush() != nil {
			return
		}
		if wire.Flush() != nil {
			return
		}
	}
}
