package report

import (
	"time"

	"github.com/ordergate/ordergate/metrics/ledger"
)

// Deadline is when a law wants something done.
type Deadline struct {
	Law   string `json:"law"`
	What  string `json:"what"`
	At    string `json:"at"` // RFC 3339 in UTC; empty: its clock has not begun
	Clock string `json:"clock"`
}

// deadlines are the clocks of the law. aware and material are what people have
// stated; zero: not yet.
func deadlines(aware, material time.Time) []Deadline {
	after := func(begin time.Time, d time.Duration) string {
		if begin.IsZero() {
			return ""
		}
		return stamp(begin.Add(d))
	}
	const day = 24 * time.Hour
	business := ""
	if !material.IsZero() {
		business = stamp(BusinessDays(material, 4))
	}
	return []Deadline{
		{"GDPR Art. 33", "notify the supervisory authority", after(aware, 72*time.Hour), "72 hours from awareness"},
		{"GDPR Art. 34", "tell the people, if the risk to them is high", "", "without undue delay"},
		{"Australia, Privacy Act s 26WH", "finish the assessment", after(aware, 30*day), "30 days from suspicion"},
		{"Australia, Privacy Act s 26WK", "give the statement to the OAIC", "", "as soon as practicable once there are reasonable grounds to believe"},
		{"California Civ. Code 1798.82", "tell the people", after(aware, 30*day), "30 calendar days from discovery"},
		{"SEC Form 8-K Item 1.05", "file, if it is material", business, "4 business days from the decision that it is material"},
	}
}

// BusinessDays adds business days, Monday to Friday, to a time; public holidays
// are business days here, which is the early side.
func BusinessDays(from time.Time, days int) time.Time {
	at := from.UTC()
	for days > 0 {
		at = at.Add(24 * time.Hour)
		if day := at.Weekday(); day != time.Saturday && day != time.Sunday {
			days--
		}
	}
	return at
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Gaps reads what the marks of a ledger say about times that it says less than
// everything about: while no gateway ran, after one was killed, while records
// left unrecorded. now ends a gap that has not ended.
func Gaps(marks []ledger.Mark, since, until time.Time) []Gap {
	gaps := []Gap{}
	add := func(g Gap) {
		if (until.IsZero() || g.From.Before(until)) && (since.IsZero() || !g.To.Before(since)) {
			gaps = append(gaps, g)
		}
	}
	var stopped, started time.Time
	node := ""
	for i := range marks {
		m := &marks[i]
		if m.Node != node { // another gateway's log begins
			stopped, started, node = time.Time{}, time.Time{}, m.Node
		}
		switch m.Kind {
		case ledger.MarkStop:
			stopped = m.Time
		case ledger.MarkStart:
			switch {
			case !stopped.IsZero():
				add(Gap{Kind: "not running", From: stopped, To: m.Time, What: "the gateway was stopped: what the platform sent meanwhile, if it was reachable without it, is not known"})
			case !started.IsZero():
				from := started
				if m.Since.After(from) { // the last row before it
					from = m.Since
				}
				add(Gap{Kind: "killed", From: from, To: m.Time, What: "the gateway ended without stopping at some time in between: what it had released is recorded, whether that arrived may be unknown; while it was down nothing is known"})
			}
			stopped, started = time.Time{}, m.Time
		case ledger.MarkTorn:
			add(Gap{Kind: "torn", From: m.Time, To: m.Time, Count: m.Count, What: "bytes at the end of the ledger that were never acknowledged were moved aside: nothing that was released is among them"})
		case ledger.MarkUnrecorded:
			what := m.Detail
			if what == "" {
				what = "records left without a row, because the ledger could not be written and ledger.on_failure is pass"
			}
			add(Gap{Kind: "unrecorded", From: m.Since, To: m.Time, Count: m.Count, What: what})
		case ledger.MarkDamaged:
			add(Gap{Kind: "damaged", From: m.Since, To: m.Time, Count: m.Count, What: "a part of the ledger was found damaged or lost when the gateway started, and was set aside: up to so many rows cannot be read; " + m.Detail})
		case ledger.MarkRetained, ledger.MarkKey, ledger.MarkIncident, ledger.MarkReport:
		}
	}
	return gaps
}
