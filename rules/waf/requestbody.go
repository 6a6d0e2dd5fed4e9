package waf

import (
	"io"
	"reflect"
	"sync"
	_ "unsafe" // for go:linkname

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// Coraza reads a form or JSON of a request by io.Copy, which makes a buffer of 32 KiB
// for it: two thirds of all memory that a checkout takes in the WAF. Its processors stay
// the only parsers; they are given a reader that has a buffer already.

// corazasProcessor is Coraza's own function, which it exports to none but itself.
//
//go:linkname corazasProcessor github.com/corazawaf/coraza/v3/internal/bodyprocessors.GetBodyProcessor
func corazasProcessor(name string) (plugintypes.BodyProcessor, error)

func init() {
	for _, name := range []string{"urlencoded", "json"} {
		processor, err := corazasProcessor(name)
		if err != nil || !stateless(processor) {
			continue // then Coraza reads as it does
		}
		plugins.RegisterBodyProcessor(name, func() plugintypes.BodyProcessor { return lending{processor} })
	}
}

// stateless reports whether one processor can serve all requests: it has no fields.
func stateless(p plugintypes.BodyProcessor) bool {
	t := reflect.TypeOf(p)
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0
}

// lending is one of Coraza's body processors, which is lent a buffer to read with.
type lending struct{ plugintypes.BodyProcessor }

// ProcessRequest implements plugintypes.BodyProcessor.
func (l lending) ProcessRequest(body io.Reader, vars plugintypes.TransactionVariables, options plugintypes.BodyProcessorOptions) error {
	return l.BodyProcessor.ProcessRequest(lent{body}, vars, options) //nolint:wrapcheck // rules see Coraza's text
}

// lent is a reader that io.Copy needs no buffer for.
type lent struct{ io.Reader }

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// WriteTo implements io.WriterTo.
func (l lent) WriteTo(w io.Writer) (int64, error) {
	buffer, _ := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, l.Reader, buffer[:])
	clear(buffer[:min(n, int64(len(buffer)))]) // somebody's address does not lie about
	return n, err                              //nolint:wrapcheck // as Coraza's reader returns it
}
