package record

import (
	"bytes"
	"strings"
)

// binaryForm returns what a media type promises that is not a text.
func binaryForm(t string) form {
	switch t {
	case "application/gzip", "application/x-gzip", "application/x-gunzip":
		return formGzip
	case "application/zlib":
		return formZlib
	case "application/zip", "application/x-zip-compressed", "application/x-zip":
		return formZip
	case "application/x-tar", "application/tar", "application/x-gtar":
		return formTar
	case "application/pdf", "application/x-pdf":
		return formPDF
	case "application/protobuf", "application/x-protobuf", "application/x-google-protobuf", "application/vnd.google.protobuf":
		return formProtobuf
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "application/messagepack", "application/x-messagepack":
		return formPack
	case "application/bson", "application/x-bson", "application/vnd.bson":
		return formBSON
	}
	switch {
	case strings.HasPrefix(t, "application/vnd.openxmlformats-officedocument."), strings.HasPrefix(t, "application/vnd.oasis.opendocument."):
		return formZip
	case strings.HasPrefix(t, "application/grpc-web-text"):
		return formGRPCText
	case strings.HasPrefix(t, "application/grpc"):
		return formGRPC
	}
	return formOpaque
}

// sniffBinary decides by the first bytes whether a body is binary. It returns
// a form beyond [formOpaque] if so, and what the body's type promises of a
// text otherwise.
func sniffBinary(promised form, head []byte) form {
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return formPDF
	case bytes.HasPrefix(head, []byte(zipLocal)), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formZip
	case bytes.HasPrefix(head, []byte("\x1F\x8B\x08")):
		return formGzip
	case len(head) >= 262 && bytes.HasPrefix(head[257:], []byte("ustar")):
		return formTar
	case (promised == formZlib || promised == formUnknown) && len(head) > 2 && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0 && (head[1] >= 0x80 || head[1] == 1):
		return formZlib
	}
	switch promised {
	case formProtobuf, formGRPC, formGRPCText:
		// No message begins with these; an error page may.
		if len(head) > 0 && (head[0] == '{' || head[0] == '<') {
			return formUnknown
		}
		return promised
	case formUnknown, formPack, formBSON:
		if messagePacked(head) {
			return formPack
		}
		if bsonLike(head) {
			return formBSON
		}
	}
	if promised > formOpaque {
		return formUnknown // the type lies
	}
	return promised
}

// framed reports whether the first byte of p is one of the form's messages,
// which may be short, and must not wait for the next one.
func (f form) framed(p []byte) bool {
	switch {
	case len(p) == 0:
		return false
	case f == formGRPC:
		return p[0] <= grpcCompressed || p[0] == grpcTrailers
	}
	return f == formGRPCText && (p[0] == 'A' || p[0] == 'g')
}

// binary returns the scanner of a form that is not a text.
func (s *bodyScanner) binary(kind form) scanner {
	if s.level >= maxContained {
		return nil
	}
	switch kind {
	case formGzip, formZlib:
		z := newGzip(s.g, s.level, kind == formZlib)
		z.inner = s.inner
		return z
	case formZip:
		return newZip(s.g, s.level)
	case formPDF:
		return newPDF(s.g)
	case formProtobuf:
		return newProto(s.g)
	case formGRPC, formGRPCText:
		return newGRPC(s.g, s.level, kind == formGRPCText)
	case formPack:
		return newPack(s.g)
	case formBSON:
		return newBSON(s.g)
	case formTar:
		return newTar(s.g, s.level)
	}
	return nil
}
