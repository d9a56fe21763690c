package cache

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// Load implements common.Store. It costs the outbox and the list, not the histories. A record that cannot be read is left out
// and counted in the notes.
func (c *Cache) Load() (common.Saved, error) {
	s := common.Saved{
		Drafts: map[string]string{}, Positions: map[string]common.Position{}, Marks: map[string][]common.SeqRange{},
		Notes: slices.Clone(c.notes),
	}
	unread := 0
	check := func(err error) bool {
		if err != nil {
			unread++
		}
		return err == nil
	}
	err := c.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		s.Cluster = string(meta.Get(keyCluster))
		if at := meta.Get(keyAt); at != nil {
			check(s.At.UnmarshalText(at))
		}
		for name, each := range map[string]func(k, v []byte){
			string(bucketOutbox): func(_, v []byte) {
				var m common.Outgoing
				if check(json.Unmarshal(v, &m)) {
					s.Outbox = append(s.Outbox, m)
				}
			},
			string(bucketList): func(_, v []byte) {
				conv := &parleyv1.Conversation{}
				if check(proto.Unmarshal(v, conv)) {
					s.Conversations = append(s.Conversations, conv)
				}
			},
			string(bucketDrafts): func(k, v []byte) { s.Drafts[string(k)] = string(v) },
			string(bucketPositions): func(k, v []byte) {
				var p common.Position
				if check(json.Unmarshal(v, &p)) {
					s.Positions[string(k)] = p
				}
			},
			string(bucketMarks): func(k, v []byte) {
				var rs []common.SeqRange
				if check(json.Unmarshal(v, &rs)) {
					s.Marks[string(k)] = rs
				}
			},
		} {
			if err := tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error { each(k, v); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return common.Saved{}, fmt.Errorf("cache: load: %w", err)
	}
	slices.SortFunc(s.Outbox, func(a, b common.Outgoing) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), a.Written.Compare(b.Written))
	})
	if unread > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d records that were kept here could not be read", unread))
	}
	return s, nil
}

// Messages implements common.Store.
func (c *Cache) Messages(conversation string) ([]*parleyv1.Message, error) {
	var out []*parleyv1.Message
	err := c.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketMessages).Bucket([]byte(conversation))
		if b == nil {
			return nil
		}
		return b.ForEach(func(_, v []byte) error {
			m := &parleyv1.Message{}
			if err := proto.Unmarshal(v, m); err != nil {
				return err
			}
			out = append(out, m)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("cache: messages of %s: %w", conversation, err)
	}
	for i := len(out) - 1; i > 0; i-- { // what stands before a gap is not shown as if nothing were missing
		if out[i-1].GetSeq()+1 != out[i].GetSeq() {
			return out[i:], nil
		}
	}
	return out, nil
}

// Save implements common.Store.
func (c *Cache) Save(ch common.Changes) error {
	w, err := encode(ch)
	if err != nil {
		return fmt.Errorf("cache: save: %w", err)
	}
	differs := false
	err = c.db.View(func(tx *bbolt.Tx) error {
		differs, err = w.apply(tx, false)
		return err
	})
	if err == nil && differs {
		err = c.db.Update(func(tx *bbolt.Tx) error {
			_, err := w.apply(tx, true)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("cache: save: %w", err)
	}
	return nil
}

// SetCluster implements common.Store.
func (c *Cache) SetCluster(id string) error {
	err := c.db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		old := string(meta.Get(keyCluster))
		if old == id {
			return nil
		}
		if old != "" {
			for _, name := range [][]byte{bucketList, bucketMessages, bucketPositions, bucketMarks} {
				if err := tx.DeleteBucket(name); err != nil {
					return err
				}
				if _, err := tx.CreateBucket(name); err != nil {
					return err
				}
			}
			if err := meta.Delete(keyAt); err != nil {
				return err
			}
		}
		return meta.Put(keyCluster, []byte(id))
	})
	if err != nil {
		return fmt.Errorf("cache: cluster: %w", err)
	}
	return nil
}

// table is what a bucket is to hold: all of it when whole, else only the keys named; a nil value is to be gone.
type table struct {
	path  [][]byte
	whole bool
	rows  map[string][]byte
}

// writes are a Save, encoded.
type writes struct {
	tables []table
	at     []byte
	keep   map[string]bool // conversations whose history stays; nil keeps all
}

func encode(ch common.Changes) (writes, error) {
	var w writes
	var problem error
	note := func(data []byte, err error) []byte {
		if problem == nil {
			problem = err
		}
		return data
	}
	if ch.Conversations != nil {
		rows := map[string][]byte{}
		w.keep = map[string]bool{}
		for _, conv := range ch.Conversations[:min(len(ch.Conversations), maxConversations)] {
			rows[conv.GetName()] = note(proto.Marshal(conv))
			w.keep[conv.GetName()] = true
		}
		w.tables = append(w.tables, table{[][]byte{bucketList}, true, rows})
	}
	if !ch.At.IsZero() {
		w.at = note(ch.At.UTC().Truncate(time.Second).MarshalText())
	}
	for name, msgs := range ch.Messages {
		rows := map[string][]byte{}
		for _, m := range msgs[max(0, len(msgs)-MaxMessages):] {
			rows[string(seqKey(m.GetSeq()))] = note(proto.Marshal(m))
		}
		if w.keep != nil && len(w.keep) < maxConversations {
			w.keep[name] = true
		}
		w.tables = append(w.tables, table{[][]byte{bucketMessages, []byte(name)}, true, rows})
	}
	drafts, positions, marks := map[string][]byte{}, map[string][]byte{}, map[string][]byte{}
	for name, text := range ch.Drafts {
		if drafts[name] = nil; text != "" && len(text) <= maxDraftBytes {
			drafts[name] = []byte(text)
		}
	}
	for name, p := range ch.Positions {
		if positions[name] = nil; p != (common.Position{}) {
			positions[name] = note(json.Marshal(p))
		}
	}
	for name, rs := range ch.Marks {
		if marks[name] = nil; len(rs) > 0 {
			marks[name] = note(json.Marshal(rs[:min(len(rs), maxRanges)]))
		}
	}
	w.tables = append(w.tables, table{[][]byte{bucketDrafts}, false, drafts}, table{[][]byte{bucketPositions}, false, positions},
		table{[][]byte{bucketMarks}, false, marks})
	return w, problem
}

// apply compares what is there with what is to be, and makes it so when write is set. It reports whether anything differed.
func (w writes) apply(tx *bbolt.Tx, write bool) (differs bool, err error) {
	for _, t := range w.tables {
		d, err := t.apply(tx, write)
		if err != nil {
			return false, err
		}
		differs = differs || d
	}
	if w.at != nil && !bytes.Equal(tx.Bucket(bucketMeta).Get(keyAt), w.at) {
		differs = true
		if write {
			if err := tx.Bucket(bucketMeta).Put(keyAt, w.at); err != nil {
				return false, err
			}
		}
	}
	if w.keep == nil {
		return differs, nil
	}
	msgs := tx.Bucket(bucketMessages)
	var gone [][]byte
	if err := msgs.ForEach(func(k, _ []byte) error {
		if !w.keep[string(k)] {
			gone = append(gone, slices.Clone(k))
		}
		return nil
	}); err != nil {
		return false, err
	}
	for _, k := range gone {
		differs = true
		if write {
			if err := msgs.DeleteBucket(k); err != nil {
				return false, err
			}
		}
	}
	return differs, nil
}

func (t table) apply(tx *bbolt.Tx, write bool) (differs bool, err error) {
	b := tx.Bucket(t.path[0])
	for _, name := range t.path[1:] {
		parent := b
		if b = parent.Bucket(name); b != nil {
			continue
		}
		if !write {
			return len(t.rows) > 0, nil
		}
		if b, err = parent.CreateBucket(name); err != nil {
			return false, err
		}
	}
	var old [][]byte
	if t.whole {
		if err := b.ForEach(func(k, _ []byte) error {
			if _, stays := t.rows[string(k)]; !stays {
				old = append(old, slices.Clone(k))
			}
			return nil
		}); err != nil {
			return false, err
		}
	}
	for k, v := range t.rows {
		switch have := b.Get([]byte(k)); {
		case v == nil && have != nil:
			old = append(old, []byte(k))
		case v != nil && !bytes.Equal(have, v):
			differs = true
			if write {
				if err := b.Put([]byte(k), v); err != nil {
					return false, err
				}
			}
		}
	}
	for _, k := range old {
		differs = true
		if write {
			if err := b.Delete(k); err != nil {
				return false, err
			}
		}
	}
	return differs, nil
}
