package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/store"
)

// readMembership reads who shall be a member. The counter is read first: records that are newer than it do no harm, while
// an id below it whose record is not there yet would look removed. Records that cannot be read are an error, and nothing may
// be concluded then.
func readMembership(st *store.Store) (membership, error) {
	at, last, version := st.MembersAt(), st.LastMember(), st.ClusterVersion()
	records, err := st.Members()
	if err != nil {
		return membership{}, err
	}
	return membership{at: at, last: last, version: version, records: records}, nil
}

// configured says whether an id is in raft's configuration as far as this node has applied it. Before raft runs the store's
// counts: after a recover, --cluster may still name members that were lost, and they must not be called.
func (n *Node) configured(id uint64) bool {
	if st := n.status.Load(); st != nil {
		return slices.ContainsFunc(st.Members, func(m Member) bool { return m.ID == id })
	}
	st := n.serving.Load()
	if st == nil {
		return true
	}
	conf, err := parseConfState(st.Flushed().ConfState)
	if err != nil || len(conf.GetVoters()) == 0 {
		return true // not known yet, or raft's own look at it says what is wrong
	}
	return slices.Contains(slices.Concat(conf.GetVoters(), conf.GetLearners(), conf.GetVotersOutgoing(), conf.GetLearnersNext()), id)
}

// removedRefusal is what a removed member is told.
func (m *membership) removedRefusal(id *internalv1.Identity) *peer.Refusal {
	return &peer.Refusal{Reason: peer.ReasonRemoved, Text: fmt.Sprintf("member %s (id %d) was removed from this cluster",
		cmp.Or(m.record(id.GetId()).GetName(), id.GetName()), id.GetId())}
}

// peerAddresses are where the other members are reached, by id: what a node said of itself last counts, then its record,
// then what this node was told when it started. The records are those that were read last.
func (n *Node) peerAddresses() map[uint64]string {
	peers := map[uint64]string{}
	for i, name := range memberNames(n.cfg.FirstMembers) {
		if id := uint64(i + 1); n.configured(id) {
			peers[id] = n.cfg.FirstMembers[name]
		}
	}
	for id, addr := range n.told {
		peers[id] = addr
	}
	boots := map[uint64]uint64{}
	m := n.members.Load()
	if m == nil {
		m = new(membership)
	}
	for _, r := range m.records {
		if r.GetPeerAddress() != "" {
			peers[r.GetId()], boots[r.GetId()] = r.GetPeerAddress(), r.GetBoot()
		}
	}
	if n.transport != nil {
		for _, id := range n.transport.Known() {
			if id.GetPeerAddress() != "" && id.GetBoot() >= boots[id.GetId()] {
				peers[id.GetId()] = id.GetPeerAddress()
			}
		}
	}
	for id := range peers {
		if id == n.id || n.gone(m, id) {
			delete(peers, id)
		}
	}
	return peers
}

// followMembers has the transport know who the peers are and where.
func (n *Node) followMembers() { n.transport.SetPeers(n.peerAddresses()) }

// checkRemoved ends a node that was taken out of the cluster.
func (n *Node) checkRemoved() {
	if m := n.members.Load(); n.gone(m, n.id) {
		n.refused(n.id, m.removedRefusal(n.self))
	}
}

// pending says what still has to happen to a member, for a person; operator is set when it waits for somebody to start a
// machine. Both are empty when nothing has to.
func (m *membership) pending(st *Status, id uint64) (what string, operator bool) {
	var in *Member
	for i := range st.Members {
		if st.Members[i].ID == id {
			in = &st.Members[i]
		}
	}
	r := m.record(id)
	switch {
	case in != nil && m.removed(id):
		for _, s := range m.records {
			if s.GetReplaces() == id && s.GetRole() != roleRemoved && !joined(s) {
				return "leaves when " + s.GetName() + " has taken its place", true
			}
		}
		return "is being removed", false
	case r == nil || m.removed(id):
	case !joined(r):
		return "waits for: parley serve --join --name " + r.GetName(), true
	case in == nil && m.last != 0:
		return "is being added", false
	case in != nil && in.Learner && r.GetRole() == roleVoter:
		return "is catching up, then becomes a voter", false
	}
	return "", false
}

// MembersSettled waits until raft's configuration is what the member records want, or until only machines that are not
// started yet are waited for; at most membersWait. It returns the members with what is still pending.
func (n *Node) MembersSettled(ctx context.Context) Status {
	wait, cancel := context.WithTimeout(ctx, membersWait)
	defer cancel()
	for !n.settled() && wait.Err() == nil {
		select {
		case <-wait.Done():
		case <-n.done:
			cancel()
		case <-time.After(membersPoll):
		}
	}
	n.noteMembers()
	published := make(chan struct{})
	if n.inbox.call(func(*core) { n.publishStatus(); close(published) }) {
		select {
		case <-published:
		case <-n.loopDone:
		}
	}
	return n.ClusterStatus(ctx)
}

func (n *Node) settled() bool {
	m, err := readMembership(n.store)
	if err != nil {
		return false
	}
	st := n.Status()
	ids := map[uint64]bool{}
	for _, r := range m.records {
		ids[r.GetId()] = true
	}
	for _, c := range st.Members {
		ids[c.ID] = true
	}
	for id := range ids {
		if what, operator := m.pending(&st, id); what != "" && !operator {
			return false
		}
	}
	return !st.joint
}

// clusterID is what the first members agree on: the hash of their names and incarnations.
func clusterID(names []string, incarnation func(i int) []byte) []byte {
	sum := sha256.New()
	for i, name := range names {
		fmt.Fprintf(sum, "%s\x00%x\x00", name, incarnation(i))
	}
	return sum.Sum(nil)[:clusterIDSz]
}

// firstMember judges a node that has not formed the cluster that this one has, and has no record either: one of the first
// members whose start was interrupted, or a machine with an empty directory. The cluster id tells them apart once the
// incarnations of all first members are known, for it is their hash.
func (n *Node) firstMember(m *membership, id *internalv1.Identity) error {
	n.identities.note(id)
	var names []string
	claims := 0 // incarnations that only their owners vouch for
	for part := range strings.SplitSeq(id.GetFirstMembers(), ",") {
		name, _, _ := strings.Cut(part, "=")
		names = append(names, name)
	}
	missing := ""
	got := clusterID(names, func(i int) []byte {
		first := uint64(i + 1)
		var inc []byte
		switch r := m.record(first); {
		case first == n.id:
			inc = n.self.GetIncarnation()
		case r != nil:
			inc = r.GetIncarnation()
		default:
			inc = n.identities.incarnation(first)
			claims++
		}
		if inc == nil {
			missing += " " + names[i]
		}
		return inc
	})
	switch {
	case missing != "":
		return &peer.Refusal{Reason: peer.ReasonNotYet, Text: "the first members" + missing + " were not heard yet"}
	case string(got) == string(n.self.GetClusterId()):
		return nil
	case claims > 1:
		return &peer.Refusal{Reason: peer.ReasonNotYet, Text: "one of the first members has another data directory"}
	default:
		return &peer.Refusal{Reason: peer.ReasonOtherIncarnation, Text: fmt.Sprintf(
			"the cluster exists and does not know this data directory of %s", id.GetName())}
	}
}
