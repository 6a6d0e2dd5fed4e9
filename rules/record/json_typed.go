package record

// typedKeys are keys, as they are written, that say of which type the value behind them
// is, in an object that stands for the value alone: {"name": {"S": "Ada"}} (DynamoDB),
// {"stringValue": …} (Firestore, protobuf's Value), {"$numberLong": …} (MongoDB),
// {"v": …} (a cell of Google's visualization API, in a table).
var typedKeys = map[string]bool{
	"S": true, "N": true, "M": true, "L": true, "v": true,
	"stringValue": true, "integerValue": true, "doubleValue": true, "timestampValue": true, "mapValue": true, "arrayValue": true,
	"$numberLong": true, "$numberInt": true, "$numberDecimal": true, "$numberDouble": true, "$oid": true,
}

// maxTyped bounds the objects inside each other that are taken for values.
const maxTyped = 64

// typedValue is an object that is taken for the value in it.
type typedValue struct {
	depth int
	class class // of the key before the object
}

// unwrap is called behind a key of typedKeys: it takes the frame of the object around
// away, so that the value is one of what that stands in. It returns the class of it.
func (s *jsonScanner) unwrap(cell bool) class {
	g, n := s.g, len(s.g.frames)
	if t := s.valued(); t != nil {
		return t.class
	}
	if cell && (s.table == nil || s.table.columns == 0) || n < 2 || g.deep > 0 || s.depth > maxDepth || !s.object() || len(s.values) == maxTyped || s.links != nil || len(s.point.list) > 0 {
		return class{}
	}
	f := &g.frames[n-1]
	if f.kind != frameObject || f.own != none || f.pend != none {
		return class{}
	}
	s.values = append(s.values, typedValue{s.depth, f.class})
	g.frames = g.frames[:n-1]
	return f.class
}

// valued returns the object that is open if it is taken for a value, or nil.
func (s *jsonScanner) valued() *typedValue {
	if n := len(s.values); n > 0 && s.values[n-1].depth == s.depth {
		return &s.values[n-1]
	}
	return nil
}

// rewrap makes the open object one again, when another key than one of typedKeys shows
// that it does not stand for a value alone.
func (s *jsonScanner) rewrap() {
	if t := s.valued(); t != nil {
		s.values = s.values[:len(s.values)-1]
		s.g.enter(frameObject, t.class)
	}
}
