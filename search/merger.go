package search

import (
	"context"
	"errors"
	"slices"
	"time"
)

// sampleInterval is how often a segment is looked at for messages that are gone when nothing else happens.
const sampleInterval = time.Hour

// runMerger keeps the segments few. Its goroutine is Open's and ends with Close.
func (x *Index) runMerger() {
	t := time.NewTicker(sampleInterval)
	defer t.Stop()
	sampled := 0
	for {
		select {
		case <-x.grown:
		case <-t.C:
		case <-x.ctx.Done():
			return
		}
		err := x.mergeAll()
		if err == nil {
			err = x.sample(&sampled)
		}
		if err == nil || x.ctx.Err() != nil {
			continue
		}
		if errors.Is(err, errDamaged) {
			x.unreadable(err)
			continue
		}
		x.o.Logger.Warn("segments of the search index were not merged, trying again", "err", err)
		_ = pause(x.ctx, retryInterval) // the loop sees the end
		signal(x.grown)
	}
}

func (x *Index) mergeAll() error {
	for {
		s := x.snapshot()
		lo, hi := planMerge(s.segs)
		var err error
		if lo < hi {
			err = x.merge(s.segs[lo:hi])
		}
		s.close()
		if err != nil || lo == hi {
			return err
		}
	}
}

// tier is the power of fanIn of a segment's size.
func tier(docs uint64) (n int) {
	for ; docs > memoryDocs*fanIn/2; docs /= fanIn {
		n++
	}
	return n
}

// planMerge returns which neighbours to merge, none when lo is hi: those of a tier when there are fanIn of them, with the
// smaller ones behind.
func planMerge(segs []*segment) (lo, hi int) {
	for t := 0; t <= tier(maxSegmentDocs); t++ {
		lo, of, docs := len(segs), 0, uint64(0)
		for lo > 0 && tier(segs[lo-1].docs) <= t && docs+segs[lo-1].docs <= maxSegmentDocs {
			lo--
			docs += segs[lo].docs
			if tier(segs[lo].docs) == t {
				of++
			}
		}
		if of >= fanIn {
			return lo, len(segs)
		}
	}
	return 0, 0
}

// merge puts one segment in the place of some neighbours.
func (x *Index) merge(ins []*segment) error {
	docs := uint64(0)
	for _, s := range ins {
		docs += s.docs
	}
	m := &merge{ins: ins, pacer: newPacer()}
	if docs >= checkGoneDocs || len(ins) == 1 {
		m.gone = x.gone
	}
	temporary, path := x.nextFile()
	out, err := m.run(x.ctx, temporary, path)
	if err != nil {
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		return err
	}
	x.mu.Lock()
	at := slices.Index(x.segs, ins[0])
	here := at >= 0 && at+len(ins) <= len(x.segs) && slices.Equal(x.segs[at:at+len(ins)], ins)
	if here {
		x.segs = slices.Concat(x.segs[:at], []*segment{out}, x.segs[at+len(ins):])
	}
	x.mu.Unlock()
	if !here { // the index was made anew meanwhile
		ins = []*segment{out}
	}
	for _, s := range ins {
		s.dropped.Store(true)
		s.release()
	}
	x.metrics.merges.Inc()
	return nil
}

// gone asks the state which messages have no text any more.
func (x *Index) gone(ids []uint64) ([]uint64, error) {
	v, err := x.o.Store.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.FeedGone(ids)
}

// sample looks at some messages of one segment, at the next one the next time. When many are gone it is written without them.
func (x *Index) sample(next *int) error {
	s := x.snapshot()
	defer s.close()
	if len(s.segs) == 0 {
		return nil
	}
	*next = (*next + 1) % len(s.segs)
	seg := s.segs[*next]
	if seg.docs < sampleGone {
		return nil
	}
	var ids []uint64
	t := newTableWalker(seg)
	for step := seg.docs / sampleGone; len(ids) < sampleGone; {
		at := uint64(len(ids)) * step
		if err := t.load(int(at / blockDocs)); err != nil {
			return err
		}
		ids = append(ids, t.docs[at%uint64(len(t.docs))].id)
	}
	gone, err := x.gone(ids)
	if err != nil || len(gone) <= sampleGone/4 {
		return err
	}
	return x.merge([]*segment{seg})
}
