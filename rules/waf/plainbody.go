package waf

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"unsafe"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// plainBody is the name of a body processor that does to a response body what
// Coraza does without one, in one allocation: Coraza copies a page of 24 KB through
// 32 KB more.
const plainBody = "ordergate-plain"

func init() {
	plugins.RegisterBodyProcessor(plainBody, func() plugintypes.BodyProcessor { return asItComes{} })
}

// settable is a variable of Coraza that can be set; its interface does not tell, its
// type does.
type settable interface {
	collection.Single
	Set(value string)
}

// expect says that n more bytes of the response's body come, before they do. Where
// a rule has chosen a processor, that one is for it.
func (c *cleared) expect(n int) {
	vars := c.state.Variables()
	processor, can := vars.ResponseBodyProcessor().(settable)
	length, measures := vars.ResponseContentLength().(settable)
	switch {
	case !can || !measures || c.state.LastPhase() != types.PhaseResponseHeaders:
		return
	case c.body == 0 && (processor.Get() != "" || !c.tx.IsResponseBodyAccessible() || !c.tx.IsResponseBodyProcessable()):
		return
	}
	c.body += n
	length.Set(strconv.Itoa(c.body))
	processor.Set(plainBody)
}

// asItComes is the body processor plainBody. It takes RESPONSE_CONTENT_LENGTH for how
// long the body may be, and sets it to how long it is.
type asItComes struct{}

// ProcessRequest implements plugintypes.BodyProcessor; it is not for requests.
func (asItComes) ProcessRequest(io.Reader, plugintypes.TransactionVariables, plugintypes.BodyProcessorOptions) error {
	return errors.New("the body processor " + plainBody + " is for responses")
}

// ProcessResponse implements plugintypes.BodyProcessor.
func (asItComes) ProcessResponse(body io.Reader, vars plugintypes.TransactionVariables, _ plugintypes.BodyProcessorOptions) error {
	expected, _ := strconv.Atoi(vars.ResponseContentLength().Get()) // only where to begin
	text, err := readAll(body, max(expected, 0))
	if err != nil {
		return fmt.Errorf("reading the response body: %w", err)
	}
	set(vars.ResponseContentLength(), strconv.Itoa(len(text)))
	set(vars.ResponseBody(), unsafe.String(unsafe.SliceData(text), len(text))) // #nosec G103 -- nobody else has the bytes
	set(vars.ResponseBodyProcessor(), "")                                      // no rule sees that there was one
	return nil
}

func set(v collection.Single, value string) {
	if v, ok := v.(settable); ok { // expect saw that it is
		v.Set(value)
	}
}

// readAll reads to the end, of what is expected to be at most so long.
func readAll(from io.Reader, expected int) ([]byte, error) {
	text := make([]byte, 0, expected+1) // where there is no room, Coraza's reader tells of an end
	for {
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case err == io.EOF: //nolint:errorlint // io.Reader's contract
			return text, nil
		case err != nil:
			return nil, err //nolint:wrapcheck // its caller does
		case len(text) == cap(text):
			text = append(text, 0)[:len(text)]
		}
	}
}
