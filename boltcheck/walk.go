package boltcheck

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The page format is bbolt's version 2, unchanged since 2013, with integers in the machine's byte order.
const (
	pageHeaderBytes  = 16
	pageElementBytes = 16
	bucketBytes      = 16
	boltMetaBytes    = 64 // without the page header
	boltMagic        = 0xED0CDAED
	boltVersion      = 2
	flagBranch       = 0x01
	flagLeaf         = 0x02
	flagFreelist     = 0x10
	flagBucket       = 0x01 // of a leaf element
	// noFreelist stands for a freelist that is not in the file.
	noFreelist = ^uint64(0)
	// manyFree says that the freelist's count is in its first element.
	manyFree     = 0xffff
	minPageBytes = 1 << 10
	maxPageBytes = 16 << 20
	maxPages     = 1 << 40
)

var native = binary.NativeEndian

var errChecksum = errors.New("checksum mismatch")

// Error says where a file is wrong.
type Error struct {
	// Where is "file", "meta pages" or "page 17".
	Where string
	Err   error
}

func (e *Error) Error() string { return e.Where + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Pages walks the file at path, which nobody may be writing. It returns an *Error for one that bbolt must not open. It
// reads every page in use; with branchesOnly it leaves out the leaves, which are all but a hundredth of a large file, and
// still keeps bbolt from running astray. Their content, and what overlaps the pages after their first, is then not known.
func Pages(path string, branchesOnly bool) error {
	return PagesContext(context.Background(), path, branchesOnly)
}

// PagesContext is Pages until ctx ends, whose error it then returns.
func PagesContext(ctx context.Context, path string, branchesOnly bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	meta, err := readMetas(f)
	if err != nil {
		return &Error{"meta pages", err}
	}
	if uint64(info.Size())/uint64(meta.pageBytes) < meta.pages {
		return &Error{"file", fmt.Errorf("it is cut off: %d bytes, %d pages of %d are in use",
			info.Size(), meta.pages, meta.pageBytes)}
	}
	w := &walk{
		r: untilDone{ctx, f}, pageBytes: uint64(meta.pageBytes), pages: meta.pages, seen: make(bits, meta.pages/64+1), branchesOnly: branchesOnly,
	}
	if err := w.page(meta.root, 0, nil, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Error{fmt.Sprintf("page %d", w.at), err}
	}
	if err := w.freelist(meta.freelist); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Error{fmt.Sprintf("page %d", w.at), err}
	}
	return nil
}

// untilDone is a file that cannot be read any more once a context has ended.
type untilDone struct {
	ctx context.Context
	r   io.ReaderAt
}

func (u untilDone) ReadAt(b []byte, off int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.ReadAt(b, off)
}

// UsedBytes returns the file's high-water mark: what follows is not in use.
func UsedBytes(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() // read-only
	m, err := readMetas(f)
	if err != nil {
		return 0, &Error{"meta pages", err}
	}
	return int64(m.pages * uint64(m.pageBytes)), nil
}

// bits is a set of page numbers.
type bits []uint64

func (b bits) has(id uint64) bool { return b[id/64]&(1<<(id%64)) != 0 }

func (b bits) add(id uint64) { b[id/64] |= 1 << (id % 64) }

type meta struct {
	pageBytes                   uint32
	root, freelist, pages, txid uint64
}

// readMetas returns the newer of the two meta pages. Both must be valid.
func readMetas(r io.ReaderAt) (meta, error) {
	a, err := readMeta(r, 0)
	if err != nil {
		return meta{}, fmt.Errorf("page 0: %w", err)
	}
	b, err := readMeta(r, int64(a.pageBytes))
	if err != nil {
		return meta{}, fmt.Errorf("page 1: %w", err)
	}
	if a.pageBytes != b.pageBytes {
		return meta{}, fmt.Errorf("page sizes %d and %d", a.pageBytes, b.pageBytes)
	}
	if a.txid < b.txid {
		a = b
	}
	return a, nil
}

func readMeta(r io.ReaderAt, off int64) (meta, error) {
	var b [boltMetaBytes]byte
	if _, err := r.ReadAt(b[:], off+pageHeaderBytes); err != nil {
		return meta{}, err
	}
	h := fnv.New64a()
	_, _ = h.Write(b[:boltMetaBytes-8]) // never fails
	m := meta{
		pageBytes: native.Uint32(b[8:]), root: native.Uint64(b[16:]), freelist: native.Uint64(b[32:]),
		pages: native.Uint64(b[40:]), txid: native.Uint64(b[48:]),
	}
	switch {
	case native.Uint32(b[0:]) != boltMagic:
		return meta{}, errors.New("no bbolt meta page")
	case native.Uint32(b[4:]) != boltVersion:
		return meta{}, fmt.Errorf("bbolt version %d, want %d", native.Uint32(b[4:]), boltVersion)
	case h.Sum64() != native.Uint64(b[boltMetaBytes-8:]):
		return meta{}, errChecksum
	case m.pageBytes < minPageBytes || m.pageBytes > maxPageBytes || m.pages > maxPages:
		return meta{}, fmt.Errorf("%d pages of %d bytes", m.pages, m.pageBytes)
	}
	return m, nil
}

type walk struct {
	r         io.ReaderAt
	pageBytes uint64
	pages     uint64 // in use or free: the high-water mark
	seen      bits
	at        uint64 // the page being looked at, for the error
	// branchesOnly leaves out the leaves. leafDepth is where they are in the tree that is being walked, 0 until one was met:
	// all leaves of a B+ tree have the same depth.
	branchesOnly bool
	leafDepth    int
	treeDepth    int // the depth of the root of that tree, which is read in any case
}

// page verifies the page id and all below it, whose keys must be in [lo, hi); nil bounds nothing.
func (w *walk) page(id uint64, depth int, lo, hi []byte) error {
	w.at = id
	if depth > maxTreeDepth {
		return fmt.Errorf("the tree is deeper than %d", maxTreeDepth)
	}
	if id < 2 || id >= w.pages {
		return fmt.Errorf("outside [2, %d)", w.pages)
	}
	if w.branchesOnly && w.leafDepth == depth && depth > 0 {
		if w.seen.has(id) {
			return fmt.Errorf("page %d has two references", id)
		}
		w.seen.add(id)
		return nil
	}
	var head [pageHeaderBytes]byte
	if _, err := w.r.ReadAt(head[:], int64(id*w.pageBytes)); err != nil {
		return err
	}
	n := uint64(native.Uint32(head[12:])) + 1
	if self := native.Uint64(head[:]); self != id {
		return fmt.Errorf("it calls itself page %d", self)
	}
	if n > w.pages || id+n > w.pages {
		return fmt.Errorf("its %d pages end beyond %d", n, w.pages)
	}
	if n > 1 && n*w.pageBytes > maxRunBytes {
		return fmt.Errorf("it goes on for %d pages of %d bytes", n, w.pageBytes)
	}
	for i := id; i < id+n; i++ {
		if w.seen.has(i) {
			return fmt.Errorf("page %d has two references", i)
		}
		w.seen.add(i)
	}
	if w.branchesOnly && depth > w.treeDepth && native.Uint16(head[8:]) == flagLeaf {
		w.leafDepth = depth // the others of this tree are not looked at
	}
	buf := make([]byte, n*w.pageBytes)
	if _, err := w.r.ReadAt(buf, int64(id*w.pageBytes)); err != nil {
		return err
	}
	return w.elements(buf, id, depth, lo, hi, false)
}

// elements verifies the elements of a page, which an inline bucket is too.
func (w *walk) elements(buf []byte, id uint64, depth int, lo, hi []byte, inline bool) error {
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
		// A branch names each child by its first key: bbolt writes both in one transaction, finds the branch's element again
		// by that key when it rewrites the child, and would add a second one beside a key that differs.
		if i == 0 && lo != nil && !bytes.Equal(lo, key) {
			return errors.New("element 0 is not the one that the branch above names")
		}
		if i > 0 && bytes.Compare(prev, key) >= 0 {
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
func (w *walk) bucket(value []byte, id uint64, depth int) error {
	if len(value) < bucketBytes {
		return fmt.Errorf("a bucket of %d bytes", len(value))
	}
	if root := native.Uint64(value); root != 0 {
		outer, top := w.leafDepth, w.treeDepth
		w.leafDepth, w.treeDepth = 0, depth+1
		err := w.page(root, depth+1, nil, nil)
		w.leafDepth, w.treeDepth = outer, top
		return err
	}
	if len(value) < bucketBytes+pageHeaderBytes {
		return fmt.Errorf("an inline bucket of %d bytes", len(value))
	}
	return w.elements(value[bucketBytes:], id, depth, nil, nil, true)
}

// freelist verifies the list of free pages: bbolt would write over a page in use that is on it.
func (w *walk) freelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	w.at = id
	if id < 2 || id >= w.pages {
		return fmt.Errorf("the freelist is outside [2, %d)", w.pages)
	}
	var head [pageHeaderBytes]byte
	if _, err := w.r.ReadAt(head[:], int64(id*w.pageBytes)); err != nil {
		return err
	}
	n := uint64(native.Uint32(head[12:])) + 1
	if self, flags := native.Uint64(head[:]), native.Uint16(head[8:]); self != id || flags != flagFreelist {
		return fmt.Errorf("the freelist calls itself page %d of kind %#x", self, flags)
	}
	if n > w.pages || id+n > w.pages {
		return fmt.Errorf("its %d pages end beyond %d", n, w.pages)
	}
	buf := make([]byte, n*w.pageBytes)
	if _, err := w.r.ReadAt(buf, int64(id*w.pageBytes)); err != nil {
		return err
	}
	count, ids := uint64(native.Uint16(buf[10:])), buf[pageHeaderBytes:]
	if count == manyFree {
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return fmt.Errorf("%d free pages do not fit", count)
	}
	for i := id; i < id+n; i++ {
		if w.seen.has(i) {
			return fmt.Errorf("page %d is in use and holds the freelist", i)
		}
		w.seen.add(i)
	}
	for i := range count {
		free := native.Uint64(ids[8*i:])
		if free < 2 || free >= w.pages {
			return fmt.Errorf("free page %d is outside [2, %d)", free, w.pages)
		}
		if w.seen.has(free) {
			return fmt.Errorf("page %d is in use and free, or free twice", free)
		}
		w.seen.add(free)
	}
	return nil
}
