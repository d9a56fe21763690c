package store

import "sync/atomic"

// A slab hands out equal pieces by number, in large allocations that hold no pointers: the collector passes over them, and
// a number takes half the room of a pointer. One goroutine takes; any may look at what it was told of. 0 is no piece.
type slab[T any] struct {
	dir atomic.Pointer[[]*[slabPieces]T]
	n   uint32
}

// at returns a piece that was taken.
func (s *slab[T]) at(i uint32) *T { return &(*s.dir.Load())[i/slabPieces][i%slabPieces] }

// take returns the number of the first of n new pieces, which are neighbours: n is at most slabPieces.
func (s *slab[T]) take(n uint32) uint32 {
	if s.n == 0 {
		s.n = 1
		s.grow()
	}
	if left := slabPieces - s.n%slabPieces; n > left || s.n%slabPieces == 0 {
		if s.n%slabPieces != 0 {
			s.n += left
		}
		s.grow()
	}
	first := s.n
	s.n += n
	return first
}

// grow gives readers another directory: the one that they may be looking at stays as it is.
func (s *slab[T]) grow() {
	var dir []*[slabPieces]T
	if old := s.dir.Load(); old != nil {
		dir = *old
	}
	dir = append(dir, new([slabPieces]T))
	s.dir.Store(&dir)
}

// span is where a byteSlab keeps some bytes.
type span struct{ chunk, off, n uint32 }

// byteSlab keeps byte strings. One goroutine adds; any may look at what it was told of.
type byteSlab struct {
	dir  atomic.Pointer[[][]byte]
	last uint32 // the chunk that is being filled
	used uint32 // of it
}

// add copies b, and leaves spare bytes behind it.
func (s *byteSlab) add(b []byte, spare int) span {
	n := uint32(len(b) + spare)
	if n > chunkBytes/4 {
		at := span{chunk: s.grow(int(n)), n: uint32(len(b))}
		copy(s.at(at), b)
		return at
	}
	if s.dir.Load() == nil || s.used+n > chunkBytes {
		s.last, s.used = s.grow(chunkBytes), 0
	}
	at := span{chunk: s.last, off: s.used, n: uint32(len(b))}
	s.used += n
	copy(s.at(at), b)
	return at
}

func (s *byteSlab) grow(size int) uint32 {
	var dir [][]byte
	if old := s.dir.Load(); old != nil {
		dir = *old
	}
	dir = append(dir, make([]byte, size))
	s.dir.Store(&dir)
	return uint32(len(dir) - 1)
}

// at returns the bytes, which must not be changed.
func (s *byteSlab) at(at span) []byte {
	return (*s.dir.Load())[at.chunk][at.off : at.off+at.n : at.off+at.n]
}

// withSpare returns the bytes and the spare ones behind them.
func (s *byteSlab) withSpare(at span, spare uint32) []byte {
	return (*s.dir.Load())[at.chunk][at.off : at.off+at.n+spare : at.off+at.n+spare]
}
