package drill

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var bracedWord = regexp.MustCompile(`\{([a-z]+)\}`)

// words are what an action is given, by the names in its texts.
type words map[string]string

// check tells of texts that name what the action is not given.
func (a *Action) check(at, given string) error {
	var errs []error
	known := append(strings.Fields(given), "query")
	texts := append([]string{a.Path, a.JSON}, a.Paths...)
	for _, value := range a.Form {
		texts = append(texts, value)
	}
	for _, value := range a.Headers {
		texts = append(texts, value)
	}
	for _, text := range texts {
		for _, found := range bracedWord.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(known, found[1]) && text != a.JSON { // JSON has braces of its own.
				errs = append(errs, fmt.Errorf("%s: {%s} is nothing that it is given: write of %q", at, found[1], strings.Fields(given)))
			}
		}
	}
	for _, path := range append([]string{a.Path}, a.Paths...) {
		if path != "" && (path[0] != '/' || strings.HasPrefix(path, "//")) {
			errs = append(errs, fmt.Errorf("%s: path %q: write one that begins with one /", at, path))
		}
	}
	if a.Path == "" && len(a.Paths) == 0 {
		errs = append(errs, fmt.Errorf("%s: it has no path", at))
	}
	if a.JSON != "" && len(a.Form) > 0 {
		errs = append(errs, fmt.Errorf("%s: it has both form and json: keep one", at))
	}
	return errors.Join(errs...)
}

// check likewise looks at a login.
func (l *Login) check(at, given string) error {
	err := l.Action.check(at, given)
	if l.Hidden != "" {
		pattern, failed := regexp.Compile(l.Hidden)
		if failed != nil || pattern.NumSubexp() != 1 {
			err = errors.Join(err, fmt.Errorf("%s.hidden: %q: write a regular expression with one group", at, l.Hidden))
		}
	}
	if name, value, ok := strings.Cut(l.Send, ":"); l.Send != "" && (!ok || name == "" || !strings.Contains(value, "{token}")) {
		err = errors.Join(err, fmt.Errorf("%s.send: %q: write a header such as Authorization: Bearer {token}", at, l.Send))
	}
	return err
}

// call makes the request of an action.
func (a *Action) call(w words) call {
	c := call{method: a.Method, path: fillPath(a.Path, w), headers: map[string]string{}}
	for name, value := range a.Headers {
		c.headers[name] = fill(value, w, func(s string) string { return s })
	}
	switch {
	case a.JSON != "":
		c.contentType, c.body = "application/json", fill(a.JSON, w, insideJSON)
	case len(a.Form) > 0:
		form := url.Values{}
		for name, value := range a.Form {
			form.Set(name, fill(value, w, func(s string) string { return s }))
		}
		c.contentType, c.body = "application/x-www-form-urlencoded", form.Encode()
	}
	if c.method == "" {
		c.method = http.MethodGet
		if c.body != "" {
			c.method = http.MethodPost
		}
	}
	return c
}

// fill replaces the words of a text.
func fill(text string, w words, escape func(string) string) string {
	return bracedWord.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := w[found[1:len(found)-1]]; ok {
			return escape(value)
		}
		return found
	})
}

// fillPath replaces them in a path, and in its query.
func fillPath(text string, w words) string {
	path, query, has := strings.Cut(text, "?")
	path = fill(path, w, url.PathEscape)
	if has {
		path += "?" + fill(query, w, url.QueryEscape)
	}
	return path
}

// insideJSON escapes a text for between the quotes of a JSON string; a list, which
// begins with a bracket, is put in as it is.
func insideJSON(text string) string {
	if strings.HasPrefix(text, `["`) {
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("BUG: a string that cannot be JSON: " + err.Error())
	}
	return string(quoted[1 : len(quoted)-1])
}

// pointed returns the text at a JSON pointer (RFC 6901) in a body; empty: there is
// none.
func pointed(body []byte, pointer string) string {
	var at any
	if json.Unmarshal(body, &at) != nil {
		return ""
	}
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		object, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	text, _ := at.(string) // another type is no token.
	return text
}
