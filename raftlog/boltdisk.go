package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"parley/boltcheck"
)

// boltDisk is a Disk in one bbolt file.
type boltDisk struct {
	path string
	db   *bolt.DB
}

// Create makes a new log at path for id. It appears there whole or not at all. os.ErrExist when something is there.
func Create(path string, id Identity) (err error) {
	if err := id.validate(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("raftlog: create %s: %w", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: create: %w", err)
	}
	// A power cut while bbolt initialises a file leaves one that cannot be opened: do it under another name.
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: create: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp) // best effort: the next Create removes it too
			err = fmt.Errorf("raftlog: create %s: %w", path, err)
		}
	}()
	db, err := bolt.Open(tmp, 0o600, boltOptions())
	if err != nil {
		return err
	}
	db.AllocSize = allocBytes
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{BucketLog, BucketMeta} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return putAll(tx.Bucket([]byte(BucketMeta)), birthRecords(id))
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// syncPath fsyncs a file or a directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func boltOptions() *bolt.Options {
	return &bolt.Options{
		Timeout:         lockTimeout,
		FreelistType:    bolt.FreelistMapType,
		NoFreelistSync:  true, // rebuilt at Open from a file that is small; written on every commit otherwise
		PreLoadFreelist: true,
		InitialMmapSize: mmapBytes,
		NoStatistics:    true,
	}
}

// openBolt opens an existing file. bbolt rebuilds its freelist in a goroutine of its own, where a page fault or a
// failed assertion would take the process down, so that the pages are verified before: under bbolt's shared lock,
// which a read-only open takes without looking at more than the two meta pages.
func openBolt(path string) (*boltDisk, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("raftlog: open: %w", err)
	}
	if info.Size() == 0 {
		return nil, damagedFile(path, "file", errors.New("it is empty"))
	}
	err = openGuarded(path, &bolt.Options{ReadOnly: true, Timeout: lockTimeout}, func(db *bolt.DB) error {
		err := boltcheck.Pages(path, false)
		if page := (*boltcheck.Error)(nil); errors.As(err, &page) {
			err = damagedFile(path, page.Where, page.Err)
		} else if err != nil {
			err = fmt.Errorf("raftlog: open: %w", err)
		}
		if cerr := db.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("raftlog: close %s: %w", path, cerr)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	d := &boltDisk{path: path}
	err = openGuarded(path, boltOptions(), func(db *bolt.DB) error {
		db.AllocSize = allocBytes
		d.db = db
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// openGuarded opens the file and hands it to use; errors and panics of bbolt on the way become errors of this package.
func openGuarded(path string, o *bolt.Options, use func(*bolt.DB) error) error {
	var db *bolt.DB
	err := guard(path, func() (err error) {
		db, err = bolt.Open(path, 0o600, o)
		return err
	})
	var damage *DamageError
	switch {
	case err == nil:
		return use(db)
	case errors.As(err, &damage):
		return err
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrLocked, path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch),
		errors.Is(err, berrors.ErrChecksum):
		return damagedFile(path, "meta pages", err)
	}
	if _, system := errors.AsType[syscall.Errno](err); system || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	return damagedFile(path, "file", err) // bbolt has no type for all that it says of a file's content
}

// guard calls f, which walks mapped pages. A page that cannot be read is a fault, a page that makes no sense is a panic
// out of bbolt: both mean damage.
func guard(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damagedFile(path, "pages", fmt.Errorf("%v", r))
		}
	}()
	return f()
}

func (d *boltDisk) Path() string { return d.path }

func (d *boltDisk) Load(bucket string, fn func(key, value []byte) error) error {
	tx, err := d.db.Begin(false)
	if err != nil {
		return fmt.Errorf("raftlog: load %s: %w", d.path, err)
	}
	defer func() { _ = tx.Rollback() }() // read-only: nothing to lose
	b := tx.Bucket([]byte(bucket))
	if b == nil {
		return damagedFile(d.path, fmt.Sprintf("bucket %q", bucket), errMissing)
	}
	// fn sees copies and runs outside the guard, so that its own faults are not taken for damage.
	c := b.Cursor()
	step := c.First
	var key, value []byte
	for {
		found := false
		err := guard(d.path, func() error {
			k, v := step()
			found = k != nil
			key, value = append(key[:0], k...), append(value[:0], v...)
			return nil
		})
		if err != nil || !found {
			return err
		}
		if err := fn(key, value); err != nil {
			return err
		}
		step = c.Next
	}
}

func (d *boltDisk) Commit(t *Tx) error {
	return guard(d.path, func() error {
		return d.db.Update(func(tx *bolt.Tx) error {
			if t.Clear {
				if err := tx.DeleteBucket([]byte(BucketLog)); err != nil {
					return err
				}
				if _, err := tx.CreateBucket([]byte(BucketLog)); err != nil {
					return err
				}
			}
			log := tx.Bucket([]byte(BucketLog))
			// Not stored in the file, hence set each time. Keys only ascend: a full page is never inserted into.
			log.FillPercent = 1.0
			for _, r := range t.Delete {
				if err := deleteRange(log, r); err != nil {
					return err
				}
			}
			if err := putAll(log, t.Log); err != nil {
				return err
			}
			return putAll(tx.Bucket([]byte(BucketMeta)), t.Meta)
		})
	})
}

func (d *boltDisk) Close() error { return d.db.Close() }

func putAll(b *bolt.Bucket, records []Record) error {
	for _, r := range records {
		if err := b.Put(r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

// deleteRange collects the keys first: a cursor that deletes as it goes skips keys (bbolt#146).
func deleteRange(b *bolt.Bucket, r Range) error {
	var keys []byte
	hi := appendKey(nil, r.Hi)
	c := b.Cursor()
	for k, _ := c.Seek(appendKey(nil, r.Lo)); k != nil && bytes.Compare(k, hi) <= 0; k, _ = c.Next() {
		if len(k) != keyBytes {
			return fmt.Errorf("key %x is no index", k)
		}
		keys = append(keys, k...)
	}
	for len(keys) > 0 {
		if err := b.Delete(keys[:keyBytes]); err != nil {
			return err
		}
		keys = keys[keyBytes:]
	}
	return nil
}
