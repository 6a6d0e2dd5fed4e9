package record

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxClaims = 8       // identifiers of one request
	maxClaim  = 1 << 20 // bytes of a request body that are read
	maxParts  = 64      // of a multipart body
)

// Claim is what a request's query and body say about its own sender. The
// zero value says nothing.
type Claim struct {
	Identifiers []rules.Identifier // distinct, at most 8, in order of appearance
	Password    bool               // a password-like key has a value that is not empty
}

// Claims reads what a request says about its sender: the pairs of rawQuery,
// and body as JSON (GraphQL variables and inline arguments too), urlencoded
// pairs or multipart fields, told apart by contentType and the first bytes. At
// most 1 MiB of the body is read. A claim proves nothing by itself. The hasher
// is used during the call only.
func Claims(body []byte, contentType, rawQuery string, h *rules.Hasher) Claim {
	var c Claim
	var g grouper
	g.init(&Config{}, h)
	defer g.close()
	g.claim = &c
	if rawQuery != "" {
		read(newForm(&g), []byte(rawQuery[:min(len(rawQuery), maxClaim)]))
	}
	if len(body) == 0 {
		return c
	}
	body = body[:min(len(body), maxClaim)]
	if kind, params, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(kind, "multipart/") {
		g.parts(body, params["boundary"])
		return c
	}
	switch sniff(formOf(contentType), body[:min(len(body), maxSniff)]) {
	case formJSON:
		read(newJSON(&g, 0), body)
	case formPairs:
		read(newForm(&g), body)
	case formXML:
		s := newHTML(&g, 0)
		s.page.xml = true
		read(s, body)
	case formText, formUnknown: // some clients send pairs without a type
		if bytes.IndexByte(body[:min(len(body), 64)], '=') > 0 {
			read(newForm(&g), body)
		} else if mediaType(contentType) == "application/graphql" {
			g.arguments(body, 0)
		}
	default:
		if bytes.Contains([]byte(contentType), []byte("graphql")) {
			g.arguments(body, 0)
		}
	}
	return c
}

func read(s scanner, body []byte) {
	s.write(body, 0)
	s.end(int64(len(body)))
}

// parts reads the fields of a multipart body; files are left out.
func (g *grouper) parts(body []byte, boundary string) {
	if boundary == "" {
		return
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		p, err := r.NextPart()
		if err != nil {
			return
		}
		if p.FileName() != "" || len(p.FormName()) > maxKey {
			continue
		}
		v, err := io.ReadAll(io.LimitReader(p, maxValue))
		if err != nil {
			return
		}
		if v = bytes.TrimSpace(v); nestedText(v) {
			read(newJSON(g, 1), v)
			continue
		}
		g.value(g.keys.class([]byte(p.FormName())), v, shapeOf(v), 0)
	}
}

// arguments takes the arguments with string values that are written into a
// GraphQL document: login(email: "…", password: "…").
func (g *grouper) arguments(doc []byte, start int64) {
	for i := 0; i < len(doc); {
		at := bytes.IndexByte(doc[i:], '"')
		if at < 0 {
			return
		}
		open := i + at
		end := open + 1
		for end < len(doc) && doc[end] != '"' {
			if doc[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(doc) {
			return
		}
		if key := argument(doc[:open]); len(key) > 0 {
			v := doc[open+1 : end]
			if s := shapeOf(v); s&shapeSecret == 0 {
				g.value(g.keys.class(key), v, s, start)
			} else if c := g.keys.class(key); c.kind == kindPassword && len(v) > 0 {
				g.claim.Password = true
			}
		}
		i = end + 1
	}
}

// argument returns the name before a value: the word before the last colon.
func argument(s []byte) []byte {
	s = bytes.TrimRight(s, " \t\n\r")
	if len(s) == 0 || s[len(s)-1] != ':' {
		return nil
	}
	s = bytes.TrimRight(s[:len(s)-1], " \t\n\r")
	i := len(s)
	for i > 0 && (shapes[s[i-1]]&(shapeLetter|shapeDigit) != 0 || s[i-1] == '_') {
		i--
	}
	return s[i:]
}
