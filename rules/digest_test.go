package rules

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
)

// FuzzDigest holds the quick way of a Hasher and of its clones to crypto/hmac
// (RFC 2104), for keys and values of any length.
func FuzzDigest(f *testing.F) {
	for _, n := range []int{0, 1, 23, maxQuick - 1, maxQuick, maxQuick + 1, 64, 200} {
		f.Add(bytes.Repeat([]byte{7}, MinKeySize+n), byte(n), bytes.Repeat([]byte("a"), n))
	}
	f.Fuzz(func(t *testing.T, key []byte, kind byte, value []byte) {
		h, err := NewHasher(key)
		if err != nil {
			return
		}
		if h.quick == nil {
			t.Fatal("no quick way")
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte{'i', kind})
		mac.Write(value)
		want := Digest(mac.Sum(nil)[:16])
		for _, h := range []*Hasher{h, h.Clone(), h} {
			if got := h.Identifier(IdentifierKind(kind), value); got != want {
				t.Fatalf("%d bytes: %s, want %s", len(value), got, want)
			}
			if got := h.slow('i', kind, value); got != want {
				t.Fatalf("slow, %d bytes: %s, want %s", len(value), got, want)
			}
		}
	})
}

func BenchmarkHasher(b *testing.B) {
	h, err := NewHasher(make([]byte, MinKeySize))
	if err != nil {
		b.Fatal(err)
	}
	value := []byte("ada.lund1234@mail.example")
	b.Run("quick", func(b *testing.B) {
		for b.Loop() {
			_ = h.Identifier(IdentifierEmail, value)
		}
	})
	b.Run("hmac", func(b *testing.B) {
		for b.Loop() {
			_ = h.slow('i', byte(IdentifierEmail), value)
		}
	})
}
