package segment

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

// header is a segment's first frame: where the segment stands in the ledger.
// With the edge every segment can be verified without those before it.
type header struct {
	Segment   int64       `json:"segment"` // its number, from 1 without gaps
	Day       string      `json:"day"`     // UTC, of its first row
	FirstLeaf int64       `json:"first_leaf"`
	FirstRow  int64       `json:"first_row"`
	Edge      []tlog.Hash `json:"edge"` // of the tree before it
	Packed    bool        `json:"packed"`
	// Salvage is set where the segment before it was damaged or lost.
	Salvage *salvage `json:"salvage,omitempty"`
}

// summary is a frame behind a packed segment's entries: what one would otherwise have to
// read all of it for. All of it can be derived from the entries.
type summary struct {
	Leaves int64           `json:"leaves"`
	Rows   int64           `json:"rows"`
	From   time.Time       `json:"from"` // the earliest row's time
	To     time.Time       `json:"to"`   // the latest row's
	Blocks []block         `json:"blocks"`
	Nodes  []Node          `json:"nodes"` // subtrees of NodeLevel and above that it completes
	Late   []ledger.Ending `json:"late"`  // outcomes of rows of earlier segments
	Marks  []ledger.Mark   `json:"marks"`
}

// block is one packed frame.
type block struct {
	Offset int64     `json:"offset"` // in the file
	Size   int64     `json:"size"`   // with its head
	Leaf   int64     `json:"leaf"`   // the number of its first entry
	Leaves int64     `json:"leaves"`
	Row    int64     `json:"row"` // the sequence of its first row, or of the next one
	Rows   int64     `json:"rows"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Node is the root of a complete subtree.
type Node struct {
	ledger.Place
	Hash tlog.Hash `json:"hash"`
}

// NodeLevel is the level from which on subtrees are kept: below it they are
// made anew from at most 1,024 entries, so that a row costs no stored hash.
const NodeLevel = 10

// Suffix is how names of segment files end.
const Suffix = ".seg"

var namePattern = regexp.MustCompile(`^(\d{6,})-(\d{4}-\d{2}-\d{2})\.seg$`)

// place is a segment file as the folder lists it.
type place struct {
	path   string
	number int64
	day    string
}

func (p place) name() string { return filepath.Base(p.path) }

func nameOf(number int64, day string) string { return fmt.Sprintf("%06d-%s%s", number, day, Suffix) }

// list returns the segments in a folder, by number.
func list(dir string) ([]place, error) {
	files, err := os.ReadDir(dir) // sorted by name, that is by number below a million
	if err != nil {
		return nil, err
	}
	var places []place
	for _, file := range files {
		parts := namePattern.FindStringSubmatch(file.Name())
		if parts == nil {
			continue
		}
		number, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			continue
		}
		places = append(places, place{filepath.Join(dir, file.Name()), number, parts[2]})
	}
	return places, nil
}

// opened is a segment file that is being read, entry frames next.
type opened struct {
	place
	file *os.File
	*frames
	header  header
	size    int64   // of the file, as far as it counts
	start   int64   // where the entries begin
	summary summary // of a packed one
	endings []byte  // likewise, see appendEndings

	rawSummary []byte // of a packed one
	limited    bool   // size is not the file's own
}

// open reads a segment's header and, if it is packed, its summary. limit is
// how many bytes of the file count; negative: all.
func open(p place, limit int64) (*opened, error) {
	file, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	o := &opened{place: p, file: file}
	if err := o.begin(limit); err != nil {
		return nil, errors.Join(explain(o.path, err), file.Close())
	}
	return o, nil
}

func (o *opened) begin(limit int64) error {
	info, err := o.file.Stat()
	if err != nil {
		return err
	}
	if o.size = info.Size(); limit >= 0 && limit < o.size {
		o.size, o.limited = limit, true
	}
	if o.frames, err = newFrames(o.file, o.size); err != nil {
		return err
	}
	if err := o.expect(frameHeader, &o.header); err != nil {
		return err
	}
	o.start = o.at
	if !o.header.Packed {
		return nil
	}
	return o.tail()
}

// tail reads what stands behind a packed segment's entries and goes back to
// them.
func (o *opened) tail() error {
	const size = frameHead + 8
	if err := o.seek(o.size - size); err != nil {
		return err
	}
	k, payload, err := o.next(nil)
	if err != nil || k != frameTrailer || len(payload) != 8 {
		return errors.Join(err, &damageError{o.size - size, "the trailer is missing"})
	}
	behind := int64(binary.LittleEndian.Uint64(payload)) //nolint:gosec // seek bounds it
	if err := o.seek(behind); err != nil {
		return err
	}
	k, payload, err = o.next(nil)
	if err != nil || k != frameEndings {
		return errors.Join(err, &damageError{behind, "the outcomes are missing"})
	}
	o.endings = append([]byte(nil), payload...)
	if err := o.expect(frameSummary, &o.summary); err != nil {
		return err
	}
	o.rawSummary = append([]byte(nil), o.payload[1:]...)
	if o.at != o.size-size {
		return &damageError{o.at, "something stands between the summary and the trailer"}
	}
	o.limit = behind
	return o.seek(o.start)
}

// seek goes to the frame at an offset.
func (o *opened) seek(offset int64) error {
	if offset < int64(len(magic)) || offset > o.size {
		return &damageError{offset, "outside the file"}
	}
	if _, err := o.file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	o.in.Reset(o.file)
	o.at = offset
	return nil
}

// expect reads the next frame, which must be of a kind, as JSON.
func (o *opened) expect(want kind, into any) error {
	at := o.at
	k, payload, err := o.next(nil)
	switch {
	case errors.Is(err, io.EOF):
		return &damageError{at, "the file ends before its " + what(want)}
	case err != nil:
		return err
	case k != want:
		return &damageError{at, fmt.Sprintf("a frame of kind %q where the %s should be", k, what(want))}
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return &damageError{at, "the " + what(want) + " cannot be read: " + err.Error()}
	}
	return nil
}

func what(k kind) string {
	if k == frameHeader {
		return "header"
	}
	return "summary"
}

// explain says which file an error is about, and what to do about damage.
func explain(path string, err error) error {
	var damage *damageError
	if errors.As(err, &damage) {
		return fmt.Errorf("ledger segment %s is damaged: %w: copy data_dir away as evidence, then restore the file from a backup", path, damage)
	}
	return err
}

// appendEndings packs outcomes: their count, then the distance from the head
// before and the state of each.
func appendEndings(dst []byte, endings []ledger.Ending) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(endings)))
	before := int64(0)
	for _, e := range endings {
		dst = binary.AppendUvarint(dst, uint64(e.Head-before)<<2|uint64(e.State)&3) //nolint:gosec // sorted
		before = e.Head
	}
	return dst
}

// outcomes are what became of exchanges, by the sequence of their first row.
type outcomes map[int64]rules.State

// add keeps the first outcome of a head.
func (o outcomes) add(e ledger.Ending) {
	if _, ok := o[e.Head]; !ok {
		o[e.Head] = e.State
	}
}

// readEndings is the inverse of appendEndings.
func readEndings(packed []byte, into outcomes) error {
	n, size := binary.Uvarint(packed)
	if size <= 0 {
		return errors.New("the outcomes cannot be read")
	}
	packed = packed[size:]
	head := int64(0)
	for range n {
		v, size := binary.Uvarint(packed)
		if size <= 0 {
			return errors.New("the outcomes cannot be read")
		}
		packed = packed[size:]
		head += int64(v >> 2) //nolint:gosec // a distance
		into.add(ledger.Ending{Head: head, State: rules.State(v & 3)})
	}
	if len(packed) > 0 {
		return errors.New("the outcomes cannot be read")
	}
	return nil
}
