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

// maxHeaders is how many bytes of the values of a response's header are read.
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
	finder := record.NewFinder(x.policy.Records, x.hasher.Clone(), "application/yaml")
	_, _ = finder.Write(text) // never fails
	_ = finder.Close()        // never fails
	records := finder.Take(nil)
	if len(records) == 0 {
		return rules.Passed
	}
	asked := append(record.Claims(nil, "", rawQuery(x.uri), x.hasher).Identifiers, x.claim.Identifiers...)
	records = slices.DeleteFunc(records, func(r rules.Record) bool {
		return slices.ContainsFunc(r.Identifiers, func(id rules.Identifier) bool { return slices.Contains(asked, id) })
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
	var text bytes.Buffer
	for name, values := range header {
		leads := sendsOn[name]
		if !leads && !strings.HasPrefix(name, "X-") {
			continue
		}
		for _, value := range values {
			if text.Len()+len(value) > maxHeaders || !strings.Contains(value, "@") && !strings.Contains(value, "%40") {
				continue
			}
			if !leads {
				line(&text, strings.TrimPrefix(name, "X-"), value)
				continue
			}
			_, query, _ := strings.Cut(strings.ReplaceAll(value, "#", "?"), "?")
			for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' || r == '>' }) {
				name, value, _ := strings.Cut(pair, "=")
				if value, err := url.QueryUnescape(value); err == nil {
					line(&text, name, value)
				}
			}
		}
	}
	return text.Bytes()
}

// line writes a name and its value, which cannot leave their line.
func line(text *bytes.Buffer, name, value string) {
	clean := strings.NewReplacer("\n", " ", "\r", " ")
	text.WriteString(clean.Replace(name))
	text.WriteString(": ")
	text.WriteString(clean.Replace(value))
	text.WriteByte('\n')
}
