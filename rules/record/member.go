package record

// plainly reports whether nothing but an object is around its values that would
// change what they are: neither hours nor more frames than there may be; and the
// sense of what they inherit.
func (g *grouper) plainly() (around sense, ok bool) {
	n := len(g.frames)
	if n == 0 || g.deep > 0 || g.frames[n-1].class.kind == kindHours {
		return 0, false
	}
	f := &g.frames[n-1]
	return f.class.sense, f.kind == frameObject
}

// inherits returns what a value under a key of class c has of the object around
// it, whose class has the sense around.
func (c class) inherits(around sense) class {
	if c.sense&sensePlace != 0 {
		around &^= sensePlace
	}
	c.sense |= around & (sensePlace | senseProduct | senseOther | senseThing | senseCustomer)
	return c
}

// shapeless are the kinds whose values tell no more by their shape, if they have no
// @ in them.
var shapeless = [256]bool{
	kindPhone: true, kindCustomerID: true, kindID: true, kindCode: true, kindOrder: true, kindPassword: true, kindToken: true, kindOpaque: true,
	kindRole: true, kindCard: true, kindGovernment: true,
}

// member takes a value, which is no text of its own, of an object with nothing but
// the sense around it, see [grouper.plainly]. With clear it has no @ in it.
func (g *grouper) member(c class, v []byte, start int64, around sense, clear bool) {
	c = c.inherits(around)
	switch {
	case clear && shapeless[c.kind]:
		g.tell(c, v, 0, start, false)
	case c.kind == kindEmail && plainEmail(v, inEmail):
		g.email(c, v, start, false)
	default:
		g.tell(c, v, shapeOf(v), start, false)
	}
}
