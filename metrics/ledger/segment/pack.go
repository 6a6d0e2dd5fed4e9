package segment

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// blockSize is how many bytes of entries a packed frame holds, about: the more,
// the more digests it has met before; a reader holds one at a time.
const blockSize = 8 << 20

// unpacker gives the entries of frames. The zero value is ready; close it.
type unpacker struct {
	decoder *zstd.Decoder
	buffer  []byte
}

// unpack returns a frame's entries, valid until the next call.
func (u *unpacker) unpack(k kind, payload []byte) (entries []byte, err error) {
	switch k {
	case frameRows, frameOther:
		return payload, nil
	case framePacked:
	case frameHeader, frameEndings, frameSummary, frameTrailer:
		return nil, fmt.Errorf("a frame of kind %q among the entries", k)
	default:
		return nil, fmt.Errorf("a frame of unknown kind %q", k)
	}
	if u.decoder == nil {
		u.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
		if err != nil {
			return nil, err
		}
	}
	u.buffer, err = u.decoder.DecodeAll(payload, u.buffer[:0])
	return u.buffer, err
}

func (u *unpacker) close() {
	if u.decoder != nil {
		u.decoder.Close()
	}
}

// packedSuffix is what a packed segment's name ends with until it takes the
// place of the other form.
const packedSuffix = ".tmp"

// pack writes the packed form of a segment that is complete beside it. The
// entries and so their hashes stay what they are; that is checked.
func pack(p place, stop <-chan struct{}) (sum summary, err error) {
	o, err := open(p, -1)
	if err != nil {
		return summary{}, err
	}
	defer func() { _ = o.file.Close() }()
	if o.header.Packed {
		return o.summary, nil
	}
	whole, err := surveySegment(o)
	if err != nil {
		return summary{}, explain(p.path, err)
	}
	path := p.path + packedSuffix
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return summary{}, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	w := packing{file: file, from: o, whole: whole, stop: stop}
	if err = errors.Join(w.write(), file.Sync(), file.Close()); err != nil {
		return summary{}, err
	}
	packed, err := open(place{path, p.number, p.day}, -1)
	if err != nil {
		return summary{}, err
	}
	again, err := surveySegment(packed)
	if err = errors.Join(err, packed.file.Close()); err != nil {
		return summary{}, err
	}
	if again.tree.Root() != whole.tree.Root() || again.row != whole.row {
		err = fmt.Errorf("packing ledger segment %s changed it: BUG", p.path)
		return summary{}, err
	}
	return packed.summary, nil
}

// errStopped says that packing was interrupted; it begins anew another time.
var errStopped = errors.New("stopped")

// packing writes one packed segment.
type packing struct {
	file   *os.File
	from   *opened
	whole  *survey
	stop   <-chan struct{}
	at     int64
	blocks []block
	row    int64 // the next sequence
	leaf   int64
}

func (w *packing) put(frame []byte) error {
	_, err := w.file.Write(frame)
	w.at += int64(len(frame))
	return err
}

// putFrame writes a frame of a kind with a payload.
func (w *packing) putFrame(k kind, payload []byte) error {
	frame := append(beginFrame(nil), payload...)
	endFrame(frame, k)
	return w.put(frame)
}

func (w *packing) putJSON(k kind, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.putFrame(k, text)
}

func (w *packing) write() error {
	head := w.from.header
	head.Packed = true
	if err := errors.Join(w.put([]byte(magic)), w.putJSON(frameHeader, &head)); err != nil {
		return err
	}
	w.row, w.leaf = head.FirstRow, head.FirstLeaf
	if err := w.writeBlocks(); err != nil {
		return err
	}
	behind := w.at
	sum := w.whole.summary
	sum.Blocks = w.blocks
	return errors.Join(w.putFrame(frameEndings, appendEndings(nil, w.whole.endings())), w.putJSON(frameSummary, &sum),
		w.putFrame(frameTrailer, binary.LittleEndian.AppendUint64(nil, uint64(behind)))) //nolint:gosec // a length
}

func (w *packing) writeBlocks() error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockSize), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return err
	}
	defer func() { _ = encoder.Close() }()
	if err := w.from.seek(w.from.start); err != nil {
		return err
	}
	var raw, packed []byte
	current := block{Leaf: w.leaf, Row: w.row}
	var decoder ledger.Decoder
	flush := func() error {
		if len(raw) == 0 {
			return nil
		}
		packed = encoder.EncodeAll(raw, packed[:0])
		current.Offset, current.Size = w.at, int64(frameHead+len(packed))
		w.blocks = append(w.blocks, current)
		raw = raw[:0]
		current = block{Leaf: w.leaf, Row: w.row}
		return w.putFrame(framePacked, packed)
	}
	for {
		_, payload, err := w.from.next(nil)
		if errors.Is(err, io.EOF) {
			return flush()
		} else if err != nil {
			return err
		}
		err = Entries(payload, func(entry []byte) error {
			raw = AppendEntry(raw, entry)
			w.leaf++
			current.Leaves++
			if ledger.EntryKind(entry[0]) == ledger.EntryRow {
				var row ledger.Row
				if err := decoder.Row(entry, &row); err != nil {
					return err
				}
				w.row++
				current.Rows++
				current.From, current.To = widen(current.From, current.To, row.Time)
			}
			if len(raw) < blockSize-ledger.MaxEntry {
				return nil
			}
			return flush()
		})
		if err != nil {
			return err
		}
		select {
		case <-w.stop:
			return errStopped
		default:
		}
	}
}

// summaryOf returns what a segment holds, packed or not.
func summaryOf(o *opened) (summary, outcomes, error) {
	own := outcomes{}
	if o.header.Packed {
		return o.summary, own, readEndings(o.endings, own)
	}
	s, err := surveySegment(o)
	if err != nil {
		return summary{}, own, err
	}
	s.summary.Marks = slices.Clip(s.summary.Marks)
	return s.summary, s.own, nil
}
