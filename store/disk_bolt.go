package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

var (
	bucketState = []byte("state")
	bucketLocal = []byte("local")
	keyFlush    = []byte("flush")
)

// boltDisk is a Disk in one bbolt file. Every commit is synced. The freelist is kept in the file: rebuilding it at Open
// would read all of a file that may hold years of messages.
type boltDisk struct {
	db   *bbolt.DB
	path string
	file *os.File
	// astray says that a panic in a commit may have left bbolt's locks held: Close then lets go of the file without it.
	astray bool
}

// openBolt opens a file that exists; it never makes one.
func openBolt(path string, readOnly bool) (*boltDisk, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() == 0 {
		return nil, &DamageError{Path: path, Err: errors.New("not a store file, or an empty one"), Hint: hintRestore}
	}
	return bboltOpen(path, readOnly)
}

// bboltOpen survives a file that sends bbolt astray, and then lets go of it: whoever heals it must be able to lock it.
func bboltOpen(path string, readOnly bool) (d *boltDisk, err error) {
	var file *os.File
	defer faultsPanic()()
	defer func() {
		if e := recovered(path, recover()); e != nil {
			err = errors.Join(e, unlock(file), file.Close())
		}
	}()
	o := &bbolt.Options{
		Timeout: time.Second, ReadOnly: readOnly, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
			file = f
			return f, err
		},
	}
	if !readOnly {
		o.InitialMmapSize = initialMmapBytes
	}
	db, err := bbolt.Open(path, 0o600, o)
	if err != nil {
		// What neither the system nor the lock says is about the file's content; bbolt has no type for all of it.
		_, system := errors.AsType[syscall.Errno](err)
		if system || errors.Is(err, berrors.ErrTimeout) || errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("store: open %s: %w", path, err)
		}
		return nil, &DamageError{Path: path, Err: fmt.Errorf("file: %w", err), Hint: hintRestore}
	}
	db.AllocSize = fileGrowBytes
	err = db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketState) == nil || tx.Bucket(bucketLocal) == nil {
			return errors.New("its buckets are missing")
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(&DamageError{Path: path, Err: err, Hint: hintRestore}, db.Close())
	}
	return &boltDisk{db: db, path: path, file: file}, nil
}

// createBolt makes a file that is complete or absent: bbolt may leave a broken one behind when the power fails while it
// initialises.
func createBolt(path string, meta []byte) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: create %s: %w", path, os.ErrExist)
	}
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: create: %w", err)
	}
	if err := writeBoltFile(tmp, nil, meta); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("store: create: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// writeBoltFile writes a whole store file in one commit.
func writeBoltFile(path string, writes []Write, meta []byte) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("store: create: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketState, bucketLocal} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return putAll(tx, Batch{Writes: writes, Meta: meta})
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("store: create %s: %w", path, err)
	}
	return nil
}

func putAll(tx *bbolt.Tx, b Batch) error {
	if err := putState(tx, b); err != nil {
		return err
	}
	return tx.Bucket(bucketLocal).Put(keyFlush, b.Meta)
}

func putState(tx *bbolt.Tx, b Batch) error {
	state := tx.Bucket(bucketState)
	state.FillPercent = leafFill
	for i := range b.Writes {
		w := &b.Writes[i]
		var err error
		if w.Value == nil {
			err = state.Delete(w.Key)
		} else {
			err = state.Put(w.Key, w.Value)
		}
		if err != nil {
			return fmt.Errorf("key %s: %w", describeKey(w.Key), err)
		}
	}
	return nil
}

func (d *boltDisk) Begin() (Tx, error) {
	tx, err := d.db.Begin(false)
	if err != nil {
		return nil, err
	}
	return &boltTx{tx: tx, state: tx.Bucket(bucketState)}, nil
}

func (d *boltDisk) Commit(b Batch) error {
	d.astray = true // unless Update returns
	err := d.db.Update(func(tx *bbolt.Tx) error { return putAll(tx, b) })
	d.astray = false
	if err != nil {
		return fmt.Errorf("store: commit to %s: %w", d.path, err)
	}
	return nil
}

func (d *boltDisk) Install(path string) (Disk, error) {
	if err := os.Rename(path, d.path); err != nil {
		return nil, fmt.Errorf("store: install: %w", err)
	}
	if err := syncDir(filepath.Dir(d.path)); err != nil {
		return nil, err
	}
	return openBolt(d.path, false)
}

func (d *boltDisk) Close() error {
	if d.astray {
		return errors.Join(unlock(d.file), d.file.Close())
	}
	return d.db.Close()
}

type boltTx struct {
	tx    *bbolt.Tx
	state *bbolt.Bucket
}

func (t *boltTx) Get(key []byte) []byte              { return t.state.Get(key) }
func (t *boltTx) Cursor() Cursor                     { return t.state.Cursor() }
func (t *boltTx) Meta() []byte                       { return t.tx.Bucket(bucketLocal).Get(keyFlush) }
func (t *boltTx) WriteTo(w io.Writer) (int64, error) { return t.tx.WriteTo(w) }
func (t *boltTx) Close() error                       { return t.tx.Rollback() }

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("store: sync %s: %w", dir, err)
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("store: sync %s: %w", dir, err)
	}
	return nil
}
