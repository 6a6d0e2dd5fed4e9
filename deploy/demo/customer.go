package demo

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// Address is a postal address with the person it is for.
type Address struct {
	Name     string `json:"name"`
	Street   string `json:"street"`
	City     string `json:"city"`
	Postcode string `json:"postcode"`
	Country  string `json:"country"` // ISO 3166-1 alpha-2
}

// Customer is one customer of the shop. A customer is a value: nothing
// changes it after [Generate] or a registration made it.
type Customer struct {
	ID      string  // "C-" and a number from 200001 on
	Email   string  // lower case, at a reserved domain (RFC 2606), unique
	Phone   string  // international, unique within one [Generate]; see phone.go
	Address Address // Address.Name is the customer's name
	Orders  []Order // oldest first, at least one for a generated customer
}

// Name returns the customer's own name, as the customer writes it.
func (c Customer) Name() string { return c.Address.Name }

// Password returns the password of a generated customer: "pw-" and the first
// 12 characters of the lower-case base32 of SHA-256("ordergate demo password "
// + ID). Anybody may compute it: that is how the sample clients log in.
func (c Customer) Password() string {
	sum := sha256.Sum256([]byte("ordergate demo password " + c.ID))
	return "pw-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:12])
}

// customersHeader returns the first line of the customer list.
func customersHeader() []string {
	return []string{"customer_id", "name", "email", "phone", "street", "city", "postcode", "country"}
}

// row returns the customer as a line of the customer list.
func (c Customer) row() []string {
	a := c.Address
	return []string{c.ID, a.Name, c.Email, c.Phone, a.Street, a.City, a.Postcode, a.Country}
}

// WriteCustomersCSV writes the customers as the retailer's own list, the file
// that `ordergate report affected --customers` joins the ledger with: UTF-8,
// RFC 4180, with a header line, the columns customer_id, name, email, phone,
// street, city, postcode and country.
func WriteCustomersCSV(w io.Writer, customers []Customer) error {
	out := csv.NewWriter(w)
	if err := out.Write(customersHeader()); err != nil {
		return fmt.Errorf("writing the header of the customer list: %w", err)
	}
	for i := range customers {
		if err := out.Write(customers[i].row()); err != nil {
			return fmt.Errorf("writing line %d of the customer list: %w", i+2, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing the customer list: %w", err)
	}
	return nil
}
