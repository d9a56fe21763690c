package bench

// bitset remembers which operations of one caller there were: one bit each, since a caller numbers them from 0.
type bitset []uint64

// set is false when the bit was set before.
func (b *bitset) set(i int) bool {
	for i/64 >= len(*b) {
		*b = append(*b, 0)
	}
	w, bit := &(*b)[i/64], uint64(1)<<(i%64)
	if *w&bit != 0 {
		return false
	}
	*w |= bit
	return true
}

func (b bitset) has(i int) bool { return i >= 0 && i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }
