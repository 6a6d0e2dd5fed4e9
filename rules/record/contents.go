package record

import (
	"errors"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxInflaters = 2   // DEFLATE streams inside each other, of 38 KiB each: a spreadsheet in an archive
	maxRatio     = 200 // decoded bytes of a content for one of the container
	// What is compressed already does not become much smaller: bombs in
	// bombs are made of containers that do.
	maxRatioTwice = 8
	maxUndecoded  = 8 // bytes that an inflater may have taken and not decoded, rounded up
)

// inflaters are the decoders of one response, one for each depth.
type inflaters struct {
	z     [maxInflaters]*inflater
	n     int
	tight bool // what is decoded comes from what was decoded already
}

// borrow returns a decoder, or nil if too many are at work.
func (p *inflaters) borrow() *inflater {
	if p.n == len(p.z) {
		return nil
	}
	if p.z[p.n] == nil {
		p.z[p.n] = &inflater{}
	}
	p.n++
	z := p.z[p.n-1]
	z.reset()
	if z.ratio = maxRatio; p.tight {
		z.ratio = maxRatioTwice
	}
	return z
}

// inflating is a container whose contents may be compressed.
type inflating interface{ inflates() bool }

// inflates reports whether s is, or holds, such a container.
func inflates(s scanner) bool {
	c, ok := s.(inflating)
	return ok && c.inflates()
}

// contents reads what a container holds, one content after the other, and
// keeps account of where it came from. The zero value with g and level set is
// ready.
type contents struct {
	g     *grouper
	level int
	body  bodyScanner
	z     *inflater // of the current content
	view  view
	off   int64 // bytes of content so far
	text  int64 // the container's bytes up to here are read
	open  bool
	// straight: the content stands in the body as it is, but for what stands between
	// its pieces, and is read in offsets of the body. A masker needs them.
	straight bool
	why      rules.Uninspected // why something was not read
}

// note remembers the first reason.
func (c *contents) note(reason rules.Uninspected) {
	if c.why == rules.UninspectedNone {
		c.why = reason
	}
}

// begin starts a content.
func (c *contents) begin(promised form) {
	c.body.reset(c.g, c.level+1, promised, c.here())
	c.open = true
}

// deflated says that the content that begins is compressed; false: it cannot be read.
func (c *contents) deflated() bool {
	if c.z = c.g.inflaters.borrow(); c.z == nil {
		c.note(rules.UninspectedSize)
		return false
	}
	return true
}

// finish ends the content and reports its records.
func (c *contents) finish() {
	if !c.open {
		return
	}
	c.body.end(c.here())
	c.g.flush(c.here())
	c.note(c.body.fault())
	c.open = false
	c.body.placed()
	c.release()
}

func (c *contents) release() {
	if c.z != nil {
		c.z = nil
		c.g.inflaters.n--
	}
}

// write takes bytes of the content as they stand in the container at offset
// text.
func (c *contents) write(p []byte, text int64) {
	if c.straight {
		c.body.write(p, text)
	} else {
		c.view.mark(c.off, text)
		c.body.write(p, c.off)
		c.off += int64(len(p))
	}
	c.text = text + int64(len(p))
}

// here is the offset up to which the content is read.
func (c *contents) here() int64 {
	if c.straight {
		return c.text
	}
	return c.off
}

// inflate takes compressed bytes that stand in the container at offset text,
// and returns how many of them belong to the content, and whether it goes on.
func (c *contents) inflate(p []byte, text int64) (n int, more bool) {
	last := text
	n, err := c.z.write(p, func(piece []byte) {
		c.view.mark(c.off, max(last-maxUndecoded, 0))
		c.body.write(piece, c.off)
		c.off += int64(len(piece))
		last = text + int64(c.z.i)
		if inflates(c.body.scan) {
			c.z.ratio = maxRatioTwice
		}
	})
	c.text = text + int64(n)
	switch {
	case errors.Is(err, errBomb):
		c.note(rules.UninspectedBomb)
	case err != nil:
		c.note(rules.UninspectedSyntax)
	default:
		return n, !c.z.done()
	}
	return n, false
}

// broken ends what the end of the container cuts off.
func (c *contents) broken() {
	c.note(rules.UninspectedPartial)
	c.finish()
}

func (c *contents) settled(group int64) int64 {
	if !c.open {
		return never
	}
	at := c.body.settled(group)
	if at < never && !c.straight {
		at = c.view.text(at)
	}
	if c.z != nil {
		at = min(at, c.text-maxUndecoded)
	}
	return at
}

func (c *contents) fault() rules.Uninspected {
	if c.why == rules.UninspectedNone && c.open {
		return c.body.fault()
	}
	return c.why
}

func (c *contents) held() int64      { return never }
func (c *contents) pause(int64) bool { return true }
func (c *contents) inflates() bool   { return true }

// gather collects a header of n bytes from p; done when it is whole. It
// returns what is left of p.
func gather(head, p []byte, n int) (whole, rest []byte, done bool) {
	k := min(len(p), n-len(head))
	head = append(head, p[:k]...)
	return head, p[k:], len(head) == n
}
