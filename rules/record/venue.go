package record

import "bytes"

// hours takes opening hours: what has them is a place of business, not a
// customer. Both the key and the value must say so, because a query may choose
// the names of the keys in its answer (GraphQL aliases), but no field of a
// customer holds such a value. Of a type or a firm it is not asked, which short cuts
// drop wherever they stand. It reports whether v was taken.
func (g *grouper) hours(c class, v []byte) bool {
	i := len(g.frames) - 1
	if c.kind != kindHours {
		if d := dullOf(c); !g.timed() || d == dullAll || d == dullWord {
			return false
		}
	}
	for i >= 0 && (g.frames[i].class.kind == kindHours || g.frames[i].kind == frameArray) {
		i--
	}
	if i < 0 || !timeRange(v) {
		return false
	}
	g.stirs++
	f := &g.frames[i]
	if f.own == none {
		f.own = g.alloc()
	}
	g.groups[f.own].marks |= markVenue
	return true
}

// business reports whether a type of linked data (schema.org) is that of a place of
// business, a firm or a job: Store, FurnitureStore, LocalBusiness. No field of a
// customer holds one.
func business(v []byte) bool {
	for _, word := range [...]string{"Store", "Business", "Organization", "Corporation", "JobPosting", "ContactPoint", "Place", "Restaurant", "Dealer", "Shop", "Brand"} {
		if bytes.HasSuffix(v, []byte(word)) {
			return true
		}
	}
	return false
}

// timeRange reports whether a text has two times of day with a dash or a word
// between: 09:00-18:00, Mo-Fr 9.00 – 18.00 Uhr, Sa 9-16.
func timeRange(v []byte) bool {
	if len(v) > 200 {
		return false
	}
	if hourRange(v) {
		return true
	}
	times := 0
	for i := 1; i+2 < len(v); i++ {
		if (v[i] == ':' || v[i] == '.' || v[i] == 'h') && isDigit(v[i-1]) && isDigit(v[i+1]) && isDigit(v[i+2]) && (i+3 == len(v) || !isDigit(v[i+3]) && v[i+3] != ':') && (i < 3 || v[i-3] != ':' || !isDigit(v[i-2])) {
			times++
			i += 2
		}
	}
	return times >= 2 && bytes.IndexByte(v, '@') < 0
}

// hourRange reports whether a text ends in two whole hours of a day: 9-19, Mo-Fr
// 8 – 20 Uhr, 9am-5pm. Dates and numbers have more digits or more dashes.
func hourRange(v []byte) bool {
	var hours [2]int
	n, digits, parted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch b := v[i]; {
		case isDigit(b):
			if digits++; digits > 2 || n == len(hours) && digits == 1 || n == 1 && digits == 1 && !parted {
				return false
			}
			if digits == 1 {
				n++
			}
			hours[n-1] = hours[n-1]*10 + int(b-'0')
			parted = false
			continue
		case b == '-' || bytes.HasPrefix(v[i:], []byte("–")):
			if parted && n > 0 {
				return false
			}
			parted = true
		case b == ' ', b >= 0x80, n > 0 && (b|0x20 == 'a' || b|0x20 == 'p' || b|0x20 == 'm' || b|0x20 == 'h' || b|0x20 == 'u' || b|0x20 == 'r' || b == '.'),
			n == 0 && shapes[b]&shapeLetter != 0, n == 0 && (b == ',' || b == ':'):
		default:
			return false
		}
		digits = 0
	}
	return n == 2 && hours[0] < 24 && hours[1] <= 24
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// maxHours is how many places of business a response shows by opening hours that are text.
const maxHours = 8

// premises reports whether the lines i to end of a block are the address of a place of
// business: beside it stand the hours of a range of days, or its name ends in its town's.
// No address of a customer's says on which days of the week it is open; only the first of
// a response are taken for that, whatever it says, and none with an e-mail address.
func (p *prose) premises(i, end, name, street, town int) bool {
	for j := i; j < end; j++ {
		if shapeOf(p.at(j))&shapeAt != 0 {
			return false
		}
	}
	if name >= 0 && street >= 0 {
		if town < 0 { // with the street, or in a line that has no more than two digits
			town = min(street+1, end-1)
			if p.g.located(p.at(name), p.at(street)) {
				return true
			}
		}
		if p.g.located(p.at(name), p.at(town)) {
			return true
		}
	}
	if p.g.aside.hours == maxHours {
		return false
	}
	for j := i; j < p.n; j++ {
		if line := p.opening(p.at(j)); p.lines[j].signs&textDigit != 0 && dayRange(line) && (timeRange(line) || hourRange(line)) {
			p.g.aside.hours++
			return true
		}
	}
	return false
}

// opening returns a line without a label that says that hours follow, "Open:". What else
// stands before the days may say when a parcel comes to a customer.
func (p *prose) opening(line []byte) []byte {
	label, rest, found := bytes.Cut(line, []byte(":"))
	if !found || len(label) > maxLabel || p.g.keys.class(trim(label)).kind != kindHours {
		return line
	}
	return trim(rest)
}

// dayNames are how days of the week begin, folded, by two letters.
var dayNames = func() map[string]bool {
	m := make(map[string]bool)
	for _, w := range [...]string{"mo", "tu", "di", "ma", "lu", "pn", "po", "we", "mi", "me", "wo", "on", "sr", "st", "th", "do", "je", "gi", "ju", "to", "cz", "ct", "fr", "ve", "vi", "vr", "pt", "pa", "sa", "za", "lo", "so", "su", "zo", "se"} {
		m[w] = true
	}
	return m
}()

// dayRange reports whether a line begins with a range of days: Mo–Fr, Mon-Sat, lun-sam.
func dayRange(line []byte) bool {
	var room [16]byte
	line = line[:min(len(line), 40)]
	first, rest := line, []byte(nil)
	for _, dash := range [...]string{"–", "-", "—", " bis ", " to ", " t/m ", " au "} {
		if at := bytes.Index(line, []byte(dash)); at > 1 && at < len(first) {
			first, rest = line[:at], line[at+len(dash):]
		}
	}
	if rest == nil {
		return false
	}
	if first, rest = trim(first), trim(rest); bytes.IndexByte(first, ' ') >= 0 {
		return false // "We deliver Mon-Sat"
	}
	for _, word := range [...][]byte{first, rest} {
		w, _ := nextWord(word)
		f := appendFolded(room[:0], bytes.TrimRight(w, ".:"), len(room))
		if len(f) < 2 || len(f) > 10 || !dayNames[string(f[:2])] {
			return false
		}
	}
	return true
}
