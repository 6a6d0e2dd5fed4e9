package waf

import (
	"fmt"
	"path/filepath"
	"unsafe"
)

// Account says what the analysis of the rules came to, and with it what
// clearance can do. The zero value is that of a WAF or a clearance that is
// off.
type Account struct {
	// Off says why there can be no clearance with these rules, rule by rule;
	// empty when there is.
	Off   []string `json:"off"`
	Rules int      `json:"rules"` // compiled, without markers

	Constant  int `json:"constant"`  // look at nothing of an exchange: their outcome is known
	Unreached int `json:"unreached"` // skipped by them (a higher paranoia level), or cannot match at all
	Harmless  int `json:"harmless"`  // a match shows nowhere
	// Rules that are cleared by asking about values, by the weakest of what
	// spares the asking: literals, single characters, nothing.
	Literals   int `json:"literals"`
	Characters int `json:"characters"`
	Asked      int `json:"asked"`
	Settled    int `json:"settled"`     // look at the names of headers alone, whose outcome is remembered
	AsTheyAre  int `json:"as_they_are"` // run on every exchange as they are

	Words int `json:"words"` // literals of the automaton and of the sieve
	Bytes int `json:"bytes"` // memory of the automaton's table, and of the sieve's
	// Own says how the rules of the operator's files are treated.
	Own []OwnRule `json:"own"`
}

// OwnRule is a rule of the operator's own.
type OwnRule struct {
	ID  int    `json:"id"`
	How string `json:"how"`
}

// account counts what an analysis found; c is nil when clearance is off.
func (a *analysis) account(c *clearance) Account {
	out := Account{Off: a.off}
	for i, r := range a.rules {
		if r.marker != "" {
			continue
		}
		out.Rules++
		how := ""
		switch a.treated[i] {
		case fixed:
			out.Constant++
			how = "looks at nothing of an exchange"
		case unreached:
			out.Unreached++
			how = "is never reached, or cannot match"
		case harmless:
			out.Harmless++
			how = "shows nowhere when it matches"
		case guarded:
			how = a.sparing(i, &out)
		case settled:
			out.Settled++
			how = "is remembered by the names of headers"
		default: // parsing, structural
			out.AsTheyAre++
			how = "runs on every exchange"
		}
		if filepath.IsAbs(r.file) {
			out.Own = append(out.Own, OwnRule{r.id, how})
		}
	}
	if c != nil {
		for _, words := range c.words {
			out.Words += words.literals
			out.Bytes += 4 * len(words.next)
		}
		for _, gs := range a.guards {
			if gs.sieve != nil {
				out.Words += len(gs.sieve.ids)
				out.Bytes += int(unsafe.Sizeof(*gs.sieve))
			}
		}
	}
	return out
}

// sparing counts a rule that is asked about values. The best of its links
// counts, since one that cannot match is enough.
func (a *analysis) sparing(i int, out *Account) string {
	best := 0
	for _, s := range a.sources {
		if s.rule == i {
			best = max(best, s.spares)
		}
	}
	switch best {
	case 2:
		out.Literals++
		return "is cleared by literals"
	case 1:
		out.Characters++
		return "is cleared by single characters"
	}
	out.Asked++
	return "is asked about every value that is not known yet"
}

// String is the account in sentences.
func (a Account) String() string {
	if a.Rules == 0 {
		return "Clearance is off: the full rule set judges every exchange."
	}
	return fmt.Sprintf("Clearance: of %d rules %d look at nothing of an exchange, %d are out of reach, %d are harmless; %d are cleared by literals, %d by single characters, "+
		"%d are asked about every new value, %d are remembered by the names of headers, %d run as they are. %d literals in %d KiB.",
		a.Rules, a.Constant, a.Unreached, a.Harmless, a.Literals, a.Characters, a.Asked, a.Settled, a.AsTheyAre, a.Words, a.Bytes>>10)
}
