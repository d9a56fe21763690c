package store

import (
	"bytes"
	"errors"
)

// layers is the state as a stack: overlays over the disk, the newer ones in front. Reads take the first layer that has
// the key. It is used by one goroutine.
type layers struct {
	over [2]overlayAt // newest first; the zero value where there is none
	base func() (Tx, error)
	path string
	// kept are records of the disk that others have decoded already; nil where the layers' owner changes what it reads.
	kept *keptRecords
	buf  [maxKeyBytes]byte
}

// key returns an empty buffer for the key of the next read; one at a time.
func (l *layers) key() []byte { return l.buf[:0] }

// get returns the live value of a key. The bytes are valid until the base read is closed.
func (l *layers) get(key []byte) (value []byte, ok bool, err error) {
	if value, gone, found := l.above(key); found {
		return value, !gone, nil
	}
	return l.below(key)
}

// above looks in the overlays.
func (l *layers) above(key []byte) (value []byte, gone, found bool) {
	for _, s := range l.over {
		if s.o == nil {
			continue
		}
		if value, gone, ok := s.get(key); ok {
			return value, gone, true
		}
	}
	return nil, false, false
}

// below looks at the disk.
func (l *layers) below(key []byte) (value []byte, ok bool, err error) {
	if l.base == nil {
		return nil, false, nil
	}
	tx, err := l.base()
	if err != nil {
		return nil, false, err
	}
	framed := tx.Get(key)
	if framed == nil {
		return nil, false, nil
	}
	value, err = unframe(key, framed)
	if err != nil {
		return nil, false, l.locate(err)
	}
	return value, true, nil
}

// locate adds the file to a report of damage or of a contradiction.
func (l *layers) locate(err error) error {
	if d, ok := errors.AsType[*DamageError](err); ok && d.Path == "" {
		d.Path = l.path
	}
	if d, ok := errors.AsType[*ContradictionError](err); ok && d.Path == "" {
		d.Path = l.path
	}
	return err
}

// iterator walks the live pairs of a key range. The layers must not change while it is used.
type iterator struct {
	l      *layers
	lo, hi []byte // [lo, hi); a nil hi has no end
	desc   bool
	over   [2]overSource
	disk   diskSource
	key    []byte
	value  []byte
	err    error
}

type diskSource struct {
	cur  Cursor
	k, v []byte
}

// scan begins a walk over [lo, hi), ascending or descending. The slices must stay as they are.
func (l *layers) scan(lo, hi []byte, desc bool) *iterator {
	it := &iterator{l: l, lo: lo, hi: hi, desc: desc}
	for i, o := range l.over {
		if o.empty() {
			continue
		}
		s := &it.over[i]
		s.s = o
		if desc {
			s.seekBefore(hi)
		} else {
			s.seek(lo)
		}
		it.settle(s)
	}
	if l.base == nil {
		return it
	}
	tx, err := l.base()
	if err != nil {
		it.err = err
		return it
	}
	it.disk.cur = tx.Cursor()
	if !desc {
		it.disk.k, it.disk.v = it.disk.cur.Seek(lo)
	} else if hi == nil {
		it.disk.k, it.disk.v = it.disk.cur.Last()
	} else if k, _ := it.disk.cur.Seek(hi); k != nil {
		it.disk.k, it.disk.v = it.disk.cur.Prev()
	} else {
		it.disk.k, it.disk.v = it.disk.cur.Last()
	}
	it.settleDisk()
	return it
}

func (it *iterator) inRange(key []byte) bool {
	if it.desc {
		return bytes.Compare(key, it.lo) >= 0
	}
	return it.hi == nil || bytes.Compare(key, it.hi) < 0
}

func (it *iterator) settle(s *overSource) {
	s.ok = s.ok && it.inRange(s.key())
}

func (it *iterator) settleDisk() {
	if it.disk.k != nil && !it.inRange(it.disk.k) {
		it.disk.k, it.disk.v = nil, nil
	}
}

func (it *iterator) advance(s *overSource) {
	if it.desc {
		s.prev()
	} else {
		s.next()
	}
	it.settle(s)
}

func (it *iterator) advanceDisk() {
	if it.desc {
		it.disk.k, it.disk.v = it.disk.cur.Prev()
	} else {
		it.disk.k, it.disk.v = it.disk.cur.Next()
	}
	it.settleDisk()
}

// before says whether a comes before b in the walk's direction.
func (it *iterator) before(a, b []byte) bool {
	if it.desc {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}

// next moves to the next live pair: key and value. False at the end and on an error, which is then in err.
func (it *iterator) next() bool {
	for it.err == nil {
		best := it.disk.k
		from := -1
		for i := len(it.over) - 1; i >= 0; i-- {
			s := &it.over[i]
			if s.ok && (best == nil || !it.before(best, s.key())) {
				best, from = s.key(), i
			}
		}
		if best == nil {
			return false
		}
		it.key = best
		gone := false
		if from >= 0 {
			it.value, gone = it.over[from].value(), it.over[from].ver.gone
		} else if it.value, it.err = unframe(best, it.disk.v); it.err != nil {
			it.err = it.l.locate(it.err)
			return false
		}
		if it.disk.k != nil && bytes.Equal(it.disk.k, best) {
			it.advanceDisk()
		}
		for i := range it.over {
			if s := &it.over[i]; s.ok && bytes.Equal(s.key(), best) {
				it.advance(s)
			}
		}
		if !gone {
			return true
		}
	}
	return false
}
