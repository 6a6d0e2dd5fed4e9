package config

import "github.com/ordergate/ordergate/proxy"

// OpenASN reads the database of network operators; nil where none is named. The
// error is [Faults].
func (c *Config) OpenASN() (*proxy.ASN, error) {
	if c.ASN.File == "" {
		return nil, nil //nolint:nilnil // nothing is what there is
	}
	opened, err := proxy.OpenASN(c.beside(c.ASN.File))
	if err != nil {
		return nil, fileFaults("asn.file", err)
	}
	return opened, nil
}
