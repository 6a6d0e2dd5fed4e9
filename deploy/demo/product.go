package demo

import (
	"fmt"
	"strings"
)

// Product is one article of the catalogue.
type Product struct {
	SKU         string
	Name        string
	Category    string
	Description string
	Cents       int
	Stock       int
}

// Price returns the price as "123.40".
func (p Product) Price() string { return money(p.Cents) }

// productJSON is the shape of a product on the wire.
type productJSON struct {
	SKU         string `json:"sku"`
	Name        string `json:"name"`
	Category    string `json:"category"`
	Description string `json:"description"`
	Price       string `json:"price"`
	Currency    string `json:"currency"`
	Stock       int    `json:"stock"`
	Image       string `json:"image"`
	URL         string `json:"url"`
}

// wire returns the product as the JSON API and the inlined JSON show it.
func (p Product) wire() productJSON {
	return productJSON{
		SKU: p.SKU, Name: p.Name, Category: p.Category, Description: p.Description,
		Price: p.Price(), Currency: currency, Stock: p.Stock, Image: p.Image(), URL: "/product/" + p.SKU,
	}
}

// Image returns the path of the product's picture.
func (p Product) Image() string { return "/assets/img/" + strings.ToLower(p.SKU) + ".png" }

// catalogue returns the shop's products, always the same.
func catalogue() []Product {
	shelves := []struct {
		category, code string
		cents          int
		articles       []string
	}{
		{"Kitchen", "KIT", 1890, []string{"Enamel Mug", "Cast Iron Pan", "Oak Board", "Linen Tea Towel", "Stoneware Bowl", "Pepper Mill", "Milk Jug", "Bread Tin"}},
		{"Garden", "GAR", 2450, []string{"Hand Trowel", "Watering Can", "Seed Box", "Pruning Shears", "Terracotta Pot", "Garden Twine", "Bird Feeder", "Kneeling Mat"}},
		{"Bedroom", "BED", 5990, []string{"Wool Blanket", "Cotton Sheet Set", "Feather Pillow", "Bedside Lamp", "Hot Water Bottle", "Quilt Cover", "Alarm Clock", "Linen Robe"}},
		{"Desk", "DSK", 1290, []string{"Dot Grid Notebook", "Brass Ruler", "Fountain Pen", "Letter Tray", "Desk Lamp", "Ink Bottle", "Pencil Case", "Wall Calendar"}},
		{"Outdoors", "OUT", 4375, []string{"Canvas Tent", "Camp Kettle", "Rain Jacket", "Trail Pack", "Wool Socks", "Head Torch", "Picnic Rug", "Water Flask"}},
		{"Children", "KID", 1560, []string{"Wooden Train", "Picture Book", "Rag Doll", "Kite", "Puzzle Map", "Paint Set", "Rain Boots", "Night Light"}},
	}
	finishes := []string{"in sage", "in slate", "in natural", "in rust"}
	products := make([]Product, 0, 48)
	for s, shelf := range shelves {
		for i, article := range shelf.articles {
			finish := finishes[(s+i)%len(finishes)]
			products = append(products, Product{
				SKU:      fmt.Sprintf("%s-%03d", shelf.code, 101+7*i),
				Name:     article + " " + finish,
				Category: shelf.category,
				Description: fmt.Sprintf("Our %s, made in small batches %s. Made to be mended, packed without plastic, and sent within two working days.",
					strings.ToLower(article), finish),
				Cents: shelf.cents + 35*i*(s+2),
				Stock: 12 + (i*17+s*29)%90,
			})
		}
	}
	return products
}
