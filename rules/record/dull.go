package record

// dull reports whether a value under a key of class c, for the innermost object,
// tells nothing that [grouper.value] would keep; v is not empty.
func (g *grouper) dull(c class, v []byte, s shape) bool {
	return !g.slow && g.claim == nil && s&shapeLine == 0 && (s&shapeAt == 0 || nextAt(v) == len(v)) && (!openings[v[0]] || !opening(c, v)) && g.bland(c, v, true)
}
