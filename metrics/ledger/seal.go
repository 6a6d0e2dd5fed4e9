package ledger

import (
	"slices"

	"github.com/ordergate/ordergate/rules"
)

// Seal turns a row's digests into those that are kept, and names the key in it.
// Each is one block of AES-256 (FIPS 197), a permutation of the 16 bytes of a
// digest: equal digests stay equal under one key, so that a sealed row can be
// counted and joined with others of its key by whoever has no key at all, and
// [Key.Open] gives the digest back. It changes what Record.Identifiers refers to.
func (k *Key) Seal(row *Row) {
	row.Key = k.ID
	k.each(row, func(d *rules.Digest) { k.seal.Encrypt(d[:], d[:]) })
}

// Open undoes [Key.Seal]. The row still names the key.
func (k *Key) Open(row *Row) {
	k.each(row, func(d *rules.Digest) { k.seal.Decrypt(d[:], d[:]) })
}

// each calls do for every digest of a row that is not zero; for none where the
// key leaves digests as they are.
func (k *Key) each(row *Row, do func(*rules.Digest)) {
	if k.seal == nil {
		return
	}
	for _, d := range principalDigests(&row.Principal) {
		if !d.IsZero() {
			do(d)
		}
	}
	if !row.Record.Subject.Digest.IsZero() {
		do(&row.Record.Subject.Digest)
	}
	for i := range row.Record.Identifiers {
		if d := &row.Record.Identifiers[i].Digest; !d.IsZero() {
			do(d)
		}
	}
}

// SealIncident returns the incident as it is kept: the digests of its principals
// are sealed as those of their rows are.
func (k *Key) SealIncident(incident rules.Incident) rules.Incident {
	if k.seal == nil {
		return incident
	}
	incident.Key = k.ID
	return ofIncident(incident, func(d *rules.Digest) { k.seal.Encrypt(d[:], d[:]) })
}

// ofIncident returns a copy of an incident, each of its digests changed by do.
func ofIncident(incident rules.Incident, do func(*rules.Digest)) rules.Incident {
	incident.Linked, incident.Addresses = slices.Clone(incident.Linked), slices.Clone(incident.Addresses)
	digests := []*rules.Digest{&incident.Session, &incident.Account}
	for i := range incident.Linked {
		digests = append(digests, &incident.Linked[i].Session)
	}
	for i := range incident.Addresses {
		digests = append(digests, &incident.Addresses[i])
	}
	for _, d := range digests {
		if !d.IsZero() {
			do(d)
		}
	}
	return incident
}

// Keyring is the keys that rows are opened with. The zero value, and nil, open
// none. It is safe for concurrent use.
type Keyring struct{ keys []Key }

// NewKeyring returns the ring of what [LoadKeys] returned.
func NewKeyring(keys []Key) *Keyring { return &Keyring{keys} }

// Key returns the key with an id, or false.
func (r *Keyring) Key(id string) (*Key, bool) {
	if r == nil {
		return nil, false
	}
	for i := range r.keys { // a handful
		if r.keys[i].ID == id {
			return &r.keys[i], true
		}
	}
	return nil, false
}

// Digests names what makes the digests of rows with a key: its secret for them; the
// key itself where it is not there.
func (r *Keyring) Digests(id string) string {
	if key, ok := r.Key(id); ok {
		return key.Digests()
	}
	return id
}

// Open opens a row whose key is there; another stays sealed.
func (r *Keyring) Open(row *Row) {
	if key, ok := r.Key(row.Key); ok {
		key.Open(row)
	}
}

// OpenIncident returns the incident with its digests as [Key.SealIncident] was
// given them, if the key is there; another stays sealed.
func (r *Keyring) OpenIncident(incident rules.Incident) rules.Incident {
	key, ok := r.Key(incident.Key)
	if !ok || key.seal == nil {
		return incident
	}
	incident.Key = ""
	return ofIncident(incident, func(d *rules.Digest) { key.seal.Decrypt(d[:], d[:]) })
}
