package cache

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"parley/tui/common"
)

var (
	bucketMeta      = []byte("meta")      // see keyFormat, keyCluster, keyAt
	bucketOutbox    = []byte("outbox")    // request id -> JSON of a common.Outgoing
	bucketList      = []byte("list")      // name -> protobuf of a Conversation
	bucketMessages  = []byte("messages")  // name -> bucket: seq -> protobuf of a Message
	bucketDrafts    = []byte("drafts")    // name -> text
	bucketPositions = []byte("positions") // name -> JSON of a common.Position
	bucketMarks     = []byte("marks")     // name -> JSON of []common.SeqRange

	buckets = [][]byte{bucketMeta, bucketOutbox, bucketList, bucketMessages, bucketDrafts, bucketPositions, bucketMarks}

	keyFormat  = []byte("format") // see format
	keyCluster = []byte("cluster")
	keyAt      = []byte("at") // RFC 3339
)

// format is the version of what the buckets hold; docs/formats.md lists it.
const format = "1"

// ErrFull is returned by Put when MaxOutbox messages wait already.
var ErrFull = errors.New("the outbox is full")

var _ common.Store = (*Cache)(nil)

// Put implements common.Store.
func (c *Cache) Put(m common.Outgoing) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("cache: put: %w", err)
	}
	err = c.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketOutbox)
		if b.Get([]byte(m.ID)) == nil && b.Inspect().KeyN >= MaxOutbox {
			return ErrFull
		}
		return b.Put([]byte(m.ID), data)
	})
	if err != nil {
		return fmt.Errorf("cache: put: %w", err)
	}
	return nil
}

// Drop implements common.Store.
func (c *Cache) Drop(ids ...string) error {
	err := c.db.Update(func(tx *bbolt.Tx) error {
		for _, id := range ids {
			if err := tx.Bucket(bucketOutbox).Delete([]byte(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cache: drop: %w", err)
	}
	return nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
