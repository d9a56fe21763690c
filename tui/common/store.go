package common

import (
	"time"

	"parley/proto/parleyv1"
)

// Store keeps on disk what one account's client must not lose, the outbox first, and what it shows before a node answers.
// *cache.Cache is one. Every method does file I/O: it is called in commands, never from Update or View, and may be called by
// several at once. A client runs without one when the disk refuses; then nothing outlives it.
type Store interface {
	// Load reads what a start needs. Histories are left for Messages, so that a large file starts as fast as a small one.
	Load() (Saved, error)
	// Put keeps a message of the outbox, or replaces it by its id. It is durable when Put returns.
	Put(Outgoing) error
	// Drop takes messages out of the outbox: their outcome is known, or the person gave them up. A missing one is no error.
	Drop(ids ...string) error
	// Messages are those kept of a conversation, oldest first and without a gap between them.
	Messages(conversation string) ([]*parleyv1.Message, error)
	// Save takes over what changed, in one commit. It writes nothing when nothing differs.
	Save(Changes) error
	// SetCluster says with which cluster the client speaks. Histories, marks and positions of another are dropped; the outbox
	// and the drafts stay.
	SetCluster(id string) error
	// Erase removes the file, and those of the account that no other client holds: nothing of it is left here. What runs
	// beside it fails.
	Erase() error
	// Close gives the file back. No other method may run or follow.
	Close() error
}

// Outgoing is one message of the outbox as it is on disk.
type Outgoing struct {
	ID           string    `json:"id"` // the request id, for all tries
	Conversation string    `json:"conversation"`
	Text         string    `json:"text"`
	ReplyTo      uint64    `json:"reply_to,omitempty"`
	Thread       uint64    `json:"thread,omitempty"`  // of a reply: what began its thread
	Lead         string    `json:"lead,omitempty"`    // of a reply: the line that tells which thread that is
	Cluster      string    `json:"cluster,omitempty"` // for which it was written; empty when no node had told yet
	Written      time.Time `json:"written"`
	Order        uint64    `json:"order"` // ascends in the order of writing
	// Tried says that it was given to a node, so that only an answer tells its outcome. It is on disk before the first try.
	Tried bool `json:"tried,omitempty"`
	// Rejected says that the cluster's verdict was no, and Why in words.
	Rejected bool   `json:"rejected,omitempty"`
	Why      string `json:"why,omitempty"`
}

// Saved is what Load finds.
type Saved struct {
	Cluster       string
	Outbox        []Outgoing // in the order of writing
	Conversations []*parleyv1.Conversation
	At            time.Time // when the list was last known to be current; zero without one
	Drafts        map[string]string
	Positions     map[string]Position
	Marks         map[string][]SeqRange
	// Notes are what a person should hear: a damaged file was set aside, another client's outbox was taken over.
	Notes []string
}

// Changes are what Save writes. A nil field, and a conversation that a map does not name, stays as it is.
type Changes struct {
	Conversations []*parleyv1.Conversation // the whole list
	At            time.Time                // zero: as before
	Messages      map[string][]*parleyv1.Message
	Drafts        map[string]string // empty removes one
	Positions     map[string]Position
	Marks         map[string][]SeqRange
}

// Position is where a reader stands in a conversation. The zero value is its newest end, and removes one that was kept.
type Position struct {
	Seq uint64 `json:"seq"` // of the message at the top of the window
	Row int    `json:"row"` // its first visible row; negative reaches into what stands above it
}

// SeqRange are messages that were read while the cluster could not be told; both ends belong to it.
type SeqRange struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}
