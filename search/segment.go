package search

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
	"sync/atomic"
)

// A segment is a file that never changes: messages with their words, and how far the index is complete with it. All numbers
// are big-endian or varints.
//
//	header   magic, cluster id, from, to, number of messages, least and greatest id, places, checksums
//	table    blocks of messages by id: id, conversation, author, time
//	lists    for a run of words, one list of ids after the other; then the block of the dictionary that has these words
//	index    of the table's blocks and of the dictionary's, which an open segment has in memory
//
// A list of one id is in the dictionary. A longer one is blocks of ids, ahead of them the last id and the length of each.
type segment struct {
	header
	f     *os.File
	path  string
	table []tableBlock
	dict  []dictBlock
	// refs counts who uses the file: the index, and each query. The last one closes it, and removes it when it was dropped.
	refs    atomic.Int32
	dropped atomic.Bool
}

const (
	magic       = "parleyS1"
	headerBytes = 128
)

// progress is how far an index is complete: all messages up to an id are in it, and all edits up to a raft index.
type progress struct{ id, index uint64 }

type header struct {
	cluster      [16]byte
	from, to     progress
	docs         uint64
	minID, maxID uint64
	// Where the two indexes begin, and the size of the file.
	tableIndex, dictIndex, size uint64
	crc                         uint32 // of all behind the header
}

// tableBlock says where a block of the table is and what ids and times are in it.
type tableBlock struct {
	first, last  uint64
	minMS, maxMS int64
	off          uint64
	bytes        uint64
	docs         uint64
}

// dictBlock says where a block of the dictionary is and what its first key is.
type dictBlock struct {
	first string
	off   uint64
	bytes uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is what a segment is that has not the bytes that were written. It is dropped, and what it had is indexed again.
var errDamaged = errors.New("search: damaged segment")

func damaged(path, what string) error { return fmt.Errorf("%w: %s: %s", errDamaged, path, what) }

func (h *header) encode() []byte {
	b := append(make([]byte, 0, headerBytes), magic...)
	b = append(b, h.cluster[:]...)
	for _, n := range []uint64{
		h.from.id, h.from.index, h.to.id, h.to.index, h.docs, h.minID, h.maxID, h.tableIndex, h.dictIndex, h.size,
	} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = b[:headerBytes-8]
	b = binary.BigEndian.AppendUint32(b, h.crc)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeHeader(path string, b []byte) (h header, err error) {
	end := headerBytes - 4
	if string(b[:8]) != magic || binary.BigEndian.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return h, damaged(path, "its header is not one")
	}
	copy(h.cluster[:], b[8:])
	for i, n := range []*uint64{
		&h.from.id, &h.from.index, &h.to.id, &h.to.index, &h.docs, &h.minID, &h.maxID, &h.tableIndex, &h.dictIndex, &h.size,
	} {
		*n = binary.BigEndian.Uint64(b[24+8*i:])
	}
	h.crc = binary.BigEndian.Uint32(b[headerBytes-8:])
	return h, nil
}

// openSegment opens a file and reads all of it against its checksum. errDamaged when it is not what was written.
func openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &segment{f: f, path: path}
	if err := s.load(); err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	s.refs.Store(1)
	return s, nil
}

func (s *segment) load() error {
	b := make([]byte, headerBytes)
	if _, err := io.ReadFull(s.f, b); err != nil {
		return damaged(s.path, "it has no header")
	}
	var err error
	if s.header, err = decodeHeader(s.path, b); err != nil {
		return err
	}
	st, err := s.f.Stat()
	if err != nil {
		return err
	}
	if uint64(st.Size()) != s.size || s.tableIndex > s.dictIndex || s.dictIndex > s.size || s.tableIndex < headerBytes {
		return damaged(s.path, "its size is wrong")
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, bufio.NewReaderSize(s.f, 256<<10)); err != nil {
		return err
	}
	if sum.Sum32() != s.crc {
		return damaged(s.path, "its checksum is wrong")
	}
	return s.loadIndexes()
}

func (s *segment) loadIndexes() error {
	b, err := s.read(s.tableIndex, s.dictIndex-s.tableIndex)
	if err != nil {
		return err
	}
	r := reader{b: b}
	for len(r.b) > 0 && !r.bad {
		s.table = append(s.table, tableBlock{
			first: r.num(), last: r.num(), minMS: int64(r.num()), maxMS: int64(r.num()), off: r.num(), bytes: r.num(), docs: r.num(),
		})
	}
	if b, err = s.read(s.dictIndex, s.size-s.dictIndex); err != nil {
		return err
	}
	d := reader{b: b}
	for len(d.b) > 0 && !d.bad {
		s.dict = append(s.dict, dictBlock{first: string(d.bytes(d.num())), off: d.num(), bytes: d.num()})
	}
	if r.bad || d.bad {
		return damaged(s.path, "an index ends early")
	}
	return nil
}

// read returns bytes of the file.
func (s *segment) read(off, n uint64) ([]byte, error) {
	if off > s.size || n > s.size-off {
		return nil, damaged(s.path, "a place is outside of it")
	}
	b := make([]byte, n)
	return b, s.readAt(b, off)
}

func (s *segment) readAt(b []byte, off uint64) error {
	if _, err := s.f.ReadAt(b, int64(off)); err != nil {
		return fmt.Errorf("search: read %s: %w", s.path, err)
	}
	return nil
}

// acquire is called with the index's lock held, so that the segment is still in use.
func (s *segment) acquire() { s.refs.Add(1) }

func (s *segment) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	_ = s.f.Close() // only read
	if s.dropped.Load() {
		_ = os.Remove(s.path) // what stays is found and removed at the next start
	}
}

// reader takes numbers off some bytes. bad is set when they end early.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) num() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) signed() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// entry is what the dictionary says of a list.
type entry struct {
	count  uint64
	single uint64 // the only id, when count is 1
	off    uint64
	bytes  uint64
}

// dictReader reads the entries of a block in order.
type dictReader struct {
	s   *segment
	r   reader
	off uint64 // of the next list
	key []byte
}

func (s *segment) dictReader(block int) (*dictReader, error) {
	d := s.dict[block]
	b, err := s.read(d.off, d.bytes)
	if err != nil {
		return nil, err
	}
	r := &dictReader{s: s, r: reader{b: b}}
	r.off = r.r.num()
	return r, nil
}

// next returns false at the end of the block.
func (d *dictReader) next(e *entry) (bool, error) {
	if len(d.r.b) == 0 {
		return false, nil
	}
	shared := d.r.num()
	if shared > uint64(len(d.key)) {
		return false, damaged(d.s.path, "the dictionary makes no sense")
	}
	d.key = append(d.key[:shared], d.r.bytes(d.r.num())...)
	e.count = d.r.num()
	if n := d.r.num(); e.count == 1 {
		e.single, e.off, e.bytes = d.s.minID+n, 0, 0
	} else {
		e.single, e.off, e.bytes = 0, d.off, n
		d.off += n
	}
	if d.r.bad {
		return false, damaged(d.s.path, "the dictionary ends early")
	}
	return true, nil
}

// find looks a key up.
func (s *segment) find(key string) (e entry, ok bool, err error) {
	at := sort.Search(len(s.dict), func(i int) bool { return s.dict[i].first > key })
	if at == 0 {
		return e, false, nil
	}
	d, err := s.dictReader(at - 1)
	if err != nil {
		return e, false, err
	}
	for {
		more, err := d.next(&e)
		if err != nil || !more || string(d.key) > key {
			return e, false, err
		}
		if string(d.key) == key {
			return e, true, nil
		}
	}
}

// walk returns a walker over a list, nil when there is none.
func (s *segment) walk(key string) (walker, error) {
	e, ok, err := s.find(key)
	if err != nil || !ok {
		return nil, err
	}
	return s.walkEntry(&e)
}

func (s *segment) walkEntry(e *entry) (walker, error) {
	if e.count == 1 {
		return &listWalker{ids: []uint64{e.single}}, nil
	}
	return newSegmentWalker(s, e)
}

// withPrefix is memory's.
func (s *segment) withPrefix(words map[string]struct{}, prefix string, limit int) (bool, error) {
	at := max(1, sort.Search(len(s.dict), func(i int) bool { return s.dict[i].first > prefix })) - 1
	for ; at < len(s.dict); at++ {
		d, err := s.dictReader(at)
		if err != nil {
			return false, err
		}
		for {
			var e entry
			more, err := d.next(&e)
			if err != nil {
				return false, err
			}
			if !more {
				break
			}
			if string(d.key) < prefix {
				continue
			}
			if len(d.key) < len(prefix) || string(d.key[:len(prefix)]) != prefix {
				return true, nil
			}
			if words[string(d.key)] = struct{}{}; len(words) > limit {
				return false, nil
			}
		}
	}
	return true, nil
}
