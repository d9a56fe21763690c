package store

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

const (
	// itemGone marks a deletion that hides the key below.
	itemGone = 1 << iota
	// itemFresh marks a key that no layer below has, so that nobody needs to look for it there.
	itemFresh
)

// overlay is the part of the state that was written since the last flush began: an ordered list of keys, each with all the
// values that it had, newest first. A snapshot is a number: it sees the values written up to then. So a snapshot costs
// nothing and a write copies nothing but its own key and value. Apply's goroutine alone writes; once frozen nobody does.
// Readers take no lock: a node is complete before a link leads to it, and no link is taken away.
//
// The list is a skip list (Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990), with links back at the
// lowest level. Nearly all writes go to where the same conversation or account was last written, so the writer remembers
// these places in hints; a hint that leads nowhere costs one comparison.
//
// Invariants:
//  1. a value is the key's whole value, so laying the overlay over a disk that already has it changes nothing;
//  2. a frozen overlay ends at an entry's boundary, and mark names that entry;
//  3. what a snapshot sees never changes.
type overlay struct {
	nodes    slab[node]
	versions slab[version]
	towers   slab[atomic.Uint32]
	bytes    byteSlab
	head     [maxHeight]atomic.Uint32
	tail     atomic.Uint32
	// now is the snapshot that will be the first to see what is written at present.
	now   uint32
	count int
	hints [hintSlots]uint32
	// size counts keys, values (replaced ones too: they stay until the flush) and what the list itself costs.
	size int
	// What follows is set when the overlay is frozen.
	mark  Mark
	marks []hashMark
}

// node is a key. It stays until the overlay goes.
type node struct {
	hi, lo uint64 // the key's first 16 bytes, as numbers: most comparisons end here
	key    span
	head   atomic.Uint32 // newest version
	next   atomic.Uint32
	prev   atomic.Uint32
	tower  uint32 // first of the links above the lowest level
	height uint8
	fresh  bool
}

// version is a value that a key had.
type version struct {
	value span
	older uint32
	now   uint32 // the first snapshot that sees it
	gone  bool
}

func newOverlay() *overlay { return &overlay{now: 1} }

// overlayAt is an overlay as one snapshot sees it; the zero value is none.
type overlayAt struct {
	o   *overlay
	now uint32
}

// snapshot returns what later writes do not reach.
func (o *overlay) snapshot() overlayAt {
	s := overlayAt{o: o, now: o.now}
	o.now++
	return s
}

// all returns the overlay with everything that is in it, and will be.
func (o *overlay) all() overlayAt {
	if o == nil {
		return overlayAt{}
	}
	return overlayAt{o: o, now: ^uint32(0)}
}

// probe is a key that is looked for.
type probe struct {
	hi, lo uint64
	key    []byte
}

func probeOf(key []byte) probe {
	if len(key) >= 16 {
		return probe{hi: binary.BigEndian.Uint64(key), lo: binary.BigEndian.Uint64(key[8:]), key: key}
	}
	var b [16]byte
	copy(b[:], key)
	return probe{hi: binary.BigEndian.Uint64(b[:]), lo: binary.BigEndian.Uint64(b[8:]), key: key}
}

// compare says where a node's key stands to the probe's.
func (o *overlay) compare(n *node, p *probe) int {
	switch {
	case n.hi != p.hi:
		if n.hi < p.hi {
			return -1
		}
		return 1
	case n.lo != p.lo:
		if n.lo < p.lo {
			return -1
		}
		return 1
	}
	return bytes.Compare(o.bytes.at(n.key), p.key)
}

// link returns the link of a node at a level; node 0 is the head.
func (o *overlay) link(id uint32, level int) *atomic.Uint32 {
	switch {
	case id == 0:
		return &o.head[level]
	case level == 0:
		return &o.nodes.at(id).next
	default:
		return o.towers.at(o.nodes.at(id).tower + uint32(level) - 1)
	}
}

// search returns the first node at or after the probe, and whether it is the probe's; before, if not nil, gets the last
// node before the probe at each level.
func (o *overlay) search(p *probe, before *[maxHeight]uint32) (id uint32, found bool) {
	at, passed := uint32(0), uint32(0)
	for level := maxHeight - 1; level >= 0; level-- {
		for {
			next := o.link(at, level).Load()
			if next == 0 || next == passed {
				id = next
				break
			}
			c := o.compare(o.nodes.at(next), p)
			if c < 0 {
				at = next
				continue
			}
			if c == 0 && before == nil {
				return next, true
			}
			id, found, passed = next, c == 0, next
			break
		}
		if before != nil {
			before[level] = at
		}
	}
	return id, found
}

// before returns the last node before the probe, 0 when there is none.
func (o *overlay) before(p *probe) uint32 {
	var before [maxHeight]uint32
	o.search(p, &before)
	return before[0]
}

// set stores a copy of a key's state.
func (o *overlay) set(key, value []byte, flags uint8) {
	p := probeOf(key)
	hint := &o.hints[hintOf(&p)]
	id, at, found, placed := o.near(*hint, &p)
	if !found {
		id = o.insert(&p, at, placed, flags&itemFresh != 0)
	}
	*hint = id
	n := o.nodes.at(id)
	newest := o.versions.take(1)
	v := o.versions.at(newest)
	v.older, v.now, v.gone = n.head.Load(), o.now, flags&itemGone != 0
	o.size += versionBytes
	if !v.gone {
		v.value = o.bytes.add(value, crcBytes)
		o.size += len(value) + crcBytes
	}
	n.head.Store(newest)
}

// near looks for the probe from a node on where it may be close by: it returns the probe's node, or the one that stands
// right before its place, or neither.
func (o *overlay) near(from uint32, p *probe) (id, at uint32, found, placed bool) {
	if from == 0 {
		return 0, 0, false, false
	}
	c := o.compare(o.nodes.at(from), p)
	for range hintSteps {
		switch {
		case c == 0:
			return from, 0, true, false
		case c > 0:
			return 0, 0, false, false
		}
		next := o.nodes.at(from).next.Load()
		if next == 0 {
			return 0, from, false, true
		}
		if c = o.compare(o.nodes.at(next), p); c > 0 {
			return 0, from, false, true
		}
		from = next
	}
	return 0, 0, false, false
}

// insert adds a node without a version for a key, unless there is one: nobody sees it before it has one. If placed, it
// belongs right behind the node at.
func (o *overlay) insert(p *probe, at uint32, placed, fresh bool) uint32 {
	height := heightOf(o.count)
	var before [maxHeight]uint32
	before[0] = at
	if !placed || height > 1 {
		if id, found := o.search(p, &before); found {
			return id
		}
	}
	o.count++
	id := o.nodes.take(1)
	n := o.nodes.at(id)
	n.hi, n.lo, n.key = p.hi, p.lo, o.bytes.add(p.key, 0)
	n.height, n.fresh = uint8(height), fresh
	if height > 1 {
		n.tower = o.towers.take(uint32(height - 1))
	}
	o.size += len(p.key) + nodeBytes
	for level := range height {
		o.link(id, level).Store(o.link(before[level], level).Load())
	}
	n.prev.Store(before[0])
	if next := n.next.Load(); next != 0 {
		o.nodes.at(next).prev.Store(id)
	} else {
		o.tail.Store(id)
	}
	for level := range height {
		o.link(before[level], level).Store(id)
	}
	return id
}

// heightOf gives one node in 8 two levels, one in 64 three, and so on, by a hash of its number: nothing depends on it but
// the time that a search takes. A node of one level needs no search where a hint led to its place.
func heightOf(n int) int {
	return min(1+bits.TrailingZeros64(mix(uint64(n)))/3, maxHeight)
}

// mix is the finalizer of MurmurHash3: each bit of the result depends on all of x.
func mix(x uint64) uint64 {
	x++
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// hintOf says where the place of a key is remembered: one place for a table whose keys ascend, one for each conversation
// or account, or for each account in a room, in a table whose keys ascend within it, one for each key of the others.
func hintOf(p *probe) uint64 {
	var h uint64
	switch tag := p.key[0]; tag {
	case tagPlace, tagExpiry, tagAudit:
		h = uint64(tag)
	case tagMessage, tagConvEvent, tagAnswer, tagAccountEvent, tagSessionOf, tagHidden:
		h = p.hi ^ p.lo>>56*0x9e3779b97f4a7c15
	case tagAuthored, tagMention:
		h = p.hi ^ (p.lo+uint64(p.key[16]))*0x9e3779b97f4a7c15
	default:
		h = p.hi ^ (p.lo+uint64(p.key[len(p.key)-1]))*0x9e3779b97f4a7c15
	}
	return mix(h) % hintSlots
}

// visible returns the version of a node that a snapshot sees; nil for none.
func (s overlayAt) visible(id uint32) *version {
	for v := s.o.nodes.at(id).head.Load(); v != 0; {
		ver := s.o.versions.at(v)
		if ver.now <= s.now {
			return ver
		}
		v = ver.older
	}
	return nil
}

// get returns a key's state, and whether there is one.
func (s overlayAt) get(key []byte) (value []byte, gone, ok bool) {
	p := probeOf(key)
	id, found := s.o.search(&p, nil)
	if !found {
		return nil, false, false
	}
	v := s.visible(id)
	if v == nil {
		return nil, false, false
	}
	return s.o.bytes.at(v.value), v.gone, true
}

// empty says that the overlay has no keys.
func (s overlayAt) empty() bool { return s.o == nil || s.o.head[0].Load() == 0 }

// written is a key and the last value that it was given.
type written struct {
	key   []byte
	value []byte // with crcBytes behind it that are the flush's to fill
	gone  bool
	fresh bool
}

// each calls f for every key in order, until f returns false.
func (o *overlay) each(f func(written) bool) {
	for id := o.head[0].Load(); id != 0; {
		n := o.nodes.at(id)
		v := o.versions.at(n.head.Load())
		w := written{key: o.bytes.at(n.key), gone: v.gone, fresh: n.fresh}
		if !v.gone {
			w.value = o.bytes.withSpare(v.value, crcBytes)
		}
		if !f(w) {
			return
		}
		id = n.next.Load()
	}
}
