package search

import (
	"slices"
	"sort"
)

// segmentWalker walks a list of a segment. It reads blocks as it comes to them.
type segmentWalker struct {
	s    *segment
	last []uint64 // last id of each block
	end  []uint64 // where each block ends, from base on
	base uint64   // where the blocks begin in the file
	// The block where it stands, its ids, and how many of them are left.
	block, left int
	ids         [blockIDs]uint64
	// What was read of the file: the bytes from the place from on.
	window []byte
	from   uint64
}

func newSegmentWalker(s *segment, e *entry) (*segmentWalker, error) {
	w := &segmentWalker{s: s}
	head, err := s.read(e.off, min(e.bytes, windowBytes))
	if err != nil {
		return nil, err
	}
	r := reader{b: head}
	skip := r.num()
	begin := uint64(len(head) - len(r.b))
	if r.bad || begin+skip > e.bytes {
		return nil, damaged(s.path, "a list makes no sense")
	}
	if begin+skip > uint64(len(head)) {
		if r.b, err = s.read(e.off+begin, skip); err != nil {
			return nil, err
		}
	} else {
		w.window, w.from = head[begin+skip:], e.off+begin+skip
		r.b = r.b[:skip]
	}
	w.base = e.off + begin + skip
	blocks := int((e.count + blockIDs - 1) / blockIDs)
	w.last, w.end = make([]uint64, blocks), make([]uint64, blocks)
	id, end := s.minID, uint64(0)
	for i := range blocks {
		id += r.num()
		end += r.num()
		w.last[i], w.end[i] = id, end
	}
	if r.bad || w.base+end != e.off+e.bytes {
		return nil, damaged(s.path, "a list makes no sense")
	}
	return w, w.load(blocks-1, int(e.count)-(blocks-1)*blockIDs)
}

// load stands at the end of a block of n ids.
func (w *segmentWalker) load(block, n int) error {
	begin := uint64(0)
	prev := w.s.minID
	if block > 0 {
		begin, prev = w.end[block-1], w.last[block-1]
	}
	b, err := w.bytes(block, begin)
	if err != nil {
		return err
	}
	r := reader{b: b}
	for i := range n {
		prev += r.num()
		w.ids[i] = prev
	}
	if r.bad || len(r.b) != 0 || prev != w.last[block] {
		return damaged(w.s.path, "a block of a list makes no sense")
	}
	w.block, w.left = block, n
	return nil
}

// bytes returns a block. What is read is a window that ends with it: the walk goes on to the one before.
func (w *segmentWalker) bytes(block int, begin uint64) ([]byte, error) {
	lo, hi := w.base+begin, w.base+w.end[block]
	if lo < w.from || hi > w.from+uint64(len(w.window)) {
		from := lo
		for i := block - 1; i >= 0; i-- {
			at := w.base
			if i > 0 {
				at += w.end[i-1]
			}
			if hi-at > windowBytes {
				break
			}
			from = at
		}
		b, err := w.s.read(from, hi-from)
		if err != nil {
			return nil, err
		}
		w.window, w.from = b, from
	}
	return w.window[lo-w.from : hi-w.from], nil
}

func (w *segmentWalker) at() uint64 {
	if w.left == 0 {
		return 0
	}
	return w.ids[w.left-1]
}

func (w *segmentWalker) seek(id uint64) error {
	if w.at() <= id {
		return nil
	}
	if w.ids[0] > id {
		// All of this block is above: the id is in the first block that ends at or above it, or ends the one before.
		b := sort.Search(w.block, func(i int) bool { return w.last[i] >= id })
		if b == w.block {
			b--
		}
		if b < 0 {
			w.left = 0
			return nil
		}
		if err := w.load(b, blockIDs); err != nil {
			return err
		}
		if w.ids[0] > id {
			if b == 0 {
				w.left = 0
				return nil
			}
			return w.load(b-1, blockIDs)
		}
	}
	w.left = sort.Search(w.left, func(i int) bool { return w.ids[i] > id })
	return nil
}

// tableWalker walks all messages of a segment, and looks single ones up.
type tableWalker struct {
	s     *segment
	block int // that docs is of; -1 for none
	buf   []byte
	docs  []doc
	left  int
}

func newTableWalker(s *segment) *tableWalker { return &tableWalker{s: s, block: -1} }

func (w *tableWalker) load(block int) error {
	t := w.s.table[block]
	if t.off > w.s.size || t.bytes > w.s.size-t.off {
		return damaged(w.s.path, "a place is outside of it")
	}
	w.buf = slices.Grow(w.buf[:0], int(t.bytes))[:t.bytes]
	if err := w.s.readAt(w.buf, t.off); err != nil {
		return err
	}
	w.docs = w.docs[:0]
	r := reader{b: w.buf}
	d := doc{id: t.first}
	for range t.docs {
		d.id += r.num()
		d.conv, d.author = r.num(), r.num()
		d.ms += r.signed()
		w.docs = append(w.docs, d)
	}
	if r.bad || len(r.b) != 0 || len(w.docs) == 0 || d.id != t.last {
		return damaged(w.s.path, "a block of the table makes no sense")
	}
	w.block, w.left = block, len(w.docs)
	return nil
}

func (w *tableWalker) at() uint64 {
	if w.left == 0 {
		return 0
	}
	return w.docs[w.left-1].id
}

func (w *tableWalker) seek(id uint64) error {
	if w.block >= 0 && (w.left == 0 || w.at() <= id) {
		return nil
	}
	if w.block < 0 || w.docs[0].id > id {
		b := sort.Search(len(w.s.table), func(i int) bool { return w.s.table[i].first > id }) - 1
		if b < 0 {
			w.block, w.left = 0, 0
			return nil
		}
		if err := w.load(b); err != nil {
			return err
		}
	}
	w.left = sort.Search(w.left, func(i int) bool { return w.docs[i].id > id })
	return nil
}

// find looks a message up.
func (w *tableWalker) find(id uint64) (doc, bool, error) {
	if w.block < 0 || id < w.s.table[w.block].first || id > w.s.table[w.block].last {
		b := sort.Search(len(w.s.table), func(i int) bool { return w.s.table[i].first > id }) - 1
		if b < 0 || id > w.s.table[b].last {
			return doc{}, false, nil
		}
		if err := w.load(b); err != nil {
			return doc{}, false, err
		}
	}
	i := sort.Search(len(w.docs), func(i int) bool { return w.docs[i].id >= id })
	if i == len(w.docs) || w.docs[i].id != id {
		return doc{}, false, nil
	}
	return w.docs[i], true, nil
}
