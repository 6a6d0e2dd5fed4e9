package blind

import (
	"fmt"

	"github.com/ordergate/ordergate/rules"
)

// naming is how one platform's interface names things. An empty key: it has
// no such field, and the value is left out.
type naming struct {
	platform                                   string
	id, first, last, full, email, phone        string
	street, house, postcode, city, country     string
	customer, delivery, billing, address       string // objects; addresses is a list where manyAddresses
	manyAddresses, streetList                  bool
	order, number, date, total, lines, sku     string
	birth, card, password, government          string
	orderFirst, orderLast, orderEmail, orderID string // of flat orders without a customer object
}

var namings = []naming{
	{
		platform: "Magento", id: "id", first: "firstname", last: "lastname", email: "email", phone: "telephone",
		street: "street", postcode: "postcode", city: "city", country: "country_id",
		delivery: "shipping_address", billing: "billing_address", address: "addresses", manyAddresses: true, streetList: true,
		order: "order", number: "increment_id", date: "created_at", total: "grand_total", lines: "items", sku: "sku",
		birth: "dob", card: "cc_number", password: "password_hash", government: "taxvat",
		orderFirst: "customer_firstname", orderLast: "customer_lastname", orderEmail: "customer_email", orderID: "customer_id",
	},
	{
		platform: "WooCommerce", id: "id", first: "first_name", last: "last_name", email: "email", phone: "phone",
		street: "address_1", postcode: "postcode", city: "city", country: "country",
		delivery: "shipping", billing: "billing", address: "address",
		order: "order", number: "number", date: "date_created", total: "total", lines: "line_items", sku: "sku",
		birth: "birth_date", card: "card_number", password: "user_pass", government: "billing_cpf", orderID: "customer_id",
	},
	{
		platform: "Shopify", id: "id", first: "first_name", last: "last_name", email: "email", phone: "phone",
		street: "address1", postcode: "zip", city: "city", country: "country_code", customer: "customer",
		delivery: "shipping_address", billing: "billing_address", address: "default_address",
		order: "order", number: "name", date: "processed_at", total: "total_price", lines: "line_items", sku: "sku",
		birth: "birth_date", card: "credit_card_number", password: "password_digest", government: "national_id", orderEmail: "contact_email",
	},
	{
		platform: "PrestaShop", id: "id_customer", first: "firstname", last: "lastname", email: "email", phone: "phone_mobile",
		street: "address1", postcode: "postcode", city: "city", country: "id_country", customer: "customer",
		delivery: "address_delivery", billing: "address_invoice", address: "address",
		order: "order", number: "reference", date: "date_add", total: "total_paid", lines: "order_rows", sku: "product_reference",
		birth: "birthday", card: "card_number", password: "passwd", government: "dni",
	},
	{
		platform: "Shopware", id: "customerNumber", first: "firstName", last: "lastName", email: "email", phone: "phoneNumber",
		street: "street", postcode: "zipcode", city: "city", country: "countryId", customer: "orderCustomer",
		delivery: "shippingOrderAddress", billing: "billingAddress", address: "addresses", manyAddresses: true,
		order: "order", number: "orderNumber", date: "orderDateTime", total: "amountTotal", lines: "lineItems", sku: "productNumber",
		birth: "birthday", card: "cardNumber", password: "password", government: "personalausweisnummer",
	},
	{
		platform: "Spree", id: "id", first: "firstname", last: "lastname", email: "email", phone: "phone",
		street: "address1", postcode: "zipcode", city: "city", country: "country_iso",
		delivery: "ship_address", billing: "bill_address", address: "address",
		order: "order", number: "number", date: "completed_at", total: "total", lines: "line_items", sku: "sku",
		birth: "date_of_birth", card: "cc_number", password: "encrypted_password", government: "ssn", orderID: "user_id",
	},
	{
		platform: "Saleor", id: "externalReference", first: "firstName", last: "lastName", email: "email", phone: "phone",
		street: "streetAddress1", postcode: "postalCode", city: "city", country: "countryCode", customer: "user",
		delivery: "shippingAddress", billing: "billingAddress", address: "addresses", manyAddresses: true,
		order: "order", number: "number", date: "created", total: "total", lines: "lines", sku: "productSku",
		birth: "dateOfBirth", card: "cardNumber", password: "passwordHash", government: "nationalId", orderEmail: "userEmail",
	},
	{
		platform: "SAP Commerce", id: "customerId", first: "firstName", last: "lastName", email: "displayUid", phone: "cellphone",
		street: "line1", house: "line2", postcode: "postalCode", city: "town", country: "isocode", customer: "user",
		delivery: "deliveryAddress", billing: "paymentAddress", address: "defaultAddress",
		order: "order", number: "code", date: "placed", total: "totalPrice", lines: "entries", sku: "productCode",
		birth: "dateOfBirth", card: "cardNumber", password: "encodedPassword", government: "idNumber",
	},
	{
		platform: "commercetools", id: "customerNumber", first: "firstName", last: "lastName", email: "email", phone: "mobile",
		street: "streetName", house: "streetNumber", postcode: "postalCode", city: "city", country: "country",
		delivery: "shippingAddress", billing: "billingAddress", address: "addresses", manyAddresses: true,
		order: "order", number: "orderNumber", date: "createdAt", total: "totalPrice", lines: "lineItems", sku: "sku",
		birth: "dateOfBirth", card: "pan", password: "password", government: "taxId", orderEmail: "customerEmail",
	},
	{
		platform: "Salesforce", id: "customer_no", full: "customer_name", email: "email", phone: "phone_home",
		street: "address1", postcode: "postal_code", city: "city", country: "country_code", customer: "customer_info",
		delivery: "shipping_address", billing: "billing_address", address: "preferred_address",
		order: "order", number: "order_no", date: "creation_date", total: "order_total", lines: "product_items", sku: "product_id",
		birth: "birthday", card: "card_number", password: "password", government: "tax_number",
	},
	{
		platform: "OXID", id: "OXCUSTNR", first: "OXFNAME", last: "OXLNAME", email: "OXUSERNAME", phone: "OXFON",
		street: "OXSTREET", house: "OXSTREETNR", postcode: "OXZIP", city: "OXCITY", country: "OXCOUNTRYID", customer: "oxuser",
		delivery: "oxdel", billing: "oxbill", address: "oxaddress",
		order: "oxorder", number: "OXORDERNR", date: "OXORDERDATE", total: "OXTOTALORDERSUM", lines: "oxorderarticles", sku: "OXARTNUM",
		birth: "OXBIRTHDATE", card: "kknumber", password: "OXPASSWORD", government: "personalausweisnr",
	},
}

// pair appends a text if there is a key for it.
func pair(to []node, key, value string) []node {
	if key == "" {
		return to
	}
	return append(to, text(key, value))
}

// name is what stands for a name.
func (k *naming) name(to []node, p *person) []node {
	if k.full != "" {
		return append(to, text(k.full, p.full()))
	}
	return append(to, text(k.first, p.first), text(k.last, p.last))
}

// place is an address object with the person's name in it, as all platforms
// write it.
func (k *naming) place(key string, p *person, a *place) node {
	var of []node
	if p.has(rules.FieldName) && p.has(rules.FieldEmail) {
		of = k.name(of, p)
	}
	switch {
	case k.streetList:
		of = append(of, listOf(k.street, text("", p.street(a))))
	case k.house != "" && p.at.line == "%[1]s %[2]s":
		of = append(of, text(k.street, a.street), text(k.house, a.house))
	default:
		of = append(of, text(k.street, p.street(a)))
	}
	of = append(of, text(k.postcode, a.postcode), text(k.city, a.city), text(k.country, a.country))
	return object(key, of...)
}

// person is a customer, the object of a list of customers.
func (k *naming) person(p *person) node {
	var of []node
	if p.numbered {
		of = append(of, text(k.id, p.number))
	}
	if p.has(rules.FieldName) {
		of = k.name(of, p)
	}
	for _, f := range []struct {
		field      rules.Fields
		key, value string
	}{
		{rules.FieldEmail, k.email, p.email},
		{rules.FieldPhone, k.phone, p.phone},
		{rules.FieldBirthDate, k.birth, p.birth.Format("2006-01-02")},
		{rules.FieldPaymentCard, k.card, p.card},
		{rules.FieldCredential, k.password, p.secret},
		{rules.FieldGovernmentID, k.government, p.government},
	} {
		if p.has(f.field) {
			of = pair(of, f.key, f.value)
		}
	}
	of = append(of, text("status", "enabled"), bare("is_verified", "true"))
	if p.has(rules.FieldAddress) {
		a := k.place("", p, &p.home)
		if k.manyAddresses {
			of = append(of, listOf(k.address, a))
		} else {
			of = append(of, a.as(k.address))
		}
	}
	return node{kids: of}
}

// order is an order with its customer.
func (k *naming) ordered(p *person) node {
	of := []node{bare("entity", fmt.Sprint(p.bought.total[0]-'0')), text(k.number, p.bought.number), text(k.date, p.bought.date), text(k.total, p.bought.total), text("currency", "EUR")}
	who := []node{}
	switch {
	case k.customer != "":
		who = k.name(who, p)
		if p.numbered {
			who = append(who, text(k.id, p.number))
		}
		if p.has(rules.FieldEmail) {
			who = append(who, text(k.email, p.email))
		}
		of = append(of, object(k.customer, who...))
	default:
		if p.has(rules.FieldEmail) {
			key := k.orderEmail
			if key == "" {
				key = k.email
			}
			of = append(of, text(key, p.email))
		}
		if p.numbered {
			of = pair(of, k.orderID, p.number)
		}
		if k.orderFirst != "" {
			of = append(of, text(k.orderFirst, p.first), text(k.orderLast, p.last))
		}
	}
	for _, a := range []struct {
		field rules.Fields
		key   string
		at    *place
	}{{rules.FieldBillingAddress, k.billing, &p.home}, {rules.FieldDeliveryAddress, k.delivery, &p.delivery}} {
		if !p.has(a.field) {
			continue
		}
		n := k.place(a.key, p, a.at)
		if !p.has(rules.FieldEmail) {
			n.kids = k.name(n.kids, p)
		}
		if p.has(rules.FieldPhone) {
			n.kids = append(n.kids, text(k.phone, p.phone))
		}
		of = append(of, n)
	}
	line := object("", text(k.sku, p.bought.sku), text("name", p.bought.line), bare("qty", "1"), text("price", p.bought.total))
	return node{kids: append(of, listOf(k.lines, line))}
}

// tree is the person, or the order if a purchase is shown.
func (k *naming) tree(p *person) node {
	if p.has(rules.FieldPurchase) {
		return k.ordered(p)
	}
	return k.person(p)
}
