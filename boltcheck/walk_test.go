package boltcheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// file makes one with two buckets, branches, overflow pages and free pages.
func file(t *testing.T) (path string, whole []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.db")
	db, err := bolt.Open(path, 0o600, nil)
	must(t, err)
	for round := range 3 {
		must(t, db.Update(func(tx *bolt.Tx) error {
			for _, name := range []string{"one", "two"} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				for i := range 2000 {
					value := bytes.Repeat([]byte{byte(round)}, 20+i%3*round)
					if i == 1000 {
						value = make([]byte, 9000)
					}
					if err := b.Put(fmt.Appendf(nil, "key %05d", i), value); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
	must(t, db.Close())
	whole, err = os.ReadFile(path)
	must(t, err)
	return path, whole
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A whole file passes; one of whose pages is wrong does not, and the page is named. Without the leaves, what leads to them
// and the list of free pages is still verified.
func TestPages(t *testing.T) {
	path, whole := file(t)
	must(t, Pages(path, false))
	must(t, Pages(path, true))
	used, err := UsedBytes(path)
	must(t, err)
	page := os.Getpagesize()
	meta, err := readMetas(bytes.NewReader(whole))
	must(t, err)
	free := int(meta.freelist) * page
	// The branch in use: the root bucket's leaf names it.
	branch := 0
	for off := 2 * page; off < int(used); off += page {
		broken := bytes.Clone(whole)
		binary.NativeEndian.PutUint16(broken[off+8:], 0x40)
		must(t, os.WriteFile(path, broken, 0o600))
		if binary.NativeEndian.Uint16(whole[off+8:]) == flagBranch && Pages(path, true) != nil {
			branch = off
		}
	}
	if branch == 0 {
		t.Fatal("no branch in use")
	}
	leaf := int(binary.NativeEndian.Uint64(whole[branch+pageHeaderBytes+8+pageElementBytes:])) * page
	for _, tc := range []struct {
		name   string
		damage func(b []byte) []byte
		says   string
		leaves bool // only the full walk can know
	}{
		{"a meta page", func(b []byte) []byte { b[page+pageHeaderBytes+20] ^= 1; return b }, "meta pages", false},
		{"cut off", func(b []byte) []byte { return b[:used-1] }, "cut off", false},
		{"a branch that is its own child", func(b []byte) []byte {
			binary.NativeEndian.PutUint64(b[branch+pageHeaderBytes+8:], uint64(branch/page))
			return b
		}, "two references", false},
		{"a leaf twice", func(b []byte) []byte {
			copy(b[branch+pageHeaderBytes+8+pageElementBytes:][:8], b[branch+pageHeaderBytes+8:][:8])
			return b
		}, "two references", false},
		{"a free page in use", func(b []byte) []byte {
			binary.NativeEndian.PutUint64(b[free+pageHeaderBytes:], uint64(leaf/page))
			return b
		}, "in use and free", false},
		{"a freelist of another kind", func(b []byte) []byte { b[free+8] = 2; return b }, "the freelist calls itself", false},
		{"a branch whose key no child begins with", func(b []byte) []byte {
			// The key that is hit lies between two that exist, so that everything would still be found.
			for i := 1; i < int(binary.NativeEndian.Uint16(b[branch+10:])); i++ {
				el := branch + pageHeaderBytes + i*pageElementBytes
				key := b[el+int(binary.NativeEndian.Uint32(b[el:])):][:binary.NativeEndian.Uint32(b[el+4:])]
				if last := len(key) - 1; key[last] == '0' {
					key[last]--
					return b
				}
			}
			t.Fatal("no such key")
			return nil
		}, "branch above", true},
		{"a leaf of another kind", func(b []byte) []byte { b[leaf+8] = 0x40; return b }, "unexpected kind", true},
		{"a leaf's endless overflow", func(b []byte) []byte { b[leaf+15] = 0x80; return b }, "end beyond", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			must(t, os.WriteFile(path, tc.damage(bytes.Clone(whole)), 0o600))
			for _, branchesOnly := range []bool{false, true} {
				err := Pages(path, branchesOnly)
				if branchesOnly && tc.leaves {
					must(t, err)
					continue
				}
				if page, ok := errors.AsType[*Error](err); !ok || page.Where == "" || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("branches only %v: %v, want %q", branchesOnly, err, tc.says)
				}
			}
		})
	}
}

// The overflow of a page is not read before its length was held against the limit, even where the file is long enough.
func TestLongOverflow(t *testing.T) {
	const pageBytes, pages = 4096, 1 << 20
	head := make([]byte, pageHeaderBytes)
	binary.NativeEndian.PutUint64(head, 2)
	binary.NativeEndian.PutUint16(head[8:], flagLeaf)
	binary.NativeEndian.PutUint32(head[12:], pages-3)
	w := &walk{r: headOnly(head), pageBytes: pageBytes, pages: pages, seen: make(bits, pages/64+1)}
	if err := w.page(2, 0, nil, nil); err == nil || !strings.Contains(err.Error(), "goes on for") {
		t.Fatal(err)
	}
}

// headOnly is a file of which nothing but one page's header may be read.
type headOnly []byte

func (h headOnly) ReadAt(b []byte, _ int64) (int, error) {
	if len(b) > len(h) {
		return 0, errors.New("more than a header was read")
	}
	return copy(b, h), nil
}

// TestLivedIn walks files after long random lives, at both ends of the keys and in the middle, with deletions that merge and
// empty pages: what bbolt writes is never called damaged.
func TestLivedIn(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 1))
		path := filepath.Join(t.TempDir(), "a.db")
		db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, NoFreelistSync: seed%2 == 0})
		must(t, err)
		low, high := 0, 0
		for range 150 {
			must(t, db.Update(func(tx *bolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte("lived in"))
				if err != nil {
					return err
				}
				if seed >= 2 {
					b.FillPercent = 1
				}
				for range rng.IntN(200) {
					if err := b.Put(fmt.Appendf(nil, "%08d", high), make([]byte, rng.IntN(300))); err != nil {
						return err
					}
					high++
				}
				for range rng.IntN(120) {
					if err := b.Delete(fmt.Appendf(nil, "%08d", low)); err != nil {
						return err
					}
					low++
				}
				for range rng.IntN(60) {
					key := fmt.Appendf(nil, "%08d", rng.IntN(high+1))
					if rng.IntN(2) == 0 {
						err = b.Delete(key)
					} else {
						err = b.Put(key, make([]byte, rng.IntN(2000)))
					}
					if err != nil {
						return err
					}
				}
				return nil
			}))
			must(t, Pages(path, false))
		}
		must(t, db.Close())
	}
}
