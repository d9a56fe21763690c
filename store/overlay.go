package store

import (
	"bytes"

	"github.com/tidwall/btree"
)

// item is one key's state in an overlay. It is never changed once a snapshot has it. The tree holds pointers: a copy on
// write then copies a few hundred bytes a node.
type item struct {
	key, value []byte
	flags      uint8
}

const (
	// itemGone marks a deletion that hides the key below.
	itemGone = 1 << iota
	// itemFresh marks a key that no layer below has, so that nobody needs to look for it there.
	itemFresh
)

// overlay is the part of the state that was written since the last flush began: an ordered tree of which a snapshot
// costs nothing (copy on write). Apply's goroutine alone writes to it; once frozen nobody does.
//
// Invariants:
//  1. an item is the key's whole value, so laying the overlay over a disk that already has it changes nothing;
//  2. a frozen overlay ends at an entry's boundary, and mark names that entry.
type overlay struct {
	tree  *btree.BTreeG[*item]
	arena arena
	items []item // the next ones, allocated together
	// size counts keys, values (replaced ones too: they stay until the flush) and the tree's own cost.
	size int
	// What follows is set when the overlay is frozen.
	mark  Mark
	marks []hashMark
}

func newOverlay() *overlay {
	return &overlay{tree: btree.NewBTreeGOptions(itemLess, btree.Options{NoLocks: true})}
}

func itemLess(a, b *item) bool { return bytes.Compare(a.key, b.key) < 0 }

// snapshot returns an overlay that later writes do not reach.
func (o *overlay) snapshot() *overlay { return &overlay{tree: o.tree.IsoCopy()} }

// get looks a probe's key up.
func (o *overlay) get(probe *item) (*item, bool) { return o.tree.Get(probe) }

// set stores a key's state. The slices are the overlay's own.
func (o *overlay) set(key, value []byte, flags uint8) {
	if len(o.items) == 0 {
		o.items = make([]item, itemsStep)
	}
	it := &o.items[0]
	o.items = o.items[1:]
	*it = item{key: key, value: value, flags: flags}
	prev, replaced := o.tree.Set(it)
	if !replaced {
		o.size += itemOverheadBytes
		return
	}
	// Whether a layer below has the key does not change with its value.
	it.flags = it.flags&^itemFresh | prev.flags&itemFresh
}

// bytes returns n bytes of the overlay's memory, without anything in them, to append to.
func (o *overlay) bytes(n int) []byte {
	o.size += n
	return o.arena.take(n)
}

func (o *overlay) clone(b []byte) []byte { return append(o.bytes(len(b)), b...) }

// arena hands out small pieces of large allocations: all that an overlay holds is freed together.
type arena struct{ free []byte }

func (a *arena) take(n int) []byte {
	if n > arenaBytes/4 {
		return make([]byte, 0, n)
	}
	if n > len(a.free) {
		a.free = make([]byte, arenaBytes)
	}
	b := a.free[:0:n]
	a.free = a.free[n:]
	return b
}
