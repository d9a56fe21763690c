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
	var d delta
	var err error
	o.each(func(w written) bool {
		err = d.count(w, below)
		return err == nil
	})
	return d.on(h), err
}

// flush is over, and lists in key order what the overlay changes on the disk below. It frames the values in the overlay's
// own memory: no reader looks at the bytes behind a value.
func (h multiset) flush(o *overlay, below *layers) (multiset, []Write, error) {
	var d delta
	var err error
	ws := make([]Write, 0, o.count)
	o.each(func(w written) bool {
		if err = d.count(w, below); err != nil {
			return false
		}
		if !w.gone {
			frame(w.key, w.value)
			ws = append(ws, Write{Key: w.key, Value: w.value})
		} else if !w.fresh {
			ws = append(ws, Write{Key: w.key})
		}
		return true
	})
	return d.on(h), ws, err
}

// delta is what an overlay's keys change in a state hash.
type delta struct {
	sum     multiset
	scratch []byte
}

// count replaces the element of a key's old value with that of the new one.
func (d *delta) count(w written, below *layers) error {
	var e multiset
	if !w.fresh {
		old, ok, err := below.get(w.key)
		if err != nil {
			return err
		}
		if ok {
			e, d.scratch = element(d.scratch, w.key, old)
			d.sum.sub(e)
		}
	}
	if !w.gone {
		e, d.scratch = element(d.scratch, w.key, w.value[:len(w.value)-crcBytes])
		d.sum.add(e)
	}
	return nil
}

func (d *delta) on(h multiset) multiset {
	h.add(d.sum)
	return h
}
