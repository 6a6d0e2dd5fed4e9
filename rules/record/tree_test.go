package record

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// pair is a key and its value, which keep their order.
type pair struct {
	key   string
	value any
}

// packOf writes a value in MessagePack.
func packOf(v any) string {
	switch v := v.(type) {
	case string:
		switch n := len(v); {
		case n < 32:
			return string([]byte{0xA0 | byte(n)}) + v
		case n < 256:
			return string([]byte{0xD9, byte(n)}) + v
		default:
			return string([]byte{0xDA, byte(n >> 8), byte(n)}) + v
		}
	case int:
		return string(binary.BigEndian.AppendUint32([]byte{0xCE}, uint32(v)))
	case []any:
		s := string([]byte{0xDC, byte(len(v) >> 8), byte(len(v))})
		for _, e := range v {
			s += packOf(e)
		}
		return s
	case []pair:
		s := string([]byte{0x80 | byte(len(v))})
		for _, p := range v {
			s += packOf(p.key) + packOf(p.value)
		}
		return s
	}
	return "\xC0"
}

// bsonOf writes a document in BSON.
func bsonOf(doc []pair) string {
	var s strings.Builder
	size := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	for _, p := range doc {
		switch v := p.value.(type) {
		case string:
			s.WriteString("\x02" + p.key + "\x00" + size(len(v)+1) + v + "\x00")
		case int:
			s.WriteString("\x10" + p.key + "\x00" + size(v))
		case []pair:
			s.WriteString("\x03" + p.key + "\x00" + bsonOf(v))
		case []any:
			var rows []pair
			for _, e := range v {
				rows = append(rows, pair{"0", e})
			}
			s.WriteString("\x04" + p.key + "\x00" + bsonOf(rows))
		default:
			s.WriteString("\x07" + p.key + "\x00" + "abcdefghijkl")
		}
	}
	return size(s.Len()+5) + s.String() + "\x00"
}

// treeCases are binary trees with keys.
func treeCases() []testCase {
	ada := []pair{{"_id", nil}, {"name", "Ada Lund"}, {"email", "ada@lund.example"}, {"phone", "+4722334455"}, {"orders", 12}}
	bo := []pair{{"_id", nil}, {"name", "Bo Ek"}, {"email", "bo@ek.example"}, {"address", []pair{{"street", "Kungsgatan 12"}, {"zip", "111 34"}}}}
	lamp := []pair{{"_id", nil}, {"name", "Ada lamp"}, {"image", "lamp@2x.png"}, {"sku", "4111111111111111"}, {"stock", 12}}
	list := []pair{{"page", 1}, {"customers", []any{ada, bo}}}
	note := []pair{{"id", 1}, {"text", `{"customer":{"email":"cy@orr.example","firstName":"Cy"},"x":"` + strings.Repeat("y ", 1500) + `","user":{"email":"di@nord.example"}}`}}
	fields := rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress
	return []testCase{
		{name: "pack/attack", contentType: "application/msgpack", body: packOf(list), subjects: 2, fields: fields},
		{name: "pack/untyped", contentType: "application/octet-stream", body: packOf([]any{ada, bo}), subjects: 2, fields: fields},
		{name: "pack/stream", contentType: "application/octet-stream", body: packOf(ada) + packOf(bo), subjects: 2, fields: fields},
		{name: "pack/twin", contentType: "application/msgpack", body: packOf([]any{lamp, lamp})},
		{name: "pack/long", contentType: "application/msgpack", body: packOf(note), subjects: 2, fields: rules.FieldName | rules.FieldEmail},
		{name: "pack/latin", contentType: "application/msgpack", body: packOf([]pair{{"note", "Stra\xDFe, ada@lund.example"}}), subjects: 1, fields: rules.FieldEmail},
		{name: "pack/goes-on", contentType: "application/octet-stream", body: packOf(ada) + "name,email\nBo Ek,bo@ek.example\n", subjects: 1, fields: fields &^ rules.FieldAddress, uninspected: "syntax"},
		{name: "pack/cut", contentType: "application/msgpack", body: packOf(list)[:80], subjects: 1, fields: rules.FieldName | rules.FieldEmail, uninspected: "syntax"},
		{name: "pack/lie", contentType: "application/msgpack", body: oneCustomer, subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		{name: "bson/attack", contentType: "application/octet-stream", body: bsonOf(ada) + bsonOf(bo), subjects: 2, fields: fields},
		{name: "bson/answer", contentType: "application/bson", body: bsonOf(list), subjects: 2, fields: fields},
		{name: "bson/twin", contentType: "application/octet-stream", body: bsonOf(lamp) + bsonOf(lamp)},
		{name: "bson/long", contentType: "application/bson", body: bsonOf(note), subjects: 2, fields: rules.FieldName | rules.FieldEmail},
		{name: "bson/lie", contentType: "application/bson", body: twoCustomers, subjects: 2, fields: rules.FieldName | rules.FieldEmail | rules.FieldPhone},
	}
}

// FuzzTrees reads MessagePack and BSON, which rarely come out of FuzzSplitAnywhere.
func FuzzTrees(f *testing.F) {
	for _, c := range treeCases() {
		f.Add(c.contentType, []byte(c.body), uint64(1))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, seed uint64) {
		if len(body) < 32<<10 {
			for _, kind := range []string{"application/msgpack", "application/bson", contentType} {
				same(t, kind, body, seed)
			}
		}
	})
}
