package sim

import (
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/node"
	"parley/proto/internalv1"
	"parley/store"
)

// operator is the one who changes the membership: a client of the admin socket, with one request at a time.
type operator struct {
	client
	names int
}

// maxMembers bounds how large a cluster grows.
const maxMembers = 7

func (w *world) newOperator() *operator {
	o := &operator{client: client{w: w, n: 99, name: "operator", home: w.any()}}
	w.after(w.between(time.Second, 4*time.Second), o.next)
	return o
}

// next waits, then changes something.
func (o *operator) next() {
	w := o.w
	o.op = nil
	if w.now > w.o.Time-calmTime {
		return
	}
	w.after(w.between(500*time.Millisecond, 8*time.Second), o.change)
}

// change asks for a change drawn from what makes sense: members come, go, and take each other's place.
func (o *operator) change() {
	w := o.w
	if w.now > w.o.Time-calmTime {
		return
	}
	voters, members := w.law.conf.GetVoters(), w.law.members()
	cmd := &internalv1.ChangeMembers{FromAdminSocket: true, Configured: members}
	for range 1 + w.rng.IntN(3) {
		some := w.replica(members[w.rng.IntN(len(members))]).name
		switch p := w.rng.IntN(10); {
		case p < 3 && len(members) < maxMembers:
			cmd.Add = append(cmd.Add, o.newcomer(w.chance(0.3), ""))
		case p < 6:
			cmd.Add = append(cmd.Add, o.newcomer(false, some))
		case p < 8 && len(voters) > 2:
			cmd.Remove = append(cmd.Remove, some)
		default:
			cmd.Promote = append(cmd.Promote, some)
		}
	}
	o.begin("change", &internalv1.Command{Body: &internalv1.Command_ChangeMembers{ChangeMembers: cmd}},
		func(a node.Answer, res *internalv1.Result) {
			for i, id := range res.GetMembers().GetAdded() {
				w.join(id, cmd.GetAdd()[i].GetName())
			}
			o.next()
		})
	o.op.refusable = func() { o.next() }
}

// newcomer is a member of a new name.
func (o *operator) newcomer(learner bool, replaces string) *internalv1.ChangeMembers_Add {
	o.names++
	name := fmt.Sprintf("m%d", o.names)
	return &internalv1.ChangeMembers_Add{Name: name, PeerAddress: name + ":1", Learner: learner, Replaces: replaces}
}

// join makes the machine of a new member, and starts it after a while; a few never come.
func (w *world) join(id uint64, name string) {
	for uint64(len(w.replicas)) < id {
		r := w.newReplica(uint64(len(w.replicas))+1, name)
		r.stDisk = store.NewMemDisk(clusterID, store.Mark{})
		r.gone = true
	}
	r := w.replica(id)
	if !r.gone || r.life > 0 || w.chance(0.1) {
		return
	}
	r.gone = false
	w.note("join", id)
	w.after(w.between(0, 2*time.Second), r.askToJoin)
}

// askToJoin asks one member after the other, until one has recorded the new directory; then the node starts.
func (r *replica) askToJoin() {
	w := r.w
	if r.life > 0 || r.gone || w.now > w.o.Time-quietTime {
		return
	}
	w.after(w.between(300*time.Millisecond, time.Second), r.askToJoin)
	m := w.any()
	if m.s == nil {
		return
	}
	m.after(w.way(), func() {
		m.s.Admit(&internalv1.Identity{
			Id: r.id, Name: r.name, ClusterId: clusterID, Incarnation: r.incarnation(), Boot: 1, BootNonce: r.nonce(1),
			PeerAddress: r.address(), MaxClusterVersion: node.MaxClusterVersion,
		}, func(a node.Answer) {
			if a.Err == nil {
				w.after(w.way(), func() {
					if r.life == 0 && !r.gone {
						r.start()
					}
				})
			}
		})
		m.wake()
	})
}

// configured takes over a configuration that was applied, and sends home who is no longer in it. Now and then a node dies right
// after it: a joint one lasts for a moment only, so that a fault of chance hardly ever meets it.
func (l *law) configured(r *replica, index uint64, conf *pb.ConfState) {
	if len(r.w.weather.faults) > 0 && r.w.chance(0.2) {
		r.doom = doomAfterApply
	}
	if index <= l.confs[len(l.confs)-1].at {
		return
	}
	l.confs = append(l.confs, configuration{index, conf})
	l.conf = conf
	w := r.w
	w.note("configuration", index, uint64(len(conf.GetVoters())), uint64(len(conf.GetVotersOutgoing())))
	w.counts.Changes++
	if len(conf.GetVotersOutgoing()) > 0 {
		w.counts.Joint++
	}
	for _, other := range w.replicas {
		if other.gone || other.life == 0 || slices.Contains(l.members(), other.id) || !l.wasMember(other.id) {
			continue
		}
		other.leave(w.between(100*time.Millisecond, 3*time.Second))
	}
}

// leave ends a removed member's process, as its operator or a peer's refusal does: once a majority of the voters have the
// configuration without it on their disks. Before that its vote may be needed: who has not applied the last step of a joint
// change still counts it.
func (r *replica) leave(d time.Duration) {
	r.w.after(d, func() {
		if r.gone || slices.Contains(r.w.law.members(), r.id) {
			return
		}
		if !r.w.law.settled(r.w) {
			r.leave(500 * time.Millisecond)
			return
		}
		r.gone = true
		r.w.note("left", r.id)
		if r.s != nil {
			r.crash("removed")
		}
	})
}

// settled says whether a majority of the voters have the latest configuration on their disks.
func (l *law) settled(w *world) bool {
	last, n := l.confs[len(l.confs)-1], 0
	for _, id := range last.conf.GetVoters() {
		if w.replica(id).flushed >= last.at {
			n++
		}
	}
	return len(last.conf.GetVotersOutgoing()) == 0 && n >= len(last.conf.GetVoters())/2+1
}

func (l *law) wasMember(id uint64) bool {
	return slices.ContainsFunc(l.confs, func(c configuration) bool { return inConf(c.conf, id) })
}

func inConf(c *pb.ConfState, id uint64) bool {
	return slices.Contains(c.GetVoters(), id) || slices.Contains(c.GetVotersOutgoing(), id) || slices.Contains(c.GetLearners(), id) ||
		slices.Contains(c.GetLearnersNext(), id)
}
