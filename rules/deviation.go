package rules

import "net/http"

// Deviation is in what a request is not as the platform's OpenAPI document says;
// empty: in nothing.
type Deviation string

// The deviations.
const (
	DeviationNone        Deviation = ""
	DeviationRoute       Deviation = "route"        // no operation has its path
	DeviationMethod      Deviation = "method"       // others have, with other methods
	DeviationPath        Deviation = "path"         // a parameter of the path
	DeviationQuery       Deviation = "query"        // one of the query
	DeviationHeader      Deviation = "header"       // one of the header
	DeviationCookie      Deviation = "cookie"       // one of the cookies
	DeviationContentType Deviation = "content_type" // the body has another type
	DeviationBody        Deviation = "body"         // the body is not of its schema
	DeviationUnchecked   Deviation = "unchecked"    // it could not be held against the document
)

// Deviations returns every deviation but the empty one: a closed label set.
func Deviations() []Deviation {
	return []Deviation{
		DeviationRoute, DeviationMethod, DeviationPath, DeviationQuery, DeviationHeader, DeviationCookie, DeviationContentType, DeviationBody, DeviationUnchecked,
	}
}

// Status is the HTTP status that a request is refused with.
func (d Deviation) Status() int {
	switch d {
	case DeviationRoute:
		return http.StatusNotFound
	case DeviationMethod:
		return http.StatusMethodNotAllowed
	case DeviationContentType:
		return http.StatusUnsupportedMediaType
	default:
		return http.StatusBadRequest
	}
}
