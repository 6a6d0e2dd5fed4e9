package config

import (
	"encoding/json"
	"fmt"
)

// sprint prints a value in every way that a log line might.
func sprint(v any) string {
	text, err := json.Marshal(v)
	return fmt.Sprintf("%v %+v %#v %s %v", v, v, v, text, err)
}
