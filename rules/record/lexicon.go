package record

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed lexicon.txt
var lexiconText string

// kind is what a key says about its value.
type kind uint8

const (
	kindNone kind = iota
	kindEmail
	kindPhone
	kindFirstName
	kindLastName
	kindFullName
	kindName // a name of something: of a person only when the neighbours say so
	kindHolder
	kindStreet
	kindHouse
	kindAddress // a whole address in one value
	kindPostcode
	kindCity
	kindRegion
	kindCountry
	kindCustomerID
	kindOrder
	kindID   // an id of the object that it stands in
	kindCode // a number or code of the object that it stands in
	kindTotal
	kindLines
	kindOrderDate
	kindPrice // marks a product
	kindPassword
	kindToken
	kindOpaque // looks like a hash and is none of a password
	kindBirth
	kindCard
	kindGovernment
	kindRole
	kindUsername
	kindCompany
	kindText
	kindTypename
	kindIgnored // declared to be nothing personal
	kindDate    // when something was made, of an order only when the neighbours say so
	kindHours   // when a place of business is open
	kindColumns // names of columns
	kindKeyed   // the key is somebody's address
	kindRelated // the resources that one names (JSON:API)
	kindLinked  // what linked data says that the object is (JSON-LD)
	kindTyped   // the object stands for the value behind it
	kindAuthor  // who made what it stands in: a customer, but for manifests
)

// sense is the part of the data that a key says its value stands in.
type sense uint16

const (
	senseCustomer sense = 1 << iota
	senseDelivery
	senseBilling
	senseAddress
	senseOrder
	senseProduct
	senseShop
	senseStaff
	senseThing       // something else that has a name: a country, a group, a method
	senseVeto        // the value is about the thing, not the thing: emailVerified, phoneType
	senseTransparent // says nothing: data, items, edges, node
	senseKnown       // the lexicon knows every word of the key
	senseDeclared    // the operator says so
	senseClient      // the customer in person, not a login, an account or a contact of theirs
	senseRoots       // data: what a GraphQL answer holds, each part asked for by itself
	senseSample      // nobody's: what a field of a form may hold

	sensePlace = senseDelivery | senseBilling | senseAddress
	senseOther = senseShop | senseStaff | senseSample // no customer's
)

// class is what the lexicon says about one key. The zero value says nothing.
type class struct {
	kind  kind
	sense sense
}

var kindNames = map[string]kind{
	"email": kindEmail, "phone": kindPhone, "firstname": kindFirstName, "lastname": kindLastName,
	"fullname": kindFullName, "name": kindName, "holder": kindHolder, "street": kindStreet, "house": kindHouse,
	"address": kindAddress, "postcode": kindPostcode, "city": kindCity, "region": kindRegion, "country": kindCountry,
	"customerid": kindCustomerID, "order": kindOrder, "id": kindID, "code": kindCode, "total": kindTotal,
	"lines": kindLines, "orderdate": kindOrderDate, "price": kindPrice, "password": kindPassword, "token": kindToken,
	"opaque": kindOpaque, "birth": kindBirth, "card": kindCard, "government": kindGovernment, "role": kindRole,
	"username": kindUsername, "company": kindCompany, "text": kindText, "typename": kindTypename, "hours": kindHours, "date": kindDate, "columns": kindColumns, "linked": kindLinked, "author": kindAuthor, "related": kindRelated,
}

var senseNames = map[string]sense{
	"+customer": senseCustomer, "+client": senseClient, "+delivery": senseDelivery, "+billing": senseBilling, "+address": senseAddress,
	"+order": senseOrder, "+product": senseProduct, "+shop": senseShop, "+staff": senseStaff, "+thing": senseThing,
	"+veto": senseVeto, "+sample": senseSample, "+transparent": senseTransparent, "+roots": senseRoots,
}

// lexicon maps a word, as [fold] writes it, to its class. It is built once
// and read only.
var lexicon = sync.OnceValue(func() map[string]class {
	words := make(map[string]class, 4096)
	for line := range strings.Lines(lexiconText) {
		name, list, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		for word := range strings.FieldsSeq(list) {
			c := words[word]
			if k, ok := kindNames[name]; ok && c.kind == kindNone {
				c.kind = k
			}
			c.sense |= senseNames[name]
			words[word] = c
		}
	}
	return words
})
