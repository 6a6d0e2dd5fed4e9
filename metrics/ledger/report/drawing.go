package report

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"time"

	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// The drawing's size, in its own units.
const (
	drawingWidth, drawingHeight = 960, 220
	drawingLeft, drawingBottom  = 50, 180
	drawingTop                  = 20
)

// The drawing's colours.
var (
	paper         = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink           = color.RGBA{0x33, 0x33, 0x33, 0xff}
	releasedColor = color.RGBA{0xb3, 0x26, 0x1e, 0xff}
	withheldColor = color.RGBA{0x8a, 0xb4, 0xf8, 0xff}
)

// box is a rectangle, in the drawing's units, from its upper left corner on.
type box struct{ x, y, width, height float64 }

// canvas is what a timeline is drawn on, in the drawing's units.
type canvas interface {
	bar(b box, c color.RGBA, title string)
	line(x1, y1, x2, y2 float64, dashed bool)
	text(x, y float64, text string, toLeft bool) // y is of the base line; toLeft: x is where it ends
}

// draw draws the incident's time: a bar for what was released, one above it for
// what was withheld, a line for each moment that counts. It draws numbers and
// times only, and at most maxBuckets times two bars.
func (r *Incident) draw(on canvas) {
	if len(r.Timeline) == 0 {
		on.text(50, 100, "Nothing was released or withheld.", false)
		return
	}
	most := 1
	for _, bucket := range r.Timeline {
		most = max(most, bucket.Released+bucket.Withheld)
	}
	from, to := r.Timeline[0].From, r.Timeline[len(r.Timeline)-1].To
	x := func(t time.Time) float64 {
		return drawingLeft + float64(drawingWidth-drawingLeft-20)*float64(t.Sub(from))/float64(to.Sub(from))
	}
	height := func(n int) float64 { return float64(drawingBottom-drawingTop) * float64(n) / float64(most) }
	for _, bucket := range r.Timeline {
		left, width := x(bucket.From), max(x(bucket.To)-x(bucket.From)-1, 0.5)
		released, withheld := height(bucket.Released), height(bucket.Withheld)
		on.bar(box{left, drawingBottom - released, width, released}, releasedColor, fmt.Sprintf("%s: %d released", stamp(bucket.From), bucket.Released))
		if bucket.Withheld > 0 {
			on.bar(box{left, drawingBottom - released - withheld, width, withheld}, withheldColor, fmt.Sprintf("%s: %d withheld", stamp(bucket.From), bucket.Withheld))
		}
	}
	on.line(drawingLeft, drawingBottom, drawingWidth-20, drawingBottom, false)
	on.text(drawingLeft-5, drawingTop+8, fmt.Sprint(most), true)
	on.text(drawingLeft, drawingHeight-8, stamp(from), false)
	on.text(drawingWidth-20, drawingHeight-8, stamp(to), true)
	for n, moment := range []struct{ what, at string }{{"first signal", r.Clock.FirstSignal}, {"contained", r.Clock.Contained}, {"aware", r.Clock.Aware}} {
		at, err := time.Parse(time.RFC3339, moment.at)
		if err != nil || at.Before(from) || at.After(to) {
			continue
		}
		on.line(x(at), drawingTop-10, x(at), drawingBottom, true)
		on.text(x(at)+4, float64(drawingTop+12*n), moment.what, false)
	}
	for n, what := range []struct {
		text string
		c    color.RGBA
	}{{"released", releasedColor}, {"withheld", withheldColor}} {
		left := float64(60 + 80*n)
		on.bar(box{left, 192, 8, 8}, what.c, what.text)
		on.text(left+12, 200, what.text, false)
	}
}

// SVG is the timeline of the incident as SVG.
func (r *Incident) SVG() []byte {
	var on svgCanvas
	fmt.Fprintf(&on, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Records released and withheld over time" font-family="sans-serif" font-size="11">`+"\n", drawingWidth, drawingHeight)
	fmt.Fprintf(&on, `<rect width="%d" height="%d" fill="%s"/>`+"\n", drawingWidth, drawingHeight, rgb(paper))
	r.draw(&on)
	on.WriteString("</svg>\n")
	return on.Bytes()
}

func rgb(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// svgCanvas writes elements of SVG.
type svgCanvas struct{ bytes.Buffer }

func (s *svgCanvas) bar(b box, c color.RGBA, title string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s</title></rect>`+"\n", b.x, b.y, b.width, b.height, rgb(c), html.EscapeString(title))
}

func (s *svgCanvas) line(x1, y1, x2, y2 float64, dashed bool) {
	dash := ""
	if dashed {
		dash = ` stroke-dasharray="4 3"`
	}
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`+"\n", x1, y1, x2, y2, rgb(ink), dash)
}

func (s *svgCanvas) text(x, y float64, text string, toLeft bool) {
	anchor := ""
	if toLeft {
		anchor = ` text-anchor="end"`
	}
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f"%s>%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}

// pngScale is how many pixels of the PNG a unit of the drawing has.
const pngScale = 2

// PNG is the timeline of the incident as PNG, for what takes no SVG (mail,
// tickets, slides): 1920 × 440 pixels of four colours, whatever the incident.
func (r *Incident) PNG() ([]byte, error) {
	on := pngCanvas{image.NewPaletted(image.Rect(0, 0, drawingWidth*pngScale, drawingHeight*pngScale), color.Palette{paper, ink, releasedColor, withheldColor})}
	r.draw(on)
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, on)
	return b.Bytes(), err
}

// pngCanvas draws into an image that begins with paper everywhere.
type pngCanvas struct{ *image.Paletted }

func (p pngCanvas) fill(x1, y1, x2, y2 float64, c color.RGBA) {
	pixel := func(units float64) int { return int(units*pngScale + 0.5) }
	area := image.Rect(pixel(x1), pixel(y1), max(pixel(x2), pixel(x1)+1), pixel(y2)) // something is always to be seen
	draw.Draw(p, area, image.NewUniform(c), image.Point{}, draw.Src)
}

func (p pngCanvas) bar(b box, c color.RGBA, _ string) {
	p.fill(b.x, b.y, b.x+b.width, b.y+b.height, c)
}

// line draws a line along an axis: the timeline has no others.
func (p pngCanvas) line(x1, y1, x2, y2 float64, dashed bool) {
	if !dashed {
		p.fill(x1, y1-0.5, x2, y2+0.5, ink)
		return
	}
	for y := y1; y < y2; y += 7 {
		p.fill(x1-0.5, y, x1+0.5, min(y+4, y2), ink)
	}
}

// text writes with the bitmap font of golang.org/x/image, a pixel of which is as
// large as a unit of the drawing.
func (p pngCanvas) text(x, y float64, text string, toLeft bool) {
	face := basicfont.Face7x13
	if toLeft {
		x -= float64(face.Advance * len(text))
	}
	dot := fixed.P(int(x), int(y))
	for _, char := range text {
		at, mask, maskAt, advance, ok := face.Glyph(dot, char)
		for row := at.Min.Y; ok && row < at.Max.Y; row++ {
			for column := at.Min.X; column < at.Max.X; column++ {
				if _, _, _, alpha := mask.At(maskAt.X+column-at.Min.X, maskAt.Y+row-at.Min.Y).RGBA(); alpha > 0 {
					p.fill(float64(column), float64(row), float64(column+1), float64(row+1), ink)
				}
			}
		}
		dot.X += advance
	}
}
