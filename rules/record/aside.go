package record

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/ordergate/ordergate/rules"
)

const (
	maxShop     = 3   // identifiers taken for the shop's own in one response
	maxSamples  = 16  // identifiers taken for samples
	maxBranches = 256 // places of business without a name
	maxLocated  = 64  // places of business that are called by their town,
	maxBrands   = 3   // and how they are called beside that
	maxStaff    = 16  // people taken for staff in one response
	maxAuthors  = 32  // authors of a manifest or a feed
	maxAlike    = 16  // addresses taken for the shop's own by their domain
)

// aside is what a response itself shows not to be a customer's: contact data
// under keys of the shop, samples of what a field may hold, rows with a staff role.
// All are bounded, since a query may choose the names of the keys in its answer
// (GraphQL aliases).
type aside struct {
	shop     [maxShop]rules.Digest
	domains  [maxShop]uint64 // of the shop's addresses
	n        int
	alike    []rules.Digest // addresses at one of domains, at most maxAlike
	samples  [maxSamples]rules.Digest
	sampled  int
	branches int
	located  int
	brands   [maxBrands]uint64 // what they are called beside their towns
	chains   int
	hours    int
	staff    int
	authors  [maxAuthors]uint64
	wrote    int
}

// others reports whether an identifier whose key says that it is not a customer's is
// taken for that; email is its address, or nil.
func (g *grouper) others(c class, id rules.Identifier, email []byte) bool {
	a := &g.aside
	if g.manifest && c.sense&senseAuthor == senseAuthor {
		return a.author(maphash.Bytes(g.keys.seed, id.Digest[:]))
	}
	if g.asked() { // only an office's address says itself what it is, and of the number behind it
		if email != nil && roleAddress(email) {
			g.own().marks |= markSited
			return true
		}
		return email == nil && g.own().marks&markSited != 0
	}
	if c.sense&(senseShop|senseStaff) == 0 {
		return a.sample(id.Digest)
	}
	domain := uint64(0)
	if at := bytes.IndexByte(email, '@'); at > 0 {
		domain = maphash.Bytes(g.keys.seed, email[at:])
	}
	if a.take(id.Digest, domain) {
		return true
	}
	n := len(g.frames)
	return n > 0 && g.frames[n-1].kind == frameRow && g.frames[n-1].class.sense&senseShop != 0 // a page's headings are the platform's
}

// take reports whether an identifier under a key of the shop is the shop's: one of
// the first, or one of the first addresses at the domain of one of them: that may be a
// provider's, and a customer's, too.
func (a *aside) take(d rules.Digest, domain uint64) bool {
	if slices.Contains(a.shop[:a.n], d) {
		return true
	}
	if domain != 0 && slices.Contains(a.domains[:a.n], domain) {
		if slices.Contains(a.alike, d) {
			return true
		}
		if len(a.alike) == maxAlike {
			return false
		}
		a.alike = append(a.alike, d)
		return true
	}
	if a.n == len(a.shop) {
		return false
	}
	a.shop[a.n], a.domains[a.n] = d, domain
	a.n++
	return true
}

// sample reports whether an identifier is one of the first samples.
func (a *aside) sample(d rules.Digest) bool { return among(a.samples[:], &a.sampled, d) }

// author reports whether a hash is one of the first authors': an export may begin like
// a manifest, and go on with what customers wrote.
func (a *aside) author(hash uint64) bool { return among(a.authors[:], &a.wrote, hash) }

// among reports whether v is one of the first values that have come, of which room has
// n; it is noted while there is room.
func among[T comparable](room []T, n *int, v T) bool {
	if slices.Contains(room[:*n], v) {
		return true
	}
	if *n == len(room) {
		return false
	}
	room[*n] = v
	*n++
	return true
}

// sited notes that the object around has its address under a key of the shop.
func (g *grouper) sited() {
	i := len(g.frames) - 1
	for i > 0 && (g.frames[i].kind == frameArray || g.frames[i].class.kind == kindAddress || g.frames[i].class.sense&senseAddress != 0) {
		i--
	}
	if i < 0 || g.frames[i].kind == frameArray {
		return
	}
	if g.frames[i].own == none {
		at := g.alloc()
		g.frames[i].own = at
	}
	g.groups[g.frames[i].own].marks |= markSited
}

// asked reports whether the keys may be the client's own, as those of GraphQL are.
func (g *grouper) asked() bool {
	if g.chosen {
		return true
	}
	for i := range g.frames[:min(len(g.frames), 3)] {
		if g.frames[i].roots {
			return true
		}
	}
	return false
}

// forExample reports whether a text says, right before an address, that it is a
// sample: "e.g. ", "z. B. ".
func forExample(before []byte) bool {
	before = bytes.TrimRight(before, " :(\"'<")
	var room [12]byte
	words := room[:0]
	for i := len(before) - 1; i >= 0 && len(words) < len(room); i-- { // the letters, from behind
		if b := before[i] | 0x20; b-'a' <= 25 {
			words = append(words, b)
		} else if before[i] != '.' && before[i] != ' ' || before[i] == ' ' && len(words) > 2 {
			break
		}
	}
	switch string(words) {
	case "ge", "bz", "elpmaxe", "leipsieb", "elpmexe", "dleebroov", "jib", "jvib", "pn", "je", "oipmese", "olpmeje", "olpmexe", "xep", "xet", "skef", "dalkyzrp", "sahcus":
		return true
	}
	return false
}
