package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"parley/boltcheck"
)

// boltDisk is the Disk of earlier releases, one bbolt file. It is only read any more: see migrate.
type boltDisk struct {
	path string
	db   *bolt.DB
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

// format is the version of the records in such a file.
func (d *boltDisk) format() uint32 { return boltFormatVersion }

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

// Commit implements Disk. Nothing is written to a file of an earlier release.
func (d *boltDisk) Commit(*Tx) error { return fmt.Errorf("%s is read only", d.path) }

func (d *boltDisk) Close() error { return d.db.Close() }
