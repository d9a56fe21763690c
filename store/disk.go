package store

import "io"

// Disk is the seam under the store: where what was flushed lives. There are two: a bbolt file, and memory for the
// simulator and for transcript tests. The store frames every value with a checksum above this seam, so both keep bytes
// and nothing else. Begin may be called by any goroutine; Commit, Install and Close by one at a time.
type Disk interface {
	// Begin opens a consistent read of the last commit. Commits do not wait for it and do not change what it sees.
	Begin() (Tx, error)
	// Commit makes a batch durable as a whole, or returns an error after which nothing more may be asked of the disk.
	Commit(b Batch) error
	// Install puts the file at path, which is a complete store file, in the place of this disk's content, durably, and
	// returns the disk to use from now on. This one serves the reads that are open on it until it is closed.
	Install(path string) (Disk, error)
	// Close waits for the open reads.
	Close() error
}

// Tx is one consistent read. It is used by one goroutine. What it returns is valid until Close.
type Tx interface {
	// Get returns nil when there is no such key.
	Get(key []byte) []byte
	Cursor() Cursor
	// Meta returns the flush record that was committed together with what this read sees.
	Meta() []byte
	// WriteTo writes a complete store file.
	WriteTo(w io.Writer) (int64, error)
	Close() error
}

// Cursor walks the keys of a Tx in order. A nil key means that there is none.
type Cursor interface {
	// Seek moves to the first key at or after the one given.
	Seek(key []byte) (k, v []byte)
	Last() (k, v []byte)
	Next() (k, v []byte)
	Prev() (k, v []byte)
}

// Batch is what one flush changes. Writes are in key order, one for a key.
type Batch struct {
	Writes []Write
	Meta   []byte
}

// Write is one key's new value; nil deletes the key.
type Write struct {
	Key, Value []byte
}
