package waf

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// prose are long values of clean traffic by kind; each call makes another text of
// about so many bytes, that nothing knows yet.
var prose = map[string]func(r *rand.Rand, size int) string{
	"english":     func(r *rand.Rand, size int) string { return sentences(r, english, size) },
	"german":      func(r *rand.Rand, size int) string { return sentences(r, german, size) },
	"polish":      func(r *rand.Rand, size int) string { return sentences(r, polish, size) },
	"japanese":    func(r *rand.Rand, size int) string { return sentences(r, japanese, size) },
	"ticket":      ticket,
	"rich text":   richText,
	"links":       links,
	"base64":      picture,
	"flagged":     func(r *rand.Rand, size int) string { return "UNION SELECT a FROM b-- " + sentences(r, english, size) },
	"description": func(r *rand.Rand, size int) string { return sentences(r, catalogue, size) },
}

var (
	english = strings.Fields(`the a of and to in is you that it for on with as your our we are this have or had by but some what there can out other were all
		when up use how said an each she which do their if will way about many them would write so these her long make thing see him two has look more day
		could go come did my sound no most number over water first people may down side been order parcel delivery returned yesterday morning
		neighbour colour receipt teapot porcelain handle broken replaced refund customer service answered friendly weeks waited wonderful quality cotton linen washed degrees`)
	german = strings.Fields(`der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie
		einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei Prozent hatte kann gegen vom können schon wenn habe seine Mark ihre dann unter wir soll ich
		eines Jahr zwei Jahren diese dieser wieder keine Uhr seiner worden will zwischen Straße Größe Lieferung Rückgabe Kundin schön weiß grün müssen hören Bestellung Gutschein Päckchen`)
	polish = strings.Fields(`i w na z do się nie jest że to o jak za po co od dla przez ale był czy już tak tylko może być jego ich jej bardzo zamówienie przesyłka dostawa
		źródło żółty łódka ćma śnieg ręcznik sukienka czerwona rozmiar paczka wczoraj dziękuję proszę reklamacja zwrot pieniądze klientka wysłać odebrać sklep jakość bawełna`)
	japanese  = strings.Fields(`ご注文 ありがとう ございます 商品 は 本日 発送 いたしました 。 お届け 先 の 住所 を ご確認 ください 、 赤い ワンピース サイズ が 小さい ので 交換 したい です カード 決済 返品`)
	catalogue = strings.Fields(`This hand-made teapot (1.2 l) comes in 3 colours: blue, white & "sea green", its lid's knob is oak. Ø 14 cm — weight: 850 g. Dishwasher-safe up to 65 °C!
		Set of 2/4/6 cups, 12,50 € each; 100% cotton napkins. Don't microwave. Material: stoneware, glaze: lead-free. Choose from our range - order today, ships tomorrow? EAN 4006381333931,
		item #TP-1042; care: wash by hand, dry, and store in a cool place. Rated 4.8/5 by 1,204 customers. It's dust-proof; you'll love it.`)
)

// kinds are the names of prose.
var kinds = slices.Sorted(maps.Keys(prose))

// sentences are words in an order of chance.
func sentences(r *rand.Rand, from []string, size int) string {
	var b strings.Builder
	for end := 8; b.Len() < size; end-- {
		b.WriteString(from[r.IntN(len(from))])
		switch {
		case end > 0:
			b.WriteByte(' ')
		case r.IntN(4) > 0:
			b.WriteString(". ")
			end = 4 + r.IntN(16)
		default:
			b.WriteString(".\n\n - ")
			end = 4 + r.IntN(16)
		}
	}
	return b.String()
}

// ticket is a mail to customer service, with what it quotes.
func ticket(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "On %d Nov 2026 at %d:%02d, Anna Schmidt <anna.schmidt%d@example.org> wrote:\r\n> Order-No.: %d (paid: 2 x EUR %d.95)\r\n> Hello,\r\n> %s\r\n\r\nDear Anna,\r\n%s\r\n-- \r\nKind regards / Mit freundlichen Grüßen\r\n",
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(1e6), r.IntN(1e9), r.IntN(100), sentences(r, english, 200), sentences(r, catalogue, 300))
	}
	return b.String()
}

// richText is what an editor of descriptions sends.
func richText(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<p>%s<strong>%s</strong> &amp; more.</p>\n<ul><li>%s</li><li>%s</li></ul>\n",
			sentences(r, english, 20), sentences(r, german, 200), sentences(r, english, 30), sentences(r, english, 60), sentences(r, german, 60))
	}
	return b.String()
}

func links(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "https://shop%d.example/products/%s-%s-%d?colour=%s&page=%d&utm_source=newsletter#reviews\n",
			r.IntN(100), german[r.IntN(len(german))], english[r.IntN(len(english))], r.IntN(1e6), [...]string{"red", "sea-green", "blue"}[r.IntN(3)], r.IntN(40))
	}
	return b.String()
}

// picture is a small image as an editor embeds it.
func picture(r *rand.Rand, size int) string {
	raw := make([]byte, size*3/4)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// carriers put a value into a body.
var carriers = []struct {
	name string
	put  func(n int, value string) *Request
}{
	{"json", func(n int, value string) *Request {
		text, _ := json.Marshal(map[string]any{"id": n, "text": value}) // never fails
		return browser("POST", "/api/notes", n, "application/json", string(text))
	}},
	{"form", func(n int, value string) *Request {
		return browser("POST", "/notes", n, "application/x-www-form-urlencoded", url.Values{"id": {fmt.Sprint(n)}, "text": {value}}.Encode())
	}},
	{"multipart", func(n int, value string) *Request {
		return browser("POST", "/notes", n, "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
			"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n"+value+"\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n")
	}},
}

// BenchmarkLong is clearance of a request with one long value that nothing knows
// yet, by kind of text and of body: what each byte more costs.
func BenchmarkLong(b *testing.B) {
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 256 << 10, ResponseBody: 64 << 10})
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range kinds {
		for _, carrier := range carriers {
			if kind != "german" && carrier.name != "json" {
				continue // the body's form makes no difference to the text
			}
			for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10} {
				b.Run(fmt.Sprintf("%s/%s/%d", kind, carrier.name, size>>10), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					cleared, cpu := 0, int64(0)
					for n := 0; b.Loop(); n++ {
						b.StopTimer()
						request := carrier.put(n, prose[kind](r, size))
						b.StartTimer()
						before := cpuTime(b)
						tx := engine.Begin(rules.ExchangeID{1})
						if _, err := tx.Request(request); err != nil {
							b.Fatal(err)
						}
						report, err := tx.Finish()
						if err != nil {
							b.Fatal(err)
						}
						cpu += cpuTime(b) - before
						if report.Clearance == Cleared {
							cleared++
						}
					}
					b.ReportMetric(float64(cpu)/float64(b.N)/float64(size), "cpu-ns/B")
					b.ReportMetric(float64(cleared)/float64(b.N), "cleared")
				})
			}
		}
	}
}
