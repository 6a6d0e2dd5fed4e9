package record

import "bytes"

// attribute reads a tag outside of its name and of attribute values.
func (s *htmlScanner) attribute(p []byte, off int64) int {
	for i := 0; i < len(p); {
		b := p[i]
		blank := b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == '\f'
		switch s.state {
		case htmlAttrs:
			switch {
			case blank:
			case b == '>':
				s.endTag(off + int64(i))
				return i + 1
			case b == '/':
				s.void = true
			default:
				s.void = false
				if !s.page.g.slow {
					if end := s.wholeAttr(p, i, off); end > i {
						i = end
						continue
					}
				}
				s.attr, s.state = s.attr[:0], htmlAttrName
				continue
			}
		case htmlAttrName:
			i = s.attrName(p, i)
			continue
		case htmlAttrIs:
			switch {
			case b == '=':
				s.state = htmlAttrFrom
			case !blank:
				s.page.attr(s.attr, nil, s.start)
				s.state = htmlAttrs
				continue
			}
		case htmlAttrFrom:
			if blank {
				break
			}
			s.state, s.quote, s.value = htmlAttrIn, 0, s.value[:0]
			s.keep = s.page.wants(s.attr)
			if b == '"' || b == '\'' {
				s.quote = b
				i++
			}
			return i
		default:
			return i
		}
		i++
	}
	return len(p)
}

// wholeAttr reads an attribute that lies whole in p, from p[i] on: a name in
// small letters, a value in quotes, nothing between and no rare reference
// inside. It returns where it ends, or i if this is another kind.
func (s *htmlScanner) wholeAttr(p []byte, i int, off int64) int {
	end := i
	for end < len(p) && p[end]-'A' > 25 && !nameEnds[p[end]] {
		end++
	}
	if end+1 >= len(p) || end-i > maxKey || p[end] != '=' || p[end+1] != '"' && p[end+1] != '\'' {
		return i
	}
	from := end + 2
	at := bytes.IndexByte(p[from:], p[end+1])
	if at < 0 {
		return i
	}
	if name := p[i:end]; s.page.wants(name) {
		v := p[from : from+at]
		if len(v) > maxValue {
			return i
		}
		if bytes.IndexByte(v, '&') >= 0 {
			if !s.decode(v) {
				return i
			}
			v = s.value
		}
		s.attr = append(s.attr[:0], name...)
		s.endValue(v, off+int64(from+at))
	}
	return from + at + 1
}

// decode makes the text of an attribute's value with references to common
// characters; it reports whether there are no others in it.
func (s *htmlScanner) decode(v []byte) bool {
	for s.value = s.value[:0]; ; {
		at := bytes.IndexByte(v, '&')
		if at < 0 {
			s.value = append(s.value, v...)
			return true
		}
		s.value = append(s.value, v[:at]...)
		end := bytes.IndexByte(v[at:min(len(v), at+10)], ';')
		if end < 0 {
			return false
		}
		r := s.refs.get(keyOf(v[at+1 : at+end]))
		if r.n == 0 {
			return false
		}
		s.value = append(s.value, r.text[:r.n]...)
		v = v[at+end+1:]
	}
}

// attrName reads an attribute's name from p[i] on and returns where it
// stopped.
func (s *htmlScanner) attrName(p []byte, i int) int {
	end := nameEnd(p, i)
	s.attr = s.appendName(s.attr, p[i:end], maxKey)
	if end == len(p) {
		return end
	}
	switch p[end] {
	case '=':
		s.state = htmlAttrFrom
	case '>', '/':
		s.page.attr(s.attr, nil, s.start)
		s.state = htmlAttrs
		return end
	default:
		s.state = htmlAttrIs
	}
	return end + 1
}

// attrValue reads an attribute's value.
func (s *htmlScanner) attrValue(p []byte, off int64) int {
	if s.inEnt {
		if p[0] == s.quote || s.quote == 0 && (p[0] == ' ' || p[0] == '>') {
			s.flushEntity(off - 1)
			return 0
		}
		return s.inEntity(p[0], off)
	}
	i := 0
	if s.quote != 0 && !s.keep {
		at := bytes.IndexByte(p, s.quote)
		if at < 0 {
			return len(p)
		}
		s.state = htmlAttrs
		return at + 1
	}
	if s.quote != 0 && len(s.value) == 0 && s.long == nil && !s.page.g.slow {
		at := bytes.IndexByte(p, s.quote)
		if at >= 0 && at <= maxValue && bytes.IndexByte(p[:at], '&') < 0 {
			s.state = htmlAttrs
			s.endValue(p[:at], off+int64(at))
			return at + 1
		}
	}
	for i < len(p) {
		b := p[i]
		if b == '&' || b == s.quote || s.quote == 0 && (b == ' ' || b == '>' || b == '\n' || b == '\t') {
			break
		}
		i++
	}
	if i > 0 && s.keep {
		s.keepValue(p[:i], off)
	}
	if i == len(p) {
		return i
	}
	if p[i] == '&' {
		s.inEnt, s.entity, s.entAt = true, append(s.entity[:0], '&'), off+int64(i)
		return i + 1
	}
	s.state = htmlAttrs
	if s.keep {
		s.endValue(s.value, off+int64(i))
	}
	if s.quote == 0 {
		return i
	}
	return i + 1
}

// keepValue appends to an attribute's value; what grows beyond maxValue is
// read as a text of its own.
func (s *htmlScanner) keepValue(p []byte, off int64) {
	if !s.keep {
		return
	}
	if s.long != nil {
		s.long.write(p, off)
		return
	}
	rest := min(len(p), maxValue-len(s.value))
	if s.page.g.places != nil {
		s.src = addRun(s.src, len(s.value), rest, off)
	}
	s.value = append(s.value, p[:rest]...)
	if rest == len(p) {
		return
	}
	s.long = s.nested(s.value)
	s.page.g.places.replay(s.long, s.value, s.src, s.start)
	s.long.write(p[rest:], off+int64(rest))
}

func (s *htmlScanner) nested(v []byte) scanner {
	v = bytes.TrimLeft(v, " \n\t\r")
	if len(v) > 1 && s.level < maxNested {
		if v[0] == '{' || v[0] == '[' {
			return s.spare.newJSON(s.page.g, s.level+1, class{})
		}
		if from, is := coded(v); is {
			return newCoded(s.page.g, s.level+1, v, from)
		}
		if v[0] == '<' && string(s.attr) == "srcdoc" {
			return newHTML(s.page.g, s.level+1)
		}
	}
	return s.spare.newText(s.page.g, class{})
}

// endValue takes a whole value, or what is left of one that was too long.
func (s *htmlScanner) endValue(v []byte, off int64) {
	switch {
	case s.long != nil:
		s.long.end(off)
		s.long = nil
	case len(v) > 8 && s.level < maxNested && ((v[0] == '{' || v[0] == '[') && nestedText(v) || v[0] == '<' && string(s.attr) == "srcdoc" || len(v) >= minCoded && (v[0] == 'd' || string(s.attr) != "href") && isCoded(v)):
		n := s.nested(v)
		s.page.g.places.replay(n, v, s.src, s.start) // short cuts are off then: v is all that was kept
		n.end(off)
	default:
		s.page.g.places.source(v, s.src)
		s.page.attr(s.attr, v, s.start)
	}
}
