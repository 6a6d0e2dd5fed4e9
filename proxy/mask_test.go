package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"golang.org/x/net/html"

	"github.com/ordergate/ordergate/proxy/proxytest"
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// hold holds the session of a cookie by a step, as a person does, through an
// incident that its canary opens.
func hold(t *testing.T, w *proxytest.World, cookie string, step rules.Step, change ...func(*rules.Containment)) rules.Incident {
	t.Helper()
	_, session, _ := strings.Cut(cookie, "sid=")
	p := rules.Principal{Session: w.Hasher.Key(rules.KeySession, []byte(session)), Credential: true, Issued: true}
	p.IP = w.Hasher.Key(rules.KeyIP, []byte("127.0.0.1/32"))
	in, _, _ := w.Engine.Incidents().Join(&rules.Signal{Detector: rules.DetectorWalk, Principal: p, Time: time.Now()})
	c := rules.Containment{Step: step, Until: time.Now().Add(time.Hour)}
	for _, f := range change {
		f(&c)
	}
	in, ok := w.Engine.Contain(in.ID, c, time.Now())
	if !ok || in.Containment == nil {
		t.Fatal("nobody is held")
	}
	return in
}

// shape is a JSON document's keys and types.
func shape(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
			return v
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
			return v
		}
		return fmt.Sprintf("%T", v)
	}
	return walk(v)
}

// tags are a page's elements, in order.
func tags(t *testing.T, page string) (all []string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		if token := z.Token(); token.Type != html.TextToken {
			for i := range token.Attr {
				token.Attr[i].Val = ""
			}
			all = append(all, token.String())
		}
	}
	return all
}

func compressed(t *testing.T, encoding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	default:
		return []byte(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// row is a table row of person n.
func row(n int) string {
	return fmt.Sprintf(`<tr><td>Marieke Janssen %d</td><td><a href="mailto:%s">%[2]s</a></td><td>+31 6 1200 %04[1]d</td></tr>`, n, proxytest.Email(n))
}

func page(rows string) string {
	return `<!doctype html><html><head><title>Customers</title></head><body><header><nav><a href="/">Shop</a></nav></header><table class="c"><thead><tr><th>Name</th><th>E-Mail</th><th>Phone</th></tr></thead><tbody>` +
		rows + `</tbody></table><script>window.x = {"users":[` + proxytest.Person(3) + `]};</script><div data-user="{&quot;email&quot;:&quot;` + proxytest.Email(4) + `&quot;}"></div></body></html>`
}

// filler is more than a window of a page or of JSON.
func filler(of string) string { return strings.Repeat(of, 100<<10/len(of)) }

// TestMasked: a held session is sent the same documents as everybody, without
// other people's values and with its own; however the platform sends them.
func TestMasked(t *testing.T) {
	const own = 900
	product := `{"sku":"T-1","name":"Teapot","price":2495},`
	bodies := map[string]struct{ contentType, text string }{
		"list":      {"application/json", `{"customers":[` + proxytest.Person(1) + "," + proxytest.Person(own) + "," + proxytest.Person(2) + `],"total":3}`},
		"nested":    {"application/json", `{"data":` + strconv.Quote(`{"customer":`+proxytest.Person(1)+`,"note":"ünd"}`) + `,"me":` + proxytest.Person(own) + `}`},
		"numbers":   {"application/json", `{"orders":[{"id":4711,"customerId":90125,"total":12.5,"email":"marieke.1@example.net","phone":31612000001}],"me":` + proxytest.Person(own) + `}`},
		"borders":   {"application/json", `{"items":[` + filler(product) + proxytest.Person(1) + "," + filler(product) + proxytest.Person(2) + "," + filler(product) + proxytest.Person(own) + `]}`},
		"page":      {"text/html; charset=utf-8", page(row(1) + row(own) + row(2))},
		"long page": {"text/html", page(filler(`<tr><td>Tea &amp; pots</td><td></td><td></td></tr>`) + row(1) + filler(`<tr><td>Pots</td><td></td><td></td></tr>`) + row(own))},
		"csv":       {"text/csv", "name,email,phone,city\n\"Janssen \"\"M\"\" 1\"," + proxytest.Email(1) + ",+31612000001,Utrecht\nMarieke Janssen 900," + proxytest.Email(own) + ",+31612000900,Utrecht\n"},
		"events":    {"text/event-stream", "id: 1\ndata: " + proxytest.Person(1) + "\n\nevent: order\ndata: {\"customer\":\ndata: " + proxytest.Person(2) + "}\n\ndata: " + proxytest.Person(own) + "\n\n"},
		"parts": {"multipart/mixed; boundary=b", "--b\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + proxytest.Person(1) + "\r\n--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"x\"\r\n\r\n" + proxytest.Person(own) +
			"\r\n--b\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(proxytest.Person(2))) + "\r\n--b--\r\n"},
		"pairs":    {"application/x-www-form-urlencoded", url.Values{"name": {"Marieke Janssen 1"}, "email": {proxytest.Email(1)}}.Encode()},
		"sequence": {"application/json-seq", "\x1E" + proxytest.Person(1) + "\n\x1E" + proxytest.Person(own) + "\n"},
		"script":   {"text/html", `<!doctype html><title>Orders</title><script>s=JSON.parse(` + strconv.Quote("["+proxytest.Person(1)+","+proxytest.Person(own)+"]") + `)</script>`},
		"lines":    {"application/x-ndjson", proxytest.Person(1) + "\n" + proxytest.Person(own) + "\n" + proxytest.Person(2) + "\n"},
	}
	for name, body := range bodies {
		for _, encoding := range []string{"", "gzip", "br"} {
			t.Run(name+" "+encoding, func(t *testing.T) {
				var asked http.Header
				w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/all" {
						people(w, r)
						return
					}
					asked = r.Header.Clone()
					w.Header().Set("Content-Type", body.contentType)
					for _, name := range []string{"ETag", "Last-Modified", "Digest", "Content-MD5"} {
						w.Header().Set(name, `"original"`)
					}
					w.Header().Set("Cache-Control", "public, max-age=600")
					w.Header().Set("Trailer", "Repr-Digest")
					if encoding != "" {
						w.Header().Set("Content-Encoding", encoding)
					}
					_, _ = w.Write(compressed(t, encoding, body.text))
					w.Header().Set("Repr-Digest", "original")
				}))
				w.Policy.SubjectsHeader = "X-Subjects"
				w.Gateway.Reload(w.Policy)
				held, other := login(t, w, own), login(t, w, 901)
				w.Settle()
				hold(t, w, held, rules.StepMask)
				got := w.Get("/all", held, "Accept-Encoding: gzip, br", "If-None-Match: \"original\"", "Range: bytes=0-10")
				if got.StatusCode != http.StatusOK || got.Err != nil {
					t.Fatalf("%d %v\n%s", got.StatusCode, got.Err, w.Log)
				}
				for _, n := range []int{1, 2, 3, 4} {
					for _, value := range []string{proxytest.Email(n), fmt.Sprintf("Janssen %d\"", n), fmt.Sprintf("Janssen %d<", n), fmt.Sprintf("Lindenlaan %d\"", n), fmt.Sprintf("C-%05d", n), "90125", fmt.Sprintf("3161200000%d", n)} {
						if strings.Contains(got.Body, value) {
							t.Errorf("%s is still there", value)
						}
					}
				}
				if strings.Contains(body.text, proxytest.Email(own)) && !strings.Contains(got.Body, proxytest.Email(own)) {
					t.Error("the own record cannot be read")
				}
				if body.contentType == "application/json" && !reflect.DeepEqual(shape(t, got.Body), shape(t, body.text)) {
					t.Errorf("other keys or types:\n%.2000s", got.Body)
				}
				if strings.HasPrefix(body.contentType, "text/html") && !reflect.DeepEqual(tags(t, got.Body), tags(t, body.text)) {
					t.Errorf("another page:\n%.2000s", got.Body)
				}
				for _, name := range []string{"ETag", "Last-Modified", "Digest", "Content-MD5", "Content-Encoding"} {
					if got.Header.Get(name) != "" {
						t.Errorf("%s: %s", name, got.Header.Get(name))
					}
				}
				if got.Header.Get("Cache-Control") != "private, no-store" || got.Header.Get("Accept-Ranges") != "none" || got.Header.Get("X-Subjects") != "0" || len(got.Trailer["Repr-Digest"]) > 0 {
					t.Errorf("header %v, trailer %v", got.Header, got.Trailer)
				}
				if got.ContentLength >= 0 && got.ContentLength != int64(len(got.Body)) {
					t.Errorf("Content-Length %d of %d bytes", got.ContentLength, len(got.Body))
				}
				if asked.Get("If-None-Match") != "" || asked.Get("Range") != "" {
					t.Errorf("the platform was asked for a part, or for nothing: %v", asked)
				}
				ledger := w.Settle()
				if s := w.Observer.Last(); s.Masked == 0 || s.Subjects[rules.Foreign]+s.Subjects[rules.Unlinked] != 0 || s.Withheld[rules.Foreign] == 0 || s.Step != rules.StepMask {
					t.Errorf("summary %+v", s)
				}
				email := w.Hasher.Identifier(rules.IdentifierEmail, []byte(proxytest.Email(1)))
				if ledger.Subjects(rules.Delivered, rules.Unknown)[email] || !ledger.Subjects(rules.Withheld)[email] {
					t.Error("a masked record counts as disclosed")
				}
				// The twin: somebody who is not held gets the original, byte for byte, or a refusal by its caps.
				if got := w.Get("/all", other, "Accept-Encoding: "+encoding); got.StatusCode == http.StatusOK && got.Err == nil && got.Body != string(compressed(t, encoding, body.text)) {
					t.Errorf("somebody else's response was changed: %d", len(got.Body))
				}
			})
		}
	}
}

// TestMaskedEvents: events of a live stream come one by one, masked, while the
// stream goes on; and each that ends, ends.
func TestMaskedEvents(t *testing.T) {
	next := make(chan struct{})
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/live" {
			people(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 3 {
			_, _ = io.WriteString(w, "id: "+strconv.Itoa(n)+"\ndata: "+proxytest.Person(899+n)+"\n\n") // 900 is the one who reads
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	held := login(t, w, 900)
	w.Settle()
	hold(t, w, held, rules.StepMask)
	body := bufio.NewReader(open(t, w, "/live", held).Body)
	for n := range 3 {
		var event strings.Builder
		for !strings.HasSuffix(event.String(), "\n\n") {
			line, err := body.ReadString('\n')
			if err != nil {
				t.Fatalf("%v behind %q\n%s", err, event.String(), w.Log)
			}
			event.WriteString(line)
		}
		original := "id: " + strconv.Itoa(n) + "\ndata: " + proxytest.Person(899+n) + "\n\n"
		data := func(s string) string { _, s, _ = strings.Cut(s, "data: "); return s }
		switch got := event.String(); {
		case n == 1 && got != original:
			t.Errorf("the own record became %q", got)
		case n != 1 && (strings.Contains(got, "marieke") || strings.Contains(got, "Marieke") || !strings.Contains(got, record.Mask) || !strings.HasPrefix(got, "id: ")):
			t.Errorf("%q: want it masked", got)
		case !reflect.DeepEqual(shape(t, data(got)), shape(t, data(original))):
			t.Errorf("%q: other keys or types", got)
		}
		next <- struct{}{}
	}
	if _, err := body.ReadByte(); err != io.EOF { //nolint:errorlint // io.Reader's contract
		t.Errorf("%v behind the last event", err)
	}
}

// TestMaskedForms: of a form in which nothing can be masked, a held session gets
// its own records and what shows nobody, and nothing else.
func TestMaskedForms(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, text string
		status            int
	}{
		"events, own":       {"text/event-stream", "data: " + proxytest.Person(900) + "\n\n", 200},
		"events, nobody":    {"text/event-stream", "data: {\"sku\":\"T-1\"}\n\n", 200},
		"latin-1, foreign":  {"text/html; charset=iso-8859-1", "<p>E-Mail: " + proxytest.Email(1) + " \xE9</p>", 403},
		"latin-1, nobody":   {"text/html; charset=iso-8859-1", "<p>Caf\xE9</p>", 200},
		"yaml, foreign":     {"application/yaml", "name: Ada Lund\nemail: " + proxytest.Email(1) + "\n", 403},
		"parts, foreign":    {"multipart/mixed; boundary=b", "--b\r\nContent-Type: application/yaml\r\n\r\nname: Ada Lund\nemail: " + proxytest.Email(1) + "\r\n--b--\r\n", 403},
		"parts, nobody":     {"multipart/mixed; boundary=b", "--b\r\nContent-Type: application/yaml\r\n\r\nname: Teapot\r\n--b\r\nContent-Type: application/json\r\n\r\n" + proxytest.Person(900) + "\r\n--b--\r\n", 200},
		"a card, foreign":   {"text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Lund\r\nEMAIL:" + proxytest.Email(1) + "\r\nEND:VCARD\r\n", 403},
		"a card, own":       {"text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Marieke Janssen 900\r\nEMAIL:" + proxytest.Email(900) + "\r\nEND:VCARD\r\n", 200},
		"base64, foreign":   {"application/json", `{"file":"` + base64.StdEncoding.EncodeToString([]byte("name,email\nAda Lund,"+proxytest.Email(1)+"\n")) + `"}`, 403},
		"base64, own":       {"application/json", `{"file":"` + base64.StdEncoding.EncodeToString([]byte("name,email\nMarieke Janssen 900,"+proxytest.Email(900)+"\n")) + `"}`, 200},
		"comment, foreign":  {"text/html", `<p>x</p><!-- {"customer":{"fullName":"Ada Lund","email":"` + proxytest.Email(1) + `"}} -->`, 403},
		"comment, nobody":   {"text/html", `<p>x</p><!-- {"theme":{"name":"Lund","image":"logo@2x.png"}} -->`, 200},
		"data URI, foreign": {"text/html", `<a href="data:text/csv,name,email%0AAda Lund,` + proxytest.Email(1) + `%0A">x</a>`, 403},
		"data URI, nobody":  {"text/html", `<a href="data:text/csv,sku,name%0AT-1,Teapot%0AT-2,Teapot%0A">x</a>`, 200},
		"a key, foreign":    {"application/json", `{"members":{"` + proxytest.Email(1) + `":{"status":"open"}}}`, 403},
		"a key, own":        {"application/json", `{"members":{"` + proxytest.Email(900) + `":{"status":"open"}}}`, 200},
		"EDIFACT, foreign":  {"application/edifact", "UNB+UNOC:3+A+B+260301:0900+1'UNH+1+ORDERS:D:96A:UN'BGM+220+A1+9'NAD+BY+++Ada Lund+Storgata 5+Oslo++0155+NO'COM+" + proxytest.Email(1) + ":EM'LIN+1'UNT+5+1'UNZ+1+1'", 403},
		"EDIFACT, nobody":   {"application/edifact", "UNB+UNOC:3+A+B+260301:0900+1'UNH+1+PRICAT:D:96A:UN'BGM+9+P1+9'LIN+1'UNT+4+1'UNZ+1+1'", 200},
		"a dump, foreign":   {"application/sql", "INSERT INTO customers (name, email) VALUES ('Ada Lund', '" + proxytest.Email(1) + "');\n", 403},
		"a dump, nobody":    {"application/sql", "INSERT INTO products (sku, name) VALUES ('T-1', 'Teapot');\n", 200},
		"an unknown type":   {"application/msword", "\xD0\xCF\x11\xE0", 502},
		"an unknown coding": {"application/json", "{}", 502},
		"a picture":         {"image/png", "\x89PNG", 200},
		"a program":         {"text/javascript", "!function(){return {author:{name:'A',email:'a@author.example'}}}()" + filler("a();"), 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/file" {
					people(w, r)
					return
				}
				w.Header().Set("Content-Type", c.contentType)
				if strings.Contains(name, "coding") {
					w.Header().Set("Content-Encoding", "compress")
				}
				_, _ = io.WriteString(w, c.text)
			}), func(s *proxytest.Setup) { s.Policy.Uninspected = rules.Pass })
			held := login(t, w, 900)
			w.Settle()
			hold(t, w, held, rules.StepMask)
			got := w.Get("/file", held)
			if got.StatusCode != c.status || c.status == http.StatusOK && got.Body != c.text {
				t.Errorf("%d, %d bytes of %d\n%s", got.StatusCode, len(got.Body), len(c.text), w.Log)
			}
		})
	}
}

// TestCutStep: a session held by cut gets everything but responses with other
// people's records; later than the first window the response is cut.
func TestCutStep(t *testing.T) {
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/late" {
			people(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[`+filler(`{"sku":"T-1"},`)+proxytest.Person(1)+`,`+filler(`{"sku":"T-2"},`)+`{}]`)
	}))
	held := login(t, w, 900)
	w.Settle()
	hold(t, w, held, rules.StepCut)
	for range 12 { // more than what makes a session refused
		if got := w.Get("/orders/1", held); got.StatusCode != http.StatusForbidden || strings.Contains(got.Body, "marieke") {
			t.Fatalf("somebody else's order: %d", got.StatusCode)
		}
	}
	for _, path := range []string{"/orders/900", "/account", "/products"} {
		if got := w.Get(path, held); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
	got := w.Get("/late", held)
	if w.Settle(); got.StatusCode != http.StatusOK || got.Err == nil || strings.Contains(got.Body, proxytest.Email(1)) || !w.Observer.Last().Cut {
		t.Errorf("late: %d %v, cut %v", got.StatusCode, got.Err, w.Observer.Last().Cut)
	}
	email := w.Hasher.Identifier(rules.IdentifierEmail, []byte(proxytest.Email(1)))
	if l := w.Settle(); l.Subjects(rules.Delivered, rules.Unknown)[email] || !l.Subjects(rules.Withheld)[email] {
		t.Error("what was cut counts as disclosed")
	}
	if got := w.Get("/orders/1", login(t, w, 901)); got.StatusCode != http.StatusOK {
		t.Errorf("somebody else: %d", got.StatusCode)
	}
}

// TestPlantedText: text of an attacker that shows other people's data, in a review
// say, gets nobody's page masked or withheld: who is not held reads the page as it is, and the
// attacker, who is, reads it masked.
func TestPlantedText(t *testing.T) {
	review := page(row(1)) + `<p>Great! Write to Marieke Janssen 2, marieke.2@example.net, +31 6 1200 0002</p>`
	w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/reviews" {
			people(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, review)
	}))
	attacker, victim := login(t, w, 900), login(t, w, 901)
	w.Settle()
	hold(t, w, attacker, rules.StepMask)
	for range 3 {
		if got := w.Get("/reviews", attacker); got.StatusCode != http.StatusOK || strings.Contains(got.Body, "marieke.") {
			t.Errorf("the attacker: %d", got.StatusCode)
		}
		if got := w.Get("/reviews", victim); got.StatusCode != http.StatusOK || got.Body != review {
			t.Errorf("somebody else: %d\n%s", got.StatusCode, got.Body)
		}
		if got := w.Get("/account", victim); got.StatusCode != http.StatusOK || !strings.Contains(got.Body, proxytest.Email(901)) {
			t.Errorf("the own page of somebody else: %d", got.StatusCode)
		}
	}
}

// TestMaskedHead: HEAD says of a response what GET would, also when it is masked; a
// gateway that only observes masks nothing.
func TestMaskedHead(t *testing.T) {
	for _, mode := range []rules.Mode{rules.Enforce, rules.Observe} {
		w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"x"`)
			people(w, r)
		}), func(s *proxytest.Setup) { s.Policy.Mode = mode })
		held := login(t, w, 900)
		w.Settle()
		hold(t, w, held, rules.StepMask)
		got := w.Do(http.MethodHead, "/orders/1", "", held)
		if masked := got.Header.Get("ETag") == ""; got.StatusCode != http.StatusOK || masked != (mode == rules.Enforce) || masked && got.ContentLength > 0 {
			t.Errorf("mode %s: %d %v", mode, got.StatusCode, got.Header)
		}
		got = w.Get("/orders/1", held)
		if masked := !strings.Contains(got.Body, proxytest.Email(1)); masked != (mode == rules.Enforce) {
			t.Errorf("mode %s: %s", mode, got.Body)
		}
	}
}

// TestHeldAddresses: with the addresses of an incident held, nobody there gets in,
// with or without a session, until they are released.
func TestHeldAddresses(t *testing.T) {
	w := proxytest.Start(t, people, func(s *proxytest.Setup) {
		s.Policy.TrustedProxies = prefixes("127.0.0.0/8")
	})
	at := func(address string) int {
		return w.Get("/products", "X-Forwarded-For: "+address).StatusCode
	}
	cookie := login(t, w, 900)
	w.Settle()
	in := hold(t, w, cookie, rules.StepRevoke, func(c *rules.Containment) { c.Addresses = true })
	if got := [...]int{at("127.0.0.1"), at("198.51.100.7")}; got != [...]int{http.StatusForbidden, http.StatusOK} {
		t.Errorf("from its address and from another: %v", got)
	}
	if _, ok := w.Engine.Release(in.ID, time.Now()); !ok || at("127.0.0.1") != http.StatusOK {
		t.Error("the address is still held")
	}
	hold(t, w, cookie, rules.StepRevoke)
	if got := at("127.0.0.1"); got != http.StatusOK {
		t.Errorf("an address was held that nobody asked for: %d", got)
	}
}

// TestMaskedStill: where masking leaves somebody to be found, the response is
// refused, or cut when its status line has gone.
func TestMaskedStill(t *testing.T) {
	// Without its address the first line is a label, which makes the second one a
	// phone number.
	const still = "<p>ada@lund.example phone</p><p>0301234567</p>"
	for name, before := range map[string]string{"at once": "", "late": filler("<p>Tea</p>\n")} {
		t.Run(name, func(t *testing.T) {
			w := proxytest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/still" {
					people(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, before+still+before)
			}))
			held := login(t, w, 900)
			w.Settle()
			hold(t, w, held, rules.StepMask)
			got := w.Get("/still", held)
			w.Settle()
			if late := before != ""; (got.StatusCode == http.StatusForbidden) == late || (got.Err != nil) != late || strings.Contains(got.Body, "0301234567") || w.Observer.Last().Reason != rules.ReasonContained {
				t.Errorf("%d %v %s\n%s", got.StatusCode, got.Err, w.Observer.Last().Reason, w.Log)
			}
		})
	}
}
