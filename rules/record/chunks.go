package record

const chunkSize = 128 // values in one chunk

// chunks is a list that grows without moving what it holds. The zero value is
// an empty list.
type chunks[T any] struct {
	list [][]T
	n    int
}

// at returns the value i, below n.
func (c *chunks[T]) at(i int) *T { return &c.list[i/chunkSize][i%chunkSize] }

// push adds a value to the end. The first chunk grows as it is filled, since
// most lists are short.
func (c *chunks[T]) push(v T) {
	at := c.n / chunkSize
	if at == len(c.list) {
		c.list = append(c.list, nil)
		if c.n > 0 {
			c.list[at] = make([]T, 0, chunkSize)
		}
	}
	c.list[at] = append(c.list[at], v)
	c.n++
}

// clear wipes the list and keeps its memory.
func (c *chunks[T]) clear() {
	for i := range c.list {
		clear(c.list[i])
		c.list[i] = c.list[i][:0]
	}
	c.n = 0
}
