package record

import (
	"bytes"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// ediScanner reads interchanges as shops exchange orders, invoices and shipments
// with their partners: UN/EDIFACT (ISO 9735) and ANSI ASC X12. A message is an
// object, the parties in it (NAD, N1) are its parts.
type ediScanner struct {
	g       *grouper
	x12     bool
	segment byte // ends one
	element byte // parts elements
	part    byte // parts components of an element, of EDIFACT
	release byte // takes the next sign's meaning; 0: there is none
	head    int  // bytes that are still to be read as they are
	escaped bool
	buf     []byte
	start   int64 // of the segment
	cut     bool  // a segment was too long
	room    []byte

	open    bool  // a record is
	party   bool  // a party in it is
	trade   bool  // the message is about an order, its invoice or its shipment
	loop    bool  // the next party with a qualifier seen is somebody else's
	parties uint8 // the roles seen: of a buyer, a payer, a recipient
}

// interchange reports whether a text begins as an interchange does.
func interchange(text []byte) bool {
	if bytes.HasPrefix(text, []byte("UNA")) && len(text) > 12 {
		return bytes.HasPrefix(bytes.TrimLeft(text[9:], "\r\n"), []byte("UNB"))
	}
	if bytes.HasPrefix(text, []byte("UNB+UNO")) {
		return true
	}
	return bytes.HasPrefix(text, []byte("ISA")) && len(text) >= isaLength && shapes[text[3]]&(shapeLetter|shapeDigit|shapeHigh) == 0 &&
		text[103] == text[3] && bytes.Count(text[:104], text[3:4]) == 16
}

// isaLength is how many bytes an ISA segment has, all of whose elements have a
// fixed length.
const isaLength = 106

// newEDI reads an interchange that begins with head.
func newEDI(g *grouper, head []byte) *ediScanner {
	s := &ediScanner{g: g, segment: '\'', element: '+', part: ':', release: '?'}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("UNA")):
		s.part, s.element, s.release, s.segment, s.head = head[3], head[4], head[6], head[8], 8
		if s.release == ' ' {
			s.release = 0
		}
	case bytes.HasPrefix(head, []byte("ISA")):
		s.x12, s.element, s.segment, s.part, s.release = true, head[3], head[isaLength-1], 0, 0
	}
	return s
}

func (s *ediScanner) fault() rules.Uninspected {
	if s.cut {
		return rules.UninspectedSize
	}
	return rules.UninspectedNone
}

func (s *ediScanner) held() int64 {
	if len(s.buf) > 0 {
		return s.start
	}
	return never
}

func (s *ediScanner) write(p []byte, off int64) {
	for i, b := range p {
		if len(s.buf) == 0 {
			if b <= ' ' && b != s.segment {
				continue // lines, for people
			}
			s.start = off + int64(i)
		}
		if b == s.segment && !s.escaped && len(s.buf) >= s.head {
			s.read(off + int64(i) + 1)
			s.buf, s.head = s.buf[:0], 0
			continue
		}
		s.escaped = !s.escaped && s.release != 0 && b == s.release && len(s.buf) >= s.head
		if len(s.buf) < maxValue {
			s.buf = append(s.buf, b)
		} else {
			s.cut = true
		}
	}
}

func (s *ediScanner) end(off int64) {
	if len(s.buf) > 0 {
		s.read(off)
		s.buf = s.buf[:0]
	}
	s.close(off)
}

// get returns a component of an element of the segment, both counted from 0, as
// it is meant, until the next get.
func (s *ediScanner) get(element, part int) []byte {
	e, c, escaped := 0, 0, false
	s.room = s.room[:0]
	for _, b := range s.buf {
		switch {
		case escaped:
			escaped = false
		case s.release != 0 && b == s.release:
			escaped = true
			continue
		case b == s.element:
			e, c = e+1, 0
			continue
		case b == s.part && s.part != 0:
			c++
			continue
		}
		if e > element {
			break
		}
		if e == element && c == part {
			s.room = append(s.room, b)
		}
	}
	return bytes.TrimSpace(s.room)
}

// give gives a component to the grouper.
func (s *ediScanner) give(k kind, element, part int) {
	if v := s.get(element, part); len(v) > 0 {
		s.g.value(class{kind: k}, v, shapeOf(v), s.start)
	}
}

// read takes a segment that ends before off.
func (s *ediScanner) read(off int64) {
	s.g.age(off)
	tag := string(s.get(0, 0))
	if s.x12 {
		s.readX12(tag, off)
		return
	}
	switch tag {
	case "UNH":
		s.close(off)
		s.trade = strings.Contains(" ORDERS ORDRSP ORDCHG DESADV INVOIC IFTMIN IFCSUM IFTSTA RETANN SLSRPT ", " "+string(s.get(2, 0))+" ")
	case "UNT", "UNZ":
		s.close(off)
	case "CNI":
		s.loop = true
	case "NAD":
		s.enter(string(s.get(1, 0)), off)
		if s.name(4) {
			s.give(kindStreet, 5, 0)
		} else if s.name(3) { // in lines, as on a letter
			s.give(kindStreet, 3, 1)
		}
		s.give(kindPostcode, 8, 0)
		s.id(2)
	case "CTA":
		if s.party {
			s.give(kindFullName, 2, 1)
		}
	case "COM":
		s.reach(string(s.get(1, 1)), 1)
	case "BGM":
		if s.trade {
			s.begin()
			s.give(kindOrder, 2, 0)
		}
	case "LIN", "UNS":
		s.leave(off)
		s.mark(kindLines)
	case "MOA":
		s.leave(off)
		s.mark(kindTotal)
	}
}

func (s *ediScanner) readX12(tag string, off int64) {
	switch tag {
	case "ST":
		s.close(off)
		s.trade = true
	case "SE", "IEA":
		s.close(off)
	case "HL", "S5", "LX":
		s.leave(off)
		s.loop = true
	case "N1":
		s.enter(string(s.get(1, 0)), off)
		s.name(2)
		s.id(4)
	case "N3":
		if s.party {
			s.give(kindStreet, 1, 0)
		}
	case "N4":
		if s.party {
			s.give(kindPostcode, 3, 0)
		}
	case "PER":
		if s.party {
			s.give(kindFullName, 2, 0)
		}
		for e := 3; e < 9; e += 2 {
			s.reach(string(s.get(e, 0)), e+1)
		}
	case "BEG", "BAK":
		s.begin()
		s.give(kindOrder, 3, 0)
	case "BIG":
		s.begin()
		s.give(kindOrder, 4, 0)
	case "PO1", "IT1", "W01":
		s.leave(off)
		s.mark(kindLines)
	case "TDS", "AMT":
		s.leave(off)
		s.mark(kindTotal)
	}
}

// ediRoles are the qualifiers of parties (EDIFACT's code list 3035, X12's element
// 98) whose part of the record is known.
var ediRoles = func() map[string]sense {
	m := make(map[string]sense)
	for words, is := range map[string]sense{
		"BY OB UD BO EN SO IN EY":                   senseCustomer | senseClient,
		"IV BT PR BP":                               senseBilling,
		"DP ST CN UC DL D1 WL MA":                   senseDelivery,
		"SU SE SF SR SN CZ CA FW MS VN RI RE PE II": senseShop,
	} {
		for word := range strings.FieldsSeq(words) {
			m[word] = is | senseKnown
		}
	}
	return m
}()

// enter begins a party.
func (s *ediScanner) enter(role string, off int64) {
	s.leave(off)
	is := ediRoles[role]
	bit := uint8(8)
	switch {
	case is&senseClient != 0:
		bit = 1
	case is&senseBilling != 0:
		bit = 2
	case is&senseDelivery != 0:
		bit = 4
	}
	if s.parties&bit != 0 && bit < 8 && (s.loop || bit < 4) {
		s.close(off) // another one's, in the same message
	}
	s.begin()
	s.parties |= bit
	s.loop, s.party = false, true
	s.g.enter(frameObject, class{sense: is})
}

// begin begins a record, if none is open.
func (s *ediScanner) begin() {
	if !s.open {
		s.open = true
		s.g.enter(frameArray, class{})
		s.g.enter(frameObject, class{})
	}
}

// leave ends the party.
func (s *ediScanner) leave(off int64) {
	if s.party {
		s.party = false
		s.g.leave(off)
	}
}

// close ends the record.
func (s *ediScanner) close(off int64) {
	s.leave(off)
	if s.open {
		s.g.leave(off)
		s.g.leave(off)
	}
	s.open, s.parties, s.loop = false, 0, false
}

// name takes the name of a party. It reports whether there is one.
func (s *ediScanner) name(element int) bool {
	v := s.get(element, 0)
	if len(v) == 0 {
		return false
	}
	s.g.value(class{kind: kindFullName}, v, shapeOf(v), s.start)
	return true
}

// id takes the number of a party, which is a customer's where it buys.
func (s *ediScanner) id(element int) {
	if n := len(s.g.frames); n > 0 && s.g.frames[n-1].class.sense&senseClient != 0 {
		s.give(kindCustomerID, element, 0)
	}
}

// reach takes a number or an address by the kind of line that it is for.
func (s *ediScanner) reach(line string, element int) {
	if !s.party {
		return
	}
	switch line {
	case "TE", "AL", "MO", "FX", "CP", "HP", "WP":
		s.give(kindPhone, element, 0)
	case "EM":
		s.give(kindEmail, element, 0)
	}
}

// mark notes that the record has lines or a total.
func (s *ediScanner) mark(k kind) {
	if s.open && s.trade {
		s.g.value(class{kind: k}, []byte("1"), shapeDigit, s.start)
	}
}
