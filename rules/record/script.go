package record

import (
	"bytes"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxPrelude    = 512 // bytes of a script's code that tell data from a program
	maxStatements = 16
)

// codeState is where a codeScanner stands.
type codeState uint8

const (
	codeBlank codeState = iota // before the code
	codeSlash                  // behind the first sign of a comment
	codeBlock                  // in a comment of /* */
	codeStar                   // behind a * in it
	codeLine                   // in a comment up to the line's end
	codeHead                   // in the first bytes of code
	codeData                   // in a script that holds data
	codeIdle                   // in a program
)

// codeScanner reads a response that is a script. Some are made for one visitor
// and hold data: a call with JSON (JSONP), assignments of objects, JSON behind
// a sign that stops its execution. The others are programs, of which nothing
// is read.
type codeScanner struct {
	script scriptScanner
	state  codeState
	head   []byte
	from   int64
}

func newCode(g *grouper) *codeScanner { return &codeScanner{script: scriptScanner{g: g}} }

func (s *codeScanner) fault() rules.Uninspected { return rules.UninspectedNone }

func (s *codeScanner) held() int64 {
	if s.state == codeHead || s.state == codeSlash {
		return s.from
	}
	return s.script.held()
}

// idle reports whether nothing that follows is read.
func (s *codeScanner) idle() bool { return s.state == codeIdle }

func (s *codeScanner) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(p) > 0 {
		at := end - int64(len(p))
		switch s.state {
		case codeIdle:
			return
		case codeData:
			s.script.write(p, at)
			return
		case codeHead:
			n := min(len(p), maxPrelude-len(s.head))
			s.head = append(s.head, p[:n]...)
			if p = p[n:]; len(s.head) == maxPrelude {
				s.decide()
			}
		default:
			p = s.prelude(p, at)
		}
	}
}

// prelude passes over a run of blanks or comments.
func (s *codeScanner) prelude(p []byte, off int64) []byte {
	b := p[0]
	switch s.state {
	case codeBlock:
		at := bytes.IndexByte(p, '*')
		if at < 0 {
			return nil
		}
		s.state = codeStar
		return p[at+1:]
	case codeStar:
		if b == '/' {
			s.state = codeBlank
		} else if b != '*' {
			s.state = codeBlock
		}
	case codeLine:
		at := bytes.IndexAny(p, "\r\n")
		if at < 0 {
			return nil
		}
		s.state = codeBlank
		return p[at+1:]
	case codeSlash:
		switch b {
		case '*':
			s.state = codeBlock
		case '/':
			s.state = codeLine
		default:
			s.state = codeIdle // a regular expression
		}
	default:
		switch b {
		case ' ', '\t', '\n', '\r', ';':
		case '/':
			s.state, s.from = codeSlash, off
		default:
			s.state, s.from = codeHead, off
			return p
		}
	}
	return p[1:]
}

// decide tells data from a program.
func (s *codeScanner) decide() {
	if s.state = codeIdle; holdsData(s.head) {
		s.state = codeData
		s.script.write(s.head, s.from)
	}
	s.head = nil
}

func (s *codeScanner) end(off int64) {
	if s.state == codeHead {
		s.decide()
	}
	s.script.end(off)
}

// guards stop the execution of JSON that is fetched as a script.
var guards = [...]string{")]}'", "while(1);", "while (1);", "for(;;);", "for (;;);", "throw 1;"}

// guarded reports whether a text whose type says JSON, or nothing, is JSON for
// scripts: behind a guard, or in a call.
func guarded(text []byte) bool {
	for _, guard := range guards {
		if bytes.HasPrefix(text, []byte(guard)) {
			return true
		}
	}
	if bytes.HasPrefix(text, []byte("/**/")) {
		text = bytes.TrimLeft(text[4:], " ")
	}
	if bytes.HasPrefix(text, []byte("typeof ")) {
		return holdsData(text)
	}
	name, rest := reference(text)
	if len(name) == 0 || len(rest) < 2 || rest[0] != '(' || text[len(name)] != '(' { // print_r writes Array, a line feed and a bracket
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \r\n\t")
	return bytes.HasPrefix(rest, []byte("{")) || bytes.HasPrefix(rest, []byte("["))
}

// programSigns stand in programs and in no data.
var programSigns = [][]byte{[]byte("function("), []byte("function ("), []byte(")=>"), []byte(") =>"), []byte("=>{"), []byte("return ")}

// holdsData reports whether a script that begins with code holds data: its
// first statements are calls with an object or a list, or assign some.
func holdsData(code []byte) bool {
	for _, guard := range guards {
		if bytes.HasPrefix(code, []byte(guard)) {
			return true
		}
	}
	if quotedKeys(code) {
		return true
	}
	for _, sign := range programSigns {
		if bytes.Contains(code, sign) {
			return false
		}
	}
	for range maxStatements {
		code = bytes.TrimLeft(code, " \t\r\n;,")
		for _, word := range []string{"var ", "let ", "const ", "export ", "default ", "try{", "try {", `"use strict"`, "'use strict'"} {
			code = bytes.TrimLeft(bytes.TrimPrefix(code, []byte(word)), " \t\r\n;")
		}
		if len(code) == 0 {
			return false
		}
		data, rest := statement(code)
		if data || rest == nil {
			return data
		}
		code = rest
	}
	return false
}

// quotedKeys reports whether code has an object as JSON writes it and programs,
// made small, do not: {"key":"value".
func quotedKeys(code []byte) bool {
	for {
		at := bytes.Index(code, []byte(`{"`))
		if at < 0 {
			return false
		}
		code = code[at+2:]
		n := 0
		for n < len(code) && (shapes[code[n]]&(shapeLetter|shapeDigit|shapeHigh) != 0 || code[n] == '_' || code[n] == '-') {
			n++
		}
		if n == 0 || !bytes.HasPrefix(code[n:], []byte(`":`)) {
			continue
		}
		if v := bytes.TrimLeft(code[n+2:], " "); len(v) == 0 || v[0] == '"' || v[0] == '{' || v[0] == '[' || shapes[v[0]]&shapeDigit != 0 {
			return true
		}
	}
}

// statement reads one statement: a call or an assignment with an object or a
// list is data; behind a plain value it goes on with rest.
func statement(code []byte) (data bool, rest []byte) {
	if bytes.HasPrefix(code, []byte("typeof ")) { // typeof cb === 'function' && cb(…)
		_, after, guarded := bytes.Cut(code, []byte("&&"))
		if !guarded {
			return false, nil
		}
		code = bytes.TrimLeft(after, " ")
	}
	if code[0] == '{' || code[0] == '[' {
		return true, nil // export default
	}
	name, code := reference(code)
	if len(code) == 0 {
		return false, nil
	}
	sign := code[0]
	code = bytes.TrimLeft(code[1:], " \t\r\n")
	switch {
	case sign != '(' && sign != '=' || len(code) == 0 || code[0] == '=' || loaders[string(name)]:
		return false, nil
	case code[0] == '{' || code[0] == '[':
		return true, nil
	case sign == '(':
		return false, nil
	}
	if other, after := reference(code); len(other) > 0 && len(after) > 0 {
		switch {
		case bytes.HasPrefix(after, []byte("||")):
			after = bytes.TrimLeft(after[2:], " ")
			return len(after) > 0 && (after[0] == '{' || after[0] == '['), nil
		case string(other) == "JSON.parse" && after[0] == '(':
			return true, nil
		case after[0] == '=' && len(after) > 1 && after[1] != '=':
			return false, code // a = b = {}
		case after[0] == ';' || after[0] == ',':
			return false, after
		}
		return false, nil
	}
	if q := code[0]; q == '"' || q == '\'' {
		end := bytes.IndexByte(code[1:], q)
		return end < 0, code[min(len(code), end+2):]
	}
	return false, nil
}

// loaders are the calls by which programs load their parts.
var loaders = map[string]bool{"define": true, "require": true, "requirejs": true, "System.register": true, "webpackJsonp": true, "import": true, "if": true, "for": true, "while": true, "switch": true, "void": true}

// reference returns the name, or number, at the begin of code and what stands
// behind it and blanks: a.b["c"].
func reference(code []byte) (name, rest []byte) {
	i := 0
	for i < len(code) {
		b := code[i]
		if b == '[' && i > 0 && i+1 < len(code) && (code[i+1] == '"' || code[i+1] == '\'') {
			end := bytes.IndexByte(code[i:], ']')
			if end < 0 {
				break
			}
			i += end + 1
			continue
		}
		if shapes[b]&(shapeLetter|shapeDigit|shapeHigh) == 0 && b != '_' && b != '$' && b != '.' {
			break
		}
		i++
	}
	return code[:i], bytes.TrimLeft(code[i:], " \t\r\n")
}
