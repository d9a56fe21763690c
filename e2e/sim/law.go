package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
)

// law is what is known of the whole cluster, and held against every node.
type law struct {
	leaders map[uint64]reign  // term -> who led it
	entries []entry           // by index, from 0; what was applied first at each
	logged  map[place]uint64  // hash of what was saved at each place
	applies map[uint64]uint64 // node -> applied
	hashes  map[uint64]string // index -> state hash that a flush recorded there
	marked  map[uint64]string // index -> state hash that a HashMark recorded there
	marks   []uint64          // indexes of HashMarks
	confs   []configuration   // that were applied, by index
	conf    *pb.ConfState     // the latest of them
	target  uint64            // what everybody must have applied at the end: what somebody had shortly before it
	cuts    map[link]bool
	chats   map[string]*chat
	acked   uint64 // highest index that was acknowledged
	// register is what the rooms must be.
	register *register
}

// entry is what everybody must have at an index.
type entry struct {
	term uint64
	hash uint64
	set  bool
}

// reign is a process that leads: another start of the same node is another one.
type reign struct{ node, start uint64 }

func (l *law) init() {
	l.logged, l.register = map[place]uint64{}, newRegister()
	l.leaders, l.applies, l.cuts = map[uint64]reign{}, map[uint64]uint64{}, map[link]bool{}
	l.hashes, l.marked = map[uint64]string{}, map[uint64]string{}
}

// place is where a log entry stands: log matching says that it is the same entry everywhere.
type place struct{ index, term uint64 }

// recordChecksum is what stands before the entry in a record of the log: a CRC32C.
const recordChecksum = 4

// saved: log matching, also of what is never committed.
func (l *law) saved(r *replica, record []byte, hash uint64) {
	e := new(pb.Entry)
	r.w.must(proto.Unmarshal(record[recordChecksum:], e))
	at := place{e.GetIndex(), e.GetTerm()}
	if old, ok := l.logged[at]; ok && old != hash {
		r.w.fail("node %d saves another entry at index %d of term %d than was saved there before", r.id, at.index, at.term)
	}
	l.logged[at] = hash
}

// configuration is one with the index of its entry.
type configuration struct {
	at   uint64
	conf *pb.ConfState
}

// role: one leader per term, and that one process: who led it and was started again has forgotten what it proposed.
func (l *law) role(r *replica, st node.StepState) {
	if st.Role != raft.StateLeader {
		return
	}
	now := reign{r.id, r.self.GetBoot()}
	switch old, ok := l.leaders[st.Term]; {
	case !ok:
		l.leaders[st.Term] = now
		r.w.counts.Elections++
	case old.node != now.node:
		r.w.fail("two leaders in term %d: nodes %d and %d", st.Term, old.node, now.node)
	case old != now:
		r.w.fail("node %d leads term %d again after it was started anew", r.id, st.Term)
	}
}

// restarted: what a node had flushed it still has.
func (l *law) restarted(r *replica, st node.StepState) {
	if st.Applied < r.flushed {
		r.w.fail("node %d starts at index %d, its store was flushed at %d", r.id, st.Applied, r.flushed)
	}
	r.flushed = st.Flushed
	l.applies[r.id] = st.Applied
	l.checkHash(r)
}

// applied: in order, and the same everywhere.
func (l *law) applied(r *replica, entries []*pb.Entry) {
	for _, e := range entries {
		i := e.GetIndex()
		if i != l.applies[r.id]+1 {
			r.w.fail("node %d applies index %d after %d", r.id, i, l.applies[r.id])
		}
		l.applies[r.id] = i
		h := fnv.New64a()
		h.Write([]byte{byte(e.GetType())})
		h.Write(e.GetData())
		want := entry{e.GetTerm(), h.Sum64(), true}
		for uint64(len(l.entries)) <= i {
			l.entries = append(l.entries, entry{})
		}
		if got := l.entries[i]; !got.set {
			l.entries[i] = want
			l.register.take(r.w, e)
		} else if got != want {
			r.w.fail("node %d applies another entry at index %d, of term %d, than was applied there of term %d", r.id, i, want.term, got.term)
		}
		r.w.note("applied", r.id, i)
		if e.GetType() != pb.EntryNormal {
			cs := new(pb.ConfState)
			r.w.must(proto.Unmarshal(r.s.Store().Flushed().ConfState, cs))
			l.configured(r, i, cs)
		}
	}
	if len(entries) > 0 {
		l.compareMarks(r)
	}
}

// installed: a snapshot is of what was applied elsewhere.
func (l *law) installed(r *replica, st node.StepState) {
	if st.Applied <= l.applies[r.id] {
		r.w.fail("node %d went back from index %d to the snapshot's %d", r.id, l.applies[r.id], st.Applied)
	}
	if st.Applied >= uint64(len(l.entries)) || !l.entries[st.Applied].set && st.Applied > 1 {
		r.w.fail("node %d installed a snapshot at index %d, which nobody has applied", r.id, st.Applied)
	}
	if mark := r.s.Store().Flushed(); mark.Term != l.entries[st.Applied].term {
		r.w.fail("node %d installed a snapshot of index %d and term %d, the entry there has term %d", r.id, st.Applied, mark.Term,
			l.entries[st.Applied].term)
	}
	l.applies[r.id] = st.Applied
	l.checkHash(r)
}

// flushedTo compares the state hash that the flush recorded.
func (l *law) flushedTo(r *replica) { l.checkHash(r) }

func (l *law) checkHash(r *replica) {
	mark, hash, err := r.s.Store().FlushedHash()
	r.w.must(err)
	l.equalHash(r, l.hashes, mark.Index, hash)
}

func (l *law) equalHash(r *replica, hashes map[uint64]string, index uint64, hash []byte) {
	if old, ok := hashes[index]; !ok {
		hashes[index] = string(hash)
	} else if old != string(hash) {
		r.w.fail("node %d has another state at index %d than was there before: %x, not %x", r.id, index, hash, old)
	}
}

// compareMarks compares the hashes that HashMarks have recorded.
func (l *law) compareMarks(r *replica) {
	for _, index := range l.marks[max(0, len(l.marks)-4):] {
		if index > l.applies[r.id] {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if hash, err := r.s.Store().HashAt(ctx, index); err == nil {
			l.equalHash(r, l.marked, index, hash)
		}
	}
}

// fixHash proposes a HashMark now and then, as an operator does.
func (w *world) fixHash() {
	if w.now > w.o.Time-quietTime {
		return
	}
	w.after(hashInterval, w.fixHash)
	r := w.any()
	if r.s == nil || r.frozen > w.now {
		return
	}
	cmd, err := proto.Marshal(&internalv1.Command{Body: &internalv1.Command_HashMark{HashMark: &internalv1.HashMark{}}})
	w.must(err)
	r.s.Propose(cmd, false, func(a node.Answer) {
		if a.Err == nil {
			w.law.marks = append(w.law.marks, a.Index)
		}
	})
	r.wake()
}

// durable: an acknowledged write is on the disks of a majority, of the configuration that it was committed under. That is
// the one before it, or a later one, or the one before that: a leader may commit an entry before it has applied the change.
func (l *law) durable(w *world, index uint64) {
	from := 0
	for i, c := range l.confs {
		if c.at < index {
			from = max(0, i-1)
		}
	}
	best := ""
	for _, c := range l.confs[from:] {
		ok := true
		for _, half := range [][]uint64{c.conf.GetVoters(), c.conf.GetVotersOutgoing()} {
			if n := l.copies(w, index, half); len(half) > 0 && n < len(half)/2+1 {
				ok, best = false, fmt.Sprintf("%d of %d disks", n, len(half))
			}
		}
		if ok {
			return
		}
	}
	w.fail("index %d was acknowledged and is on %s", index, best)
}

// copies counts on how many of these disks an entry is.
func (l *law) copies(w *world, index uint64, ids []uint64) int {
	count, flushed, best := map[uint64]int{}, 0, 0
	for _, id := range ids {
		r := w.replica(id)
		if r.flushed >= index {
			flushed++
		} else if h, ok := r.saved[index]; ok {
			count[h]++
			best = max(best, count[h])
		}
	}
	return best + flushed
}

// aim fixes what everybody must have applied at the end.
func (l *law) aim() {
	for _, a := range l.applies {
		l.target = max(l.target, a)
	}
}

// judge looks at the cluster when everything has come to its end.
func (w *world) judge() error {
	w.note("judge")
	for _, r := range w.replicas {
		if r.gone || !slices.Contains(w.law.members(), r.id) {
			continue
		}
		if r.s == nil {
			return w.violation("node %d is down after the calm", r.id)
		}
		if st := r.s.State(); st.Applied < w.law.target {
			return w.violation("node %d has applied %d and not %d, which somebody had %v before, %v after all faults ended (%v, term %d, leader %d, commit %d)", r.id,
				st.Applied, w.law.target, settleTime, calmTime, st.Role, st.Term, st.Leader, st.Commit)
		}
	}
	for _, c := range w.clients {
		if err := c.judge(); err != nil {
			return err
		}
	}
	for _, r := range w.serving() {
		if err := r.s.Flush(); err != nil {
			return w.violation("node %d: flush: %v", r.id, err)
		}
		mark, recorded, computed, err := r.s.Store().RecomputeHash()
		if err != nil {
			return w.violation("node %d: %v", r.id, err)
		}
		if string(recorded) != string(computed) {
			return w.violation("node %d recorded another state hash at index %d than its records have", r.id, mark.Index)
		}
		w.law.equalHash(r, w.law.hashes, mark.Index, computed)
		w.note("state", r.id, mark.Index)
	}
	return nil
}

// members are all ids of the configuration in force.
func (l *law) members() []uint64 {
	return slices.Concat(l.conf.GetVoters(), l.conf.GetVotersOutgoing(), l.conf.GetLearners())
}
