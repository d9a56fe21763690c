package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// maxApplyLag is how many entries a node that counts as caught up may have committed and not applied.
const maxApplyLag = 4096

// Status is what this node knows by itself, at most one tick old where the log's progress is concerned.
func (n *Node) Status() Status {
	st := *n.status.Load()
	st.Applied = n.store.Applied()
	st.Flushed = n.store.Flushed().Index
	st.Compacted, _ = n.log.Compacted()
	st.ClusterVersion = n.store.ClusterVersion()
	return st
}

// Changed is closed at the next change of leader, term, quorum or readiness. Take it before Status.
func (n *Node) Changed() <-chan struct{} { return n.changed.wait() }

// publishStatus runs on the loop.
func (n *Node) publishStatus() {
	c := n.core
	bs := c.rn.BasicStatus()
	st := &Status{
		ID: n.id, Name: n.cfg.Name, ClusterID: n.store.ClusterID(), Term: bs.GetTerm(), Leader: c.lead,
		Quorum: c.hasQuorum(), Committed: bs.GetCommit(),
	}
	n.describeMembers(st)
	if !c.isLeader() {
		st.Age = time.Duration(c.tick-c.currentTick) * TickInterval
	}
	for _, m := range st.Members {
		if m.ID == st.Leader {
			st.LeaderName, st.LeaderAddress = m.Name, m.Address
		}
	}
	if st.Leader == n.id {
		c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
			st.progress = append(st.progress, &internalv1.PeerProgress{Id: id, Match: pr.Match, Snapshot: pr.State == tracker.StateSnapshot})
		})
	}
	lag := int64(bs.GetCommit()) - int64(c.applied)
	st.CaughtUp = n.caughtUp.Load() && lag <= maxApplyLag
	old := n.status.Load()
	n.status.Store(st)
	if old == nil {
		return
	}
	if old.Term != st.Term || old.Leader != st.Leader {
		if st.Leader != 0 && old.Leader != st.Leader {
			n.metrics.leaderChanges.Inc()
		}
		n.logger.Info("leadership", "term", st.Term, "leader", st.LeaderName, "was", old.LeaderName, "state", c.state)
	}
	if n.store.MembersAt() != n.members.Load().at && n.noted.Swap(n.store.MembersAt()) != n.store.MembersAt() {
		n.changed.fire() // wakes the housekeeper, once for each change
		return
	}
	if old.Term != st.Term || old.Leader != st.Leader || old.Quorum != st.Quorum || old.CaughtUp != st.CaughtUp ||
		old.LeaderAddress != st.LeaderAddress {
		n.changed.fire()
	}
}

// describeMembers lists the configuration with what the member records and the hellos say, and what is missing between
// the two. It runs on the loop.
func (n *Node) describeMembers(st *Status) {
	conf, ms := n.core.conf(), n.members.Load()
	st.joint = len(conf.GetVotersOutgoing()) > 0
	records := ms.records
	for _, m := range confMembers(conf) {
		if id := n.knownIdentity(m.ID); id != nil {
			m.Name, m.Address, m.PeerAddress, m.SoftwareVersion = id.GetName(), id.GetAddress(), id.GetPeerAddress(),
				id.GetSoftwareVersion()
		}
		for _, r := range records {
			if r.GetId() == m.ID && m.Name == "" {
				m.Name, m.Address, m.PeerAddress, m.SoftwareVersion = r.GetName(), r.GetAddress(), r.GetPeerAddress(),
					r.GetSoftwareVersion()
			}
		}
		if m.Name == "" { // a first member that was never heard
			if names := memberNames(n.cfg.FirstMembers); int(m.ID) <= len(names) {
				m.Name = names[m.ID-1]
				m.PeerAddress = n.cfg.FirstMembers[m.Name]
			}
		}
		m.Reachable = m.ID == n.id || n.transport.Reachable(m.ID)
		st.Members = append(st.Members, m)
	}
	for i := range st.Members {
		st.Members[i].Pending, _ = ms.pending(st, st.Members[i].ID)
		st.changing = st.changing || st.Members[i].Pending != ""
	}
	for _, r := range records {
		if what, operator := ms.pending(st, r.GetId()); what != "" &&
			!slices.ContainsFunc(st.Members, func(m Member) bool { return m.ID == r.GetId() }) {
			st.Joining = append(st.Joining, Member{ID: r.GetId(), Name: r.GetName(), PeerAddress: r.GetPeerAddress(),
				Address: r.GetAddress(), Learner: true, Pending: what, SoftwareVersion: r.GetSoftwareVersion()})
			st.changing = st.changing || !operator
		}
	}
}

// confMembers lists ids and roles in order. Who leaves with a joint change votes until it is done.
func confMembers(conf *pb.ConfState) []Member {
	var out []Member
	voters := append(slices.Clone(conf.GetVoters()), conf.GetVotersOutgoing()...)
	slices.Sort(voters)
	for _, id := range slices.Compact(voters) {
		out = append(out, Member{ID: id})
	}
	for _, id := range conf.GetLearners() {
		out = append(out, Member{ID: id, Learner: true})
	}
	return out
}

// noteMembers copies the replicated member records out of the store: to read them may wait for the disk, so the loop does
// not. They name members that were not heard since the start; a second of age does no harm. Records that cannot be read leave
// what was noted before, and false.
func (n *Node) noteMembers() bool {
	m, err := readMembership(n.store)
	if err == nil {
		n.members.Store(&m)
		return true
	}
	n.logger.Warn("the member records cannot be read", "err", err)
	n.members.CompareAndSwap(nil, new(membership))
	return false
}

// knownIdentity is what a member said of itself most recently.
func (n *Node) knownIdentity(id uint64) *internalv1.Identity {
	if id == n.id {
		return n.self
	}
	return n.transport.Seen(id)
}

// uptimeMS is how long this process has had the node.
func (n *Node) uptimeMS() uint64 { return uint64(time.Since(n.started).Milliseconds()) }

// ClusterStatus is Status with every member asked for its progress.
func (n *Node) ClusterStatus(ctx context.Context) Status {
	st := n.Status()
	members := make([]Member, len(st.Members))
	copy(members, st.Members)
	st.Members = members
	ctx, cancel := context.WithTimeout(ctx, statusAskTimeout)
	defer cancel()
	var wg sync.WaitGroup
	progress := st.progress
	if st.Leader == n.id {
		st.CommitUS = n.commits.recent(time.Now())
	}
	var led *internalv1.PeerStatusResponse // the leader's answer; written by one goroutine, read after all ended
	for i := range members {
		m := &members[i]
		if m.ID == n.id {
			m.Reachable, m.Applied, m.Uptime = true, st.Applied, time.Duration(n.uptimeMS())*time.Millisecond
			continue
		}
		wg.Go(func() {
			resp, err := n.transport.PeerStatus(ctx, m.ID)
			m.Reachable = err == nil
			if err != nil {
				m.Err = status.Convert(err).Message()
				return
			}
			m.Applied = resp.GetApplied()
			m.Uptime = time.Duration(resp.GetUptimeMs()) * time.Millisecond
			if m.ID == st.Leader {
				led = resp
			}
		})
	}
	wg.Wait()
	if led != nil {
		progress, st.CommitUS = led.GetProgress(), led.GetCommitUs()
	}
	for _, p := range progress {
		for i := range members {
			if members[i].ID == p.GetId() {
				members[i].Match, members[i].Snapshot = p.GetMatch(), p.GetSnapshot()
			}
		}
	}
	return st
}

// StateHashes fixes one index with a HashMark and asks every member for its state hash there. voters is the number of
// voting members, to judge whether those that answered are a quorum.
func (n *Node) StateHashes(ctx context.Context) (hashes []MemberHash, voters int, err error) {
	cmd, err := proto.Marshal(&internalv1.Command{Body: &internalv1.Command_HashMark{HashMark: &internalv1.HashMark{}}})
	if err != nil {
		return nil, 0, err
	}
	data, err := n.Propose(ctx, cmd)
	if err != nil {
		return nil, 0, err
	}
	res := new(internalv1.Result)
	if err := proto.Unmarshal(data, res); err != nil {
		return nil, 0, err
	}
	index := res.GetHash().GetIndex()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	st := n.Status()
	hashes = make([]MemberHash, len(st.Members))
	var wg sync.WaitGroup
	for i, m := range st.Members {
		if !m.Learner {
			voters++
		}
		h := &hashes[i]
		h.Name, h.Applied = m.Name, index
		wg.Go(func() {
			if m.ID == n.id {
				h.Hash, h.Err = n.store.HashAt(ctx, index)
				return
			}
			h.Hash, _, h.Err = n.transport.PeerHash(ctx, m.ID, index)
		})
	}
	wg.Wait()
	return hashes, voters, nil
}

// TransferLeadership moves leadership to the member of that name, or to the most caught-up one when it is empty, and waits
// until it leads. Any member can be asked.
func (n *Node) TransferLeadership(ctx context.Context, to string) (string, error) {
	st := n.Status()
	var target uint64
	for _, m := range st.Members {
		if m.Name == to && to != "" {
			if m.Learner {
				return "", fmt.Errorf("%s is a learner and cannot lead; promote it first", to)
			}
			target = m.ID
		}
	}
	if to != "" && target == 0 {
		return "", fmt.Errorf("%w: no member is called %q", ErrNoMember, to)
	}
	if st.Leader == 0 {
		return "", &Error{Outcome: NotApplied, Cause: CauseNoLeader}
	}
	old := st.Leader
	if !n.inbox.call(func(c *core) { c.transferLeader(target) }) {
		return "", &Error{Outcome: NotApplied, Cause: CauseStopped}
	}
	ctx, cancel := context.WithTimeout(ctx, gracefulTransferTimeout)
	defer cancel()
	for {
		changed := n.Changed()
		st := n.Status()
		if st.Leader != 0 && (to == "" && st.Leader != old || to != "" && st.LeaderName == to) {
			return st.LeaderName, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("no transfer happened within %v; the target may be down or behind", gracefulTransferTimeout)
		case <-n.done:
			return "", &Error{Outcome: Unknown, Cause: CauseStopped}
		}
	}
}

// ErrNoMember is returned when no member has the name that was given.
var ErrNoMember = errors.New("node: unknown member")
