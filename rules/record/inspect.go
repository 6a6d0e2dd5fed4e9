package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/ordergate/ordergate/rules"
)

// Inspection is what the finder sees in one body, without any value of it.
type Inspection struct {
	Subjects    int               `json:"subjects"`
	Records     []InspectedRecord `json:"records"` // one a subject, in order of appearance, at most 16,384; then the weak ones
	Uninspected string            `json:"uninspected"`
}

// InspectedRecord is what one body says about one subject.
type InspectedRecord struct {
	Fields      []string       `json:"fields"`
	Identifiers map[string]int `json:"identifiers"` // how many, by kind
	// Weak is set in one last record that stands for all people whose purchases
	// the body shows without singling them out: how many. They are no subjects.
	Weak int `json:"weak,omitempty"`
}

// Inspect reads a whole body as the gateway would: decoded by its
// Content-Encoding, with its Content-Type as a hint, and against it where it is
// [Mislabelled]. It fails if body cannot
// be read; a body that cannot be decoded is an Inspection with the reason in
// Uninspected.
func Inspect(cfg *Config, h *rules.Hasher, contentType, contentEncoding string, body io.Reader) (Inspection, error) {
	begun := bufio.NewReaderSize(body, MaxLabel)
	if head, _ := begun.Peek(MaxLabel); !Inspectable(contentType) && Mislabelled(contentType, contentEncoding, head) { // what Peek failed with, reading tells
		contentType = ""
	}
	f := NewFinder(cfg, h, contentType)
	out := Inspection{Records: []InspectedRecord{}}
	d, _, err := NewDecoder(contentEncoding, begun)
	if err != nil {
		out.Uninspected = string(rules.UninspectedEncoding)
		return out, nil
	}
	defer func() { _ = d.Close() }()
	merge := merger{at: map[rules.Identifier]int{}}
	buf := make([]byte, 32<<10)
	var records []rules.Record
	for {
		n, err := d.Read(buf)
		_, _ = f.Write(buf[:n])
		records = f.Take(records[:0])
		merge.add(records)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrEncoding) {
			out.Uninspected = string(rules.UninspectedEncoding)
			break
		}
		if err != nil {
			return out, fmt.Errorf("read body: %w", err)
		}
	}
	_ = f.Close()
	merge.add(f.Take(records[:0]))
	out.Subjects = f.Subjects()
	for _, r := range merge.records {
		one := InspectedRecord{Fields: r.Fields.Names(), Identifiers: map[string]int{}}
		for _, id := range r.Identifiers {
			one.Identifiers[id.Kind.String()]++
		}
		out.Records = append(out.Records, one)
	}
	if people, fields := f.Weak(); people > 0 {
		out.Records = append(out.Records, InspectedRecord{Fields: fields.Names(), Identifiers: map[string]int{}, Weak: people})
	}
	if out.Uninspected == "" {
		out.Uninspected = string(f.Uninspected())
	}
	return out, nil
}

// merger joins the parts of records.
type merger struct {
	records []rules.Record
	at      map[rules.Identifier]int
}

func (m *merger) add(parts []rules.Record) {
	for _, p := range parts {
		i, ok := m.at[p.Subject]
		if !ok {
			if len(m.records) == maxSubjects {
				continue
			}
			i = len(m.records)
			m.at[p.Subject] = i
			m.records = append(m.records, rules.Record{Subject: p.Subject})
		}
		r := &m.records[i]
		r.Fields |= p.Fields
	next:
		for _, id := range p.Identifiers {
			for _, have := range r.Identifiers {
				if have == id {
					continue next
				}
			}
			if len(r.Identifiers) < 8*rules.MaxIdentifiers {
				r.Identifiers = append(r.Identifiers, id)
			}
		}
	}
}
