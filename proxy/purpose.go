package proxy

// Purpose is what an operator says that a route is for, where its path and its
// requests do not tell. The zero value: they tell.
type Purpose uint8

// The purposes.
const (
	PurposeTold Purpose = iota
	// PurposeAccount answers about whoever asks: a page that shows one customer
	// makes him the session's own.
	PurposeAccount
	// PurposeCheckout makes or opens something of its sender's (a login, a
	// registration, a checkout): whom the request names, and the answer shows, is the
	// session's own.
	PurposeCheckout
	// PurposeOther does neither.
	PurposeOther
)

// Purposes returns what an operator may say, in words.
func Purposes() map[string]Purpose {
	return map[string]Purpose{"account": PurposeAccount, "checkout": PurposeCheckout, "other": PurposeOther}
}

// String returns the word; empty for PurposeTold.
func (p Purpose) String() string {
	for word, known := range Purposes() {
		if p == known {
			return word
		}
	}
	return ""
}
