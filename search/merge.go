package search

import (
	"context"
	"slices"
	"time"
)

// pacer lets background work rest several times as long as it worked, turn by turn: it takes a quarter of one core at most.
type pacer struct{ began time.Time }

func newPacer() *pacer { return &pacer{began: time.Now()} }

// rest returns the context's error when that ends.
func (p *pacer) rest(ctx context.Context) error {
	worked := time.Since(p.began)
	if worked < workTurn {
		return ctx.Err()
	}
	err := pause(ctx, restFactor*worked)
	p.began = time.Now()
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// merge writes neighbouring segments, the oldest first, as one. Of a message that several have the newest one's words count.
// gone, where it is set, returns those of some ids whose messages are gone: they are left out.
type merge struct {
	ins   []*segment
	gone  func(ids []uint64) ([]uint64, error)
	pacer *pacer
	// drop are the ids, ascending, that are left out of the lists of each input.
	drop [][]uint64
}

func (m *merge) run(ctx context.Context, temporary, path string) (*segment, error) {
	first, last := m.ins[0], m.ins[len(m.ins)-1]
	w, err := newSegmentWriter(temporary, first.cluster, first.from, last.to)
	if err != nil {
		return nil, err
	}
	m.drop = make([][]uint64, len(m.ins))
	if err := m.docs(ctx, w); err != nil {
		return nil, w.abort(err)
	}
	if err := m.lists(ctx, w); err != nil {
		return nil, w.abort(err)
	}
	return w.finish(path)
}

// tableReader reads a table from its beginning.
type tableReader struct {
	t  *tableWalker
	i  int
	at doc // id 0 at the end
}

func (r *tableReader) next() error {
	if r.i++; r.t.block < 0 || r.i == len(r.t.docs) {
		if r.t.block+1 == len(r.t.s.table) {
			r.at = doc{}
			return nil
		}
		if err := r.t.load(r.t.block + 1); err != nil {
			return err
		}
		r.i = 0
	}
	r.at = r.t.docs[r.i]
	return nil
}

func (m *merge) docs(ctx context.Context, w *segmentWriter) error {
	readers := make([]*tableReader, len(m.ins))
	for i, s := range m.ins {
		readers[i] = &tableReader{t: newTableWalker(s)}
		if err := readers[i].next(); err != nil {
			return err
		}
	}
	var batch []doc
	for {
		newest := -1
		for i, r := range readers { // the last of those with the least id
			if r.at.id != 0 && (newest < 0 || r.at.id <= readers[newest].at.id) {
				newest = i
			}
		}
		if newest < 0 || len(batch) == goneBatch {
			if err := m.keep(w, batch); err != nil {
				return err
			}
			if err := m.pacer.rest(ctx); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if newest < 0 {
			return w.endDocs()
		}
		d := readers[newest].at
		batch = append(batch, d)
		for i, r := range readers {
			if r.at.id != d.id {
				continue
			}
			if i < newest {
				m.drop[i] = append(m.drop[i], d.id)
			}
			if err := r.next(); err != nil {
				return err
			}
		}
	}
}

// keep writes those of a batch that are not gone.
func (m *merge) keep(w *segmentWriter, batch []doc) error {
	var gone []uint64
	if m.gone != nil && len(batch) > 0 {
		ids := make([]uint64, len(batch))
		for i, d := range batch {
			ids[i] = d.id
		}
		var err error
		if gone, err = m.gone(ids); err != nil {
			return err
		}
	}
	for _, d := range batch {
		if len(gone) > 0 && gone[0] == d.id {
			gone = gone[1:]
			for i := range m.drop {
				m.drop[i] = append(m.drop[i], d.id)
			}
			continue
		}
		if err := w.addDoc(d); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) lists(ctx context.Context, w *segmentWriter) error {
	readers := make([]*listReader, len(m.ins))
	for i, s := range m.ins {
		slices.Sort(m.drop[i]) // what is gone came after what a newer one replaced
		readers[i] = &listReader{s: s, drop: m.drop[i]}
		if err := readers[i].next(); err != nil {
			return err
		}
	}
	var ids []uint64
	for n := 0; ; n++ {
		var least *listReader
		for _, r := range readers {
			if !r.done && (least == nil || string(r.d.key) < string(least.d.key)) {
				least = r
			}
		}
		if least == nil {
			return nil
		}
		key := string(least.d.key)
		ids = ids[:0]
		for _, r := range readers {
			if r.done || string(r.d.key) != key {
				continue
			}
			var err error
			if ids, err = r.appendIDs(ids); err != nil {
				return err
			}
			if err := r.next(); err != nil {
				return err
			}
		}
		if !slices.IsSorted(ids) {
			slices.Sort(ids)
		}
		if ids = slices.Compact(ids); len(ids) > 0 {
			if err := w.addList(key, ids); err != nil {
				return err
			}
		}
		if n%64 == 0 {
			if err := m.pacer.rest(ctx); err != nil {
				return err
			}
		}
	}
}

// listReader reads the lists of a segment in the order of their keys.
type listReader struct {
	s     *segment
	d     *dictReader
	block int
	e     entry
	done  bool
	drop  []uint64
	// What was read of the file: the bytes from the place from on.
	window []byte
	from   uint64
}

func (r *listReader) next() error {
	for {
		if r.d != nil {
			more, err := r.d.next(&r.e)
			if more || err != nil {
				return err
			}
		}
		if r.block == len(r.s.dict) {
			r.done = true
			return nil
		}
		var err error
		if r.d, err = r.s.dictReader(r.block); err != nil {
			return err
		}
		r.block++
	}
}

// appendIDs appends the ids of the list, without those that are dropped.
func (r *listReader) appendIDs(dst []uint64) ([]uint64, error) {
	if r.e.count == 1 {
		return r.appendKept(dst, r.e.single), nil
	}
	b, err := r.bytes(r.e.off, r.e.bytes)
	if err != nil {
		return nil, err
	}
	in := reader{b: b}
	in.bytes(in.num()) // what a walk skips by
	dst = slices.Grow(dst, int(min(r.e.count, maxSegmentDocs)))
	id := r.s.minID
	for range r.e.count {
		id += in.num()
		dst = r.appendKept(dst, id)
	}
	if in.bad || len(in.b) != 0 {
		return nil, damaged(r.s.path, "a list makes no sense")
	}
	return dst, nil
}

func (r *listReader) appendKept(dst []uint64, id uint64) []uint64 {
	if len(r.drop) > 0 {
		if _, ok := slices.BinarySearch(r.drop, id); ok {
			return dst
		}
	}
	return append(dst, id)
}

// bytes reads ahead: the lists lie one behind the other.
func (r *listReader) bytes(off, n uint64) ([]byte, error) {
	if off < r.from || off+n > r.from+uint64(len(r.window)) {
		if off > r.s.size {
			return nil, damaged(r.s.path, "a place is outside of it")
		}
		b, err := r.s.read(off, min(max(n, 4*windowBytes), r.s.size-off))
		if err != nil {
			return nil, err
		}
		if n > uint64(len(b)) {
			return nil, damaged(r.s.path, "a list ends early")
		}
		r.window, r.from = b, off
	}
	return r.window[off-r.from:][:n], nil
}
