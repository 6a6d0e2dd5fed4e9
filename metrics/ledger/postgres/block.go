package postgres

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/metrics/ledger/segment"
)

// block is a run of a node's entries, as one row of ordergate_block has them: one
// row for each entry costs PostgreSQL more than all else.
type block struct {
	leaf   int64 // of the first entry
	leaves int64 // how many; 0: data is one entry by itself, as schema 1 had them
	kinds  int16 // a bit for each kind of entry in it
	data   []byte
}

// The first byte of a block's data says what follows: a run of entries as
// [segment.AppendEntry] makes it, as it is or compressed (zstd, RFC 8878).
const (
	blockPlain = 0
	blockZstd  = 1
)

const (
	// blockSize is how many bytes of entries a block takes, about: a reader holds
	// one at a time, and what is damaged in one costs all of it.
	blockSize = 1 << 20
	// leastPacked is from how many bytes on compressing is tried.
	leastPacked = 512
)

func kindBit(kind ledger.EntryKind) int16 { return 1 << min(kind, 14) }

// packer makes blocks. The zero value is ready; it is not safe for concurrent use.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	raw     []byte
}

// pack makes one block of the entries from number leaf on.
func (p *packer) pack(leaf int64, entries [][]byte, level zstd.EncoderLevel) (block, error) {
	b := block{leaf: leaf, leaves: int64(len(entries))}
	p.raw = append(p.raw[:0], blockPlain)
	for _, entry := range entries {
		b.kinds |= kindBit(ledger.EntryKind(entry[0]))
		p.raw = segment.AppendEntry(p.raw, entry)
	}
	if len(p.raw) > leastPacked {
		if p.encoder == nil {
			var err error
			// The checksum is zstd's own, which finds what a disk has changed.
			if p.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(true)); err != nil {
				return b, err
			}
		}
		packed := p.encoder.EncodeAll(p.raw[1:], append(make([]byte, 0, len(p.raw)), blockZstd))
		if len(packed) < len(p.raw) {
			b.data = packed
			return b, nil
		}
	}
	b.data = bytes.Clone(p.raw)
	return b, nil
}

// blocks divides entries into blocks.
func (p *packer) blocks(leaf int64, entries [][]byte) ([]block, error) {
	var all []block
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && size < blockSize {
			size += len(entries[n])
			n++
		}
		b, err := p.pack(leaf, entries[:n], zstd.SpeedFastest)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
		leaf += int64(n)
		entries = entries[n:]
	}
	return all, nil
}

// blockError says that a block's entries cannot be read.
type blockError struct {
	first, end int64 // its entries are from first to before end
	err        error
}

func (e *blockError) Error() string {
	return fmt.Sprintf("entries %d to %d cannot be read: %v", e.first, e.end-1, e.err)
}

func (e *blockError) Unwrap() error { return e.err }

var errBlock = errors.New("ordergate_block has something else than was written")

// end is the number behind its entries.
func (b *block) end() int64 { return b.leaf + max(b.leaves, 1) }

// unpack calls do for every entry; what it is given is valid until the next call
// of unpack. What is wrong with the block is a *blockError, before the first call.
func (p *packer) unpack(b *block, do func(entry) error) error {
	if b.leaves == 0 {
		if len(b.data) == 0 {
			return &blockError{b.leaf, b.end(), ledger.ErrEntry}
		}
		return do(entry{b.leaf, b.data})
	}
	run, err := p.run(b)
	if err != nil {
		return &blockError{b.leaf, b.end(), err}
	}
	found, kinds := int64(0), int16(0)
	err = segment.Entries(run, func(data []byte) error {
		found++
		kinds |= kindBit(ledger.EntryKind(data[0]))
		return nil
	})
	if err == nil && (found != b.leaves || kinds != b.kinds) {
		err = errBlock
	}
	if err != nil {
		return &blockError{b.leaf, b.end(), err}
	}
	leaf := b.leaf
	return segment.Entries(run, func(data []byte) error {
		leaf++
		return do(entry{leaf - 1, data})
	})
}

// run returns the run of entries in a block.
func (p *packer) run(b *block) (_ []byte, err error) {
	switch {
	case len(b.data) > 0 && b.data[0] == blockPlain:
		return b.data[1:], nil
	case len(b.data) == 0 || b.data[0] != blockZstd:
		return nil, errBlock
	}
	if p.decoder == nil {
		// A chunk of one entry more than fits is the largest block.
		if p.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*blockSize+2*ledger.MaxEntry)); err != nil {
			return nil, err
		}
	}
	p.raw, err = p.decoder.DecodeAll(b.data[1:], p.raw[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	return p.raw, nil
}

// close frees what reading took.
func (p *packer) close() {
	if p.decoder != nil {
		p.decoder.Close()
	}
}
