package exfil

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// seed keys the hashes that the detectors remember in place of what was asked for:
// whoever knew it could make two identifiers look like one. Unlike the seed of
// hash/maphash it can be kept, so that what is remembered says the same after a
// restart ([Engine.SaveHistory]).
type seed [16]byte

func newSeed() (s seed) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}

// hash returns 64 bits of SHA-256 over the seed and a text.
func (s *seed) hash(text []byte) uint64 {
	var room [192]byte
	sum := sha256.Sum256(append(append(room[:0], s[:]...), text...))
	return binary.LittleEndian.Uint64(sum[:])
}
