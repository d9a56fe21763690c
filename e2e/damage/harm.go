package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// sectorBytes is what a disk writes whole or not at all.
const (
	sectorBytes = 512
	pageBytes   = 4096
	// headBytes are those of a page's header and first elements, which bbolt trusts most.
	headBytes = 80
	// drawTries bounds the search for a place where damage changes something.
	drawTries = 64
)

// harm is a kind of damage. It changes b in place or returns a shorter one, and says what it did.
type harm struct {
	name string
	do   func(b []byte, r *rand.Rand) ([]byte, string)
}

var harms = []harm{
	{"bit flip", func(b []byte, r *rand.Rand) ([]byte, string) {
		off := place(b, r)
		bit := r.IntN(8)
		b[off] ^= 1 << bit
		return b, fmt.Sprintf("bit %d of byte %d flipped", bit, off)
	}},
	{"zeroed sector", func(b []byte, r *rand.Rand) ([]byte, string) {
		off := 0
		for range drawTries {
			off = place(b, r) / sectorBytes * sectorBytes
			if len(bytes.Trim(b[off:off+sectorBytes], "\x00")) > 0 {
				break
			}
		}
		clear(b[off : off+sectorBytes])
		return b, fmt.Sprintf("sector at %d zeroed", off)
	}},
	{"truncation", func(b []byte, r *rand.Rand) ([]byte, string) {
		n := r.IntN(len(b))
		if r.IntN(2) == 0 {
			n = n / pageBytes * pageBytes
		}
		return b[:n], fmt.Sprintf("cut off at %d", n)
	}},
}

// place draws a byte: half of them anywhere, the others among what describes the structure.
func place(b []byte, r *rand.Rand) int {
	off := r.IntN(len(b))
	switch r.IntN(4) {
	case 0:
		return off/pageBytes*pageBytes + r.IntN(headBytes)
	case 1: // the first elements of a page, and the meta pages more often than their size deserves
		if r.IntN(8) == 0 {
			return r.IntN(2 * pageBytes)
		}
		return off/pageBytes*pageBytes + r.IntN(pageBytes/8)
	default:
		return off
	}
}
