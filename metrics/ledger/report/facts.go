package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fact is what only a person can know. Without a Value the report says that
// somebody has to fill it in.
type Fact struct {
	Value string `json:"value"`
	Human bool   `json:"human"` // always true: who reads it knows where it comes from
}

// String is the value, or that it is missing.
func (f Fact) String() string {
	if f.Value == "" {
		return "[TO BE FILLED IN BY A PERSON]"
	}
	return f.Value
}

// Facts are what people have stated, by key: see [FactKeys].
type Facts map[string]string

// factKeys are all facts that a report asks for, and what they are.
var factKeys = map[string]string{
	"confidence":                   "how sure it is that this is a breach",
	"generated_by":                 "name and title of whoever makes this report",
	"entity.legal_name":            "legal name of the organisation",
	"entity.trading_name":          "name that customers know",
	"entity.registration":          "ABN or other registration number",
	"entity.contact":               "contact for questions: name, phone, email",
	"entity.dpo":                   "data protection officer",
	"entity.role":                  "controller or processor",
	"entity.others":                "other organisations that hold the data jointly",
	"clock.acknowledged":           "when the alert was acknowledged, and by whom",
	"clock.aware_reason":           "why the organisation counts as aware from that time on",
	"what.narrative":               "what happened, in a few sentences",
	"what.vulnerability":           "the weakness that was used",
	"what.requests":                "methods, hosts and content types of the endpoints (the access log has methods)",
	"whom.origin":                  "countries, devices, issuers of tokens and ages of accounts of the recipients",
	"subjects.notified":            "which of the people were told: by which channel, when, with which text (digest of the template)",
	"integrity.witness":            "who outside kept a checkpoint, and attests its time",
	"whose.jurisdictions":          "where the people live (countries, states)",
	"whose.minors":                 "whether children are among them",
	"consequences.harm":            "likely harm",
	"consequences.risk":            "rating of the risk",
	"consequences.rationale":       "why",
	"consequences.remedy":          "remedial action",
	"consequences.prevented":       "whether it prevented likely serious harm",
	"measures.manual":              "what people have done",
	"measures.tokens_revoked":      "tokens and passwords that were revoked",
	"measures.fixed_at":            "when the weakness was fixed",
	"measures.collateral":          "customers who were kept out by the measures",
	"notification.told":            "who was told, when, with which reference number",
	"notification.law_enforcement": "delay asked for by law enforcement",
	"notification.steps":           "what people are advised to do",
	"custody.purpose":              "what this report is made for",
	"custody.handlers":             "who has had it: name, title, phone, time, from, to, medium",
}

// FactKeys returns every key that a file of facts may hold, in order, and what
// each is.
func FactKeys() (keys []string, meanings map[string]string) {
	return slices.Sorted(maps.Keys(factKeys)), maps.Clone(factKeys)
}

// Check refuses keys that no report asks for.
func (f Facts) Check() error {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if _, ok := factKeys[key]; !ok {
			known, _ := FactKeys()
			return fmt.Errorf("fact %q is asked for by no report: write one of %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

func (f Facts) get(key string) Fact {
	if _, ok := factKeys[key]; !ok {
		panic("BUG: a report asks for the unknown fact " + key)
	}
	return Fact{Value: f[key], Human: true}
}
