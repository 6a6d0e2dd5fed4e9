package record

import (
	"bytes"
	"strings"
	"testing"
)

// TestWiped: the memory that serves the next response has nothing of this one.
func TestWiped(t *testing.T) {
	person := `{"email":"ada@lund.example","firstName":"Ada","lastName":"Lund","note":"<p>ada@lund.example</p>","street":"Elm Street 3"}`
	page := `<html><body title="ada@lund.example"><script type="application/ld+json">` + person + `</script><script>var a = ` + person + `;</script>` +
		`<form><input name="email" value="ada@&#108;und.example"><input name="phone" value="+4722334455"></form>` +
		`<table><tr><td>E-Mail<td>ada@lund.example</table><p>Ada Lund, ` + strings.Repeat("Elm Street 3, ", 60) + `ada@lund.example</p><p>Ada Lund<br>Elm Street 3<br>12345 Town`
	f := NewFinder(&Config{}, testHasher(t), "text/html")
	_, _ = f.Write([]byte(page))
	f.Flush()
	_, _ = f.Write([]byte(page))
	s, is := f.body.scan.(*htmlScanner)
	if !is || s.script == nil || s.spare.json == nil {
		t.Fatal("the page was read by another scanner")
	}
	r, script := f.group.room, s.script.json
	_ = f.Close()
	if f.Subjects() == 0 {
		t.Fatal("nobody was found")
	}
	for _, b := range [][]byte{
		s.name, s.attr, s.value, s.entity, s.until, s.tail, s.page.field, s.page.value, s.page.href, s.page.prose.line, s.page.prose.text, s.page.prose.room[:],
		s.tiny[:], s.page.name[:], s.page.kind[:], s.spare.json.buf, script.buf, r.scratch, r.head,
	} {
		if bytes.Trim(b[:cap(b)], "\x00") != nil {
			t.Errorf("%q stays", b[:cap(b)])
		}
	}
	for _, o := range r.groups[:cap(r.groups)] {
		if o != (group{}) {
			t.Errorf("a group stays: %+v", o)
		}
	}
	if r.recent != (recent{}) {
		t.Error("digests stay")
	}
}
