package recall

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// mask gives a body back without the values of anybody, and how many subjects
// are found in it then; able is false for a form that cannot be masked.
func mask(t *testing.T, cfg *record.Config, h *rules.Hasher, contentType, body string) (out string, left int, able bool) {
	t.Helper()
	f := record.NewFinder(cfg, h.Clone(), contentType)
	m := record.NewMasker(f)
	_, _ = m.Write([]byte(body))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Take(nil)
	out = string(m.Release(nil))
	return out, len(look(t, cfg, h, contentType, out)), m.Able()
}

// TestMasked masks generated bodies: in fewer than one of a hundred somebody may
// be found afterwards (the gateway refuses those), in none after a second masking, and
// fewer than one of a thousand e-mail addresses of bodies whose people are all
// found may stand there still.
func TestMasked(t *testing.T) {
	h, err := rules.NewHasher([]byte("a key for figures, not for people"))
	if err != nil {
		t.Fatal(err)
	}
	bodies, residual, again, unable := 0, 0, 0, map[string]bool{}
	leaks, values := map[string]int{}, map[string]int{}
	for _, l := range locales {
		cfg := &record.Config{Countries: []string{l.country()}}
		for _, f := range forms {
			for _, s := range sets {
				if f.mute && s.optional || s.fields&f.never != 0 || f.never != 0 && s.number && s.fields == fName {
					continue
				}
				text, w := body(seeded(11, l.code, f.name, s.name), f, l, s, false)
				out, left, able := mask(t, cfg, h, f.contentType, text)
				if !able {
					unable[f.name] = true
					if out != text {
						t.Fatalf("%s: a form that cannot be masked was changed", f.name)
					}
					continue
				}
				bodies++
				if left > 0 {
					residual++
					_, left, _ = mask(t, cfg, h, f.contentType, out)
					if left > 0 {
						again++
					}
					if *show != "" {
						t.Logf("%s, %s, %s: left in\n%s", l.code, f.name, s.name, out)
					}
				}
				owner := look(t, cfg, h, f.contentType, text)
				if r := judge(owner, w.people, h, cfg.Countries); r.subjects.found < r.subjects.want {
					continue // whom nobody sees, nobody masks
				}
				for _, p := range w.people {
					for kind, value := range map[string]string{"email": p.email, "phone": p.phone, "last name": p.last, "id": p.id, "birth": p.birth, "street": p.home.street} {
						if len(value) > 5 && strings.Contains(text, value) {
							values[kind]++
							if strings.Contains(out, value) {
								leaks[kind]++
								if *show != "" && strings.Contains(*show, kind) {
									t.Logf("%s, %s, %s: %s %s in\n%s", l.code, f.name, s.name, kind, value, out)
								}
							}
						}
					}
				}
			}
		}
	}
	if residual*100 > bodies || again > 0 || leaks["email"]*1000 > values["email"] {
		t.Errorf("too much is left")
	}
	t.Logf("%d bodies masked; in %d somebody is found again, in %d after a second masking; values left %v of %v; not masked: %v", bodies, residual, again, leaks, values, unable)
}
