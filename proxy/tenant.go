package proxy

// Tenant is whose shop some hosts are: the rows of exchanges with them are named after
// it, so that they are sealed with a key of its own.
type Tenant struct {
	Name  string
	Hosts []string // as in Group; never empty
}

// tenant names the first that has a host; empty: nobody has.
func (p *Policy) tenant(host string) string {
	for i := range p.Tenants {
		if matchHosts(p.Tenants[i].Hosts, host) {
			return p.Tenants[i].Name
		}
	}
	return ""
}
