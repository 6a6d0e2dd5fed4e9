package proxy

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// maxHeaders is how many bytes of the values of a response's header are read; what
// stands behind them is not.
const maxHeaders = 8 << 10

// sendsOn are the headers that lead on, and carry what the next page is asked with.
var sendsOn = map[string]bool{"Location": true, "Content-Location": true, "Refresh": true, "Link": true}

// judgeHeader discloses whom the response's header names by an e-mail address: the
// redirects of links from mails (/unsubscribe/17 to /unsubscribed?email=…) give a
// customer for each number, and no body. What the request named itself, it was not
// told. Of cookies nothing is read: they are kept by whom they are about.
func (x *exchange) judgeHeader(res *http.Response) rules.Verdict {
	text := naming(res.Header)
	if len(text) == 0 {
		return rules.Passed
	}
	finder := record.NewFinder(x.policy.Records, x.hasher, "application/yaml")
	_, _ = finder.Write(text) // never fails
	_ = finder.Close()        // never fails
	records := finder.Take(nil)
	if len(records) == 0 {
		return rules.Passed
	}
	asked := append(record.Claims(nil, "", rawQuery(x.uri), x.hasher).Identifiers, x.claim.Identifiers...)
	records = slices.DeleteFunc(records, func(r rules.Record) bool {
		return !slices.ContainsFunc(r.Identifiers, func(id rules.Identifier) bool {
			return id.Kind != rules.IdentifierOrder && !slices.Contains(asked, id)
		})
	})
	if len(records) == 0 {
		return rules.Passed
	}
	x.response.Unmaskable()
	return x.disclose(records, nil, len(records))
}

func rawQuery(uri string) string {
	_, query, _ := strings.Cut(uri, "?")
	return query
}

// naming returns, as lines of names and values, what stands in the header with an
// e-mail address beside it: the parameters of where it leads to, and what the
// platform's own fields say. It is empty for nearly every response.
func naming(header http.Header) []byte {
	var names []string
	for name, values := range header {
		if (sendsOn[name] || strings.HasPrefix(name, "X-")) && slices.ContainsFunc(values, addressed) {
			names = append(names, name)
		}
	}
	slices.Sort(names) // what belongs together is told by what stands together
	var text bytes.Buffer
	for _, name := range names {
		for _, value := range header[name] {
			if value = value[:min(len(value), max(maxHeaders-text.Len(), 0))]; !addressed(value) {
				continue
			}
			if sendsOn[name] {
				parameters(&text, value)
			} else {
				line(&text, strings.TrimPrefix(name, "X-"), value)
			}
		}
	}
	return text.Bytes()
}

// addressed reports whether an e-mail address may stand in a value.
func addressed(value string) bool {
	return strings.IndexByte(value, '@') >= 0 || strings.Contains(value, "%40")
}

// parameters writes the parameters of an address, of its fragment, too.
func parameters(text *bytes.Buffer, value string) {
	_, query, _ := strings.Cut(strings.ReplaceAll(value, "#", "?"), "?")
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' || r == '>' }) {
		name, value, _ := strings.Cut(pair, "=")
		if value, err := url.QueryUnescape(value); err == nil {
			line(text, name, value)
		}
	}
}

// line writes a name and its value, which cannot leave their line.
func line(text *bytes.Buffer, name, value string) {
	clean := strings.NewReplacer("\n", " ", "\r", " ")
	text.WriteString(clean.Replace(name))
	text.WriteString(": ")
	text.WriteString(clean.Replace(value))
	text.WriteByte('\n')
}
