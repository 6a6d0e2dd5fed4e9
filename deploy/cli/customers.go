package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// customerList reads the retailer's CSV one customer at a time.
type customerList struct {
	name    string
	file    *os.File
	rows    *csv.Reader
	limit   *rowLimit
	columns []string // as in the file
	read    int      // customers so far
	latin   int      // customers whose text was not UTF-8
}

// separators that a customer list may have, the likeliest first.
const separators = ",;\t|"

// maxRow bounds a row in bytes. Without it a quote that is never closed would
// make one cell of the rest of the file.
const maxRow = 1 << 20

// rowLimit ends reading where a row is longer than maxRow.
type rowLimit struct {
	in   io.Reader
	left int // bytes until then
}

var errLongRow = fmt.Errorf("a row is longer than %d bytes: close the quote in it", maxRow)

// Read implements [io.Reader].
func (r *rowLimit) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongRow
	}
	n, err := r.in.Read(p)
	r.left -= n
	return n, err
}

// openCustomers reads the heading. The separator is the one that the heading
// has most of; a byte order mark is skipped; text that is not UTF-8 is read as
// Windows-1252, which spreadsheets write.
func openCustomers(path string) (*customerList, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the customer list: %w", err)
	}
	l := &customerList{name: path, file: file}
	if err := l.heading(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

func (l *customerList) heading() error {
	in := bufio.NewReaderSize(l.file, 1<<16)
	start, err := in.Peek(1 << 12)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the customer list %s: %w", l.name, err)
	}
	if bytes.HasPrefix(start, []byte{0xff, 0xfe}) || bytes.HasPrefix(start, []byte{0xfe, 0xff}) {
		return usagef("customer list %s is UTF-16: save it as CSV UTF-8", l.name)
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		start = start[3:]
		if _, err := in.Discard(3); err != nil {
			return fmt.Errorf("read the customer list %s: %w", l.name, err)
		}
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	separator, most := ',', 0
	for _, s := range separators {
		if n := bytes.Count(line, []byte(string(s))); n > most {
			separator, most = s, n
		}
	}
	l.limit = &rowLimit{in: in, left: maxRow}
	l.rows = csv.NewReader(l.limit)
	l.rows.Comma = separator
	l.rows.ReuseRecord = true
	l.rows.FieldsPerRecord = -1 // next says it better
	columns, err := l.rows.Read()
	if errors.Is(err, io.EOF) {
		return usagef("customer list %s is empty: the first line must name its columns", l.name)
	} else if err != nil {
		return fmt.Errorf("customer list %s: %w", l.name, err)
	}
	l.columns = l.decode(append([]string(nil), columns...))
	return nil
}

// next returns the next customer's cells, one for every column, valid until
// the call after; io.EOF after the last.
func (l *customerList) next() ([]string, error) {
	l.limit.left = maxRow
	line, _ := l.rows.FieldPos(0) // of the row before
	cells, err := l.rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("customer list %s, after line %d: %w: correct that line", l.name, line, err)
	}
	if len(cells) > len(l.columns) {
		line, _ = l.rows.FieldPos(0)
		return nil, fmt.Errorf("customer list %s, line %d: %d cells under %d columns: quote cells that hold a %q",
			l.name, line, len(cells), len(l.columns), l.rows.Comma)
	}
	for len(cells) < len(l.columns) {
		cells = append(cells, "")
	}
	l.read++
	return l.decode(cells), nil
}

// decode makes every cell UTF-8, in place.
func (l *customerList) decode(cells []string) []string {
	latin := 0
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			latin = 1
			if text, err := charmap.Windows1252.NewDecoder().String(cell); err == nil {
				cells[i] = text
			}
		}
	}
	l.latin += latin
	return cells
}

// guess says what each column is taken for, "" if for nothing. It asks the
// very function that the rows are read with, with made-up values.
func (l *customerList) guess(h *rules.Hasher, countries []string) []string {
	kinds := func(columns, values []string) map[rules.IdentifierKind]bool {
		found := make(map[rules.IdentifierKind]bool)
		for _, id := range record.Identify(h, countries, columns, values) {
			found[id.Kind] = true
		}
		return found
	}
	guesses := make([]string, len(l.columns))
	for i, column := range l.columns {
		number := kinds([]string{column}, []string{"49301234567"})
		switch {
		case number[rules.IdentifierCustomerID]:
			guesses[i] = "customer number"
		case number[rules.IdentifierPhone]:
			guesses[i] = "phone"
		case number[rules.IdentifierOrder]:
			guesses[i] = "order number"
		case kinds([]string{"name", column}, []string{"Erika Muster", "Lindenweg"})[rules.IdentifierResidence]:
			guesses[i] = "street or address"
		case kinds([]string{column, "street"}, []string{"Erika Muster", "Lindenweg 5"})[rules.IdentifierResidence]:
			guesses[i] = "name"
		case strings.Contains(strings.ToLower(column), "mail"):
			guesses[i] = "email"
		}
	}
	return guesses
}

// join writes the customers of the list whose data was released.
func (c *ReportAffected) join(r *affectedList, to console) (err error) {
	keys, err := loadHashers(c.DataDir)
	if err != nil {
		return err
	}
	list, err := openCustomers(c.Customers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.file.Close()) }()
	guesses := list.guess(keys.hashers[0], c.Countries)
	used := tellGuess(list, guesses, to)
	if !used {
		return usagef("no column of %s can be joined (%s): name one email, customer_id or phone, or name and street",
			c.Customers, strings.Join(list.columns, ", "))
	}
	for id, n := range r.keys {
		if !keys.has(id) {
			to.note("%d disclosures were digested with key %q, which is not in data_dir (the present one is %s): they cannot be joined", n, id, keys.ids[0])
		}
	}
	joined := joiner{report: r, list: list, keys: keys, countries: c.Countries, matcher: ledger.NewMatcher(r.subjects)}
	if r.json {
		err = joined.writeJSON(to.out)
	} else {
		err = joined.writeCSV(to.out)
	}
	if err != nil {
		return err
	}
	to.note("customers read: %d; affected: %d; affected subjects that are not in the list: %d", list.read, joined.matched, joined.matcher.Unmatched())
	if list.latin > 0 {
		to.note("%d lines are not UTF-8 and were read as Windows-1252", list.latin)
	}
	return nil
}

// hashers are the keys of a data_dir, ready to digest.
type hashers struct {
	ids     []string        // of the keys, the present one first
	hashers []*rules.Hasher // one for each secret that makes digests: keys share it
}

func (h *hashers) has(id string) bool { return slices.Contains(h.ids, id) }

// loadHashers loads the present key and the retired ones.
func loadHashers(dir string) (*hashers, error) {
	keys, err := ledger.LoadKeys(dir)
	if err != nil {
		return nil, err
	}
	h, known := &hashers{}, make(map[string]bool)
	for _, key := range keys {
		h.ids = append(h.ids, key.ID)
		if known[key.Digests()] {
			continue
		}
		known[key.Digests()] = true
		hasher, err := rules.NewHasher(key.Secret)
		if err != nil {
			return nil, err
		}
		h.hashers = append(h.hashers, hasher)
	}
	return h, nil
}

// identify digests what names somebody, with every secret.
func identify(keys *hashers, countries, columns, cells []string) (ids []rules.Identifier) {
	for _, hasher := range keys.hashers {
		ids = append(ids, record.Identify(hasher, countries, columns, cells)...)
	}
	return ids
}

// tellGuess prints what the columns are taken for and reports whether any can
// be joined.
func tellGuess(list *customerList, guesses []string, to console) bool {
	var parts []string
	joinable, name, street := false, false, false
	for i, guess := range guesses {
		switch guess {
		case "":
			parts = append(parts, list.columns[i]+" = (only for email addresses)")
			continue
		case "name":
			name = true
		case "street or address":
			street = true
		default:
			joinable = true
		}
		parts = append(parts, list.columns[i]+" = "+guess)
	}
	to.note("columns of %s, separated by %q: %s", list.name, list.rows.Comma, strings.Join(parts, "; "))
	return joinable || name && street
}

// joiner streams a customer list through a matcher.
type joiner struct {
	report    *affectedList
	list      *customerList
	keys      *hashers
	countries []string
	matcher   *ledger.Matcher
	matched   int // customers
}

// each calls write for every affected customer.
func (j *joiner) each(write func(cells []string, s *ledger.Subject) error) error {
	for {
		cells, err := j.list.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		s, ok := j.matcher.Match(identify(j.keys, j.countries, j.list.columns, cells))
		if !ok {
			continue
		}
		j.matched++
		if err := write(cells, &s); err != nil {
			return err
		}
	}
}

func (j *joiner) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	heading := append(append([]string(nil), j.list.columns...), disclosureColumns[:]...)
	if err := w.Write(defuse(heading)); err != nil {
		return err
	}
	err := j.each(func(cells []string, s *ledger.Subject) error {
		return w.Write(defuse(append(cells[:len(cells):len(cells)], disclosureCells(s)...)))
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

func (j *joiner) writeJSON(out io.Writer) error {
	type jsonCell struct {
		Column string `json:"column"`
		Value  string `json:"value"`
	}
	type jsonCustomer struct {
		Customer []jsonCell `json:"customer"`
		jsonDisclosed
	}
	w := j.report.begin(out, "customers")
	err := j.each(func(cells []string, s *ledger.Subject) error {
		element := jsonCustomer{jsonDisclosed: asJSON(s)}
		for i, cell := range cells {
			element.Customer = append(element.Customer, jsonCell{Column: j.list.columns[i], Value: cell})
		}
		return w.element(element)
	})
	if err != nil {
		return err
	}
	tail, err := json.Marshal(struct {
		Read      int `json:"customers_read"`
		Unmatched int `json:"unmatched_subjects"`
	}{j.list.read, j.matcher.Unmatched()})
	if err != nil {
		return err
	}
	return w.end("," + strings.Trim(string(tail), "{}"))
}
