package proxy

import (
	"testing"
	"time"
)

// TestShedder follows readings of the memory in use, in percent of the ceiling, by
// second: up at once, down step by step, after a calm.
func TestShedder(t *testing.T) {
	type reading struct {
		at   int // seconds
		used int64
		want Shedding
	}
	for name, readings := range map[string][]reading{
		"innocent":             {{0, 10, ShedNothing}, {1, 79, ShedNothing}, {2, 40, ShedNothing}},
		"up one by one":        {{0, 80, ShedUnknown}, {1, 90, ShedKnown}, {2, 97, ShedAll}, {3, 140, ShedAll}},
		"up at once":           {{0, 10, ShedNothing}, {1, 99, ShedAll}},
		"down step by step":    {{0, 99, ShedAll}, {1, 5, ShedAll}, {4, 5, ShedAll}, {5, 5, ShedKnown}, {9, 5, ShedKnown}, {10, 5, ShedUnknown}, {15, 5, ShedNothing}},
		"no flutter":           {{0, 81, ShedUnknown}, {6, 79, ShedUnknown}, {12, 71, ShedUnknown}, {60, 70, ShedUnknown}, {64, 69, ShedUnknown}, {65, 69, ShedNothing}},
		"a peak begins anew":   {{0, 81, ShedUnknown}, {3, 69, ShedUnknown}, {4, 72, ShedUnknown}, {8, 69, ShedUnknown}, {9, 69, ShedNothing}},
		"falls, rises again":   {{0, 91, ShedKnown}, {5, 60, ShedUnknown}, {6, 90, ShedKnown}, {7, 98, ShedAll}},
		"the clock steps back": {{100, 91, ShedKnown}, {0, 60, ShedKnown}, {104, 60, ShedKnown}, {105, 60, ShedUnknown}},
	} {
		var s shedder
		start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		for _, r := range readings {
			if s = s.next(r.used<<20, 100<<20, start.Add(time.Duration(r.at)*time.Second)); s.step != r.want {
				t.Errorf("%s: at %d s with %d %%: step %d, want %d", name, r.at, r.used, s.step, r.want)
			}
		}
		if s = s.next(1<<60, 0, start); s.step != ShedNothing {
			t.Errorf("%s: without a ceiling step %d", name, s.step)
		}
	}
}

// FuzzShedder: whatever the readings, nothing is shed for less than its share of
// the ceiling, everything that its share says is, and calm always ends it.
func FuzzShedder(f *testing.F) {
	f.Add([]byte{10, 99, 5, 80, 71})
	f.Fuzz(func(t *testing.T, readings []byte) {
		var s shedder
		now := time.Unix(0, 0)
		for _, r := range readings {
			before := s.step
			now = now.Add(time.Second)
			s = s.next(int64(r), 100, now)
			for step := ShedUnknown; step <= ShedAll; step++ {
				if int64(r) >= shedFrom[step] && s.step < step {
					t.Fatalf("%d %%: step %d", r, s.step)
				}
			}
			if s.step > before && int64(r) < shedFrom[s.step] || s.step+1 < before {
				t.Fatalf("%d %%: from step %d to %d", r, before, s.step)
			}
		}
		for range 3 {
			now = now.Add(shedCalm)
			s = s.next(0, 100, now)
		}
		if s.step != ShedNothing {
			t.Fatalf("after calm: step %d", s.step)
		}
	})
}

// TestSheds is the policy, row by row.
func TestSheds(t *testing.T) {
	for _, c := range []struct {
		name string
		asking
		from Shedding // the first step that sheds it
	}{
		{"catalogue, unknown", asking{catalogue: true}, ShedAll},
		{"catalogue, known", asking{known: true, catalogue: true}, ShedAll},
		{"record, unknown", asking{}, ShedUnknown},
		{"record, known", asking{known: true}, ShedKnown},
		{"small body, unknown", asking{body: 100}, ShedUnknown},
		{"small body, known", asking{known: true, body: smallBody}, ShedKnown},
		{"large body, known", asking{known: true, body: smallBody + 1}, ShedUnknown},
		{"body of unknown length, known", asking{known: true, body: -1}, ShedUnknown},
	} {
		for step := ShedNothing; step <= ShedAll; step++ {
			if got := step.sheds(c.asking); got != (step >= c.from) {
				t.Errorf("%s: at step %d shed %v", c.name, step, got)
			}
		}
	}
}

// TestInUse: what is alive counts, and garbage does not until the process holds
// more than its ceiling.
func TestInUse(t *testing.T) {
	const none = 1 << 60
	before := inUse(none)
	if before <= 0 || before > 8<<30 {
		t.Fatalf("in use: %d", before)
	}
	if got := inUse(1); got < before {
		t.Errorf("over the ceiling %d counts, under it %d", got, before)
	}
}

func BenchmarkInUse(b *testing.B) {
	for b.Loop() {
		inUse(1 << 60)
	}
}
