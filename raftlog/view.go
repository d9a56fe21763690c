package raftlog

import (
	"fmt"
	"sort"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// view is the log at one moment, in memory.
//
//  1. A published view never changes, nor do the entries in it.
//  2. Views of one lineage share backing arrays. Only the newest view is ever extended, and only beyond its length,
//     where no older view looks. Whatever replaces an entry copies the slice first.
//
// Readers may rely on both; extend and compact must keep them.
type view struct {
	hs        hardState
	compacted mark
	// ents[i] has index compacted.index+1+i.
	ents []*raftpb.Entry
	// ends[i] is base plus the encoded bytes of ents[0..i]: sizes by subtraction, limits by binary search.
	ends []uint64
	base uint64
	// dead entries and bytes lie in the backing array before ents[0] and are kept alive by it.
	deadEntries int
	deadBytes   uint64
}

func (v *view) last() uint64 { return v.compacted.index + uint64(len(v.ents)) }

func (v *view) tail() mark {
	if n := len(v.ents); n > 0 {
		return mark{index: v.last(), term: v.ents[n-1].GetTerm()}
	}
	return v.compacted
}

// end is the cumulative size up to and including the entry before position i.
func (v *view) end(i uint64) uint64 {
	if i == 0 {
		return v.base
	}
	return v.ends[i-1]
}

func (v *view) bytes() uint64 { return v.end(uint64(len(v.ents))) - v.base }

func (v *view) term(i uint64) (uint64, error) {
	switch {
	case i < v.compacted.index:
		return 0, raft.ErrCompacted
	case i == v.compacted.index:
		return v.compacted.term, nil
	case i > v.last():
		return 0, raft.ErrUnavailable
	}
	return v.ents[i-v.compacted.index-1].GetTerm(), nil
}

func (v *view) entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	switch {
	case lo > hi:
		panic(fmt.Sprintf("raftlog: entries [%d, %d): lo is above hi", lo, hi))
	case lo <= v.compacted.index:
		return nil, raft.ErrCompacted
	case hi > v.last()+1:
		return nil, raft.ErrUnavailable
	case lo == hi:
		return nil, nil
	}
	i, j := lo-v.compacted.index-1, hi-v.compacted.index-1
	if start := v.end(i); v.end(j)-start > maxSize {
		n := sort.Search(int(j-i), func(k int) bool { return v.ends[i+uint64(k)]-start > maxSize })
		j = i + uint64(max(n, 1)) // at least one, as raft asks
	}
	return v.ents[i:j:j], nil
}

// extend returns v with the entries from index on replaced by ents, whose encoded sizes are given.
func (v *view) extend(ents []*raftpb.Entry, sizes []uint32) *view {
	if len(ents) == 0 {
		c := *v
		return &c
	}
	c := *v
	keep := ents[0].GetIndex() - v.compacted.index - 1
	if keep < uint64(len(v.ents)) {
		c.ents, c.ends = v.ents[:keep:keep], v.ends[:keep:keep] // the appends below copy
	}
	c.ents = append(c.ents, ents...)
	end := v.end(keep)
	for _, n := range sizes {
		end += uint64(n)
		c.ends = append(c.ends, end)
	}
	return &c
}

// compact returns v without the entries up to index, which v must hold.
func (v *view) compact(index uint64) *view {
	n := index - v.compacted.index
	c := *v
	c.compacted = mark{index: index, term: v.ents[n-1].GetTerm()}
	c.hs.commit = max(c.hs.commit, index)
	c.base = v.end(n)
	c.ents, c.ends = v.ents[n:], v.ends[n:]
	c.deadEntries += int(n)
	c.deadBytes += c.base - v.base
	if c.deadEntries > maxDeadEntries || c.deadBytes > maxDeadBytes || len(c.ents) == 0 {
		c.ents = append(make([]*raftpb.Entry, 0, roomFor(len(c.ents))), c.ents...)
		c.ends = append(make([]uint64, 0, roomFor(len(c.ends))), c.ends...)
		c.deadEntries, c.deadBytes = 0, 0
	}
	return &c
}

// roomFor leaves space for an eighth more, so that the copy is not followed by the next append's.
func roomFor(n int) int { return n + n/8 + 64 }
