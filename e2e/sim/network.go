package sim

import (
	"slices"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/node"
)

// link is one direction between two nodes.
type link struct{ from, to uint64 }

// cut says whether nothing passes from one node to the other.
func (w *world) cut(from, to uint64) bool { return w.law.cuts[link{from, to}] }

func (w *world) heal() {
	if len(w.law.cuts) > 0 {
		w.note("heal")
		clear(w.law.cuts)
	}
}

// way is how long something is under way between two nodes.
func (w *world) way() time.Duration {
	if w.chance(w.weather.far) {
		return w.between(w.weather.wayLo, w.weather.longWay)
	}
	return w.between(w.weather.wayLo, w.weather.wayHi)
}

// send puts a raft message on the network.
func (w *world) send(from *replica, m *pb.Message) {
	w.counts.Messages++
	to := w.replica(m.GetTo())
	if to == nil {
		return
	}
	if w.cut(from.id, to.id) || w.chance(w.weather.drop) {
		w.lose(from, to.id)
		return
	}
	if w.chance(w.weather.repeat) {
		w.counts.Repeated++
		w.after(w.way(), func() { w.deliver(from, to, m, "") })
	}
	w.after(w.way(), func() { w.deliver(from, to, m, "") })
}

// lose drops a message, and now and then tells its sender, as a transport does.
func (w *world) lose(from *replica, to uint64) {
	w.counts.Dropped++
	from.after(node.TickInterval, func() {
		from.s.Unreachable(to)
		from.wake()
	})
}

func (w *world) replica(id uint64) *replica {
	if id == 0 || id > uint64(len(w.replicas)) {
		return nil
	}
	return w.replicas[id-1]
}

// deliver gives a message to its target, with the store file that came with it.
func (w *world) deliver(from, to *replica, m *pb.Message, file string) {
	if to.s == nil || w.cut(from.id, to.id) {
		if from.s != nil {
			w.lose(from, to.id)
		}
		return
	}
	if to.frozen > w.now {
		to.at(to.frozen, func() { w.deliver(from, to, m, file) })
		return
	}
	if !to.accept(from) {
		return
	}
	w.note("message", from.id, to.id, uint64(m.GetType()), m.GetTerm(), m.GetIndex(), m.GetCommit())
	to.advance()
	if file != "" {
		to.s.ReceiveFile(m, file)
	} else {
		to.s.Receive(m)
	}
	to.wake()
}

// accept is the hello of a stream: decided once for each start of the peer.
func (r *replica) accept(peer *replica) bool {
	if r.heard[peer.id] >= peer.self.GetBoot() {
		return true
	}
	if err := r.s.Accepts(peer.self); err != nil {
		if !slices.Contains(r.w.law.members(), peer.id) {
			peer.leave(0)
			return false
		}
		r.w.fail("node %d refuses node %d, which did nothing wrong: %v", r.id, peer.id, err)
	}
	r.heard[peer.id] = peer.self.GetBoot()
	return true
}

// sendFile answers a MsgSnap with a store file, or tells raft that it did not arrive.
func (r *replica) sendFile(m *pb.Message) {
	w, id := r.w, m.GetTo()
	to := w.replica(id)
	report := func(ok bool) {
		delete(r.sending, id)
		r.s.SnapshotSent(id, ok)
		r.wake()
	}
	if to == nil || r.sending[id] || len(r.sending) >= node.MaxSnapshotSends {
		r.after(time.Millisecond, func() { r.s.SnapshotSent(id, false); r.wake() })
		return
	}
	r.sending[id] = true
	r.after(w.between(time.Millisecond, 20*time.Millisecond), func() {
		path := w.temp()
		m, err := r.s.Spool(m, path)
		w.must(err)
		w.note("spooled", r.id, id, m.GetSnapshot().GetMetadata().GetIndex())
		r.after(w.between(2*time.Millisecond, 100*time.Millisecond), func() {
			if to.s == nil || w.cut(r.id, id) || w.cut(id, r.id) || to.frozen > w.now || w.chance(w.weather.drop*5) {
				w.note("file lost", r.id, id)
				report(false)
				return
			}
			w.deliver(r, to, m, path)
			r.after(w.way(), func() { report(true) })
		})
	})
}

// probe is peer.Transport.Gone: a process that is not there refuses to be dialled; a cut or a frozen one says nothing.
func (r *replica) probe(p node.Probe) {
	w, other := r.w, r.w.replica(p.Peer)
	r.after(w.way(), func() {
		if other == nil || w.cut(r.id, p.Peer) || w.cut(p.Peer, r.id) {
			return
		}
		if other.s == nil || other.self.GetBoot() != p.Boot {
			w.note("gone", r.id, p.Peer, p.Term)
			r.s.PeerGone(p.Peer, p.Term)
			r.wake()
		}
	})
}

// handOn carries a command to the leader and its answer back, over one stream: what breaks in between leaves the outcome
// unknown, unless the command never left.
func (r *replica) handOn(h node.HandOn) {
	w, leader := r.w, r.w.replica(h.Leader)
	ended, life := false, r.life
	end := func(a node.Answer) {
		if !ended && r.life == life {
			ended = true
			h.Done(a)
			r.wake()
		}
	}
	if leader == nil || leader.s == nil || w.cut(r.id, h.Leader) {
		r.after(w.way(), func() { end(node.Answer{Err: &node.Error{Outcome: node.NotApplied, Cause: node.CauseLeaderLost}}) })
		return
	}
	r.after(handOnTimeout, func() { end(node.Answer{Err: &node.Error{Outcome: node.Unknown, Cause: node.CauseLeaderLost}}) })
	leader.after(w.way(), func() {
		if w.cut(r.id, leader.id) {
			return
		}
		leader.s.Propose(h.Command, true, func(a node.Answer) {
			if !w.cut(leader.id, r.id) {
				r.after(w.way(), func() { end(a) })
			}
		})
		leader.wake()
	})
}
