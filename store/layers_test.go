package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A key that a layer below has stays known as such, and the other way round, whatever is done to it in one overlay: the
// flush and the state hash depend on it.
func TestOverlayFlags(t *testing.T) {
	type write struct {
		value string // "" removes
		fresh bool
	}
	for _, tt := range []struct {
		name   string
		writes []write
		flags  uint8
	}{
		{"insert", []write{{"a", true}}, itemFresh},
		{"insert, put", []write{{"a", true}, {"b", false}}, itemFresh},
		{"insert, remove", []write{{"a", true}, {"", false}}, itemFresh | itemGone},
		{"insert, remove, insert", []write{{"a", true}, {"", false}, {"b", true}}, itemFresh},
		{"remove, insert", []write{{"", false}, {"b", true}}, 0},
		{"put, remove, insert, put", []write{{"a", false}, {"", false}, {"b", true}, {"c", false}}, 0},
	} {
		o := newOverlay()
		for _, w := range tt.writes {
			var flags uint8
			if w.fresh {
				flags |= itemFresh
			}
			if w.value == "" {
				flags |= itemGone
			}
			o.set([]byte("k"), []byte(w.value), flags)
		}
		o.each(func(w written) bool {
			if gone, fresh := tt.flags&itemGone != 0, tt.flags&itemFresh != 0; w.gone != gone || w.fresh != fresh {
				t.Errorf("%s: gone %v, fresh %v; want %v, %v", tt.name, w.gone, w.fresh, gone, fresh)
			}
			return true
		})
	}
}

// Random layers against one sorted map: gets, and walks over random ranges both ways.
func TestLayersAgreeWithAMap(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		want := make(map[string]string)
		key := func() string { return fmt.Sprintf("%03d", rnd.IntN(200)) }
		d := NewMemDisk(testCluster, Mark{})
		frozen, active := newOverlay(), newOverlay()
		var b Batch
		for range 60 {
			k, v := key(), fmt.Sprint(rnd.IntN(1000))
			want[k] = v
			b.Writes = append(b.Writes, Write{Key: []byte(k), Value: appendFramed(nil, []byte(k), []byte(v))})
		}
		if err := d.Commit(b); err != nil {
			t.Fatal(err)
		}
		for _, o := range []*overlay{frozen, active} {
			for range 60 {
				k, v := key(), fmt.Sprint(rnd.IntN(1000))
				if rnd.IntN(3) == 0 {
					delete(want, k)
					o.set([]byte(k), nil, itemGone)
				} else {
					want[k] = v
					o.set([]byte(k), []byte(v), 0)
				}
			}
		}
		tx, err := d.Begin()
		if err != nil {
			t.Fatal(err)
		}
		l := &layers{over: [2]overlayAt{active.all(), frozen.all()}, base: func() (Tx, error) { return tx, nil }}
		for i := range 200 {
			k := fmt.Sprintf("%03d", i)
			v, ok, err := l.get([]byte(k))
			if w, wok := want[k]; err != nil || ok != wok || string(v) != w && ok {
				t.Fatalf("seed %d: get %s = %q, %v, %v; want %q, %v", seed, k, v, ok, err, w, wok)
			}
		}
		for range 100 {
			lo, hi, desc := []byte(key()), []byte(key()), rnd.IntN(2) == 0
			if rnd.IntN(10) == 0 {
				hi = nil
			}
			var got, exp []string
			it := l.scan(lo, hi, desc)
			for it.next() {
				got = append(got, string(it.key)+"="+string(it.value))
			}
			if it.err != nil {
				t.Fatal(it.err)
			}
			for k, v := range want {
				if k >= string(lo) && (hi == nil || bytes.Compare([]byte(k), hi) < 0) {
					exp = append(exp, k+"="+v)
				}
			}
			slices.Sort(exp)
			if desc {
				slices.Reverse(exp)
			}
			if !slices.Equal(got, exp) {
				t.Fatalf("seed %d: [%s, %s) desc=%v: %v, want %v", seed, lo, hi, desc, got, exp)
			}
		}
	}
}
