package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"time"
)

//go:embed assets/*
var assetFiles embed.FS

// asset is a static file with its forms on the wire.
type asset struct {
	contentType string
	body        []byte
	zipped      []byte // nil when compression is not worth it
	etag        string // without quotes
}

// makeAssets reads the embedded files and draws a picture for every product.
func makeAssets(products []Product) (map[string]asset, error) {
	assets := map[string]asset{}
	for name, contentType := range map[string]string{
		"shop.css": "text/css; charset=utf-8", "shop.js": "text/javascript; charset=utf-8",
	} {
		body, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded file %s: %w", name, err)
		}
		assets[name] = newAsset(contentType, body)
	}
	for _, p := range products {
		body, err := picture(p.SKU)
		if err != nil {
			return nil, fmt.Errorf("drawing product %s: %w", p.SKU, err)
		}
		assets[strings.TrimPrefix(p.Image(), "/assets/")] = newAsset("image/png", body)
	}
	return assets, nil
}

func newAsset(contentType string, body []byte) asset {
	sum := sha256.Sum256(body)
	a := asset{contentType: contentType, body: body, etag: hex.EncodeToString(sum[:8])}
	if len(body) > minGzip && contentType != "image/png" {
		a.zipped = compress(body)
	}
	return a
}

// picture draws a product: stripes in colours that its SKU decides.
func picture(sku string) ([]byte, error) {
	sum := sha256.Sum256([]byte(sku))
	img := image.NewPaletted(image.Rect(0, 0, 160, 120), color.Palette{
		color.RGBA{sum[0] | 0x80, sum[1] | 0x80, sum[2] | 0x80, 0xff},
		color.RGBA{sum[3] & 0x7f, sum[4] & 0x7f, sum[5] & 0x7f, 0xff},
	})
	for at := range img.Pix {
		x, y := at%160, at/160
		img.Pix[at] = sum[(x/10+y/8)%len(sum)] & 1
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("encoding the picture: %w", err)
	}
	return out.Bytes(), nil
}

// asset is GET /assets/…, with ETag, If-None-Match and Range.
func (s *Shop) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("path")]
	if !ok {
		s.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=86400")
	h.Add("Vary", "Accept-Encoding")
	body, etag := a.body, a.etag
	if a.zipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, etag = a.zipped, a.etag+"-gzip"
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
