package store

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// hashBytes is the length of a state hash.
const hashBytes = 32

// multiset is the state hash: the sum, modulo 2^256, of the SHA-256 of every live (key, value). Adding and removing are
// each other's inverse and their order does not matter, so a flush updates it from what it changes alone. Limbs are in
// little-endian order.
type multiset [4]uint64

// element hashes one pair; the key's length in front keeps (ab, c) and (a, bc) apart.
func element(scratch []byte, key, value []byte) (multiset, []byte) {
	scratch = binary.AppendUvarint(scratch[:0], uint64(len(key)))
	scratch = append(append(scratch, key...), value...)
	sum := sha256.Sum256(scratch)
	var e multiset
	for i := range e {
		e[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return e, scratch
}

func (h *multiset) add(e multiset) {
	var carry uint64
	for i := range h {
		h[i], carry = bits.Add64(h[i], e[i], carry)
	}
}

func (h *multiset) sub(e multiset) {
	var borrow uint64
	for i := range h {
		h[i], borrow = bits.Sub64(h[i], e[i], borrow)
	}
}

func (h multiset) bytes() []byte {
	b := make([]byte, 0, hashBytes)
	for _, limb := range h {
		b = binary.LittleEndian.AppendUint64(b, limb)
	}
	return b
}

func multisetOf(b []byte) multiset {
	var h multiset
	for i := range h {
		h[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return h
}

// over returns the hash of the state that an overlay makes of the one below it, whose hash is h.
func (h multiset) over(o *overlay, below *layers) (multiset, error) {
	var scratch []byte
	var e multiset
	var err error
	o.each(func(w written) bool {
		if !w.fresh {
			var old []byte
			var ok bool
			if old, ok, err = below.get(w.key); err != nil {
				return false
			}
			if ok {
				e, scratch = element(scratch, w.key, old)
				h.sub(e)
			}
		}
		if !w.gone {
			e, scratch = element(scratch, w.key, w.value[:len(w.value)-crcBytes])
			h.add(e)
		}
		return true
	})
	return h, err
}
