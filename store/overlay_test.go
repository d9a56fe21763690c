package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// check verifies an overlay's own order: links forward and back agree, each level has a part of the one below it, and
// versions get older along their chain.
func (o *overlay) check() error {
	var last []byte
	at, n := uint32(0), 0
	for id := o.head[0].Load(); id != 0; id = o.nodes.at(id).next.Load() {
		nd := o.nodes.at(id)
		if key := o.bytes.at(nd.key); last != nil && string(key) <= string(last) {
			return fmt.Errorf("key %x follows %x", key, last)
		} else {
			last = key
		}
		if nd.prev.Load() != at {
			return fmt.Errorf("node %d leads back to %d, not to %d", id, nd.prev.Load(), at)
		}
		for v := nd.head.Load(); v != 0; v = o.versions.at(v).older {
			if older := o.versions.at(v).older; older != 0 && o.versions.at(older).now > o.versions.at(v).now {
				return fmt.Errorf("an older version of %x is seen later", last)
			}
		}
		at = id
		n++
	}
	if o.tail.Load() != at || n != o.count {
		return fmt.Errorf("%d nodes and tail %d, want %d and %d", n, o.tail.Load(), o.count, at)
	}
	for level := 1; level < maxHeight; level++ {
		below := o.head[level-1].Load()
		for id := o.head[level].Load(); id != 0; id = o.link(id, level).Load() {
			for below != id {
				if below == 0 {
					return fmt.Errorf("level %d has node %d, the one below has not", level, id)
				}
				below = o.link(below, level-1).Load()
			}
		}
	}
	return nil
}

// overlayKey makes keys of every form that hints tell apart: some ascend, some come again.
func overlayKey(rnd *rand.Rand, i uint64) []byte {
	switch rnd.IntN(6) {
	case 0:
		return keyPlace(nil, i)
	case 1:
		return keyMessage(nil, rnd.Uint64N(5), i)
	case 2:
		return keyMember(nil, rnd.Uint64N(5), rnd.Uint64N(5))
	case 3:
		return keyAccountName(nil, fmt.Sprint(rnd.IntN(300)))
	case 4:
		return keyConvEvent(nil, rnd.Uint64N(3), position{index: rnd.Uint64N(200), ordinal: 1})
	default:
		return keyGlobals(nil)
	}
}

// What a snapshot sees never changes, while one goroutine writes and others read without a lock: forwards, backwards, and
// key by key.
func TestOverlaySnapshots(t *testing.T) {
	o := newOverlay()
	rnd := rand.New(rand.NewPCG(7, 7))
	want := make(map[string]string)
	var readers sync.WaitGroup
	for i := range uint64(40) {
		for j := range uint64(100) {
			key, value := overlayKey(rnd, 100*i+j), fmt.Sprint(rnd.Uint64())
			if rnd.IntN(5) == 0 {
				o.set(key, nil, itemGone)
				want[string(key)] = "gone"
			} else {
				o.set(key, []byte(value), 0)
				want[string(key)] = value
			}
		}
		s, want := o.snapshot(), maps.Clone(want)
		readers.Go(func() {
			if err := agrees(s, want); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	if err := agrees(o.all(), want); err != nil {
		t.Fatal(err)
	}
}

func agrees(s overlayAt, want map[string]string) error {
	keys := slices.Sorted(maps.Keys(want))
	say := func(c *overSource) string {
		if c.ver.gone {
			return "gone"
		}
		return string(c.value())
	}
	i := 0
	c := overSource{s: s}
	for c.seek(nil); c.ok; c.next() {
		if i == len(keys) || string(c.key()) != keys[i] || say(&c) != want[keys[i]] {
			return fmt.Errorf("key %d of %d forwards is %x", i, len(keys), c.key())
		}
		i++
	}
	if i != len(keys) {
		return fmt.Errorf("%d keys forwards, want %d", i, len(keys))
	}
	for c.seekBefore(nil); c.ok; c.prev() {
		if i--; i < 0 || string(c.key()) != keys[i] {
			return fmt.Errorf("key %d backwards is %x", i, c.key())
		}
	}
	if i != 0 {
		return fmt.Errorf("%d keys are missing backwards", i)
	}
	for j, key := range keys {
		value, gone, ok := s.get([]byte(key))
		if w := want[key]; !ok || gone != (w == "gone") || !gone && string(value) != w {
			return fmt.Errorf("%x is %q, want %q", key, value, w)
		}
		c.seekBefore([]byte(key))
		if c.ok != (j > 0) || c.ok && string(c.key()) != keys[j-1] {
			return fmt.Errorf("the key before %x is another", key)
		}
	}
	return nil
}
