package record

import "bytes"

// hours takes opening hours: what has them is a place of business, not a
// customer. Both the key and the value must say so, because a query may choose
// the names of the keys in its answer (GraphQL aliases), but no field of a
// customer holds such a value. It reports whether v was taken.
func (g *grouper) hours(c class, v []byte) bool {
	i := len(g.frames) - 1
	if c.kind != kindHours {
		if i < 0 || g.frames[i].class.kind != kindHours {
			return false
		}
	}
	for i >= 0 && (g.frames[i].class.kind == kindHours || g.frames[i].kind == frameArray) {
		i--
	}
	if i < 0 || !timeRange(v) {
		return false
	}
	f := &g.frames[i]
	if f.own == none {
		f.own = g.alloc()
	}
	g.groups[f.own].marks |= markVenue
	return true
}

// timeRange reports whether a text has two times of day with a dash or a word
// between: 09:00-18:00, Mo-Fr 9.00 – 18.00 Uhr.
func timeRange(v []byte) bool {
	if len(v) > 200 {
		return false
	}
	times := 0
	for i := 1; i+2 < len(v); i++ {
		if (v[i] == ':' || v[i] == '.' || v[i] == 'h') && isDigit(v[i-1]) && isDigit(v[i+1]) && isDigit(v[i+2]) && (i+3 == len(v) || !isDigit(v[i+3]) && v[i+3] != ':') && (i < 3 || v[i-3] != ':') {
			times++
			i += 2
		}
	}
	return times >= 2 && bytes.IndexByte(v, '@') < 0
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
