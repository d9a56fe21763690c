package store

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// keptRecords are decoded records of one commit of the disk, by key. A commit begins with none, so that nothing in it is ever
// old; what was written since then lies in an overlay, where a read looks first. Safe for concurrent use.
type keptRecords struct {
	mu sync.RWMutex
	m  map[string]proto.Message
}

func newKeptRecords() *keptRecords { return &keptRecords{m: make(map[string]proto.Message)} }

// get returns nil when there is none.
func (r *keptRecords) get(key []byte) proto.Message {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.m[string(key)]
}

// put keeps a record that nobody will change. A full table is begun anew: who is there comes back with the next read.
func (r *keptRecords) put(key []byte, m proto.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.m) >= maxKept {
		clear(r.m)
	}
	r.m[string(key)] = m
}
