package store

// cache keeps decoded records of one kind, those that were used last, in two generations: what is used moves to the
// young one, and when that is full the old one is dropped as a whole. It is exact because Apply is the only writer and
// changes the cached record itself. It never drops by itself: a record that is changed but not yet written must be
// found again, so age is called only when nothing is dirty.
type cache[K comparable, V any] struct {
	young, old map[K]V
}

func newCache[K comparable, V any]() cache[K, V] { return cache[K, V]{young: make(map[K]V)} }

func (c *cache[K, V]) get(k K) (V, bool) {
	v, ok := c.young[k]
	if !ok {
		if v, ok = c.old[k]; ok {
			c.young[k] = v
		}
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) { c.young[k] = v }

func (c *cache[K, V]) remove(k K) {
	delete(c.young, k)
	delete(c.old, k)
}

func (c *cache[K, V]) age() {
	if len(c.young) >= maxCached {
		c.old, c.young = c.young, make(map[K]V)
	}
}
