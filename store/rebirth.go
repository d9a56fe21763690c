package store

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Birth says what a store file becomes the first state of: another cluster, with one member.
type Birth struct {
	// ClusterID is the new cluster's, 16 bytes. Cursors of the old one are void by it.
	ClusterID []byte
	// ConfState is the new membership.
	ConfState []byte
	// Member takes the place of all member records.
	Member *internalv1.AnnounceMember
	// EndSessions ends every session. The answers to requests stay, also to those that ended a session.
	EndSessions bool
}

// Rebirth makes a store file that nobody else has open the first state of another cluster, in one commit: all of it, or
// nothing. Index, term, clock, counters, messages, accounts, answers and read marks stay. It returns what the file says
// of itself from then on; the state hash is right for it, so that Verify passes if it did before.
func Rebirth(path string, b Birth) (Info, error) {
	switch {
	case len(b.ClusterID) != clusterIDBytes:
		return Info{}, fmt.Errorf("store: rebirth: a cluster id has %d bytes, not %d", clusterIDBytes, len(b.ClusterID))
	case b.Member.GetId() == 0 || len(b.Member.GetIncarnation()) != incarnationBytes:
		return Info{}, errors.New("store: rebirth: the member has no id or no incarnation")
	}
	d, err := openBolt(path, false)
	if err != nil {
		return Info{}, err
	}
	info, err := rebirth(d, b)
	if err = errors.Join(err, d.Close()); err != nil {
		return Info{}, fmt.Errorf("store: rebirth: %w", err)
	}
	return info, nil
}

func rebirth(d *boltDisk, b Birth) (info Info, err error) {
	tx, err := d.Begin()
	if err != nil {
		return Info{}, err
	}
	batch, info, err := rebirthBatch(tx, d.path, b)
	if err = errors.Join(err, tx.Close()); err != nil { // before the commit, which a read may make wait
		return Info{}, err
	}
	return info, d.Commit(batch)
}

// rebirthBatch composes the one commit.
func rebirthBatch(tx Tx, path string, b Birth) (batch Batch, info Info, err error) {
	defer faultsPanic()()
	defer func() {
		if e := recovered(path, recover()); e != nil {
			err = e
		}
	}()
	below := &layers{path: path, base: func() (Tx, error) { return tx, nil }}
	meta, err := decodeMeta(tx.Meta())
	if err != nil {
		return Batch{}, Info{}, below.locate(err)
	}
	o := newOverlay()
	r := &reborn{below: below, o: o}
	if err := r.members(b.Member); err != nil {
		return Batch{}, Info{}, err
	}
	if b.EndSessions {
		if err := r.endSessions(); err != nil {
			return Batch{}, Info{}, err
		}
	}
	hash, writes, err := multisetOf(meta.GetHash()).flush(o, below)
	if err != nil {
		return Batch{}, Info{}, err
	}
	// The recorded state hashes were those of the old cluster's marks; its members are not there to compare them.
	next := &internalv1.FlushRecord{
		Format: format, ClusterId: b.ClusterID, Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: b.ConfState,
		Hash: hash.bytes(),
	}
	batch = Batch{Writes: writes}
	batch.Meta, err = encodeMeta(next)
	return batch, infoOf(next), err
}

// reborn writes the changes of a rebirth to an overlay over the old state.
type reborn struct {
	below *layers
	o     *overlay
}

func (r *reborn) put(key []byte, rec proto.Message) error {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(rec)
	if err != nil {
		return fmt.Errorf("marshal %s: %w", describeKey(key), err)
	}
	r.o.set(key, value, 0)
	return nil
}

func (r *reborn) remove(key []byte) { r.o.set(key, nil, itemGone) }

// members leaves one member record. The ids that were given out are not given out again.
func (r *reborn) members(m *internalv1.AnnounceMember) error {
	g, err := load[internalv1.GlobalsRecord](r.below, keyGlobals(nil))
	if err != nil {
		return err
	}
	if g == nil {
		g = &internalv1.GlobalsRecord{ClusterVersion: 1} // of a state without an entry
	}
	g.LastMember = max(g.GetLastMember(), m.GetId())
	it := r.below.scan([]byte{tagNode}, []byte{tagNode + 1}, false)
	for it.next() {
		g.LastMember = max(g.GetLastMember(), u64At(it.key, 0))
		r.remove(it.key)
	}
	if it.err != nil {
		return it.err
	}
	return errors.Join(r.put(keyGlobals(nil), g), r.put(keyNode(nil, m.GetId()), m))
}

// endSessions removes each live session with what points to it. What is left of one that ended by a request of its own is
// the answer to that request, and stays.
func (r *reborn) endSessions() error {
	it := r.below.scan([]byte{tagSession}, []byte{tagSession + 1}, false)
	for it.next() {
		s, err := decode[internalv1.SessionRecord](r.below, it.key, it.value)
		if err != nil {
			return err
		}
		if len(s.GetEndedBy()) != 0 {
			continue
		}
		r.remove(it.key)
		r.remove(keySessionOf(nil, s.GetAccount(), s.GetNumber()))
		r.remove(keyExpiry(nil, s.GetExpiresUnixMs(), it.key))
	}
	if it.err != nil {
		return it.err
	}
	it = r.below.scan([]byte{tagAccount}, []byte{tagAccount + 1}, false)
	for it.next() {
		a, err := decode[internalv1.AccountRecord](r.below, it.key, it.value)
		if err != nil {
			return err
		}
		if a.GetSessions() == 0 {
			continue
		}
		a.Sessions = 0
		if err := r.put(it.key, a); err != nil {
			return err
		}
	}
	return it.err
}
