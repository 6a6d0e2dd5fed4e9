package config

import (
	"net/url"
	"strings"
)

// The values of [Ledger.Durability].
const (
	Strict  = "strict"
	Relaxed = "relaxed"
)

// Database is the address of the ledger's database; empty: rows are in data_dir.
func (l *Ledger) Database() string {
	if isDatabase(l.Store) {
		return l.Store
	}
	return ""
}

func isDatabase(store string) bool {
	return strings.HasPrefix(store, "postgres://") || strings.HasPrefix(store, "postgresql://")
}

// store checks where rows are kept.
func (v *checker) store(store string) {
	const path = "ledger.store"
	if store == "sqlite" {
		return
	}
	if !isDatabase(store) {
		v.fault(path, shown(store), "is no store of rows", "write sqlite, or postgres://user@host/database")
		return
	}
	address, err := url.Parse(store)
	if err != nil {
		v.fault(path, shown(store), "is not an address", "write postgres://user@host/database")
		return
	}
	_, secret := address.User.Password()
	if secret || address.Query().Has("password") {
		v.fault(path, shown(store), "holds a password", "leave it out: set PGPASSWORD, or name a file in PGPASSFILE")
	}
	if strings.Trim(address.Path, "/") == "" {
		v.fault(path, shown(store), "names no database", "write postgres://user@host/database")
	}
}
