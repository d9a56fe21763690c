package store

// overSource walks the keys of one overlay that a snapshot sees, those with a deletion too.
type overSource struct {
	s   overlayAt
	id  uint32
	ver *version
	ok  bool
}

func (c *overSource) key() []byte   { return c.s.o.bytes.at(c.s.o.nodes.at(c.id).key) }
func (c *overSource) value() []byte { return c.s.o.bytes.at(c.ver.value) }

// seek moves to the first key at or after the one given.
func (c *overSource) seek(key []byte) {
	p := probeOf(key)
	c.id, _ = c.s.o.search(&p, nil)
	c.forward()
}

// seekBefore moves to the last key before the one given; nil means to the last of all.
func (c *overSource) seekBefore(key []byte) {
	if key == nil {
		c.id = c.s.o.tail.Load()
	} else {
		p := probeOf(key)
		c.id = c.s.o.before(&p)
	}
	c.backward()
}

func (c *overSource) next() {
	c.id = c.s.o.nodes.at(c.id).next.Load()
	c.forward()
}

func (c *overSource) prev() {
	c.id = c.s.o.nodes.at(c.id).prev.Load()
	c.backward()
}

// forward moves on to a key that the snapshot sees.
func (c *overSource) forward() {
	for c.ok = false; c.id != 0; c.id = c.s.o.nodes.at(c.id).next.Load() {
		if c.ver = c.s.visible(c.id); c.ver != nil {
			c.ok = true
			return
		}
	}
}

func (c *overSource) backward() {
	for c.ok = false; c.id != 0; c.id = c.s.o.nodes.at(c.id).prev.Load() {
		if c.ver = c.s.visible(c.id); c.ver != nil {
			c.ok = true
			return
		}
	}
}
