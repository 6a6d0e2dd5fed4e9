package record

import "bytes"

// tells is what the values under a key may tell where nobody is in sight, see
// [jsonScanner.quiet]. The zero value: nothing at all.
type tells uint8

const (
	tellsText   tells = 1 << iota // a text may tell something
	tellsStreet                   // a text does if it is like a street
	tellsMarkup                   // a text does if it begins with a tag
	tellsNumber                   // a number may
	tellsNest                     // what stands in a structure may
	tellsTotal                    // it may be an order's total,
	tellsLines                    // its lines,
	tellsDate                     // or its date: an order by all of them
)

// senseAlive are the parts of the data in which a name or a number alone is
// somebody's.
const senseAlive = senseCustomer | senseClient | sensePlace | senseOrder | senseDeclared

// tellsOf says what values under a key of class c may tell.
func tellsOf(c class) (t tells) {
	if c.sense&senseAlive != 0 || c.kind == kindAddress || c.kind == kindHours || c.kind == kindPhone || c.kind == kindColumns || c.kind == kindKeyed || c.kind == kindRelated {
		t |= tellsNest
	}
	if c.kind != kindText {
		t |= tellsMarkup
	}
	switch c.kind {
	case kindNone:
		if c.sense&senseClient != 0 {
			return t | tellsText
		}
		if c.sense&senseKnown == 0 {
			t |= tellsStreet
		}
	case kindText, kindPrice:
		t |= tellsStreet
	case kindDate:
		t |= tellsStreet | tellsDate
	case kindTotal:
		t |= tellsTotal
	case kindLines:
		t |= tellsLines
	case kindName, kindCity, kindRegion, kindCountry, kindID, kindCode, kindOpaque, kindRole, kindUsername, kindAuthor, kindCompany, kindTypename, kindHours, kindLinked:
	case kindFirstName, kindLastName, kindFullName, kindHolder:
		t |= tellsText
	default:
		t |= tellsText | tellsNumber
	}
	return t
}

const (
	quietDepth = 8       // structures in structures that are passed over
	quietSpan  = 4 << 10 // bytes that are read for it
	maxLoud    = 31      // structures that are not tried after one that was not quiet
)

// quiet returns where the structure ends that begins at p[i], if nothing in it
// would be more than a name, a number, a price or a word without anybody to be
// of: what [grouper.leave] drops whatever else there is. It returns 0 if there
// may be more, and where the scanner has to look itself.
func (s *jsonScanner) quiet(p []byte, i int, off int64) int {
	k := &s.g.keys.cache[s.last]
	if k.loud > 0 {
		k.loud--
		return 0
	}
	if !s.calm() {
		return 0
	}
	limit := len(p)
	if room := min(s.g.oldest-off+maxSpan, int64(i+quietSpan)); int64(limit) > room { // nothing grows old on the way, see grouper.age
		limit = int(room)
	}
	end := s.pass(p, i, max(limit, i))
	if end <= 0 {
		if end < 0 || limit < len(p) {
			k.fails = min(2*k.fails+1, maxLoud)
			k.loud = k.fails
		}
		return 0
	}
	k.fails = 0
	switch s.class.kind {
	case kindLines:
		s.g.own().marks |= markLines
	case kindTotal:
		s.g.own().marks |= markTotal
	}
	s.started, s.state, s.class = true, jsonComma, class{}
	if s.depth == 0 && s.strict {
		s.state = jsonDone
	}
	return end
}

// calm reports whether nobody is in sight of the structure that begins.
func (s *jsonScanner) calm() bool {
	g := s.g
	n := len(g.frames)
	// As many groups and frames as it would need are free.
	if s.links.within() || g.claim != nil || g.deep > 0 || n > maxDepth-quietDepth || len(g.groups)-len(g.free) > maxGroups-quietDepth {
		return false
	}
	c := s.class
	if n == 0 {
		return c.kind != kindLines && c.kind != kindTotal && tellsOf(c)&tellsNest == 0
	}
	f := &g.frames[n-1]
	if f.kind == frameArray {
		c = f.class
		for n--; n > 0 && g.frames[n-1].kind == frameArray; n-- {
		}
	} else if f.class.sense&sensePlace != 0 || c.sense&senseTransparent != 0 && f.class.sense&senseAlive != 0 {
		return false // it inherits that
	}
	return n > 0 && g.frames[n-1].kind != frameBlock && tellsOf(c)&tellsNest == 0
}

// pass is quiet for p[i:limit]. It returns 0 if the structure does not end
// there, and -1 if something in it may be more.
func (s *jsonScanner) pass(p []byte, i, limit int) int {
	// Of an open array what its elements tell, of an object what was seen in
	// the one around it.
	var stack [quietDepth]tells
	depth, objects := 0, uint(0) // a bit a level
	t := tellsText | tellsNumber // a value that is not in an object is of somebody else
	seen := tells(0)
	k, last, at := s.g.keys, s.last, s.lastDepth
	q := p[:limit]
	object := false
	for {
		if object {
			in := level(s.depth+depth, at)
			key := k.guess(last, in)
			e := &k.cache[key]
			if len(q)-i >= keyRoom+8 && e.leads((*[keyRoom + 8]byte)(q[i:])) {
				i += int(e.whole)
			} else {
				if i < len(q) && q[i] <= ' ' {
					i = blanks(q, i)
				}
				n := 0
				if n, key = k.next(q, i, last, in); n <= 0 {
					return n
				}
				i, e = n, &k.cache[key]
			}
			last, at, t = key, s.depth+depth, e.tells
		}
		if i >= len(q) {
			return 0
		}
		b := q[i]
		if jsonBlanks[b] {
			if i = blanks(q, i); i == len(q) {
				return 0
			}
			b = q[i]
		}
		switch {
		case b == '"':
			end := stringEnd(q, i+1)
			if end == len(q) {
				return 0
			}
			if q[end] != '"' {
				if end = t.escaped(q, i+1, end); end == 0 {
					return -1
				}
			}
			if end > s.signs.at && !s.signs.clear(p, i+1, end) {
				return -1
			}
			if (t&(tellsText|tellsStreet) != 0 || end-i > maxValue || quietOpenings[q[i+1]]) && t.loud(q[i+1:end]) || end-i > minCoded && isCoded(q[i+1:end]) {
				return -1
			}
			seen |= t
			i = end + 1
		case b-'0' <= 9 || b == '-':
			if t&tellsNumber != 0 {
				return -1
			}
			seen |= t
			for i++; i < len(q) && jsonNumber[q[i]]; i++ {
			}
		case b|0x20 == '{': // [ or {
			if depth == quietDepth || t&tellsNest != 0 || b == '[' && depth > 0 && !object { // rows, see jsonTable
				return -1
			}
			i = blanks(q, i+1)
			if i == len(q) {
				return 0
			}
			if object = b == '{'; object {
				stack[depth] = seen | t&(tellsLines|tellsTotal)
				seen = 0
				objects |= 1 << depth
			} else {
				seen |= t & (tellsLines | tellsTotal)
				stack[depth] = t
				objects &^= 1 << depth
			}
			depth++
			if q[i] != b+2 { // ] or }
				continue
			}
		case b == 't' && bytes.HasPrefix(q[i:], []byte("true")), b == 'n' && bytes.HasPrefix(q[i:], []byte("null")):
			i += 4
		case b == 'f' && bytes.HasPrefix(q[i:], []byte("false")):
			i += 5
		default:
			return -1
		}
		for {
			if i >= len(q) {
				return 0
			}
			b := q[i]
			if b == ',' {
				i++
				break
			}
			if jsonBlanks[b] {
				i = blanks(q, i)
				continue
			}
			if object && b != '}' || !object && b != ']' {
				return -1
			}
			i++
			depth--
			if object {
				if seen&tellsTotal != 0 && seen&(tellsLines|tellsDate) != 0 {
					return -1 // an order
				}
				seen = stack[depth]
			}
			if depth == 0 {
				s.last, s.lastDepth = last, at
				return i
			}
			if object = objects&(1<<(depth-1)) != 0; !object {
				t = stack[depth-1]
			}
		}
	}
}

// loud reports whether a string without an @ may be more than a word.
func (t tells) loud(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	return t&tellsText != 0 || len(v) > maxValue || quietOpenings[v[0]] && t.opens(v) || t&tellsStreet != 0 && mayStreet(v)
}

// escaped returns where the string p[from:] ends, whose first escape is p[at],
// if it is no more than it is without escapes; 0 if it may be more.
func (t tells) escaped(p []byte, from, at int) int {
	end, most, lines := escapedEnd(p, at)
	if end == 0 || at == from {
		return 0
	}
	v := p[from:end]
	left := len(v) - most
	if lines && left < 400 || t&tellsStreet != 0 && left <= 80 && v[0] != '<' && bytes.IndexByte(v, ' ') > 0 && !plain(v) {
		return 0 // short enough for an address
	}
	if mayBeCoded(v) {
		return 0
	}
	return end
}

// quietOpenings are the openings, and what tokens begin with.
var quietOpenings = func() (t [256]bool) {
	t = openings
	t['e'] = true
	return t
}()

// opens reports whether a string that begins with one of quietOpenings may be
// a text of its own, a number, a hash or a token.
func (t tells) opens(v []byte) bool {
	if v[0] == 'e' {
		return len(v) > 1 && v[1] == 'y'
	}
	c := class{}
	if t&tellsMarkup == 0 {
		c.kind = kindText
	}
	return opening(c, v)
}

// mayStreet reports whether [grouper.candidate] would take a value for a
// street.
func mayStreet(v []byte) bool {
	if len(v) < 6 || len(v) > 80 || v[0] == '<' || bytes.IndexByte(v, ' ') <= 0 || plain(v) {
		return false
	}
	if mayReside(v) {
		if _, _, ok := resident(v); ok {
			return true
		}
	}
	return streetLike(v) == 2
}

// jsonNumber are the bytes of numbers.
var jsonNumber = func() (t [256]bool) {
	for _, b := range []byte("0123456789+-.eE") {
		t[b] = true
	}
	return t
}()
