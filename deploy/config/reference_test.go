package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// fieldDocs returns the comments of all struct fields of this package, by
// type and field name.
func fieldDocs(t *testing.T) map[string]string {
	t.Helper()
	docs := make(map[string]string)
	for _, path := range files(t, "*.go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						docs[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return true
		})
	}
	return docs
}

// referenceRow is one key of the file.
type referenceRow struct{ key, kind, standard, doc string }

// referenceRows lists the keys of a struct and of what is inside it, in order.
// base holds the defaults; it is not valid inside lists.
func referenceRows(t *testing.T, docs map[string]string, typ reflect.Type, base reflect.Value, path string) []referenceRow {
	t.Helper()
	var rows []referenceRow
	for _, f := range structFields(typ) {
		field := typ.Field(f.index)
		key := f.key
		if path != "" {
			key = path + "." + f.key
		}
		doc := docs[typ.Name()+"."+field.Name]
		if name := strings.Fields(doc); len(name) == 0 || name[0] != field.Name {
			t.Errorf("%s: the comment of %s.%s does not say what it is", key, typ.Name(), field.Name)
		} else {
			rest := strings.TrimPrefix(doc, field.Name+" ")
			for _, verb := range []string{"is ", "are "} {
				rest = strings.TrimPrefix(rest, verb)
			}
			doc = strings.ToUpper(rest[:1]) + rest[1:]
		}
		inner, list := field.Type, ""
		if inner.Kind() == reflect.Slice {
			inner, list = inner.Elem(), "list of "
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		var value reflect.Value
		if base.IsValid() {
			value = base.Field(f.index)
		}
		kind := "mapping"
		if s, ok := scalarOf(inner); ok {
			kind = s.word
		}
		switch {
		case inner == reflect.TypeFor[rules.Mode]() && key != "waf.mode":
			kind = "enforce or observe"
		case inner == reflect.TypeFor[Windows]():
			kind = "limits by window"
		}
		rows = append(rows, referenceRow{key, list + kind, standardOf(value), doc})
		if kind != "mapping" {
			continue
		}
		if list != "" {
			key, value = key+"[]", reflect.Value{}
		} else if field.Type.Kind() == reflect.Pointer {
			value = reflect.Value{}
		}
		rows = append(rows, referenceRows(t, docs, inner, value, key)...)
	}
	return rows
}

// standardOf returns a default for the table.
func standardOf(v reflect.Value) string {
	if v.IsValid() && v.Type() == reflect.TypeFor[Windows]() {
		return "`" + v.Interface().(Windows).text(noWindows()) + "`"
	}
	if !v.IsValid() || v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Secret]() {
		return ""
	}
	if v.Kind() == reflect.Slice {
		if sessions, ok := v.Interface().(Sessions); ok {
			return fmt.Sprintf("the %d names below", len(sessions))
		}
		return "none"
	}
	s, _ := scalarOf(v.Type())
	if text := s.format(v.Interface()); text != "" {
		return "`" + text + "`"
	}
	return "none"
}

// TestReference keeps REFERENCE.md equal to the structs and their comments.
func TestReference(t *testing.T) {
	base := Default()
	rows := referenceRows(t, fieldDocs(t), reflect.TypeFor[Config](), reflect.ValueOf(base), "")
	var b strings.Builder
	b.WriteString(`# Every key of ordergate.yaml

Generated from the comments in this folder by ` + "`go test ./deploy/config -run Reference -update`" + `; do not edit.

Only ` + "`upstream`" + ` is required. Unknown keys are errors, and all faults are told at once. Durations are written with their unit
(` + "`500ms`, `10s`, `5m`, `24h`, `400d`" + `), sizes as bytes or with ` + "`KiB`, `MiB`, `GiB`" + `. ` + "`[]`" + ` stands for each entry of a list; a single
value may stand for a list of one. Limits by window are written as ` + "`{1m: 1, 1h: 3, 24h: 10, 30d: unlimited}`" + `: how many distinct
subjects in any minute, hour, 24 hours, 30 days; a window that is not written keeps its default, and has no limit where there is none. ` + "`ordergate check`" + ` prints the effective configuration and what it allows an attacker to take.

| key | type | default | what it is |
|---|---|---|---|
`)
	for _, r := range rows {
		if r.key != "upstream" && r.standard == "" {
			r.standard = "–"
		} else if r.key == "upstream" {
			r.standard = "required"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.key, r.kind, r.standard, strings.ReplaceAll(r.doc, "|", `\|`))
	}
	b.WriteString("\n## Where sessions are looked for by default\n\n")
	for _, c := range base.Sessions {
		fmt.Fprintf(&b, "- `%s`\n", c)
	}
	golden(t, "REFERENCE.md", b.String())
}

// TestFaultPathsExist checks that every path that a fault names is a key of
// the reference, so that nobody is sent to a key that does not exist.
func TestFaultPathsExist(t *testing.T) {
	keys := make(map[string]bool)
	for line := range strings.Lines(read(t, "REFERENCE.md")) {
		if key, ok := strings.CutPrefix(line, "| `"); ok {
			key, _, _ = strings.Cut(key, "`")
			keys[strings.ReplaceAll(key, "[]", "")] = true
		}
	}
	for _, path := range files(t, filepath.Join("testdata", "bad", "*.txtar")) {
		_, faults, _ := strings.Cut(read(t, path), "-- error --\n")
		for line := range strings.Lines(faults) {
			rest := strings.TrimPrefix(line, "ordergate.yaml: ")
			key, _, _ := strings.Cut(rest, ": ")
			if strings.Contains(line, "is not a key of ordergate") || strings.HasPrefix(rest, "is ") || strings.HasPrefix(rest, "holds ") {
				continue
			}
			var plain strings.Builder
			depth := 0
			for _, r := range key {
				if r == '[' {
					depth++
				}
				if depth == 0 {
					plain.WriteRune(r)
				}
				if r == ']' {
					depth--
				}
			}
			for _, w := range rules.Windows() {
				if parent, ok := strings.CutSuffix(plain.String(), "."+w.String()); ok {
					plain.Reset()
					plain.WriteString(parent)
				}
			}
			if !keys[plain.String()] {
				t.Errorf("%s: no key is named %s", path, plain.String())
			}
		}
	}
}
