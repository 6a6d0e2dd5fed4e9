package proxy

import (
	"encoding/binary"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/exfil"
	"github.com/ordergate/ordergate/rules/record"
)

const (
	maxTries   = 8       // identifiers of one request that are watched
	maxTryPair = 16      // pairs of a query that are read for them
	maxTrySize = 64      // bytes of one
	maxTryForm = 4 << 10 // bytes of a form that are read
)

// readTries returns which identifiers the request asks for, for the detectors of
// walks and guesses: in its path, its query, and what its body names.
func (x *exchange) readTries() []exfil.Try {
	for i, segment := range strings.Split(x.path, "/") {
		if base, _, _ := strings.Cut(segment, "."); base != "" && nameless(base) {
			x.try("/"+strconv.Itoa(i), base)
		}
	}
	_, rawQuery, _ := strings.Cut(x.uri, "?")
	x.tryPairs("?", rawQuery)
	if x.login.is {
		return x.tries // who logs in as whom is not a look-up
	}
	for _, id := range x.claim.Identifiers {
		if x.form && id.Kind == rules.IdentifierOrder {
			continue // below, as a number with neighbours
		}
		x.addTry(exfil.Try{Slot: x.route + "{" + id.Kind.String(), Number: binary.LittleEndian.Uint64(id.Digest[:])})
	}
	if x.form {
		x.tryPairs("{", string(x.body[:min(len(x.body), maxTryForm)]))
	}
	x.tryWhole(rawQuery)
	return x.tries
}

// tryWhole takes all that the request asks for together, where it names
// something: with what the query has it checked by, and with its whole body. A
// query's other pairs, a time against caches say, make no other question.
func (x *exchange) tryWhole(rawQuery string) {
	if len(x.tries) == 0 {
		return
	}
	all := make([]byte, 0, 512)
	for i := range x.tries {
		all = append(all, x.tries[i].Slot...)
		all = binary.LittleEndian.AppendUint64(all, x.tries[i].Number)
	}
	for i := 0; i < maxTryPair && rawQuery != ""; i++ {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		if key, value, _ := strings.Cut(pair, "="); value != "" && record.Checks(key) {
			all = append(all, pair...)
		}
	}
	all = append(all, x.body[:min(len(x.body), maxTryForm)]...)
	x.tries = append(x.tries, exfil.Try{Slot: x.route, Number: x.tryHash(all), Whole: true})
}

// tryHash stands for what is no number, as the ledger's key has it: whoever could
// foresee it could make two of them look like one, and it says the same after a restart.
func (x *exchange) tryHash(text []byte) uint64 {
	digest := x.hasher.Segment(text)
	return binary.LittleEndian.Uint64(digest[:])
}

// tryPairs takes what the pairs of a query or a form name.
func (x *exchange) tryPairs(place, pairs string) {
	for i := 0; i < maxTryPair && pairs != ""; i++ {
		var pair string
		pair, pairs, _ = strings.Cut(pairs, "&")
		key, value, _ := strings.Cut(pair, "=")
		if value == "" || !record.NamesOne(key) && !(record.NamesThing(key) && value[len(value)-1] >= '0' && value[len(value)-1] <= '9') {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil && (place == "?" || !strings.Contains(value, "@")) {
			x.try(place+key, value) // an e-mail address in a form is claimed already
		}
	}
}

// try takes one identifier, with the place where it stands: the number that it
// ends in, or a hash of it.
func (x *exchange) try(place, value string) {
	if len(value) > maxTrySize {
		return
	}
	digits := len(value)
	for digits > 0 && value[digits-1] >= '0' && value[digits-1] <= '9' {
		digits--
	}
	if number, err := strconv.ParseUint(value[digits:], 10, 63); err == nil {
		x.addTry(exfil.Try{Slot: x.route + place + value[:digits], Number: number, Numeric: true})
		return
	}
	x.addTry(exfil.Try{Slot: x.route + place, Number: x.tryHash([]byte(value))})
}

func (x *exchange) addTry(t exfil.Try) {
	if len(x.tries) < maxTries {
		x.tries = append(x.tries, t)
	}
}

// endTries tells the detectors how the request's tries were answered.
func (x *exchange) endTries() {
	if x.response == nil {
		return
	}
	signals := x.response.End(x.missed(), x.gateway.now())
	if x.login.is {
		signals = append(signals, x.response.Login(x.loginOutcome(), x.gateway.now())...)
	}
	for _, s := range signals {
		x.Signals++
		x.gateway.observer.Signal(&s)
	}
}

// missed reports whether the platform answered with nobody's record where
// records are to be had.
func (x *exchange) missed() bool {
	if x.Reason != rules.ReasonNone || !x.gateway.routes.has(x.route) {
		return false
	}
	switch x.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	case http.StatusOK:
		return x.method == http.MethodGet
	}
	return false
}
