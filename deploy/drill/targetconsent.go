package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// proofPath is where a target says that it may be drilled (RFC 8615).
const proofPath = "/.well-known/ordergate-drill"

// minProof is how many signs a proof has at least.
const minProof = 16

// ErrConsent says that a target has not agreed to be attacked.
var ErrConsent = errors.New("nobody has agreed that this target is drilled")

// Consent asks whether the target may be attacked: it is this machine; or the
// operator names its host, exactly, as owned; or it answers at
// /.well-known/ordergate-drill with the proof of the description, which only who runs
// it can put there. Otherwise the error is [ErrConsent], with what to do, and one
// request was sent.
func (t *Target) Consent(ctx context.Context, owned string) error {
	switch {
	case t.loopback():
		return nil
	case owned != "" && (strings.EqualFold(owned, t.base.Host) || strings.EqualFold(owned, t.base.Hostname())):
		return nil
	case owned != "":
		return fmt.Errorf("--i-own %s: the target is %s: name the host that you mean to attack: %w", owned, t.base.Host, ErrConsent)
	}
	remedy := fmt.Sprintf("put the proof of its description (%d signs or more) at %s%s, or say --i-own %s if it is yours to attack",
		minProof, t.base, proofPath, t.base.Host)
	if t.Proof == "" {
		return fmt.Errorf("%w: %s", ErrConsent, remedy)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base.String()+proofPath, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking %s for its consent: %w", t.base.Host, err)
	}
	client := newTargetClient()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s does not answer: %w: %s", ErrConsent, proofPath, err, remedy)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	err = errors.Join(err, resp.Body.Close())
	if err != nil || resp.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != t.Proof {
		return fmt.Errorf("%w: %s answers %d, and not with the proof: %s", ErrConsent, proofPath, resp.StatusCode, remedy)
	}
	return nil
}
