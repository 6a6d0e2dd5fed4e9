package contract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/ordergate/ordergate/rules"
)

// Judge holds a request against the document. body is all of the request's body,
// and whole is false where there is more of it: it is not judged then. r is only
// read. The operation is nil when no operation is the request's.
func (d *Document) Judge(r *http.Request, body []byte, whole bool) (operation *Operation, deviation rules.Deviation) {
	defer func() {
		if recover() != nil { // the library met what it was not written for: the request is nobody's fault
			deviation = rules.DeviationUnchecked
		}
	}()
	route, parameters, err := d.router.FindRoute(r)
	switch {
	case errors.Is(err, routers.ErrMethodNotAllowed):
		return nil, rules.DeviationMethod
	case err != nil:
		return nil, rules.DeviationRoute
	}
	operation = d.operations[route.Operation]
	options := &openapi3filter.Options{
		AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc, // who may ask is the platform's to say
		SkipSettingDefaults: true, ExcludeRequestBody: !whole || unreadable(r, route.Operation),
	}
	request := r.Clone(context.WithoutCancel(r.Context())) // its body is replaced
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	err = openapi3filter.ValidateRequest(request.Context(), &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route, Options: options,
	})
	return operation, deviationOf(err)
}

// unreadable reports whether the body has a type that the operation declares and
// the library has no reader for.
func unreadable(r *http.Request, operation *openapi3.Operation) bool {
	if operation.RequestBody == nil || operation.RequestBody.Value == nil {
		return false
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && operation.RequestBody.Value.Content.Get(media) != nil && openapi3filter.RegisteredBodyDecoder(media) == nil
}

// deviationOf tells what an error of the library is about. The error itself quotes
// the request, and goes nowhere.
func deviationOf(err error) rules.Deviation {
	var fault *openapi3filter.RequestError
	switch {
	case err == nil:
		return rules.DeviationNone
	case !errors.As(err, &fault):
		return rules.DeviationUnchecked
	case fault.Parameter != nil:
		switch fault.Parameter.In {
		case openapi3.ParameterInPath:
			return rules.DeviationPath
		case openapi3.ParameterInQuery:
			return rules.DeviationQuery
		case openapi3.ParameterInHeader:
			return rules.DeviationHeader
		}
		return rules.DeviationCookie
	case strings.Contains(fault.Reason, "Content-Type"):
		return rules.DeviationContentType
	}
	return rules.DeviationBody
}

// Allowed returns the methods of the operations that have the request's path, for
// the Allow field of a refusal (RFC 9110, 15.5.6).
func (d *Document) Allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host, Header: http.Header{}}
		if _, _, err := d.router.FindRoute(other); err == nil {
			methods = append(methods, method)
		}
	}
	return methods
}
