package waf

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
)

// provers is how many exchanges are judged again at a time; one that finds no
// slot is not judged again.
const provers = 1

// doubts is how often Coraza's own rule set judges again what it does not agree
// with: the first verdict is wrong only when it never agrees.
const doubts = 15

// Proof is what Coraza's own rule set, without anything of ours, said of an
// exchange that had been cleared, or judged by rules whose expressions are
// followed.
type Proof struct {
	Agreed bool
	// Rules are those that one of the two verdicts has and the other has not. After
	// the first of them Coraza's own rule set judges every exchange, until the rules
	// are compiled anew.
	Rules []int
	Err   error // the rules could not run; this proves nothing
}

// samples decides whether the next exchange is judged again.
func (e *Engine) samples() bool { return e.limits.Sample > 0 && rand.IntN(e.limits.Sample) == 0 }

// prove has Coraza's own rule set judge an exchange that is over, beside it, if
// there is a slot. body is what phase 4, if it ran, was given of the response's body,
// or err why that cannot be read.
func (t *Transaction) prove(body io.Reader, err error, ran bool, report Report) {
	select {
	case t.engine.proving <- struct{}{}:
	default:
		return
	}
	var held []byte
	if err == nil {
		held, err = io.ReadAll(body)
	}
	t.response.header = t.response.header.Clone()
	go func() {
		proof := Proof{Err: err}
		if err == nil {
			proof = t.again(held, ran, report)
		}
		// A chain over captures takes those of whichever value comes last, and
		// Coraza visits values in no order (CRS 942130): it may be of two minds.
		for range doubts {
			if proof.Err != nil || proof.Agreed {
				break
			}
			proof = t.again(held, ran, report)
		}
		if !proof.Agreed && proof.Err == nil {
			t.engine.refuted.Store(true)
		}
		<-t.engine.proving // before it is told: who waits for the word may ask for the next
		if tell := t.engine.limits.Proved; tell != nil {
			tell(proof)
		}
	}()
}

// again judges an exchange with Coraza's own rule set and compares.
func (t *Transaction) again(body []byte, ranBody bool, first Report) (proof Proof) {
	defer func() {
		if cause := recover(); cause != nil { // nobody stands above this goroutine
			proof = Proof{Err: fmt.Errorf("judging an exchange again: %v", cause)}
		}
	}()
	tx := t.engine.transaction(t.engine.waf, t.id)
	defer func() { _ = tx.Close() }() // temporary files at worst
	in, err := replay(tx, &t.request, &t.response, bytes.NewReader(body))
	if err == nil && in == nil && ranBody {
		in, err = tx.ProcessResponseBody()
	}
	if err != nil {
		return Proof{Err: err}
	}
	own := reportOf(tx)
	other := append(missing(own.Hits, first.Hits), missing(first.Hits, own.Hits)...)
	agreed := (in != nil) == (first.Blocked != 0) && own.Blocked == first.Blocked && own.Detected == first.Detected &&
		own.Inbound == first.Inbound && own.Outbound == first.Outbound && len(other) == 0 && len(own.Hits) == len(first.Hits)
	return Proof{Agreed: agreed, Rules: other}
}

// missing returns the rules of the hits that are not among others.
func missing(hits, among []Hit) []int {
	var out []int
	for _, hit := range hits {
		if !slices.Contains(among, hit) {
			out = append(out, hit.Rule)
		}
	}
	return out
}
