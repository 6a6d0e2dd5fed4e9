package record

import "bytes"

// manifest reports whether a text that begins with head says of itself by whom it was
// made: the manifest of a package (npm, Composer, Cargo, Helm), or a feed. Its first
// authors, under keys that are called so, are nobody's customers (aside.author);
// everybody else in it is read as in any text.
func manifest(head []byte) bool {
	for _, root := range [...]string{"<rss", "<feed", "<project"} {
		if at := bytes.Index(head, []byte(root)); at >= 0 && at < 200 && at+len(root) < len(head) && (head[at+len(root)] == ' ' || head[at+len(root)] == '>') {
			return true
		}
	}
	name, version := bytes.Index(head, []byte(`"name"`)), valueOf(head, `"version"`)
	if name >= 0 && len(version) > 3 && version[0] == '"' { // "version": "1.2.0"
		number, _, _ := bytes.Cut(bytes.TrimLeft(version[1:], "v^~"), []byte{'"'})
		if len(number) > 0 && number[0]-'0' <= 9 && bytes.IndexByte(number, '.') > 0 {
			return true
		}
	}
	vendor, _, _ := bytes.Cut(bytes.TrimLeft(valueOf(head, `"name"`), `"`), []byte{'"'})
	return bytes.IndexByte(vendor, '/') > 0 && bytes.IndexByte(vendor, ' ') < 0 && (bytes.Contains(head, []byte(`"require"`)) || bytes.Contains(head, []byte(`"license"`)))
}

// valueOf returns what stands behind a key's first place in a text, or nil.
func valueOf(text []byte, key string) []byte {
	_, rest, found := bytes.Cut(text, []byte(key))
	if !found {
		return nil
	}
	return bytes.TrimLeft(bytes.TrimLeft(rest, " \t\r\n")[min(1, len(rest)):], " \t\r\n")
}

// authored returns the class of a structure under a key of class c: of a manifest's
// authors none of what stands in it is a customer's.
func (g *grouper) authored(c class) class {
	if g.manifest && !g.asked() {
		c.sense |= senseAuthor
	}
	return c
}

// senseAuthor is the sense of a manifest's authors: who is both is neither of the shop's
// staff nor a sample of a form.
const senseAuthor = senseStaff | senseSample
