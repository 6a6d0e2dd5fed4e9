package waf

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/corazawaf/coraza/v3/types"

	"github.com/ordergate/ordergate/rules"
)

// provers is how many cleared exchanges are judged again at a time; one that
// finds no slot is not judged again.
const provers = 1

// doubts is how often the full rule set judges again what it does not agree
// with: clearance is wrong only when it never agrees.
const doubts = 15

// Proof is what the full rule set said of an exchange that had been cleared.
type Proof struct {
	Agreed bool
	// Rules are those that matched although clearance had said that none can.
	// After the first of them the full rule set judges every exchange, until the
	// rules are compiled anew.
	Rules []int
	Err   error // the rules could not run; this proves nothing
}

// samples decides whether the next exchange is judged again.
func (e *Engine) samples() bool { return e.limits.Sample > 0 && rand.IntN(e.limits.Sample) == 0 }

// prove has the full rule set judge a cleared exchange that is over, beside
// it, if there is a slot.
func (t *Transaction) prove(report Report) {
	select {
	case t.engine.proving <- struct{}{}:
	default:
		return
	}
	body, err := t.quick.tx.ResponseBodyReader()
	var held []byte
	if err == nil {
		held, err = io.ReadAll(body)
	}
	ran := t.quick.state.LastPhase() >= types.PhaseResponseBody
	t.response.header = t.response.header.Clone()
	go func() {
		defer func() { <-t.engine.proving }()
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
		if tell := t.engine.limits.Proved; tell != nil {
			tell(proof)
		}
	}()
}

// again judges an exchange with the full rule set and compares.
func (t *Transaction) again(body []byte, ranBody bool, cleared Report) (proof Proof) {
	defer func() {
		if cause := recover(); cause != nil { // nobody stands above this goroutine
			proof = Proof{Err: fmt.Errorf("judging a cleared exchange again: %v", cause)}
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
	full := reportOf(tx)
	var extra []int
	for _, hit := range full.Hits {
		if !slices.Contains(cleared.Hits, hit) {
			extra = append(extra, hit.Rule)
		}
	}
	agreed := blocked(in) == rules.Passed && !full.Detected && full.Inbound == cleared.Inbound && full.Outbound == cleared.Outbound && len(extra) == 0 && len(full.Hits) == len(cleared.Hits)
	return Proof{Agreed: agreed, Rules: extra}
}
