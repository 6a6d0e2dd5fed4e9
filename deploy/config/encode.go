package config

import (
	"reflect"
	"strings"

	"github.com/ordergate/ordergate/rules"
)

// YAML returns the effective configuration as text of the same form as the
// file: every key, in the order of REFERENCE.md, with a comment on each line
// that differs from its default. Secrets are replaced by a stand-in.
func (c *Config) YAML() string {
	base := Default()
	e := encoder{comments: true}
	e.fields(reflect.ValueOf(c).Elem(), reflect.ValueOf(&base).Elem(), 0)
	return e.b.String()
}

// encoder writes a Config as YAML.
type encoder struct {
	b        strings.Builder
	comments bool // write defaults beside what differs from them
	reveal   bool // write canaries out; only for what is hashed
}

// fields writes a struct's keys at an indentation; base holds the defaults.
func (e *encoder) fields(v, base reflect.Value, indent int) {
	for _, f := range structFields(v.Type()) {
		value := v.Field(f.index)
		if f.omitEmpty && value.IsZero() {
			continue
		}
		e.b.WriteString(strings.Repeat("  ", indent))
		e.b.WriteString(f.key)
		e.b.WriteByte(':')
		e.value(value, baseField(base, f.index), indent)
	}
}

// baseField returns the default's field, or nothing for what has no default.
func baseField(base reflect.Value, index int) reflect.Value {
	if !base.IsValid() {
		return base
	}
	return base.Field(index)
}

// value writes what stands after a key's colon, with its line end.
func (e *encoder) value(v, base reflect.Value, indent int) {
	if v.Kind() == reflect.Pointer {
		v, base = v.Elem(), reflect.Value{}
	}
	if s, ok := scalarOf(v.Type()); ok {
		e.b.WriteByte(' ')
		e.b.WriteString(e.text(s, v))
		if base.IsValid() && !v.Equal(base) && s.format(base.Interface()) != "" {
			e.comment("default: " + s.format(base.Interface()))
		}
		e.b.WriteByte('\n')
		return
	}
	if w, ok := v.Interface().(Windows); ok && base.IsValid() {
		e.windows(w, base.Interface().(Windows))
		return
	}
	if v.Kind() == reflect.Struct {
		e.b.WriteByte('\n')
		e.fields(v, base, indent+1)
		return
	}
	e.list(v, base, indent)
}

// windows writes limits on one line, without those that are unlimited by
// default too.
func (e *encoder) windows(w, base Windows) {
	e.b.WriteString(" " + w.text(base))
	if w != base {
		e.comment("default: " + base.text(noWindows()))
	}
	e.b.WriteByte('\n')
}

// text returns the limits as a YAML mapping, without those that are unlimited
// in both w and base.
func (w Windows) text(base Windows) string {
	var parts []string
	for _, window := range rules.Windows() {
		if w.Of(window) != Unlimited || base.Of(window) != Unlimited {
			parts = append(parts, window.String()+": "+w.Of(window).String())
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// list writes a list: scalars on one line, structs as a block.
func (e *encoder) list(v, base reflect.Value, indent int) {
	s, flat := scalarOf(v.Type().Elem())
	if flat || v.Len() == 0 {
		items := make([]string, 0, v.Len()+1)
		if v.Type() == reflect.TypeFor[Sessions]() {
			items = append(items, noBuiltin)
		}
		for i := range v.Len() {
			items = append(items, e.text(s, v.Index(i)))
		}
		e.b.WriteString(" [" + strings.Join(items, ", ") + "]")
		if base.IsValid() && !reflect.DeepEqual(v.Interface(), base.Interface()) {
			e.comment("not the default")
		}
		e.b.WriteByte('\n')
		return
	}
	e.b.WriteByte('\n')
	for i := range v.Len() {
		e.element(v.Index(i), indent)
	}
}

// element writes one struct of a list: its first key after the dash, the
// others below it.
func (e *encoder) element(v reflect.Value, indent int) {
	inner := encoder{comments: e.comments, reveal: e.reveal}
	inner.fields(v, reflect.Value{}, indent+2)
	pad := strings.Repeat("  ", indent+2)
	e.b.WriteString(strings.Repeat("  ", indent+1) + "- ")
	e.b.WriteString(strings.TrimPrefix(inner.b.String(), pad))
}

func (e *encoder) comment(text string) {
	if e.comments {
		e.b.WriteString("  # " + text)
	}
}

// text returns a scalar as YAML.
func (e *encoder) text(s scalar, v reflect.Value) string {
	text := s.format(v.Interface())
	if secret, ok := v.Interface().(Secret); ok && e.reveal {
		text = secret.Reveal()
	}
	return quoteYAML(text)
}

// quoteYAML writes a text so that YAML reads it back as it is: plain when it
// cannot be mistaken for anything, else in double quotes. Texts hold no
// control characters (see parseText).
func quoteYAML(text string) string {
	if isPlain(text) || text == (Secret{"x"}).String() {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// isPlain reports whether a text needs no quotes: a conservative subset of
// YAML's plain scalars that is the same inside brackets.
func isPlain(text string) bool {
	if text == "" || strings.EqualFold(text, "null") || strings.HasSuffix(text, ":") {
		return false
	}
	text = strings.TrimPrefix(text, "./")
	for i := range len(text) {
		c := text[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/'
		if !alnum && (i == 0 || strings.IndexByte("._:@+-", c) < 0) {
			return false
		}
	}
	return true
}
