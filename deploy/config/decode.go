package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a config file, in bytes.
const maxFile = 256 << 10

// maxLines bounds a config file, in lines: the YAML parser takes time to the
// square of them.
const maxLines = 10_000

// maxNesting bounds how deep flow brackets may nest: the deepest place of the
// schema is 5, and the YAML parser is recursive.
const maxNesting = 32

// maxItems bounds every list of the file.
const maxItems = 1000

// defaulter is a struct whose unwritten fields are not zero; decode calls it
// for each new list element and for what an optional key stands for.
type defaulter interface{ setDefaults() }

// decoder fills a Config from a YAML tree and collects what it cannot read.
// It is a walk of our own, and not the YAML library's, because that one stops
// at the first fault, and quotes the file around it: secrets too.
type decoder struct {
	file   string
	faults Faults
}

func (d *decoder) fault(path, value string, p problem) {
	d.faults = append(d.faults, Fault{File: d.file, Path: path, Value: value, Problem: p.what, Remedy: p.remedy})
}

// decode reads data over what c holds.
func (d *decoder) decode(data []byte, c *Config) {
	if p := checkText(data); p != nil {
		d.fault("", "", *p)
		return
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.fault("", "", syntaxProblem(err))
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			d.fault("", "", problem{"holds more than one YAML document", "keep one, and remove the --- between them"})
			return
		}
		body = doc.Body
	}
	if body != nil {
		d.value(body, reflect.ValueOf(c).Elem(), "")
	}
}

// checkText refuses what would make the YAML parser work hard, before it sees it.
func checkText(data []byte) *problem {
	switch {
	case len(data) > maxFile:
		return &problem{"is larger than 256 KiB", "a config file of ordergate has a few hundred lines; check that this is the right file"}
	case bytes.Count(data, []byte("\n")) > maxLines:
		return &problem{"has more than 10000 lines", "a config file of ordergate has a few hundred; check that this is the right file"}
	case !utf8.Valid(data):
		return &problem{"is not UTF-8 text", "save it as UTF-8; check that this is the right file"}
	}
	depth, indent, most := 0, 0, 0
	for _, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			indent = 0
		case ' ', '\t', '-', '?', ':', '!', '&':
			indent++
		default:
			indent = -len(data)
		}
		most = max(most, depth, indent/8)
	}
	if most > maxNesting {
		return &problem{"is nested deeper than any ordergate config", "check the brackets and the indentation"}
	}
	return nil
}

// syntaxProblem describes a parse error by its place; the library's own text
// would quote the file.
func syntaxProblem(err error) problem {
	const remedy = "check indentation, quotes and brackets there"
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		pos := at.GetToken().Position
		return problem{fmt.Sprintf("is not valid YAML at line %d, column %d", pos.Line, pos.Column), remedy}
	}
	return problem{"is not valid YAML", remedy}
}

// value reads one node into v, which holds the default.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType:
		d.fault(path, "", problem{"uses a YAML anchor, alias or tag", "write the value itself"})
		return
	default: // the kind of v decides
	}
	if s, ok := scalarOf(v.Type()); ok {
		d.scalar(n, s, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		d.value(n, fresh.Elem(), path)
		v.Set(fresh)
	default:
		panic("config: no way to read a " + v.Type().String()) // a fault of ours, met by the first test
	}
}

func setDefaults(pointer reflect.Value) {
	if d, ok := pointer.Interface().(defaulter); ok {
		d.setDefaults()
	}
}

// scalar reads a single value.
func (d *decoder) scalar(n ast.Node, s scalar, v reflect.Value, path string) {
	text, ok := scalarText(n)
	if !ok {
		if n.Type() == ast.NullType {
			d.fault(path, "", problem{"has no value", "write one, or remove the key to keep its default"})
			return
		}
		d.fault(path, "", problem{"holds a list or a mapping", "write a single value: " + s.word})
		return
	}
	value, p := s.parse(text)
	if p != nil {
		if s.hidden || strings.Contains(text, "@") && v.Type() == reflect.TypeFor[URL]() {
			text = ""
		}
		d.fault(path, text, *p)
		return
	}
	v.Set(reflect.ValueOf(value))
}

// scalarText returns the text of a scalar as the operator wrote it: 1_000 and
// 0x10 and yes stay texts, so that nothing is read in a way nobody expects.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// fields reads a mapping into a struct.
func (d *decoder) fields(n ast.Node, v reflect.Value, path string) {
	pairs, ok := mapping(n)
	if !ok {
		d.notMapping(n, v, path)
		return
	}
	seen := make(map[string]bool, len(pairs))
	for _, pair := range pairs {
		key, ok := scalarText(pair.Key)
		if !ok {
			d.fault(path, "", problem{"has a key that is not a plain word", "write keys as in REFERENCE.md"})
			continue
		}
		at := join(path, key)
		field, ok := fieldByKey(v.Type(), key)
		switch {
		case !ok:
			d.fault(at, "", unknownKey(v.Type(), key))
		case seen[key]:
			d.fault(at, "", problem{"is written twice", "keep one of the two"})
		default:
			seen[key] = true
			d.value(pair.Value, v.Field(field.index), at)
		}
	}
}

// notMapping reads the short form of a struct that has one, such as the bare
// URL of an upstream.
func (d *decoder) notMapping(n ast.Node, v reflect.Value, path string) {
	if _, ok := scalarText(n); ok {
		for _, f := range structFields(v.Type()) {
			if f.short {
				d.value(n, v.Field(f.index), path)
				return
			}
		}
	}
	if n.Type() == ast.NullType {
		return // a section whose lines are all commented out
	}
	keys := make([]string, 0, 8)
	for _, f := range structFields(v.Type()) {
		keys = append(keys, f.key)
	}
	d.fault(path, "", problem{"is not a mapping", "write it with the keys " + strings.Join(keys, ", ")})
}

// list reads a sequence; a single value stands for a list of one.
func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	items := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	} else if n.Type() == ast.NullType {
		return
	}
	if len(items) > maxItems {
		d.fault(path, "", problem{"has more than 1000 entries", "shorten it; write CIDRs and patterns in place of single values"})
		return
	}
	builtin := v.Type() == reflect.TypeFor[Sessions]()
	out := reflect.MakeSlice(v.Type(), 0, len(items))
	for i, item := range items {
		at := path + "[" + strconv.Itoa(i) + "]"
		if len(items) == 1 && item == n {
			at = path
		}
		if text, ok := scalarText(item); ok && text == noBuiltin && v.Type() == reflect.TypeFor[Sessions]() {
			builtin = false
			continue
		}
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh)
		d.value(item, fresh.Elem(), at)
		out = reflect.Append(out, fresh.Elem())
	}
	if out.Len() == 0 {
		out = reflect.Zero(v.Type())
	}
	v.Set(out)
	if builtin {
		v.Set(reflect.ValueOf(v.Interface().(Sessions).withBuiltins()))
	}
}

// mapping returns the pairs of a mapping node.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// join appends a key to a path, quoted when it is not a plain word.
func join(path, key string) string {
	for _, r := range key {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-') {
			key = quoted(key)
			break
		}
	}
	if len(key) > maxShown {
		key = quoted(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
