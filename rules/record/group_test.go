package record

import (
	"reflect"
	"testing"
)

// TestReset: nothing that a group knew of one person is left for the next.
func TestReset(t *testing.T) {
	var g group
	fill(reflect.ValueOf(&g).Elem())
	g.reset()
	want := group{start: never, next: none}
	clearRooms(reflect.ValueOf(&g).Elem())
	g.ids = want.ids // counted by n
	if g != want {
		t.Errorf("after a reset: %+v", g)
	}
}

// fill sets every number and flag below v.
func fill(v reflect.Value) {
	v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem() // unexported fields too
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(1)
		} else {
			v.SetUint(1)
		}
	}
}

// clearRooms empties the rooms of short and long values, whose lengths count.
func clearRooms(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch at := reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Interface().(type) {
		case *short:
			at.b = short{}.b
		case *long:
			at.b = long{}.b
		case *[3]short:
			for i := range at {
				at[i].b = short{}.b
			}
		}
	}
}
