package waf

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// TestLent: bodies of every size come through the lent buffer as they are, and so does
// an error, behind what came before it; nothing of them stays in the buffer.
func TestLent(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, 300, 32<<10 - 1, 32 << 10, 32<<10 + 1, 100_000} {
		text := strings.Repeat("Hauptstraße 5, ", size/16+1)[:size]
		for name, reader := range map[string]io.Reader{
			"whole": strings.NewReader(text), "by the byte": iotest.OneByteReader(strings.NewReader(text)),
			"broken": io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)),
		} {
			var got strings.Builder
			n, err := io.Copy(&got, lent{reader})
			if want := map[bool]error{true: broken}[name == "broken"]; got.String() != text || n != int64(size) || !errors.Is(err, want) {
				t.Errorf("%d bytes, %s: %d came, error %v", size, name, n, err)
			}
		}
	}
	for range 100 { // what the pool holds
		if b := buffers.Get().(*[32 << 10]byte); !bytes.Equal(b[:], make([]byte, len(b))) { //nolint:forcetypeassert // it makes no other
			t.Fatal("a buffer still holds somebody's text")
		}
	}
}

// TestLending: Coraza's processors for forms and JSON are lent a buffer; when one of
// them gets a state, or another name, this says so.
func TestLending(t *testing.T) {
	for name, original := range map[string]string{"urlencoded": "*bodyprocessors.urlencodedBodyProcessor", "json": "*bodyprocessors.jsonBodyProcessor"} {
		p, err := corazasProcessor(name)
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := p.(lending); !ok || reflect.TypeOf(l.BodyProcessor).String() != original {
			t.Errorf("%s is processed by %T", name, p)
		}
	}
}

// TestPostBudget: how much memory a clean POST takes.
func TestPostBudget(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector keeps no pools")
	}
	engine, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 128 << 10, ResponseBody: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, budget := range map[string]uint64{"form-post": 22 << 10, "json-post": 24 << 10} {
		const each = 500
		var before, after runtime.MemStats
		for n := range 2 * each {
			if n == each { // what expressions are followed by is there
				runtime.ReadMemStats(&before)
			}
			serve(t, engine, storefront[name](n), answer{})
		}
		runtime.ReadMemStats(&after)
		got := (after.TotalAlloc - before.TotalAlloc) / each
		if got > budget {
			t.Errorf("%s: %d bytes, more than %d", name, got, budget)
		}
	}
}
