package search

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"os"

	"parley/internal/syncfile"
)

// segmentWriter writes a segment: all messages by ascending id, then all lists in the order of their keys. The end of
// the file is not synced: a power cut may damage it, which its checksum tells, and what it had is indexed again.
type segmentWriter struct {
	header
	f   *os.File
	w   *bufio.Writer
	sum hash.Hash32
	off uint64

	tableIdx []byte
	table    tableBlock
	buf      []byte // the block of the table, or of the dictionary, that is being filled
	prev     doc

	dictIdx []byte
	first   string // key of the dictionary's block
	last    []byte // key before
	base    uint64 // where the lists of the block begin
	list    []byte // scratch
	skip    []byte
}

func newSegmentWriter(path string, cluster [16]byte, from, to progress) (*segmentWriter, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &segmentWriter{
		header: header{cluster: cluster, from: from, to: to}, f: f, w: bufio.NewWriterSize(syncfile.NewWriter(f), 64<<10), sum: crc32.New(castagnoli),
		off: headerBytes,
	}
	if _, err := w.w.Write(make([]byte, headerBytes)); err != nil {
		return nil, w.abort(err)
	}
	return w, nil
}

// abort closes and removes the file, and returns why.
func (w *segmentWriter) abort(err error) error {
	_ = w.f.Close() // it is removed
	_ = os.Remove(w.f.Name())
	return fmt.Errorf("search: write %s: %w", w.f.Name(), err)
}

func (w *segmentWriter) write(b []byte) error {
	_, _ = w.sum.Write(b) // never fails
	w.off += uint64(len(b))
	_, err := w.w.Write(b)
	return err
}

func (w *segmentWriter) addDoc(d doc) error {
	if w.docs == 0 {
		w.minID = d.id
	}
	t := &w.table
	if t.docs == 0 {
		*t = tableBlock{first: d.id, minMS: d.ms, maxMS: d.ms, off: w.off}
		w.prev = doc{id: d.id}
		w.buf = w.buf[:0]
	}
	w.buf = binary.AppendUvarint(w.buf, d.id-w.prev.id)
	w.buf = binary.AppendUvarint(w.buf, d.conv)
	w.buf = binary.AppendUvarint(w.buf, d.author)
	w.buf = binary.AppendVarint(w.buf, d.ms-w.prev.ms)
	w.prev = d
	t.last, t.minMS, t.maxMS = d.id, min(t.minMS, d.ms), max(t.maxMS, d.ms)
	t.docs++
	w.docs++
	w.maxID = d.id
	if t.docs == blockDocs {
		return w.endTableBlock()
	}
	return nil
}

func (w *segmentWriter) endTableBlock() error {
	t := &w.table
	if t.docs == 0 {
		return nil
	}
	t.bytes = uint64(len(w.buf))
	for _, n := range []uint64{t.first, t.last, uint64(t.minMS), uint64(t.maxMS), t.off, t.bytes, t.docs} {
		w.tableIdx = binary.AppendUvarint(w.tableIdx, n)
	}
	t.docs = 0
	return w.write(w.buf)
}

// endDocs must come between the messages and the lists.
func (w *segmentWriter) endDocs() error {
	err := w.endTableBlock()
	w.buf = w.buf[:0]
	return err
}

// addList adds a list of ascending ids, which is not empty.
func (w *segmentWriter) addList(key string, ids []uint64) error {
	if len(w.buf) == 0 {
		w.first, w.base, w.last = key, w.off, w.last[:0]
		w.buf = binary.AppendUvarint(w.buf, w.base)
	}
	shared := 0
	for shared < len(w.last) && shared < len(key) && w.last[shared] == key[shared] {
		shared++
	}
	w.last = append(w.last[:shared], key[shared:]...)
	w.buf = binary.AppendUvarint(w.buf, uint64(shared))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(key)-shared))
	w.buf = append(w.buf, key[shared:]...)
	w.buf = binary.AppendUvarint(w.buf, uint64(len(ids)))
	if len(ids) == 1 {
		w.buf = binary.AppendUvarint(w.buf, ids[0]-w.minID)
	} else {
		begin := w.off
		if err := w.writeList(ids); err != nil {
			return err
		}
		w.buf = binary.AppendUvarint(w.buf, w.off-begin)
	}
	if len(w.buf) >= dictBytes {
		return w.endDictBlock()
	}
	return nil
}

func (w *segmentWriter) writeList(ids []uint64) error {
	w.list, w.skip = w.list[:0], w.skip[:0]
	prev, prevLast := w.minID, w.minID
	for len(ids) > 0 {
		n := min(blockIDs, len(ids))
		begin := len(w.list)
		for _, id := range ids[:n] {
			w.list = binary.AppendUvarint(w.list, id-prev)
			prev = id
		}
		w.skip = binary.AppendUvarint(w.skip, prev-prevLast)
		w.skip = binary.AppendUvarint(w.skip, uint64(len(w.list)-begin))
		prevLast, ids = prev, ids[n:]
	}
	var length [binary.MaxVarintLen64]byte
	for _, b := range [][]byte{binary.AppendUvarint(length[:0], uint64(len(w.skip))), w.skip, w.list} {
		if err := w.write(b); err != nil {
			return err
		}
	}
	return nil
}

func (w *segmentWriter) endDictBlock() error {
	if len(w.buf) == 0 {
		return nil
	}
	w.dictIdx = binary.AppendUvarint(w.dictIdx, uint64(len(w.first)))
	w.dictIdx = append(w.dictIdx, w.first...)
	w.dictIdx = binary.AppendUvarint(w.dictIdx, w.off)
	w.dictIdx = binary.AppendUvarint(w.dictIdx, uint64(len(w.buf)))
	err := w.write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// finish writes the indexes and the header, and opens the segment as path: it is not under that name before.
func (w *segmentWriter) finish(path string) (*segment, error) {
	if err := w.end(); err != nil {
		return nil, w.abort(err)
	}
	if err := os.Rename(w.f.Name(), path); err != nil {
		return nil, w.abort(err)
	}
	s := &segment{header: w.header, f: w.f, path: path}
	if err := s.loadIndexes(); err != nil {
		_ = w.f.Close() // nothing is left to write
		return nil, err
	}
	s.refs.Store(1)
	return s, nil
}

func (w *segmentWriter) end() error {
	if err := w.endDictBlock(); err != nil {
		return err
	}
	w.tableIndex = w.off
	if err := w.write(w.tableIdx); err != nil {
		return err
	}
	w.dictIndex = w.off
	if err := w.write(w.dictIdx); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	w.size, w.crc = w.off, w.sum.Sum32()
	_, err := w.f.WriteAt(w.encode(), 0)
	return err
}

// write makes a segment of what is in memory.
func (m *memory) write(temporary, path string, cluster [16]byte, from, to progress) (*segment, error) {
	w, err := newSegmentWriter(temporary, cluster, from, to)
	if err != nil {
		return nil, err
	}
	for _, d := range m.docs {
		if err := w.addDoc(d); err != nil {
			return nil, w.abort(err)
		}
	}
	if err := w.endDocs(); err != nil {
		return nil, w.abort(err)
	}
	for _, k := range m.keys() {
		if err := w.addList(k, *m.lists[k]); err != nil {
			return nil, w.abort(err)
		}
	}
	return w.finish(path)
}
