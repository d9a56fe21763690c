package raftlog

// The two buckets of a Disk.
const (
	BucketLog  = "log"
	BucketMeta = "meta"
)

// Disk is what a Log needs of durable storage: two ordered maps of byte strings, written by transactions. The
// directory of segments implements it, MemDisk implements it, and so may a simulator that loses and keeps transactions as a
// power cut would.
//
// The Log calls Load from OpenDisk, and from Scrub and check beside whatever else it does; otherwise no two methods at a time.
type Disk interface {
	// Path names the disk in errors.
	Path() string
	// Load calls fn for each record of a bucket in ascending key order and stops at fn's first error, which it returns.
	// The slices are valid during the call only. Structural damage is a *DamageError.
	Load(bucket string, fn func(key, value []byte) error) error
	// Commit makes tx durable, whole or not at all, and keeps no reference to it. After an error nobody knows which;
	// the Log will not call Commit again.
	Commit(tx *Tx) error
	// Close releases the disk. It makes nothing durable that was not.
	Close() error
}

// Tx is one transaction. Its parts take effect in the order of the fields.
type Tx struct {
	Clear  bool     // delete all of the log bucket
	Delete []Range  // delete from the log bucket
	Log    []Record // put into the log bucket, ascending keys
	Meta   []Record // put into the meta bucket
}

// Range is the indexes Lo to Hi, both included. Not every index in it need have a record.
type Range struct{ Lo, Hi uint64 }

// Record is one key with its value.
type Record struct{ Key, Value []byte }
