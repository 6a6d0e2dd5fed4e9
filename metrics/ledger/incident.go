package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// IncidentText is an incident as it is kept: the log has the digest of Body.
type IncidentText struct{ ID, Body string }

// TextOf returns the text of an incident.
func TextOf(incident *rules.Incident) (IncidentText, error) {
	body, err := json.Marshal(incident)
	if err != nil {
		return IncidentText{}, fmt.Errorf("incident %s: %w", incident.ID, err)
	}
	return IncidentText{incident.ID, string(body)}, nil
}

// Mark is what the log keeps of it: its id and the digest of its body.
func (t *IncidentText) Mark(now time.Time) Mark {
	return Mark{Time: now.UTC(), Kind: MarkIncident, Detail: t.ID + " " + t.digest()}
}

func (t *IncidentText) digest() string {
	sum := sha256.Sum256([]byte(t.Body))
	return hex.EncodeToString(sum[:])
}

// CompareIncidents says which kept incidents are not what the marks have the
// digests of, as far back as the log goes. where names the place they are kept.
func (v *Verification) CompareIncidents(texts []IncidentText, marks []Mark, where string) {
	last := make(map[string]string)   // digest by id
	once := make(map[string]struct{}) // id and digest
	for i := range marks {
		if id, digest, ok := strings.Cut(marks[i].Detail, " "); ok && marks[i].Kind == MarkIncident {
			last[id] = digest
			once[marks[i].Detail] = struct{}{}
		}
	}
	whole := v.Deleted == 0 // the log goes back to the beginning
	for _, text := range texts {
		digest := text.digest()
		_, known := once[text.ID+" "+digest]
		switch {
		case last[text.ID] == digest:
		case known:
			v.Note("incident %s is older in %s than in the log: its last change was not written, or was taken back", text.ID, where)
		case last[text.ID] != "" || whole:
			v.Fault("incident %s is not what was saved: %s was changed", text.ID, where)
		}
	}
}
