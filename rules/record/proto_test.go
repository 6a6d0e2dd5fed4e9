package record

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// pbText writes a field with a length: a text or a message.
func pbText(field uint64, v string) string {
	b := binary.AppendUvarint(nil, field<<3|wireLen)
	return string(binary.AppendUvarint(b, uint64(len(v)))) + v
}

func pbNumber(field, v uint64) string {
	return string(binary.AppendUvarint(binary.AppendUvarint(nil, field<<3), v))
}

func pbCustomer(i int) string {
	address := pbText(1, fmt.Sprintf("Kungsgatan %d", i+1)) + pbText(2, "Oslo") + pbText(3, "0155")
	return pbNumber(1, uint64(100+i)) + pbText(2, "Ada") + pbText(3, fmt.Sprintf("Lund%c", 'a'+i%26)) + pbText(4, fmt.Sprintf("ada.lund%d@mail.example", i)) +
		pbText(5, fmt.Sprintf("+47 22 3%07d", i)) + pbText(6, address) + "\x39\x00\x00\x00\x00\x00\x00\xF0\x3F" + "\x45\x00\x00\x80\x3F"
}

func pbProduct(i int) string {
	return pbNumber(1, uint64(i)) + pbText(2, fmt.Sprintf("Ada lamp %d", i)) + pbText(3, "lamp@2x.png") + pbText(4, "4111 1111 1111 1111") + pbText(5, pbNumber(1, 1999)+pbText(2, "EUR"))
}

func pbList(n int, one func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(pbText(1, one(i)))
	}
	return b.String() + pbNumber(2, uint64(n))
}

func grpcFrame(flags byte, v string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(v)))) + v
}

func protoCases(t testing.TB) []testCase {
	t.Helper()
	fields := rules.FieldName | rules.FieldEmail | rules.FieldPhone | rules.FieldAddress
	trailers := grpcFrame(grpcTrailers, "grpc-status: 0\r\n")
	mapped := pbText(1, "firstName") + pbText(2, "Ada")
	web := base64.StdEncoding.EncodeToString([]byte(grpcFrame(0, pbList(3, pbCustomer)))) + base64.StdEncoding.EncodeToString([]byte(trailers))
	return []testCase{
		{name: "protobuf/attack", contentType: "application/x-protobuf", body: pbList(3, pbCustomer), subjects: 3, fields: fields},
		{name: "protobuf/nested", contentType: "application/protobuf", body: pbText(1, pbList(3, pbCustomer)), subjects: 3, fields: fields},
		{name: "protobuf/one", contentType: "application/protobuf", body: pbCustomer(1), subjects: 1, fields: fields},
		{name: "protobuf/long", contentType: "application/protobuf", body: pbText(3, pbList(600, pbCustomer)), subjects: 600, fields: fields},
		{name: "protobuf/long text", contentType: "application/protobuf", body: pbText(3, strings.Repeat("lorem ipsum ", 2000)+" ada@lund.example "+strings.Repeat("dolor ", 2000)), subjects: 1, fields: rules.FieldEmail},
		{name: "protobuf/map", contentType: "application/protobuf", body: pbText(9, pbText(1, mapped)+pbText(1, pbText(1, "email")+pbText(2, "ada@lund.example"))), subjects: 1, fields: rules.FieldEmail},
		{name: "protobuf/json", contentType: "application/protobuf", body: pbText(9, oneCustomer), subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		{name: "protobuf/twin", contentType: "application/protobuf", body: pbList(300, pbProduct)},
		{name: "protobuf/cut", contentType: "application/protobuf", body: pbList(3, pbCustomer)[:100], subjects: 1, fields: fields, uninspected: "syntax"},
		{name: "protobuf/lie", contentType: "application/protobuf", body: oneCustomer, subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		{name: "grpc/attack", contentType: "application/grpc", body: grpcFrame(0, pbCustomer(1)) + grpcFrame(0, "") + grpcFrame(0, pbCustomer(2)), subjects: 2, fields: fields},
		{name: "grpc/gzip", contentType: "application/grpc+proto", body: grpcFrame(1, gzipped(t, pbCustomer(1))) + grpcFrame(0, pbCustomer(2)) + grpcFrame(1, gzipped(t, pbList(9, pbCustomer))), subjects: 9, fields: fields},
		{name: "grpc/json", contentType: "application/grpc+json", body: grpcFrame(0, oneCustomer), subjects: 1, fields: rules.FieldName | rules.FieldEmail},
		{name: "grpc/other compression", contentType: "application/grpc", body: grpcFrame(1, "\x12\x34"), uninspected: "type"},
		{name: "grpc/twin", contentType: "application/grpc", body: grpcFrame(0, pbProduct(1)) + grpcFrame(1, gzipped(t, pbList(9, pbProduct)))},
		{name: "grpc/cut", contentType: "application/grpc", body: (grpcFrame(0, pbCustomer(1)) + grpcFrame(0, pbCustomer(2)))[:len(pbCustomer(1))+25], subjects: 1, fields: fields, uninspected: "partial"},
		{name: "grpc-web/attack", contentType: "application/grpc-web+proto", body: grpcFrame(0, pbList(3, pbCustomer)) + trailers, subjects: 3, fields: fields},
		{name: "grpc-web-text/attack", contentType: "application/grpc-web-text", body: web, subjects: 3, fields: fields},
		{name: "grpc-web-text/twin", contentType: "application/grpc-web-text+proto", body: base64.StdEncoding.EncodeToString([]byte(grpcFrame(0, pbList(3, pbProduct)) + trailers))},
	}
}

// TestNoMessage: where a body turns out to be no message, what was read is
// reported, and the rest goes.
func TestNoMessage(t *testing.T) {
	f := NewFinder(&Config{}, testHasher(t), "application/protobuf")
	_, _ = f.Write([]byte(pbCustomer(1) + "\x07" + strings.Repeat("x", 1<<10)))
	if got := f.Take(nil); len(got) != 1 || f.Safe() != f.Offset() {
		t.Errorf("%d records, %d of %d bytes safe", len(got), f.Safe(), f.Offset())
	}
	_ = f.Close()
	if f.Uninspected() != rules.UninspectedSyntax {
		t.Errorf("uninspected %q", f.Uninspected())
	}
}

// TestMessageByMessage: where a message of a stream ends, its records are told
// and its bytes are safe, whether or not somebody calls Flush.
func TestMessageByMessage(t *testing.T) {
	f := NewFinder(&Config{}, testHasher(t), "application/grpc")
	for i := range 40 {
		body := grpcFrame(0, pbCustomer(i))
		if i%2 == 1 {
			body = grpcFrame(1, gzipped(t, pbCustomer(i)))
		}
		_, _ = f.Write([]byte(body[:20]))
		f.Flush()
		_, _ = f.Write([]byte(body[20:]))
		if i%3 == 0 {
			f.Flush()
		}
		if got := f.Take(nil); len(got) != 1 || f.Safe() != f.Offset() || f.Subjects() != i+1 {
			t.Fatalf("message %d: %d records, %d of %d bytes safe, %d subjects", i, len(got), f.Safe(), f.Offset(), f.Subjects())
		}
	}
	_ = f.Close()
	if f.Uninspected() != rules.UninspectedNone {
		t.Errorf("uninspected %q", f.Uninspected())
	}
}

func FuzzProto(f *testing.F) {
	for _, c := range protoCases(f) {
		if len(c.body) < 4<<10 {
			f.Add([]byte(c.body), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		if len(body) > 32<<10 {
			return
		}
		for _, contentType := range []string{"application/protobuf", "application/grpc", "application/grpc-web-text"} {
			same(t, contentType, body, seed)
		}
	})
}
