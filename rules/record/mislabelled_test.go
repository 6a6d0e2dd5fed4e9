package record

import (
	"strings"
	"testing"
)

// TestMislabelled: what a picture, a font or a style sheet is not, beside what it is.
func TestMislabelled(t *testing.T) {
	const people = `[{"email":"ada@lund.example","phone":"+4722334455"}]`
	noise := strings.Repeat("\x00\x01\x02\x9c", 200)
	for _, c := range []struct {
		name, contentType, encoding, head string
		want                              bool
	}{
		{"JSON as a picture", "image/png", "", people, true},
		{"JSON as a picture, compressed", "image/png", "gzip", people, true},
		{"JSON as a font", "font/woff2", "br", people, true},
		{"JSON as a style sheet", "text/css; charset=utf-8", "zstd", people, true},
		{"JSON as SVG", "image/svg+xml", "", people, true},
		{"CSV as a sound", "audio/mpeg", "", "email,phone\nada@lund.example,+4722334455\n", true},
		{"JSON in Latin-1 as a picture", "image/png", "", `[{"name":"Zo` + "\xeb" + `","email":"zoe@lund.example"}]`, true},
		{"a dump as a video", "video/mp4", "", "-- MySQL dump 10.13\nINSERT INTO `users` VALUES (1,'ada@lund.example');", true},
		{"a page as a picture", "image/gif", "", "<!DOCTYPE html><html><body>ada@lund.example", true},
		{"a document as a picture", "image/jpeg", "", "%PDF-1.7\n" + noise, true},
		{"JSON of a type that nobody knows", "application/x-unknown", "", people, true},
		{"SQL as SVG", "image/svg+xml", "", "INSERT INTO users VALUES (1,'ada@lund.example');", true},

		{"PNG", "image/png", "", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + noise, false},
		{"the first bytes of PNG", "image/png", "", "\x89PNG\r\n", false},
		{"JPEG", "image/jpeg", "", "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + noise, false},
		{"GIF", "image/gif", "", "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,", false},
		{"WebP", "image/webp", "", "RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00" + noise, false},
		{"a font", "font/woff2", "", "wOF2\x00\x01\x00\x00\x00\x00" + noise, false},
		{"a video", "video/mp4", "", "\x00\x00\x00\x20ftypisom\x00\x00\x02\x00" + noise, false},
		{"SVG", "image/svg+xml", "gzip", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><text>Sale</text></svg>`, false},
		{"a style sheet", "text/css", "", ":root{--accent:#123}\n[hidden]{display:none}", false},
		{"a style sheet about tables", "text/css", "br", "/* insert table styles */\n.table{border:0}", false},
		{"a style sheet that begins with an attribute", "text/css", "", `[data-state="open"]{display:none}`, false},
		{"a list of pieces", "application/vnd.apple.mpegurl", "", "#EXTM3U\n#EXT-X-VERSION:3\nseg1.ts\n", false},
		{"nothing", "image/png", "", "", false},
		{"what does not decode", "text/css", "gzip", "", false},
	} {
		head := []byte(c.head)
		if c.encoding != "" && len(head) > 0 {
			head = encode(t, c.encoding, head)
		}
		head = head[:min(len(head), MaxLabel)]
		for again := range 2 { // the second time it is known, where it is compressed
			if got := Mislabelled(c.contentType, c.encoding, head); got != c.want {
				t.Errorf("%s, %d: %v", c.name, again, got)
			}
		}
		if n := testing.AllocsPerRun(10, func() { Mislabelled(c.contentType, c.encoding, head) }); c.encoding != "" && n > 0 {
			t.Errorf("%s: looking again allocates %v times", c.name, n)
		}
	}
	if Mislabelled("image/png", "gzip", []byte(people)) {
		t.Error("an encoding that lies: nothing can be told")
	}
}
