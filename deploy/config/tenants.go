package config

import (
	"fmt"
	"strings"

	"github.com/ordergate/ordergate/proxy"
)

// Tenant is a shop of its own behind this gateway, for whom evidence can be told
// apart, and destroyed alone.
type Tenant struct {
	// Name is how the tenant is called in commands, and its folder in
	// data_dir/tenants: 1 to 32 small letters, digits, - and _. Required.
	Name string `yaml:"name"`
	// Hosts are the names of the Host header (or :authority) that are the tenant's,
	// without ports; *.shop.example is every name below it. Required.
	Hosts []string `yaml:"hosts"`
}

// maxTenants bounds the tenants: each has a key that is looked at every second.
const maxTenants = 64

// TenantNames returns the names of the tenants, in the order of the file.
func (c *Config) TenantNames() []string {
	var names []string
	for i := range c.Tenants {
		names = append(names, c.Tenants[i].Name)
	}
	return names
}

func (c *Config) tenants() []proxy.Tenant {
	var tenants []proxy.Tenant
	for i := range c.Tenants {
		tenants = append(tenants, proxy.Tenant{Name: c.Tenants[i].Name, Hosts: lower(c.Tenants[i].Hosts)})
	}
	return tenants
}

func (v *checker) tenants(c *Config) {
	if len(c.Tenants) > maxTenants {
		v.fault("tenants", fmt.Sprint(len(c.Tenants)), "are more tenants than there can be", fmt.Sprintf("write at most %d; others need a gateway of their own", maxTenants))
	}
	names, hosts := make(map[string]int), make(map[string]int)
	for i := range c.Tenants {
		t, path := &c.Tenants[i], fmt.Sprintf("tenants[%d].", i)
		first, again := names[t.Name]
		switch {
		case !groupName.MatchString(t.Name):
			v.fault(path+"name", t.Name, "is not the name of a tenant", "write 1 to 32 small letters, digits, - or _, such as north")
		case again:
			v.fault(path+"name", t.Name, fmt.Sprintf("is also the name of tenants[%d]", first), "write another one")
		default:
			names[t.Name] = i
		}
		if len(t.Hosts) == 0 {
			v.fault(path+"hosts", "", "is missing", "write the names of the tenant's shop, such as shop.example")
		}
		v.hosts(path+"hosts", t.Hosts)
		for j, host := range t.Hosts {
			host = strings.ToLower(host)
			if first, again := hosts[host]; again {
				v.fault(fmt.Sprintf("%shosts[%d]", path, j), t.Hosts[j], fmt.Sprintf("is also a host of tenants[%d]", first), "write it once")
			} else {
				hosts[host] = i
			}
		}
	}
}
