package node

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"parley/proto/internalv1"
)

const (
	roleLearner = internalv1.MemberRole_MEMBER_ROLE_LEARNER
	roleVoter   = internalv1.MemberRole_MEMBER_ROLE_VOTER
	roleRemoved = internalv1.MemberRole_MEMBER_ROLE_REMOVED
)

// membership is who the replicated state says shall be a member.
type membership struct {
	records []*internalv1.AnnounceMember // by id
	// last is the greatest id that was given out; 0 while the members are the first ones.
	last uint64
	// version is the cluster version: a member whose program is older does not vote.
	version uint32
	// at is when this was read: the index of the last change of a record then.
	at uint64
}

func (m *membership) record(id uint64) *internalv1.AnnounceMember {
	i, ok := slices.BinarySearchFunc(m.records, id, func(r *internalv1.AnnounceMember, id uint64) int {
		switch {
		case r.GetId() < id:
			return -1
		case r.GetId() > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return m.records[i]
}

// removed says whether an id was taken out: it has a tombstone, or had one that was forgotten since.
func (m *membership) removed(id uint64) bool {
	if r := m.record(id); r != nil {
		return r.GetRole() == roleRemoved
	}
	return id <= m.last
}

// joined says whether a member has a data directory: only then is there somebody to replicate to.
func joined(r *internalv1.AnnounceMember) bool { return len(r.GetIncarnation()) > 0 }

// memberProgress is what a leader knows of a member.
type memberProgress struct {
	match  uint64
	active bool // heard within the last election timeout, or this node itself
}

// planInput is everything that a plan depends on.
type planInput struct {
	membership
	self     uint64
	conf     *pb.ConfState
	progress map[uint64]memberProgress
	commit   uint64
}

// plan is the next step towards the membership that the records want; at most one of its fields is set.
type plan struct {
	change *pb.ConfChangeV2
	// transferTo is who shall lead first: a leader does not take itself out.
	transferTo uint64
}

// planChange decides what a leader does next so that raft's configuration follows the member records. It is a pure
// function, and each of its steps is safe by itself, so that a crash or a change of leader between two of them loses nothing:
//
//  1. Members that have a data directory become learners.
//  2. A leader that is to go hands leadership to a voter that stays.
//  3. Learners that have caught up become voters and removed members leave, in one joint change when there are several. A
//     member with a successor stays until that one becomes a voter. No change leaves fewer live voters than a majority.
//
// A joint change under way is left first, by an empty change, and only by a leader that stays a voter: one that goes with the
// change hands leadership over before. Else the members that leave could end with entries that no voter has and with the
// knowledge that they are out, while the voters, which do not know it yet, need votes that those refuse for their shorter logs:
// nobody could lead any more (the simulator found that, seed 315854). So raft must not leave by itself.
func planChange(in planInput) plan {
	if len(in.conf.GetVotersOutgoing()) > 0 {
		if !in.votes(in.self) {
			return plan{transferTo: in.heir(false)}
		}
		return plan{change: new(pb.ConfChangeV2)}
	}
	if in.last != 0 && in.record(in.self) == nil {
		return plan{} // a leader that does not find itself has not read the records, whatever it was told
	}
	var b changeBuilder
	for _, r := range in.records {
		if wanted(r) && joined(r) && !in.votes(r.GetId()) && !in.learns(r.GetId()) {
			b.add(pb.ConfChangeAddLearnerNode, r.GetId())
		}
	}
	if len(b.changes) > 0 {
		return b.plan()
	}
	promote, learners := in.promotable(), in.leavingLearners()
	if in.removed(in.self) && in.free(in.self, promote) {
		if to := in.heir(true); to != 0 {
			return plan{transferTo: to}
		}
	}
	for _, v := range in.variants(promote) {
		if !in.safe(v) {
			continue
		}
		for _, id := range v.promote {
			b.add(pb.ConfChangeAddNode, id)
		}
		for _, id := range v.remove {
			b.add(pb.ConfChangeRemoveNode, id)
		}
		break
	}
	for _, id := range learners {
		b.add(pb.ConfChangeRemoveNode, id)
	}
	return b.plan()
}

// variant is a set of voters to make and to take out in one change.
type variant struct{ promote, remove []uint64 }

// variants are the changes to consider, the best one first: all at once, then what makes the others safe.
func (in *planInput) variants(promote []uint64) []variant {
	leave := func(promote []uint64) (ids []uint64) {
		for _, id := range in.conf.GetVoters() {
			if id != in.self && in.removed(id) && in.free(id, promote) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	now := leave(nil)
	vs := []variant{{promote, leave(promote)}, {promote, nil}, {nil, now}}
	for _, id := range promote {
		one := []uint64{id}
		pair := slices.DeleteFunc(leave(one), func(id uint64) bool { return slices.Contains(now, id) })
		vs = append(vs, variant{one, pair}, variant{one, nil})
	}
	for _, id := range now {
		vs = append(vs, variant{nil, []uint64{id}})
	}
	return slices.DeleteFunc(vs, func(v variant) bool { return len(v.promote)+len(v.remove) == 0 })
}

func wanted(r *internalv1.AnnounceMember) bool {
	return r.GetRole() == roleLearner || r.GetRole() == roleVoter
}

func (in *planInput) votes(id uint64) bool { return slices.Contains(in.conf.GetVoters(), id) }

func (in *planInput) learns(id uint64) bool { return slices.Contains(in.conf.GetLearners(), id) }

// promotable are the learners that may vote now: to wait for one that lags would stall every commit that needs it.
func (in *planInput) promotable() (ids []uint64) {
	for _, r := range in.records {
		p := in.progress[r.GetId()]
		if r.GetRole() == roleVoter && joined(r) && r.GetMaxClusterVersion() >= in.version && in.learns(r.GetId()) &&
			p.active && p.match > 0 && p.match+maxPromotionLag >= in.commit {
			ids = append(ids, r.GetId())
		}
	}
	return ids
}

func (in *planInput) leavingLearners() (ids []uint64) {
	for _, id := range in.conf.GetLearners() {
		if in.removed(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// free says whether a member may leave once these are voters: nobody who takes its place is still on the way. A successor
// that was itself replaced passes the duty on.
func (in *planInput) free(id uint64, promote []uint64) bool {
	for _, r := range in.records {
		switch {
		case r.GetReplaces() != id || r.GetId() <= id: // ids ascend, so this ends
		case in.votes(r.GetId()) || slices.Contains(promote, r.GetId()):
		case r.GetRole() != roleRemoved || !in.free(r.GetId(), promote):
			return false
		}
	}
	return true
}

// safe says whether enough voters of the new configuration live and are near the end of the log: one that is minutes behind
// would hold up every commit. Where the voters of now have no such majority either, nothing becomes worse and it is enough
// that they are heard. At least one voter has to stay a member: with all others to go nobody could take leadership after it.
func (in *planInput) safe(v variant) bool {
	var voters []uint64
	for _, id := range slices.Concat(in.conf.GetVoters(), v.promote) {
		if !slices.Contains(v.remove, id) {
			voters = append(voters, id)
		}
	}
	if !slices.ContainsFunc(voters, func(id uint64) bool { return !in.removed(id) }) {
		return false
	}
	if majority(in.conf.GetVoters(), in.close) {
		return majority(voters, in.close)
	}
	return majority(voters, in.heard)
}

func (in *planInput) heard(id uint64) bool { return id == in.self || in.progress[id].active }

// close says whether a member is heard and has what was committed, but for what is on its way under load.
func (in *planInput) close(id uint64) bool {
	return id == in.self || in.heard(id) && in.progress[id].match+maxPromotionLag >= in.commit
}

func majority(ids []uint64, is func(uint64) bool) bool {
	n := 0
	for _, id := range ids {
		if is(id) {
			n++
		}
	}
	return n >= len(ids)/2+1
}

// heir is the most caught-up live voter of the configuration that is to be, of those that stay members only when stays is
// set; 0 when there is none.
func (in *planInput) heir(stays bool) (best uint64) {
	for _, id := range in.conf.GetVoters() {
		p := in.progress[id]
		if id == in.self || !p.active || stays && in.removed(id) {
			continue
		}
		if best == 0 || p.match > in.progress[best].match {
			best = id
		}
	}
	return best
}

// changeBuilder gathers the parts of one configuration change.
type changeBuilder struct{ changes []*pb.ConfChangeSingle }

func (b *changeBuilder) add(t pb.ConfChangeType, id uint64) {
	b.changes = append(b.changes, &pb.ConfChangeSingle{Type: t.Enum(), NodeId: &id})
}

// plan is a simple change for one part, else a joint one that is left by planChange.
func (b *changeBuilder) plan() plan {
	if len(b.changes) == 0 {
		return plan{}
	}
	cc := &pb.ConfChangeV2{Changes: b.changes}
	if len(b.changes) > 1 {
		cc.Transition = pb.ConfChangeTransitionJointExplicit.Enum()
	}
	return plan{change: cc}
}

// manageMembers takes the next step towards what the records want. Its owner calls it again and again on a leader.
func (c *core) manageMembers(m membership) {
	if !c.isLeader() || c.handover.active || c.confAsked != 0 && c.tick-c.confAsked < ElectionTicks {
		return
	}
	p := planChange(c.planInput(m))
	if p.transferTo != 0 {
		c.transferLeader(p.transferTo)
	}
	c.confChange = p.change
}

func (c *core) planInput(m membership) planInput {
	in := planInput{
		membership: m, self: c.id, conf: c.conf(), commit: c.rn.BasicStatus().GetCommit(),
		progress: map[uint64]memberProgress{},
	}
	c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		in.progress[id] = memberProgress{match: pr.Match, active: pr.RecentActive || id == c.id}
	})
	return in
}

// flushConfChange gives a planned change to raft, before the proposals of the same turn: those are found as the last new
// entries. One that raft does not take, or turns into an empty entry because another is under way, is planned again.
func (c *core) flushConfChange() {
	cc := c.confChange
	if c.confChange = nil; cc == nil || c.handover.active || c.rn.BasicStatus().RaftState != raft.StateLeader {
		return
	}
	if c.rn.ProposeConfChange(cc) == nil {
		c.confAsked = max(c.tick, 1)
	}
}
