package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// This file reads bbolt's page format (version 2, unchanged since 2013, integers in the machine's byte order) far
// enough to know that bbolt can walk the file: every page that is reachable is what its parent says, is reachable
// once, lies within the file, and has its keys in order. bbolt has no checksum on these pages; it panics, faults or
// recurses without end where they are wrong, partly in goroutines where nobody could recover. What is in the values
// is replay's affair.
const (
	pageHeaderBytes  = 16
	pageElementBytes = 16
	bucketBytes      = 16
	boltMetaBytes    = 64 // without the page header
	boltMagic        = 0xED0CDAED
	boltVersion      = 2
	flagBranch       = 0x01
	flagLeaf         = 0x02
	flagBucket       = 0x01 // of a leaf element
	minPageBytes     = 1 << 10
	maxPageBytes     = 16 << 20
)

var native = binary.NativeEndian

// verifyPages walks the file at path, which nobody may be writing.
func verifyPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("raftlog: open: %w", err)
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("raftlog: open: %w", err)
	}
	meta, err := readBoltMetas(f)
	if err != nil {
		return damagedFile(path, "meta pages", err)
	}
	w := &pageWalk{r: f, pageBytes: uint64(meta.pageBytes), pages: meta.pages, seen: make(map[uint64]bool)}
	if uint64(info.Size()) < w.pages*w.pageBytes {
		return damagedFile(path, "file", fmt.Errorf("it is cut off: %d bytes, %d pages of %d are in use",
			info.Size(), w.pages, w.pageBytes))
	}
	if err := w.page(meta.root, 0, nil, nil); err != nil {
		return damagedFile(path, fmt.Sprintf("page %d", w.at), err)
	}
	return nil
}

type boltMeta struct {
	pageBytes         uint32
	root, pages, txid uint64
}

// readBoltMetas returns the newer of the two meta pages. Both must be valid, see the package comment.
func readBoltMetas(r io.ReaderAt) (boltMeta, error) {
	a, err := readBoltMeta(r, 0)
	if err != nil {
		return boltMeta{}, fmt.Errorf("page 0: %w", err)
	}
	b, err := readBoltMeta(r, int64(a.pageBytes))
	if err != nil {
		return boltMeta{}, fmt.Errorf("page 1: %w", err)
	}
	if a.pageBytes != b.pageBytes {
		return boltMeta{}, fmt.Errorf("page sizes %d and %d", a.pageBytes, b.pageBytes)
	}
	if a.txid < b.txid {
		a = b
	}
	return a, nil
}

func readBoltMeta(r io.ReaderAt, off int64) (boltMeta, error) {
	var b [boltMetaBytes]byte
	if _, err := r.ReadAt(b[:], off+pageHeaderBytes); err != nil {
		return boltMeta{}, err
	}
	h := fnv.New64a()
	_, _ = h.Write(b[:boltMetaBytes-8]) // never fails
	m := boltMeta{
		pageBytes: native.Uint32(b[8:]), root: native.Uint64(b[16:]), pages: native.Uint64(b[40:]),
		txid: native.Uint64(b[48:]),
	}
	switch {
	case native.Uint32(b[0:]) != boltMagic:
		return boltMeta{}, errors.New("no bbolt meta page")
	case native.Uint32(b[4:]) != boltVersion:
		return boltMeta{}, fmt.Errorf("bbolt version %d, want %d", native.Uint32(b[4:]), boltVersion)
	case h.Sum64() != native.Uint64(b[boltMetaBytes-8:]):
		return boltMeta{}, errChecksum
	case m.pageBytes < minPageBytes || m.pageBytes > maxPageBytes:
		return boltMeta{}, fmt.Errorf("page size %d", m.pageBytes)
	}
	return m, nil
}

type pageWalk struct {
	r         io.ReaderAt
	pageBytes uint64
	pages     uint64 // in use or free: the high-water mark
	seen      map[uint64]bool
	at        uint64 // the page being looked at, for the error
}

// page verifies the page id and all below it, whose keys must be in [lo, hi); nil bounds nothing.
func (w *pageWalk) page(id uint64, depth int, lo, hi []byte) error {
	w.at = id
	if depth > maxTreeDepth {
		return fmt.Errorf("the tree is deeper than %d", maxTreeDepth)
	}
	if id < 2 || id >= w.pages {
		return fmt.Errorf("outside [2, %d)", w.pages)
	}
	var head [pageHeaderBytes]byte
	if _, err := w.r.ReadAt(head[:], int64(id*w.pageBytes)); err != nil {
		return err
	}
	n := uint64(native.Uint32(head[12:])) + 1
	if self := native.Uint64(head[:]); self != id {
		return fmt.Errorf("it calls itself page %d", self)
	}
	if id+n > w.pages {
		return fmt.Errorf("its %d pages end beyond %d", n, w.pages)
	}
	for i := id; i < id+n; i++ {
		if w.seen[i] {
			return fmt.Errorf("page %d has two references", i)
		}
		w.seen[i] = true
	}
	buf := make([]byte, n*w.pageBytes)
	if _, err := w.r.ReadAt(buf, int64(id*w.pageBytes)); err != nil {
		return err
	}
	return w.elements(buf, id, depth, lo, hi, false)
}

// elements verifies the elements of a page, which an inline bucket is too.
func (w *pageWalk) elements(buf []byte, id uint64, depth int, lo, hi []byte, inline bool) error {
	w.at = id
	flags, count := native.Uint16(buf[8:]), int(native.Uint16(buf[10:]))
	branch := flags == flagBranch && !inline
	if !branch && flags != flagLeaf {
		return fmt.Errorf("unexpected kind %#x", flags)
	}
	if branch && count == 0 {
		return errors.New("a branch without children")
	}
	if pageHeaderBytes+count*pageElementBytes > len(buf) {
		return fmt.Errorf("%d elements do not fit", count)
	}
	type child struct {
		id  uint64
		key []byte
	}
	var children []child
	prev := lo
	for i := range count {
		off := pageHeaderBytes + i*pageElementBytes
		el := buf[off:]
		var pos, ksize, vsize uint64
		if branch {
			pos, ksize = uint64(native.Uint32(el)), uint64(native.Uint32(el[4:]))
		} else {
			pos, ksize = uint64(native.Uint32(el[4:])), uint64(native.Uint32(el[8:]))
			vsize = uint64(native.Uint32(el[12:]))
		}
		start := uint64(off) + pos
		if start+ksize+vsize > uint64(len(buf)) {
			return fmt.Errorf("element %d lies outside", i)
		}
		key, value := buf[start:start+ksize], buf[start+ksize:start+ksize+vsize]
		if c := bytes.Compare(prev, key); i == 0 && c > 0 || i > 0 && c >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		if hi != nil && bytes.Compare(key, hi) >= 0 {
			return fmt.Errorf("element %d belongs to another page", i)
		}
		prev = key
		switch {
		case branch:
			children = append(children, child{id: native.Uint64(el[8:]), key: key})
		case native.Uint32(el)&flagBucket != 0:
			if err := w.bucket(value, id, depth); err != nil {
				return err
			}
		}
	}
	for i, c := range children {
		end := hi
		if i+1 < len(children) {
			end = children[i+1].key
		}
		if err := w.page(c.id, depth+1, c.key, end); err != nil {
			return err
		}
	}
	return nil
}

// bucket verifies a bucket by the value that a leaf holds of it.
func (w *pageWalk) bucket(value []byte, id uint64, depth int) error {
	if len(value) < bucketBytes {
		return fmt.Errorf("a bucket of %d bytes", len(value))
	}
	if root := native.Uint64(value); root != 0 {
		return w.page(root, depth+1, nil, nil)
	}
	if len(value) < bucketBytes+pageHeaderBytes {
		return fmt.Errorf("an inline bucket of %d bytes", len(value))
	}
	return w.elements(value[bucketBytes:], id, depth, nil, nil, true)
}
