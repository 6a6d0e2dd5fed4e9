package contract

import (
	"bytes"
	"encoding/json"
	"mime"
	"slices"
	"strings"
)

// Bounds of one answer. What is deeper, or longer, is passed over.
const (
	maxDepth = 128
	maxKey   = 128 // bytes of a field's name, as it is written
	maxFound = 32  // fields of one answer
)

// Walker reads the bytes of one JSON answer as they pass, and finds the fields that
// its shape has not. It holds nothing of the values. One that is no JSON ends the
// walk; several values in a row each have the shape. Not safe for concurrent use.
type Walker struct {
	root   *shape
	frames []frame
	skip   int // open brackets below what is walked
	found  []Found

	text  bool // inside a string
	slash bool // behind a backslash
	key   bool // the string is a field's name
	long  bool // of more than maxKey
	name  []byte
	over  bool
}

// frame is an object or array that is open.
type frame struct {
	of       *shape // of itself; nil: not walked into
	next     *shape // of the value that comes, in an object
	nextName string // and its name; * for one of a map
	segment  string // how it is reached
	object   bool
	expects  bool // of an object: a name comes
	unnamed  int  // fields that were not declared
}

// maxUnnamed is up to how many undeclared fields of one object are named: one with
// more is a map, whose names are values.
const maxUnnamed = 16

// Walk begins on an answer of the operation; nil where there is nothing to find:
// it is no JSON, or the document says nothing that could be held against it.
// undeclared says that the operation declares no such answer.
func (o *Operation) Walk(status int, contentType string) (w *Walker, undeclared bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return nil, false
	}
	s, declared := o.answer(status, contentType)
	if s == nil {
		return nil, !declared
	}
	if s.open && s.items == nil && s.rest == nil && len(s.fields) == 0 {
		return nil, false
	}
	return &Walker{root: s}, false
}

// Found is a field that is not declared.
type Found struct {
	// Parent points to the object that has it (RFC 6901), by names that are declared;
	// * stands for every item.
	Parent string
	// Name is its own; * where it surely is a value, or too long. It may be one
	// nevertheless, a key of a map: whoever tells of it keeps that in mind.
	Name string
}

// Found returns the fields that were found, at most maxFound.
func (w *Walker) Found() []Found { return w.found }

// Write reads the next bytes.
func (w *Walker) Write(b []byte) {
	for len(b) > 0 && !w.over {
		if w.text {
			b = w.string(b)
			continue
		}
		c := b[0]
		b = b[1:]
		switch c {
		case '"':
			top := w.top()
			w.text, w.key, w.long, w.name = true, w.skip == 0 && top != nil && top.object && top.expects, false, w.name[:0]
		case '{', '[':
			w.open(c == '{')
		case '}', ']':
			w.close()
		case ',':
			if top := w.top(); top != nil && w.skip == 0 {
				top.expects = top.object
			}
		}
	}
}

// string reads on inside a string.
func (w *Walker) string(b []byte) []byte {
	if w.slash {
		w.slash = false
		w.keep(b[:1])
		return b[1:]
	}
	i := bytes.IndexByte(b, '"')
	if slash := bytes.IndexByte(b[:max(i, 0)], '\\'); slash >= 0 {
		i = slash
	} else if i < 0 {
		if i = bytes.IndexByte(b, '\\'); i < 0 {
			w.keep(b)
			return nil
		}
	}
	w.keep(b[:i])
	if b[i] == '\\' {
		w.slash = true
		w.keep(b[i : i+1])
		return b[i+1:]
	}
	w.text = false
	if w.key {
		w.named()
	}
	return b[i+1:]
}

func (w *Walker) keep(b []byte) {
	if !w.key || w.long {
		return
	}
	if w.long = len(w.name)+len(b) > maxKey; !w.long {
		w.name = append(w.name, b...)
	}
}

func (w *Walker) top() *frame {
	if len(w.frames) == 0 {
		return nil
	}
	return &w.frames[len(w.frames)-1]
}

// open begins an object or an array.
func (w *Walker) open(object bool) {
	if w.skip > 0 || len(w.frames) >= maxDepth {
		w.skip++
		return
	}
	of, segment := w.root, ""
	if top := w.top(); top != nil {
		of = top.next
		if !top.object {
			of, segment = top.of.items, "/*"
		} else {
			segment = "/" + escape(top.nextName)
		}
	}
	if of == nil || of.open && len(of.fields) == 0 && of.items == nil && of.rest == nil {
		w.skip = 1
		return
	}
	w.frames = append(w.frames, frame{of: of, segment: segment, object: object, expects: object})
}

func (w *Walker) close() {
	switch {
	case w.skip > 0:
		w.skip--
	case len(w.frames) == 0:
		w.over = true // no JSON
	default:
		w.frames = w.frames[:len(w.frames)-1]
	}
}

// named takes a field's name.
func (w *Walker) named() {
	top := w.top()
	top.expects = false
	if !w.long && bytes.IndexByte(w.name, '\\') >= 0 {
		var name string
		if json.Unmarshal([]byte(`"`+string(w.name)+`"`), &name) == nil {
			w.name = append(w.name[:0], name...)
		}
	}
	known := top.of.fields[string(w.name)] // does not allocate
	top.next, top.nextName = known.of, known.name
	switch {
	case known.of != nil && !w.long:
	case top.of.rest != nil:
		top.next, top.nextName = top.of.rest, "*"
	case !top.of.open:
		top.unnamed++
		w.report(top, string(w.name))
	}
}

func (w *Walker) report(top *frame, name string) {
	if len(w.found) >= maxFound {
		return
	}
	if w.long || !nameable(name) || top.unnamed > maxUnnamed {
		name = "*"
	}
	var b strings.Builder
	for _, f := range w.frames {
		b.WriteString(f.segment)
	}
	if f := (Found{b.String(), name}); !slices.Contains(w.found, f) {
		w.found = append(w.found, f)
	}
}

// nameable reports whether a name looks like one that a program gave, and not like
// a value: an identifier of at most 64 characters, without a run of digits.
func nameable(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	digits := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case '0' <= c && c <= '9':
			if digits++; i == 0 || digits > 3 {
				return false
			}
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-', c == '$':
		default:
			return false
		}
	}
	return true
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func escape(name string) string { return escaper.Replace(name) }
