package waf

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// TestReloads: engines that were replaced and closed leave nothing behind, and an
// exchange that began before goes on with the rules it began with.
func TestReloads(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the rules five times")
	}
	file := filepath.Join(t.TempDir(), "own.conf")
	compile := func(turn int) *Engine {
		var text strings.Builder
		for i := range 150 { // other expressions every time, of which compiled some 10 KB remain
			fmt.Fprintf(&text, "SecRule ARGS \"@rx (?i)turn%dword%d(?:[a-z]{1,40}x|[0-9]{2,30}y){2}\" \"id:%d,phase:2,deny,t:none,status:403,msg:'own'\"\n", turn, i, 8_000_000+i)
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := New(Config{Paranoia: 1, Threshold: 5, RequestBody: 8 << 10, ResponseBody: 8 << 10, Files: []string{file}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	engine := compile(0)
	var first uint64
	const turns = 4
	for turn := 1; turn <= turns; turn++ {
		exchange := engine.Begin(rules.ExchangeID{1})
		next := compile(turn)
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
		own := browser("GET", fmt.Sprintf("/search?q=turn%dword7ax12y", turn-1), turn, "", "")
		if verdict, err := exchange.Request(own); err != nil || verdict.Action != rules.Refuse {
			t.Errorf("turn %d: the rules that the exchange began with said %+v, %v", turn, verdict, err)
		}
		if _, err := exchange.Finish(); err != nil {
			t.Error(err)
		}
		if engine = next; turn == 1 {
			first = held()
		}
	}
	const limit = 4 << 20
	if grown := int64(held()) - int64(first); grown > limit {
		t.Errorf("%d reloads left %d KiB behind", turns-1, grown>>10)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}
