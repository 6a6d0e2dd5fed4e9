package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Kinds returns what [Statement] can draft, in order.
func Kinds() []string {
	return []string{"california", "customer", "gdpr33", "gdpr34", "helpline", "oaic", "sec8k"}
}

// perPerson are the kinds that are written to or about one person, and so
// differ by which of their fields were taken.
var perPerson = []string{"customer", "gdpr34", "california", "helpline"}

// plain says fields in the words of a letter.
var plain = map[string]string{
	"name": "your name", "email": "your email address", "phone": "your phone number", "delivery_address": "your delivery address",
	"billing_address": "your billing address", "address": "your postal address", "purchase": "what you ordered", "birth_date": "your date of birth",
	"payment_card": "a payment card number", "credential": "a password, token or other secret of your account", "government_id": "a government identification number",
}

// advice is what a person can do about a field.
var advice = map[string]string{
	"email":            "Be careful with emails that mention your orders or ask you to log in, pay or open a file. Go to our site by typing its address.",
	"phone":            "Be careful with calls and text messages that mention your orders. We will never ask for a password or a code by phone.",
	"delivery_address": "Be careful with letters and parcels that you did not expect and that ask for a payment.",
	"purchase":         "Somebody who knows what you ordered can sound convincing. That knowledge alone does not mean that they are from us.",
	"birth_date":       "Your date of birth can be used to pretend to be you. Look out for accounts or contracts that you did not make.",
	"payment_card":     "Ask your bank to replace the card, and look through its last statements.",
	"credential":       "Change your password with us, and wherever else you use the same one.",
	"government_id":    "Tell the office that issued the number, and look out for accounts or contracts that you did not make.",
}

// letter is what a statement's template is filled with.
type letter struct {
	*Incident
	Kind   string
	Names  []string // fields, by their stable names
	Fields []string // likewise, in plain words
	Advice []string
	People int // to whom or about whom this very text is
}

// Organisation is the name that customers know, or the legal name.
func (l letter) Organisation() Fact {
	if l.Entity.TradingName.Value != "" {
		return l.Entity.TradingName
	}
	return l.Entity.LegalName
}

// List joins words as a sentence does.
func (l letter) List() string {
	switch n := len(l.Fields); n {
	case 0:
		return "no personal data"
	case 1:
		return l.Fields[0]
	default:
		return strings.Join(l.Fields[:n-1], ", ") + " and " + l.Fields[n-1]
	}
}

// Sentence is List as the beginning of a sentence.
func (l letter) Sentence() string {
	list := l.List()
	return strings.ToUpper(list[:1]) + list[1:] // ASCII
}

// Due is when a law wants something done, or that its clock has not begun.
func (l letter) Due(law string) string {
	for _, d := range l.Clock.Due {
		if strings.HasPrefix(d.Law, law) {
			if d.At != "" {
				return d.At + " (" + d.Clock + ")"
			}
			return "[" + d.Clock + "; state --aware or --material]"
		}
	}
	return ""
}

// Draft is one text, and whom it is about.
type Draft struct {
	Kind        string
	Combination string // of fields, joined by " + "; empty: of all
	People      int
	Text        string // Markdown
}

// Statement drafts a kind for a report: one text or, for what goes to single
// people, one for each combination of fields that somebody lost, the most
// frequent first. fields, unless empty, is the one combination wanted.
func Statement(kind string, r *Incident, fields []string) ([]Draft, error) {
	if !slices.Contains(Kinds(), kind) {
		return nil, fmt.Errorf("statement %q: write one of %s", kind, strings.Join(Kinds(), ", "))
	}
	if !slices.Contains(perPerson, kind) {
		var all []string
		for _, f := range r.Data.Fields {
			all = append(all, f.Name)
		}
		text, err := draft(kind, r, all, r.Whose.Affected.Count)
		return []Draft{{Kind: kind, People: r.Whose.Affected.Count, Text: text}}, err
	}
	var drafts []Draft
	for _, c := range r.Data.Combinations {
		names := strings.Split(c.Name, " + ")
		if len(fields) > 0 && !sameFields(names, fields) {
			continue
		}
		text, err := draft(kind, r, names, c.Count)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, Draft{kind, c.Name, c.Count, text})
	}
	if len(drafts) == 0 {
		return nil, fmt.Errorf("nobody lost exactly %s in incident %s: `report incident` lists the combinations", strings.Join(fields, ", "), r.Identity.Incident)
	}
	return drafts, nil
}

func sameFields(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func draft(kind string, r *Incident, names []string, people int) (string, error) {
	l := letter{Incident: r, Kind: kind, Names: names, People: people}
	for _, name := range names {
		if words, ok := plain[name]; ok {
			l.Fields = append(l.Fields, words)
		}
		if words, ok := advice[name]; ok && !slices.Contains(l.Advice, words) {
			l.Advice = append(l.Advice, words)
		}
	}
	text, err := render(kind+".md", l)
	return string(bytes.TrimSpace(text)) + "\n", err
}
