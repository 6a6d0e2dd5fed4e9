package rules

import (
	"fmt"
	"math/bits"
	"strings"
)

// Fields is a set of kinds of personal data, one bit each. The zero value is
// the empty set. The bit positions are stored in the ledger: append, never
// reorder.
type Fields uint16

// The kinds of personal data a record can hold.
const (
	FieldName Fields = 1 << iota
	FieldEmail
	FieldPhone
	FieldDeliveryAddress
	FieldBillingAddress
	FieldAddress // a postal address whose use is not stated
	FieldPurchase
	FieldBirthDate
	FieldPaymentCard
	FieldCredential
	FieldGovernmentID
)

// FieldNames are the stable names in bit order; scripts and metrics use them.
var fieldNames = [...]string{
	"name", "email", "phone", "delivery_address", "billing_address", "address",
	"purchase", "birth_date", "payment_card", "credential", "government_id",
}

// FieldNames returns the stable names of all kinds of data, in bit order.
func FieldNames() []string { return append([]string(nil), fieldNames[:]...) }

// Names returns the stable names of the fields in the set, in bit order.
// Bits without a name (a ledger written by a newer version) are left out.
func (f Fields) Names() []string {
	names := make([]string, 0, bits.OnesCount16(uint16(f)))
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names joined by a vertical bar.
func (f Fields) String() string { return strings.Join(f.Names(), "|") }

// ParseFields is the inverse of [Fields.Names]; an unknown name is an error.
func ParseFields(names []string) (Fields, error) {
	var f Fields
next:
	for _, name := range names {
		for i, known := range fieldNames {
			if name == known {
				f |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("unknown field %q: use one of %s", name, strings.Join(fieldNames[:], ", "))
	}
	return f, nil
}
