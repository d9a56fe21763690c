package raftlog

import (
	"bytes"
	"slices"
	"sort"
	"sync"
)

// MemDisk is a Disk in memory. Opening it again after Close, or opening a Clone, is a restart: it holds exactly the
// transactions that were committed. Safe for concurrent use.
type MemDisk struct {
	mu   sync.Mutex
	log  []Record // ascending keys; keys and values never change once stored
	meta map[string][]byte
	// hook, if set, decides about the next commits.
	hook    func(*Tx) (keep bool, err error)
	commits int
}

// NewMemDisk returns the disk of a new log, as Create makes a file.
func NewMemDisk(id Identity) *MemDisk {
	d := &MemDisk{meta: make(map[string][]byte)}
	for _, r := range birthRecords(id.clone()) {
		d.meta[string(r.Key)] = r.Value
	}
	return d
}

// OnCommit sets what is asked before each commit: whether the transaction takes effect, and what Commit returns. A
// power cut is any error, with keep true or false: a disk that fails may have stored the transaction all the same.
// nil removes the hook. It is called without the disk's lock, so it may call Clone.
func (d *MemDisk) OnCommit(hook func(*Tx) (keep bool, err error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

// Clone returns a copy of the durable state, without the hook: what another start would find after a power cut now.
func (d *MemDisk) Clone() *MemDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &MemDisk{log: slices.Clone(d.log), meta: make(map[string][]byte, len(d.meta)), commits: d.commits}
	for k, v := range d.meta {
		c.meta[k] = v
	}
	return c
}

// Commits returns how many transactions took effect.
func (d *MemDisk) Commits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

// Damage flips the lowest bit of a record's last byte, and reports whether there is such a record.
func (d *MemDisk) Damage(bucket string, key []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	flip := func(v []byte) []byte {
		v = bytes.Clone(v)
		v[len(v)-1] ^= 1
		return v
	}
	if bucket == BucketMeta {
		v, ok := d.meta[string(key)]
		if ok {
			d.meta[string(key)] = flip(v)
		}
		return ok
	}
	i := d.search(key)
	if i == len(d.log) || !bytes.Equal(d.log[i].Key, key) {
		return false
	}
	d.log[i].Value = flip(d.log[i].Value)
	return true
}

// Path implements Disk.
func (d *MemDisk) Path() string { return "memory" }

// Close implements Disk.
func (d *MemDisk) Close() error { return nil }

// Load implements Disk.
func (d *MemDisk) Load(bucket string, fn func(key, value []byte) error) error {
	for _, r := range d.records(bucket) {
		if err := fn(r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

func (d *MemDisk) records(bucket string) []Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bucket == BucketLog {
		return slices.Clone(d.log)
	}
	rs := make([]Record, 0, len(d.meta))
	for k, v := range d.meta {
		rs = append(rs, Record{Key: []byte(k), Value: v})
	}
	slices.SortFunc(rs, func(a, b Record) int { return bytes.Compare(a.Key, b.Key) })
	return rs
}

// Commit implements Disk.
func (d *MemDisk) Commit(tx *Tx) error {
	d.mu.Lock()
	hook := d.hook
	d.mu.Unlock()
	keep, err := true, error(nil)
	if hook != nil {
		keep, err = hook(tx)
	}
	if !keep {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commits++
	if tx.Clear {
		d.log = nil
	}
	for _, r := range tx.Delete {
		lo, hi := d.search(appendKey(nil, r.Lo)), d.searchAfter(appendKey(nil, r.Hi))
		if lo < hi {
			d.log = slices.Delete(d.log, lo, hi)
		}
	}
	for _, r := range tx.Log {
		c := Record{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
		switch i := d.search(r.Key); {
		case i < len(d.log) && bytes.Equal(d.log[i].Key, r.Key):
			d.log[i] = c
		default:
			d.log = slices.Insert(d.log, i, c)
		}
	}
	for _, r := range tx.Meta {
		d.meta[string(r.Key)] = bytes.Clone(r.Value)
	}
	return err
}

// search returns the position of the first key that is not below key.
func (d *MemDisk) search(key []byte) int {
	return sort.Search(len(d.log), func(i int) bool { return bytes.Compare(d.log[i].Key, key) >= 0 })
}

// searchAfter returns the position of the first key above key.
func (d *MemDisk) searchAfter(key []byte) int {
	return sort.Search(len(d.log), func(i int) bool { return bytes.Compare(d.log[i].Key, key) > 0 })
}
