package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
)

// MemDisk is a Disk in memory, for the simulator and for tests. A commit is durable when it returns: what a crash
// leaves is a Clone. It outlives the store that is open on it, so that closing and opening again is a restart.
type MemDisk struct {
	mu   sync.Mutex
	tree *btree.BTreeG[Write]
	meta []byte
	// hook, if set, decides about the next commits.
	hook func(Batch) (keep bool, err error)
}

// NewMemDisk returns the disk of a node that holds the empty state at a mark.
func NewMemDisk(clusterID []byte, m Mark) *MemDisk {
	return &MemDisk{tree: newMemTree(), meta: initialMeta(clusterID, m)}
}

func newMemTree() *btree.BTreeG[Write] {
	return btree.NewBTreeGOptions(func(a, b Write) bool { return bytes.Compare(a.Key, b.Key) < 0 },
		btree.Options{NoLocks: true})
}

// Clone copies what is durable at this moment.
func (d *MemDisk) Clone() *MemDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &MemDisk{tree: d.tree.IsoCopy(), meta: d.meta}
}

// OnCommit sets what is asked before each commit: whether the batch takes effect, and what Commit returns. A power cut is
// any error, with keep true or false; a broken disk is an error with keep false. Nil removes the hook.
func (d *MemDisk) OnCommit(hook func(Batch) (keep bool, err error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

// Begin implements Disk.
func (d *MemDisk) Begin() (Tx, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &memTx{tree: d.tree.IsoCopy(), meta: d.meta}, nil
}

// Commit implements Disk.
func (d *MemDisk) Commit(b Batch) error {
	d.mu.Lock()
	hook := d.hook
	d.mu.Unlock()
	keep, err := true, error(nil)
	if hook != nil {
		keep, err = hook(b)
	}
	if !keep {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range b.Writes {
		if w.Value == nil {
			d.tree.Delete(w)
		} else {
			d.tree.Set(Write{Key: bytes.Clone(w.Key), Value: bytes.Clone(w.Value)})
		}
	}
	d.meta = bytes.Clone(b.Meta)
	return err
}

// Install implements Disk: the disk stays the same and takes over the content.
func (d *MemDisk) Install(path string) (Disk, error) {
	from, err := openBolt(path, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = from.Close() }() // read only
	tree := newMemTree()
	var meta []byte
	err = from.db.View(func(tx *bbolt.Tx) error {
		meta = bytes.Clone(tx.Bucket(bucketLocal).Get(keyFlush))
		return tx.Bucket(bucketState).ForEach(func(k, v []byte) error {
			tree.Set(Write{Key: bytes.Clone(k), Value: bytes.Clone(v)})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: install %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("store: install: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tree, d.meta = tree, meta
	return d, nil
}

// Close implements Disk; the content stays.
func (d *MemDisk) Close() error { return nil }

type memTx struct {
	tree *btree.BTreeG[Write]
	meta []byte
}

func (t *memTx) Get(key []byte) []byte {
	w, ok := t.tree.Get(Write{Key: key})
	if !ok {
		return nil
	}
	return w.Value
}

func (t *memTx) Cursor() Cursor { return &memCursor{iter: t.tree.Iter(), tree: t.tree} }
func (t *memTx) Meta() []byte   { return t.meta }
func (t *memTx) Close() error   { return nil }

// WriteTo writes the same file that a bbolt disk would, so that either kind installs what the other sent.
func (t *memTx) WriteTo(w io.Writer) (n int64, err error) {
	dir, err := os.MkdirTemp("", "parley-memdisk-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if rerr := os.RemoveAll(dir); err == nil {
			err = rerr
		}
	}()
	path := filepath.Join(dir, "store.db")
	if err := writeBoltFile(path, t.tree.Items(), t.meta); err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(w, f)
	return n, errors.Join(err, f.Close())
}

type memCursor struct {
	iter btree.IterG[Write]
	tree *btree.BTreeG[Write]
}

func (c *memCursor) at(ok bool) (k, v []byte) {
	if !ok {
		return nil, nil
	}
	w := c.iter.Item()
	return w.Key, w.Value
}

func (c *memCursor) Seek(key []byte) (k, v []byte) { return c.at(c.iter.Seek(Write{Key: key})) }
func (c *memCursor) Last() (k, v []byte)           { return c.at(c.iter.Last()) }
func (c *memCursor) Next() (k, v []byte)           { return c.at(c.iter.Next()) }
func (c *memCursor) Prev() (k, v []byte)           { return c.at(c.iter.Prev()) }
