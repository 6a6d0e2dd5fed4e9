package contract

import (
	"cmp"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxShapes bounds what a document's answers come to.
const maxShapes = 20_000

// shape is what a value of an answer may hold. A value of which the schemas say
// nothing is open: whatever it holds was allowed by saying nothing.
type shape struct {
	fields map[string]member
	items  *shape // of an array; nil: nothing is said
	rest   *shape // of fields that have no name in the schema; nil: there are none
	open   bool
}

// member is a field that is declared.
type member struct {
	name string
	of   *shape
}

// builder makes shapes of schemas, each set of schemas once: they may refer to
// themselves.
type builder struct {
	made map[string]*shape
}

func newBuilder() *builder { return &builder{made: make(map[string]*shape)} }

func (b *builder) over() bool { return len(b.made) > maxShapes }

// answers are the shapes of what an operation may answer in JSON.
func (b *builder) answers(operation *openapi3.Operation) map[string]answers {
	out := make(map[string]answers)
	if operation.Responses == nil {
		return out
	}
	for status, response := range operation.Responses.Map() {
		shapes := make(answers)
		if response.Value != nil {
			for media, content := range response.Value.Content {
				if content.Schema != nil && content.Schema.Value != nil {
					shapes[strings.ToLower(media)] = b.of([]*openapi3.Schema{content.Schema.Value})
				}
			}
		}
		out[strings.ToUpper(status)] = shapes
	}
	return out
}

// of returns the shape of a value that any of the schemas describes.
func (b *builder) of(schemas []*openapi3.Schema) *shape {
	var all []*openapi3.Schema
	for _, s := range schemas {
		all = flatten(s, all)
	}
	key := keyOf(all)
	if known := b.made[key]; known != nil {
		return known
	}
	s := &shape{}
	b.made[key] = s
	if b.over() {
		s.open = true
		return s
	}
	fields := make(map[string][]*openapi3.Schema)
	var items, rest []*openapi3.Schema
	for _, one := range all {
		for name, field := range one.Properties {
			fields[name] = append(fields[name], field.Value)
		}
		if one.Items != nil && one.Items.Value != nil {
			items = append(items, one.Items.Value)
		}
		if one.AdditionalProperties.Schema != nil && one.AdditionalProperties.Schema.Value != nil {
			rest = append(rest, one.AdditionalProperties.Schema.Value)
		}
		if allowed := one.AdditionalProperties.Has; allowed != nil && *allowed {
			s.open = true
		}
	}
	s.open = s.open || len(fields) == 0 && items == nil && rest == nil
	s.fields = make(map[string]member, len(fields))
	for name, of := range fields {
		s.fields[name] = member{name, b.of(of)}
	}
	if items != nil {
		s.items = b.of(items)
	}
	if rest != nil {
		s.rest = b.of(rest)
	}
	return s
}

// flatten adds a schema, and those that it is composed of.
func flatten(s *openapi3.Schema, out []*openapi3.Schema) []*openapi3.Schema {
	if s == nil || slices.Contains(out, s) {
		return out
	}
	out = append(out, s)
	for _, of := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, part := range of {
			out = flatten(part.Value, out)
		}
	}
	return out
}

// keyOf names a set of schemas by where they are.
func keyOf(schemas []*openapi3.Schema) string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = fmt.Sprintf("%p", s)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return strings.Join(slices.Compact(names), " ")
}

// answer returns the shape of an answer with this status and Content-Type; declared
// is false where the operation says nothing of such an answer.
func (o *Operation) answer(status int, contentType string) (s *shape, declared bool) {
	for _, key := range [...]string{strconv.Itoa(status), strconv.Itoa(status/100) + "XX", "DEFAULT"} {
		shapes, ok := o.answers[key]
		if !ok {
			continue
		}
		media, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			return nil, true
		}
		for _, pattern := range [...]string{media, media[:strings.IndexByte(media, '/')+1] + "*", "*/*"} {
			if s := shapes[pattern]; s != nil {
				return s, true
			}
		}
		return nil, len(shapes) == 0 // one that declares no content at all may still carry an error's
	}
	return nil, false
}
