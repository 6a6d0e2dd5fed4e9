package record

import (
	"strings"
	"testing"

	"github.com/ordergate/ordergate/rules"
)

// program is a script as bundlers make it, with addresses that are no customers'.
func program(size int) string {
	part := `const a=(e,t)=>{if(e.x[t]){return{ok:!0,v:[1,2,e.y]}}else{throw new Error("no "+t)}};var m={author:{name:"Ada Lund",email:"ada@lund.example"}};function q(e){for(var t=0;t<e.length;t++)e[t]={id:t,k:e[t]};return e}`
	return `!function(e){"use strict";` + strings.Repeat(part, 1+size/len(part)) + `}(this);`
}

// scriptCases are scripts with data, each with its innocent twin.
func scriptCases() []testCase {
	both := rules.FieldName | rules.FieldEmail
	js := "application/javascript; charset=utf-8"
	long := "/* " + strings.Repeat("licence * ", 200) + "*/\n// x\n"
	list := `[{name:'Ada Lund',email:'ada@lund.example'},{"name":"Bo Ek","email":"bo@ek.example"}]`
	return []testCase{
		{name: "jsonp/attack", contentType: js, body: `/**/ typeof cb === 'function' && cb(` + oneCustomer + `);`, subjects: 1, fields: both},
		{name: "jsonp/plain", contentType: "text/javascript", body: `jQuery.cb_17(` + oneCustomer + `)`, subjects: 1, fields: both},
		{name: "jsonp/text", contentType: "text/plain", body: `cb(` + oneCustomer + `)`, subjects: 1, fields: both},
		{name: "jsonp/json", contentType: "application/json", body: `cb(` + oneCustomer + `)`, subjects: 1, fields: both},
		{name: "jsonp/twin", contentType: js, body: `cb({"products":[{"name":"Ada lamp","image":"lamp@2x.png","price":19.99}]})`},
		{name: "guard/attack", contentType: "application/json", body: ")]}',\n" + oneCustomer, subjects: 1, fields: both},
		{name: "guard/loop", contentType: js, body: "for(;;);" + oneCustomer, subjects: 1, fields: both},
		{name: "guard/twin", contentType: "application/json", body: ")]}',\n{\"name\":\"Ada lamp\"}"},
		{name: "data/list", contentType: js, body: long + "var customers = " + list + ";", subjects: 2, fields: both},
		{name: "data/state", contentType: js, body: `window["__STATE__"] = window.x = ` + oneCustomer, subjects: 1, fields: both},
		{name: "data/default", contentType: js, body: `window.dataLayer = window.dataLayer || []; dataLayer.push(` + oneCustomer + `)`, subjects: 1, fields: both},
		{name: "data/second", contentType: js, body: `"use strict"; var lang = "en", x = 'a;b'; let all = ` + list, subjects: 2, fields: both},
		{name: "data/module", contentType: js, body: `export default ` + list, subjects: 2, fields: both},
		{name: "data/function", contentType: js, body: `(function(){window.__STATE__={"me":` + oneCustomer + `}})()`, subjects: 1, fields: both},
		{name: "data/twin", contentType: js, body: `var products = [{name:"Ada lamp", image: "lamp@2x.png"}];`},
		{name: "program/twin", contentType: js, body: long + program(4000)},
		{name: "program/webpack", contentType: js, body: `(self.webpackChunk=self.webpackChunk||[]).push([[17],{3:(e,t,n)=>{e.exports={name:"x",author:{name:"Ada Lund",email:"ada@lund.example"}}}}]);`},
		{name: "program/loader", contentType: js, body: `define(["a","b"],function(a,b){return {name:"Ada Lund",email:"ada@lund.example"}})`},
		{name: "program/import", contentType: js, body: `import{a as b}from"./x.js";const c={email:"ada@lund.example"};`},
		{name: "page", contentType: js, body: `<!DOCTYPE html><p>E-Mail: ada@lund.example</p>`, subjects: 1, fields: rules.FieldEmail},
		{name: "json", contentType: js, body: oneCustomer, subjects: 1, fields: both},
		{name: "comment", contentType: js, body: "/* ada@lund.example " + strings.Repeat("*", 3000)},
	}
}

func TestScripts(t *testing.T) {
	for _, c := range scriptCases() {
		t.Run(c.name, func(t *testing.T) {
			check(t, &c)
			same(t, c.contentType, []byte(c.body), 1)
		})
	}
}

func TestIdle(t *testing.T) {
	for body, want := range map[string]bool{program(4000): true, "var a = [" + strings.Repeat("{b:1},", 500): false, "// " + strings.Repeat("x", 4000): false} {
		f := NewFinder(nil, testHasher(t), "text/javascript")
		_, _ = f.Write([]byte(body))
		if f.Idle() != want || want && f.Safe() != f.Offset() {
			t.Errorf("%.20s…: idle %v, %d of %d safe", body, f.Idle(), f.Safe(), f.Offset())
		}
	}
}

func BenchmarkScript(b *testing.B) {
	piece := []byte(strings.TrimPrefix(program(256<<10), "!function(e){\"use strict\";"))
	for name, head := range map[string]string{"program": program(2000), "data": "var x = [" + strings.Repeat("1,", 600) + "1];"} {
		b.Run(name, func(b *testing.B) {
			f := NewFinder(nil, testHasher(b), "text/javascript")
			_, _ = f.Write([]byte(head))
			b.SetBytes(int64(len(piece)))
			for b.Loop() {
				_, _ = f.Write(piece)
				f.Take(nil)
			}
		})
	}
}
