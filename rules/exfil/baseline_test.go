package exfil

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// agents lets agents work some days, each with a number of customers a day
// that of gives, and returns who stood out on which day.
func agents(b *baselines, n, days int, from time.Time, of func(agent, day int) float64) map[int]int {
	rng := rand.New(rand.NewPCG(3, 5))
	found := map[int]int{}
	for day := range days {
		for agent := range n {
			count := int(of(agent, day) * (1 + rng.NormFloat64()*0.12))
			p := rules.Principal{Role: rules.RoleStaff, Account: digest('a', agent)}
			for i := range max(count, 0) {
				d := b.note(&p, []rules.Digest{digest('c', (day*100+agent)*5000+i)}, from.Add(time.Duration(day)*24*time.Hour+time.Duration(i)*time.Minute/2))
				if _, known := found[agent]; d.Limit > 0 && !known {
					found[agent] = day
				}
			}
		}
	}
	return found
}

// TestBaselineInsider: one agent in twenty-five reads thirty per cent more
// than before, from the thirtieth day on; before Christmas everybody does.
func TestBaselineInsider(t *testing.T) {
	usual := func(agent int) float64 { return 40 + float64(agent%5)*20 }
	insider := func(agent, day int) float64 {
		if agent == 7 && day >= 30 {
			return usual(agent) * 1.3
		}
		return usual(agent)
	}
	found := agents(newBaselines(), 25, 60, epoch, insider)
	if day, ok := found[7]; !ok || day < 30 || day > 50 || len(found) != 1 {
		t.Errorf("stood out, by day: %v; want agent 7 within three weeks of day 30", found)
	}
	christmas := func(agent, day int) float64 {
		if day >= 30 {
			return usual(agent) * 1.8
		}
		return usual(agent)
	}
	if found := agents(newBaselines(), 25, 45, epoch, christmas); len(found) != 0 {
		t.Errorf("stood out in a busy season: %v", found)
	}
}

// TestBaselineBounded: memory has an end, and days off say nothing.
func TestBaselineBounded(t *testing.T) {
	b := newBaselines()
	p := rules.Principal{Role: rules.RoleStaff, Account: digest('a', 1)}
	for i := range 3 * maxDaySubject {
		b.note(&p, []rules.Digest{digest('c', i)}, epoch)
	}
	m, _ := b.members.Get(memberKey{p.Role, p.Account})
	if len(m.seen) > maxDaySubject || int(m.today()) != 3*maxDaySubject {
		t.Errorf("%d remembered, %v counted", len(m.seen), m.today())
	}
	b.note(&p, []rules.Digest{digest('c', 1)}, epoch.Add(20*24*time.Hour))
	if m.days != 1 {
		t.Errorf("%d working days, want 1", m.days)
	}
}
