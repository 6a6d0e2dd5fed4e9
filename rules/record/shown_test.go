package record

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestShownOrders: the numbers in a list's links and in its JSON, except those
// that the client named itself, and no product's.
func TestShownOrders(t *testing.T) {
	h, err := rules.NewHasher(bytes.Repeat([]byte{1}, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, asked string
		want        []string
	}{
		"links":             {`<a href="/orders/1001">x</a> <a href='/sales/order/view/?order_id=A-7&amp;x=1'>`, "/account/orders", []string{"1001", "A-7"}},
		"JSON":              {`[{"number":"1001","total":3},{"orderNumber":1002},{"order_id":"#B-9"}]`, "/api/orders", []string{"1001", "1002", "B-9"}},
		"the client's word": {`<a href="/orders/1001">x</a><a href="/orders/1002">`, "/account/orders?next=1002", []string{"1001"}},
		"the goods":         {`<a href="/product/55">x</a><img src="/media/1001.png"> {"quantity":3,"sku":"X-1"}`, "/account/orders", nil},
		"nothing":           {"", "/account/orders", nil},
	} {
		got := ShownOrders([]byte(c.text), c.asked, h)
		var want []rules.Identifier
		for _, number := range c.want {
			want = append(want, rules.Identifier{Kind: rules.IdentifierOrder, Digest: h.Identifier(rules.IdentifierOrder, []byte(number))})
		}
		if fmt.Sprint(got) != fmt.Sprint(want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %d orders, want %q", name, len(got), c.want)
		}
	}
	var many bytes.Buffer
	for n := range 300 {
		fmt.Fprintf(&many, `<a href="/orders/%d">`, 1000+n)
	}
	if got := ShownOrders(many.Bytes(), "/account/orders", h); len(got) != maxShownOrders {
		t.Errorf("%d orders of a long list, want %d", len(got), maxShownOrders)
	}
}

func TestListsOrders(t *testing.T) {
	h, err := rules.NewHasher(bytes.Repeat([]byte{1}, rules.MinKeySize))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/account/orders": true, "/sales/order/history/": true, "/api/orders": true,
		"/orders/1001": false, "/products": false, "/account": false, "": false,
	} {
		if got := ListsOrders(path, h); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
