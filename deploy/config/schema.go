package config

import (
	"reflect"
	"strings"
)

// schemaField is one key of the file.
type schemaField struct {
	key       string
	index     int  // in its struct
	omitEmpty bool // not written out while zero
	short     bool // a scalar in place of the struct stands for this field
}

// structFields returns the keys of a struct in their order, from its tags.
func structFields(t reflect.Type) []schemaField {
	fields := make([]schemaField, 0, t.NumField())
	for i := range t.NumField() {
		key, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		fields = append(fields, schemaField{key: key, index: i, omitEmpty: options == "omitempty", short: options == "short"})
	}
	return fields
}

func fieldByKey(t reflect.Type, key string) (schemaField, bool) {
	for _, f := range structFields(t) {
		if f.key == key {
			return f, true
		}
	}
	return schemaField{}, false
}

// unknownKey says what may have been meant.
func unknownKey(t reflect.Type, key string) problem {
	const what = "is not a key of ordergate"
	known := make([]string, 0, t.NumField())
	best, least := "", 3 // more than two changes is another word
	for _, f := range structFields(t) {
		known = append(known, f.key)
		if n := distance(key, f.key); n < least && n < len(f.key) {
			best, least = f.key, n
		}
	}
	if best != "" {
		return problem{what, "write " + best + ", or remove it"}
	}
	return problem{what, "remove it, or write one of " + strings.Join(known, ", ")}
}

// distance is the Levenshtein distance of two short texts, in bytes; texts
// longer than a key can be count as far apart.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
