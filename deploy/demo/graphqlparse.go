package demo

import (
	"errors"
	"fmt"
	"strings"
	"text/scanner"
)

// The bounds of a GraphQL document.
const (
	maxGraphQLFields = 1000
	maxGraphQLDepth  = 8
)

// gqlField is one field of a selection: alias, name, arguments and what is
// selected inside it. An argument is a string, or a gqlVariable.
type gqlField struct {
	key       string // the alias, or the name without one
	name      string
	arguments map[string]any
	selection []gqlField
}

// gqlVariable is the name of a variable, without the dollar sign.
type gqlVariable string

// gqlParser reads the part of GraphQL (spec.graphql.org, October 2021, section
// 2) that the shop's app uses: one query operation, variables, aliases,
// arguments that are strings, numbers, names or variables, nested selections.
// No fragments, directives, lists, input objects or block strings.
type gqlParser struct {
	scan   scanner.Scanner
	token  rune
	fields int
	fault  error
}

// parseGraphQL returns the top selection of a query.
func parseGraphQL(query string) ([]gqlField, error) {
	p := &gqlParser{}
	p.scan.Init(strings.NewReader(query))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	p.scan.Error = func(_ *scanner.Scanner, text string) { p.fail(errors.New(text)) }
	p.scan.Whitespace = scanner.GoWhitespace | 1<<','
	p.next()
	if p.token == scanner.Ident {
		if kind := p.text(); kind != "query" {
			return nil, fmt.Errorf("operation %q: only query is supported", kind)
		}
		p.next()
		if p.token == scanner.Ident {
			p.next()
		}
		p.skipVariables()
	}
	selection := p.selection(1)
	if p.fault == nil && p.token != scanner.EOF {
		p.unexpected("the end of the document")
	}
	return selection, p.fault
}

func (p *gqlParser) text() string { return p.scan.TokenText() }

// next reads the next token and leaves out comments.
func (p *gqlParser) next() {
	p.token = p.scan.Scan()
	for p.token == '#' {
		for c := p.scan.Next(); c != '\n' && c != scanner.EOF; c = p.scan.Next() {
		}
		p.token = p.scan.Scan()
	}
}

func (p *gqlParser) fail(err error) {
	if p.fault == nil {
		p.fault = fmt.Errorf("syntax error at line %d: %w", p.scan.Line, err)
	}
}

func (p *gqlParser) unexpected(wanted string) {
	p.fail(fmt.Errorf("found %q, want %s", p.text(), wanted))
}

// take reads one expected token.
func (p *gqlParser) take(token rune, wanted string) string {
	if p.fault != nil {
		return ""
	}
	if p.token != token {
		p.unexpected(wanted)
		return ""
	}
	text := p.text()
	p.next()
	return text
}

// skipVariables reads over "($n: String!)": values are checked when they are used.
func (p *gqlParser) skipVariables() {
	if p.token != '(' {
		return
	}
	for p.token != ')' && p.token != scanner.EOF && p.fault == nil {
		p.next()
	}
	p.take(')', "a closing parenthesis")
}

func (p *gqlParser) selection(depth int) []gqlField {
	if depth > maxGraphQLDepth {
		p.fail(fmt.Errorf("the query is deeper than %d", maxGraphQLDepth))
		return nil
	}
	p.take('{', "an opening brace")
	var fields []gqlField
	for p.fault == nil && p.token != '}' {
		if p.fields++; p.fields > maxGraphQLFields {
			p.fail(fmt.Errorf("the query has more than %d fields", maxGraphQLFields))
			return nil
		}
		fields = append(fields, p.field(depth))
	}
	p.take('}', "a closing brace")
	return fields
}

func (p *gqlParser) field(depth int) gqlField {
	f := gqlField{name: p.take(scanner.Ident, "a field name")}
	f.key = f.name
	if p.token == ':' {
		p.next()
		f.name = p.take(scanner.Ident, "a field name")
	}
	if p.token == '(' {
		p.next()
		f.arguments = map[string]any{}
		for p.fault == nil && p.token != ')' {
			name := p.take(scanner.Ident, "an argument name")
			p.take(':', "a colon")
			f.arguments[name] = p.value()
		}
		p.take(')', "a closing parenthesis")
	}
	if p.token == '{' {
		f.selection = p.selection(depth + 1)
	}
	return f
}

func (p *gqlParser) value() any {
	switch p.token {
	case '$':
		p.next()
		return gqlVariable(p.take(scanner.Ident, "a variable name"))
	case scanner.String:
		text := p.text()
		p.next()
		return unquote(text)
	case scanner.Int, scanner.Float, scanner.Ident:
		text := p.text()
		p.next()
		return text
	default:
		p.unexpected("a value")
		return nil
	}
}
