package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// EntryKind is the first byte of an entry.
type EntryKind byte

// The kinds of entries. The numbers are part of the hashes: append, never
// reorder.
const (
	EntryRow      EntryKind = 1 // a disclosure
	EntryOutcomes EntryKind = 2 // what became of exchanges
	EntryMark     EntryKind = 3 // a note about the ledger itself
)

// MaxEntry bounds an entry in bytes; a row takes at most some 500.
const MaxEntry = 1 << 20

// Ending is what became of the exchange whose first row is Head.
type Ending struct {
	Head  int64
	State rules.State // rules.Delivered or rules.Withheld
}

// MarkKind says what a mark tells.
type MarkKind string

// The kinds of marks.
const (
	MarkStart      MarkKind = "start"      // a writer opened the ledger
	MarkStop       MarkKind = "stop"       // it closed it in order
	MarkTorn       MarkKind = "torn"       // the end of the file, never acknowledged, was cut off
	MarkDamaged    MarkKind = "damaged"    // a damaged or lost end of the ledger was found and set aside
	MarkUnrecorded MarkKind = "unrecorded" // records left without a row, by policy
	MarkKey        MarkKind = "key"        // the key of the digests changed
	MarkRetained   MarkKind = "retained"   // segments were deleted
	MarkIncident   MarkKind = "incident"   // an incident was saved; Detail has the digest of its text
	MarkReport     MarkKind = "report"     // a report was issued; likewise
)

// Mark is an entry about the ledger itself: what a reader of the rows must know
// to judge them. It holds no personal value.
type Mark struct {
	Time   time.Time `json:"time"`
	Kind   MarkKind  `json:"kind"`
	Detail string    `json:"detail,omitempty"`
	Count  int64     `json:"count,omitempty"`
	// Since is when what the mark tells of began; zero: at Time.
	Since time.Time `json:"since,omitzero"`
	// Node is whose log it is in, in a store of several gateways; it is not part of
	// the entry.
	Node string `json:"-"`
}

// The presence bits of a row's entry.
const (
	hasSession = 1 << iota
	hasAccount
	hasIP
	hasPrefix
	hasTLS
	hasASN
	hasCredential
	hasIssued
	hasContradicted
	hasMachine
)

// principalDigests are the digests of a row's principal, in the order of the
// presence bits.
func principalDigests(p *rules.Principal) [6]*rules.Digest {
	return [...]*rules.Digest{&p.Session, &p.Account, &p.IP, &p.Prefix, &p.TLS, &p.ASN}
}

// AppendRowEntry appends the canonical form of a row to dst: the bytes that
// are kept, hashed into the tree, and given to whoever checks a proof. The
// layout, integers as unsigned varints unless said otherwise:
//
//	1 byte 1, sequence, sequence - head, time (8 bytes, Unix nanoseconds, big endian),
//	exchange (16), presence bits (2, big endian), the present digests (16 each), machine if present,
//	role (1), ownership*16+state (1), fields, identifiers: count, then kind (1) and digest (16) each, the subject first,
//	then route, config, key: length and bytes each.
func AppendRowEntry(dst []byte, row *Row) []byte {
	p := &row.Principal
	dst = append(dst, byte(EntryRow))
	dst = binary.AppendUvarint(dst, uint64(row.Sequence))          //nolint:gosec // from 1
	dst = binary.AppendUvarint(dst, uint64(row.Sequence-row.Head)) //nolint:gosec // never negative
	dst = binary.BigEndian.AppendUint64(dst, uint64(row.Time.UnixNano()))
	dst = append(dst, row.Exchange[:]...)
	at := len(dst)
	dst = append(dst, 0, 0)
	var bits uint16
	for i, d := range principalDigests(p) {
		if !d.IsZero() {
			bits |= 1 << i
			dst = append(dst, d[:]...)
		}
	}
	if p.Credential {
		bits |= hasCredential
	}
	if p.Issued {
		bits |= hasIssued
	}
	if p.Contradicted {
		bits |= hasContradicted
	}
	if p.Machine > 0 {
		bits |= hasMachine
		dst = binary.AppendUvarint(dst, uint64(p.Machine))
	}
	binary.BigEndian.PutUint16(dst[at:], bits)
	dst = append(dst, byte(p.Role), byte(row.Ownership)<<4|byte(row.State))
	dst = binary.AppendUvarint(dst, uint64(row.Record.Fields))
	dst = appendIdentifiers(dst, &row.Record)
	for _, text := range [...]string{row.Route, row.Config, row.Key} {
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return dst
}

// appendIdentifiers writes the subject, if there is one, then the others.
func appendIdentifiers(dst []byte, r *rules.Record) []byte {
	at := len(dst)
	dst = append(dst, 0)
	add := func(id rules.Identifier) {
		if !id.Digest.IsZero() {
			dst[at]++ // at most MaxIdentifiers and the subject
			dst = append(append(dst, byte(id.Kind)), id.Digest[:]...)
		}
	}
	add(r.Subject)
	for _, id := range r.Identifiers {
		if id != r.Subject {
			add(id)
		}
	}
	return dst
}

// AppendOutcomesEntry appends the canonical form of endings: the byte 2, their
// count, then head (varint) and state (1 byte) of each.
func AppendOutcomesEntry(dst []byte, endings []Ending) []byte {
	dst = append(dst, byte(EntryOutcomes))
	dst = binary.AppendUvarint(dst, uint64(len(endings)))
	for _, e := range endings {
		dst = binary.AppendUvarint(dst, uint64(e.Head)) //nolint:gosec // from 1
		dst = append(dst, byte(e.State))
	}
	return dst
}

// AppendMarkEntry appends the canonical form of a mark: the byte 3, then JSON.
func AppendMarkEntry(dst []byte, mark *Mark) ([]byte, error) {
	text, err := json.Marshal(mark)
	if err != nil {
		return dst, fmt.Errorf("mark %s: %w", mark.Kind, err)
	}
	return append(append(dst, byte(EntryMark)), text...), nil
}

// ErrEntry says that bytes are no entry of the ledger.
var ErrEntry = errors.New("not an entry of a ledger")

// Decoder reads entries. It keeps the few texts that rows share (routes,
// configs, keys), so that equal ones are one string. The zero value is ready;
// it is not safe for concurrent use.
type Decoder struct {
	texts map[string]string
	ids   []rules.Identifier // the room that rows' identifiers are cut from
}

// maxTexts bounds Decoder.texts.
const maxTexts = 4096

func (d *Decoder) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := d.texts[string(b)]; ok {
		return s
	}
	if d.texts == nil || len(d.texts) >= maxTexts {
		d.texts = make(map[string]string)
	}
	s := string(b)
	d.texts[s] = s
	return s
}

// Row reads a row's entry into row. What it reads does not refer to data.
func (d *Decoder) Row(data []byte, row *Row) error {
	c := cursor{rest: data}
	if EntryKind(c.byte()) != EntryRow {
		return fmt.Errorf("%w: a row begins with %d", ErrEntry, EntryRow)
	}
	*row = Row{}
	row.Sequence = c.number(1<<62 - 1)
	row.Head = row.Sequence - c.number(1<<62-1)
	row.Time = time.Unix(0, int64(c.fixed64())).UTC() //nolint:gosec // Validate bounds it
	copy(row.Exchange[:], c.take(len(row.Exchange)))
	p := &row.Principal
	bits := uint16(c.byte())<<8 | uint16(c.byte())
	for i, digest := range principalDigests(p) {
		if bits&(1<<i) != 0 {
			copy(digest[:], c.take(len(digest)))
		}
	}
	p.Credential, p.Issued, p.Contradicted = bits&hasCredential != 0, bits&hasIssued != 0, bits&hasContradicted != 0
	if bits&hasMachine != 0 {
		p.Machine = int(c.number(1<<31 - 1))
	}
	p.Role = rules.Role(c.byte())
	verdict := c.byte()
	row.Ownership, row.State = rules.Ownership(verdict>>4), rules.State(verdict&15)
	row.Record.Fields = rules.Fields(c.number(1<<16 - 1)) //nolint:gosec // bounded
	row.Record.Identifiers = d.identifiers(&c)
	if len(row.Record.Identifiers) > 0 {
		row.Record.Subject = row.Record.Identifiers[0]
	}
	for _, text := range [...]*string{&row.Route, &row.Config, &row.Key} {
		*text = d.text(c.take(int(c.number(MaxEntry))))
	}
	if c.bad || len(c.rest) > 0 || bits&^(hasMachine<<1-1) != 0 || row.Head < 1 {
		return fmt.Errorf("%w: a row of %d bytes does not end where it should", ErrEntry, len(data))
	}
	return nil
}

// decoderRoom is how many identifiers are made room for at a time.
const decoderRoom = 1024

func (d *Decoder) identifiers(c *cursor) []rules.Identifier {
	n := int(c.byte())
	if n == 0 || n*(1+len(rules.Digest{})) > len(c.rest) {
		c.bad = c.bad || n > 0
		return nil
	}
	if cap(d.ids)-len(d.ids) < n {
		d.ids = make([]rules.Identifier, 0, max(decoderRoom, n))
	}
	from := len(d.ids)
	for range n {
		id := rules.Identifier{Kind: rules.IdentifierKind(c.byte())}
		copy(id.Digest[:], c.take(len(id.Digest)))
		d.ids = append(d.ids, id)
	}
	return d.ids[from:len(d.ids):len(d.ids)]
}

// DecodeOutcomes reads an entry of outcomes.
func DecodeOutcomes(data []byte) ([]Ending, error) {
	c := cursor{rest: data}
	kind := EntryKind(c.byte())
	n := c.number(int64(len(data)))
	endings := make([]Ending, 0, n)
	for range n {
		endings = append(endings, Ending{Head: c.number(1<<62 - 1), State: rules.State(c.byte())})
	}
	if c.bad || kind != EntryOutcomes || len(c.rest) > 0 {
		return nil, fmt.Errorf("%w: outcomes of %d bytes do not end where they should", ErrEntry, len(data))
	}
	return endings, nil
}

// DecodeMark reads the entry of a mark.
func DecodeMark(data []byte) (mark Mark, err error) {
	if len(data) == 0 || EntryKind(data[0]) != EntryMark {
		return mark, fmt.Errorf("%w: a mark begins with %d", ErrEntry, EntryMark)
	}
	if err := json.Unmarshal(data[1:], &mark); err != nil {
		return mark, fmt.Errorf("%w: mark: %w", ErrEntry, err)
	}
	return mark, nil
}

// cursor reads from the front of rest; bad says that there was too little.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) fixed64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// number reads a varint of at most limit.
func (c *cursor) number(limit int64) int64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 || v > uint64(limit) { //nolint:gosec // limits are positive
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return int64(v) //nolint:gosec // at most limit
}
