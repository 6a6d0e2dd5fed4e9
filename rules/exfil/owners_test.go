package exfil

import (
	"testing"

	"github.com/ordergate/ordergate/rules"
)

func orderOf(subject rules.Identifier, order int, more ...rules.Identifier) *rules.Record {
	id := rules.Identifier{Kind: rules.IdentifierOrder, Digest: digest('o', order)}
	return &rules.Record{Subject: subject, Identifiers: append([]rules.Identifier{subject, id}, more...), Fields: rules.FieldPurchase}
}

func TestOwners(t *testing.T) {
	ada := rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest('e', 1)}
	phone := rules.Identifier{Kind: rules.IdentifierPhone, Digest: digest('p', 1)}
	bo := rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest('e', 2)}
	order := rules.Identifier{Kind: rules.IdentifierOrder, Digest: digest('o', 7)}
	for name, c := range map[string]struct {
		learn []*rules.Record
		want  rules.Identifier
	}{
		"unknown":                        {nil, rules.Identifier{}},
		"learnt":                         {[]*rules.Record{orderOf(ada, 7)}, ada},
		"another order":                  {[]*rules.Record{orderOf(ada, 8)}, rules.Identifier{}},
		"again":                          {[]*rules.Record{orderOf(ada, 7), orderOf(ada, 7)}, ada},
		"named better":                   {[]*rules.Record{orderOf(phone, 7), orderOf(ada, 7, phone)}, ada},
		"named weaker":                   {[]*rules.Record{orderOf(ada, 7), orderOf(phone, 7)}, ada},
		"claimed by somebody else":       {[]*rules.Record{orderOf(ada, 7), orderOf(bo, 7)}, rules.Identifier{}},
		"claimed with a better name":     {[]*rules.Record{orderOf(phone, 7), orderOf(bo, 7)}, rules.Identifier{}},
		"disputed stays so":              {[]*rules.Record{orderOf(ada, 7), orderOf(bo, 7), orderOf(bo, 7)}, rules.Identifier{}},
		"an order is nobody by itself":   {[]*rules.Record{orderOf(order, 7)}, rules.Identifier{}},
		"no order":                       {[]*rules.Record{{Subject: ada, Identifiers: []rules.Identifier{ada}}}, rules.Identifier{}},
		"a subject that is no more than": {[]*rules.Record{orderOf(rules.Identifier{}, 7)}, rules.Identifier{}},
	} {
		o := NewOwners(10)
		for _, r := range c.learn {
			o.Learn(r)
		}
		got, ok := o.Of(order)
		if got != c.want || ok != (c.want != rules.Identifier{}) {
			t.Errorf("%s: %v %v, want %v", name, got, ok, c.want)
		}
		records, unknown := o.Purchases([]rules.Identifier{order})
		if len(records) != 1 || ok != (unknown == 0) || !ok && records[0].Subject != order || ok && records[0].Subject != c.want {
			t.Errorf("%s: purchases %+v, %d of them unknown", name, records, unknown)
		}
	}
}

// TestOwnersBounded forgets the order that was not asked for longest.
func TestOwnersBounded(t *testing.T) {
	o := NewOwners(100)
	for n := range 1000 {
		o.Learn(orderOf(rules.Identifier{Kind: rules.IdentifierEmail, Digest: digest('e', n)}, n))
	}
	if o.orders.Len() != 100 {
		t.Errorf("%d orders", o.orders.Len())
	}
	if _, ok := o.Of(rules.Identifier{Kind: rules.IdentifierOrder, Digest: digest('o', 999)}); !ok {
		t.Error("the last order is forgotten")
	}
}
