package config

import (
	"github.com/ordergate/ordergate/rules"
	"github.com/ordergate/ordergate/rules/record"
)

// normaliser brings a written identifier into the form that is digested, as
// the recogniser does with what it finds in a response.
type normaliser func(raw []byte) ([]byte, bool)

// phones returns the normaliser of phone numbers, which depends on where the
// customers live.
func (c *Config) phones() normaliser {
	return func(raw []byte) ([]byte, bool) { return record.NormalizePhone(raw, c.Records.Countries) }
}

// canaryDigests digests the planted customers' identifiers. Validate has
// refused those that have no normal form.
func (c *Config) canaryDigests(h *rules.Hasher) []rules.Identifier {
	var ids []rules.Identifier
	add := func(kind rules.IdentifierKind, normalise normaliser, values []Secret) {
		for _, s := range values {
			ids = appendDigest(ids, h, kind, normalise, s.Reveal())
		}
	}
	add(rules.IdentifierEmail, record.NormalizeEmail, c.Canaries.Emails)
	add(rules.IdentifierPhone, c.phones(), c.Canaries.Phones)
	add(rules.IdentifierCustomerID, record.NormalizeCustomerID, c.Canaries.CustomerIDs)
	return ids
}

func appendDigest(ids []rules.Identifier, h *rules.Hasher, kind rules.IdentifierKind, normalise normaliser, text string) []rules.Identifier {
	normal, ok := normalise([]byte(text))
	if !ok {
		return ids
	}
	return append(ids, rules.Identifier{Kind: kind, Digest: h.Identifier(kind, normal)})
}

// RecordConfig returns what the recogniser is tuned by. The hasher must be the
// deployment's own: ignored identifiers are recognised by their digests.
func (c *Config) RecordConfig(h *rules.Hasher) *record.Config {
	out := &record.Config{Countries: append([]string(nil), c.Records.Countries...)}
	for _, email := range c.Records.IgnoreEmails {
		out.Ignore = appendDigest(out.Ignore, h, rules.IdentifierEmail, record.NormalizeEmail, email)
	}
	for _, phone := range c.Records.IgnorePhones {
		out.Ignore = appendDigest(out.Ignore, h, rules.IdentifierPhone, c.phones(), phone)
	}
	for _, d := range c.Records.Declared {
		out.Declared = append(out.Declared, record.Declaration(d))
	}
	return out
}
