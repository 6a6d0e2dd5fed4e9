package segment

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// magic is how a segment file begins.
const magic = "ordgseg1"

// kind says what a frame holds.
type kind byte

// The kinds of frames.
const (
	frameHeader  kind = 'h' // JSON: where the segment stands in the ledger; the first frame
	frameRows    kind = 'r' // entries, all of them rows
	frameOther   kind = 'o' // entries, none of them a row
	framePacked  kind = 'z' // of a packed segment: entries of any kind, compressed
	frameEndings kind = 'e' // of a packed segment, behind its entries: the outcomes of its own rows
	frameSummary kind = 's' // JSON, likewise: what the segment holds
	frameTrailer kind = 't' // 8 bytes, likewise, the last frame: where the frame of endings begins
)

// A frame is 4 bytes of length of the payload (little endian), 4 bytes of
// CRC-32C over what follows and the length, 1 byte of kind, the payload.
const (
	frameHead = 9
	// maxFrame bounds a payload; one Append of 65,536 rows takes some 20 MB.
	maxFrame = 1 << 28
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginFrame makes room for a frame's head in an empty buffer.
func beginFrame(dst []byte) []byte { return append(dst[:0], make([]byte, frameHead)...) }

// endFrame writes the head of the frame that fills the buffer.
func endFrame(frame []byte, k kind) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameHead)) //nolint:gosec // at most maxFrame
	frame[8] = byte(k)
	binary.LittleEndian.PutUint32(frame[4:], frameSum(frame[:4], frame[8:]))
}

func frameSum(length, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(rest, castagnoli), castagnoli, length)
}

// damageError says that the bytes at an offset are no frame.
type damageError struct {
	offset int64
	why    string
}

func (e *damageError) Error() string { return fmt.Sprintf("byte %d: %s", e.offset, e.why) }

// frames reads a segment file from its beginning.
type frames struct {
	in      *bufio.Reader
	at      int64 // of the next frame
	limit   int64 // where the file ends, or what of it is to be read
	payload []byte
}

// newFrames checks the magic. limit is how many bytes of the file count.
func newFrames(in io.Reader, limit int64) (*frames, error) {
	f := &frames{in: bufio.NewReaderSize(in, 1<<18), at: int64(len(magic)), limit: limit}
	var start [len(magic)]byte
	if n, err := io.ReadFull(f.in, start[:]); n < len(start) || string(start[:]) != magic {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		return nil, &damageError{0, "no segment of a ledger begins like this"}
	}
	return f, nil
}

// next returns the next frame; its payload is valid until the next call. When
// want is not nil and refuses the kind, the payload is skipped unread and nil.
// It returns io.EOF at the limit and a *damageError for what is no frame.
func (f *frames) next(want func(kind) bool) (k kind, payload []byte, err error) {
	if f.at == f.limit {
		return 0, nil, io.EOF
	}
	if f.limit-f.at < frameHead {
		return 0, nil, &damageError{f.at, "the file ends inside the head of a frame"}
	}
	var head [frameHead]byte
	if _, err := io.ReadFull(f.in, head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	switch {
	case n > maxFrame:
		return 0, nil, &damageError{f.at, "the length of a frame is impossible"}
	case n > f.limit-f.at-frameHead:
		return 0, nil, &damageError{f.at, "the file ends inside a frame"}
	}
	k = kind(head[8])
	if want != nil && !want(k) {
		if _, err := f.in.Discard(int(n)); err != nil {
			return 0, nil, err
		}
		f.at += frameHead + n
		return k, nil, nil
	}
	if int64(cap(f.payload)) < n+1 {
		f.payload = make([]byte, n+1, n+n/4+64)
	}
	f.payload = f.payload[:n+1]
	f.payload[0] = head[8]
	if _, err := io.ReadFull(f.in, f.payload[1:]); err != nil {
		return 0, nil, err
	}
	if frameSum(head[:4], f.payload) != binary.LittleEndian.Uint32(head[4:]) {
		return 0, nil, &damageError{f.at, "the checksum of a frame is wrong"}
	}
	f.at += frameHead + n
	return k, f.payload[1:], nil
}

// Entries calls do for every entry in the payload of a frame.
func Entries(run []byte, do func(entry []byte) error) error {
	for len(run) > 0 {
		n, size := binary.Uvarint(run)
		if size <= 0 || n == 0 || n > uint64(len(run)-size) {
			return errors.New("entries do not fill what holds them")
		}
		end := size + int(n) //nolint:gosec // at most the run's length
		if err := do(run[size:end]); err != nil {
			return err
		}
		run = run[end:]
	}
	return nil
}

// AppendEntry appends an entry to a run of them, with its length before it.
func AppendEntry(dst, entry []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(entry))), entry...)
}
