package demo

import (
	_ "embed" // for ordergate.yaml.
)

//go:embed ordergate.yaml
var configFile string

// Config returns the gateway's configuration for the sample shop, a YAML file
// without upstream, listen, admin and data_dir: who starts the gateway sets
// these. Its canaries are [Canaries] of the default customers.
func Config() string { return configFile }

// Canaries returns the two customers that are planted: among the later ones
// by id, all of their orders in the later part of the order numbers and none
// among the newest, with names that nobody shares: a shop invents its planted
// customers, so that no search for anybody else lists them. It returns fewer when
// there are none like that.
func Canaries(customers []Customer) []Customer {
	total, names := 0, make(map[string]int, len(customers))
	for _, c := range customers {
		total += len(c.Orders)
		names[c.Name()]++
	}
	from, to := FirstOrderNumber+total*6/10, FirstOrderNumber+total*9/10
	var planted []Customer
	for _, share := range []int{70, 85} {
		for _, c := range customers[len(customers)*share/100:] {
			if n := len(c.Orders); n > 0 && c.Orders[0].Number >= from && c.Orders[n-1].Number < to && names[c.Name()] == 1 {
				planted = append(planted, c)
				break
			}
		}
	}
	return planted
}
