package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// maxFingerprint bounds a fingerprint that a trusted hop names, in bytes.
const maxFingerprint = 128

// ja4 returns the JA4 fingerprint of a TLS client: FoxIO's published
// algorithm (github.com/FoxIO-LLC/ja4, technical_details/JA4.md, BSD 3-Clause):
// what is offered, without what a client shuffles or invents, so that one program
// has one fingerprint and browsers of a version share theirs.
func (h *clientHello) ja4() string {
	ciphers := slices.Clone(h.ciphers)
	slices.Sort(ciphers)
	extensions := slices.DeleteFunc(slices.Clone(h.extensions), func(kind uint16) bool {
		return kind == extensionServerName || kind == extensionALPN
	})
	slices.Sort(extensions)
	c := hexList(extensions)
	if len(h.signatures) > 0 && c != "" {
		c += "_" + hexList(h.signatures) // in their own order
	}
	return h.ja4a() + "_" + shortSum(hexList(ciphers)) + "_" + shortSum(c)
}

// ja4a is the readable part: protocol, version, name, counts and ALPN.
func (h *clientHello) ja4a() string {
	version, ok := map[uint16]string{
		0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
	}[h.version]
	if !ok {
		version = "00"
	}
	destination := "i"
	if h.named {
		destination = "d"
	}
	transport := "t"
	if h.quic {
		transport = "q"
	}
	return fmt.Sprintf("%s%s%s%02d%02d%s", transport, version, destination, min(len(h.ciphers), 99), min(len(h.extensions), 99), ja4Protocol(h.protocol))
}

// ja4Protocol is the first and the last character of the first ALPN value, of
// its hexadecimal form where one of the two is neither letter nor digit.
func ja4Protocol(protocol []byte) string {
	if len(protocol) == 0 {
		return "00"
	}
	first, last := protocol[0], protocol[len(protocol)-1]
	if !alphanumeric(first) || !alphanumeric(last) {
		text := hex.EncodeToString(protocol)
		first, last = text[0], text[len(text)-1]
	}
	return string([]byte{first, last})
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func hexList(numbers []uint16) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%04x", n)
	}
	return b.String()
}

// shortSum is the beginning of a SHA-256, zeros for nothing.
func shortSum(text string) string {
	if text == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
