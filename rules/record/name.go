package record

// names is a small table of values by short names: at most 8 bytes. It is
// filled once and then read only.
type names[V any] [256]struct { // open addressing; key 0 is free
	key   uint64
	value V
}

// keyOf returns the first 8 bytes of a name as a number.
func keyOf(name []byte) (key uint64) {
	for i, b := range name[:min(len(name), 8)] {
		key |= uint64(b) << (8 * i)
	}
	return key
}

// slot is where the search for a key begins.
func slot(key uint64) uint8 { return uint8(key * 0x9E3779B97F4A7C15 >> 56) } // 2^64 divided by the golden ratio

// put adds a name.
func (t *names[V]) put(name string, v V) {
	key := keyOf([]byte(name))
	i := slot(key)
	for t[i].key != 0 {
		i++
	}
	t[i].key, t[i].value = key, v
}

// get returns the value of the name with a key, or the zero value.
func (t *names[V]) get(key uint64) V {
	i := slot(key)
	for t[i].key != key && t[i].key != 0 {
		i++
	}
	return t[i].value
}
