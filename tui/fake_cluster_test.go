package tui

import (
	"context"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// Status is a cluster of three and a learner, by the fake's link.
func (f *fake) Status(_ context.Context, r *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	l := f.link
	resp := &parleyv1.StatusResponse{Leader: l.Leader, Term: l.Term, Quorum: l.Phase == common.Ready, Node: l.Node,
		ClusterId: "3f2a77c1d0e9", ClusterVersion: 3}
	for i, m := range l.Members {
		mb := &parleyv1.Member{Id: uint64(i + 1), Name: m.Name, Address: m.Address, PeerAddress: "127.0.0.1:6005" + string(rune('1'+i)),
			Role: parleyv1.MemberRole_MEMBER_ROLE_VOTER, Reachable: m.Reachable, Version: "v0.9.1"}
		if !m.Voter {
			mb.Role = parleyv1.MemberRole_MEMBER_ROLE_LEARNER
		}
		if m.Reachable {
			mb.Applied = 4310 - uint64(i)*2
		}
		if r.GetDetail() {
			mb.UptimeMs, mb.Match = uint64(3*time.Hour/time.Millisecond), mb.GetApplied()
			if !m.Reachable {
				mb.UptimeMs, mb.LastError = 0, "connection refused"
			}
		}
		resp.Members = append(resp.Members, mb)
	}
	if r.GetDetail() {
		resp.CommitUs = make([]uint32, 60)
		for i := 20; i < 60; i++ {
			resp.CommitUs[i] = uint32(1000 + 700*(i%7))
		}
		resp.CommitUs[41] = 0
		resp.CommitUs[44] = 212_000
	}
	return resp, nil
}

// Measure makes the fake a common.Measurer.
func (f *fake) Measure(context.Context) (ts []common.RoundTrip) {
	for i, m := range f.Link().Members {
		if m.Reachable {
			ts = append(ts, common.RoundTrip{Node: m.Name, Address: m.Address, Took: time.Duration(i+1) * 420 * time.Microsecond})
		}
	}
	return ts
}

func (f *fake) TransferLeadership(_ context.Context, r *parleyv1.TransferLeadershipRequest) (*parleyv1.TransferLeadershipResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acts = append(f.acts, "transfer "+r.GetTo())
	if f.fail != nil {
		return nil, f.fail
	}
	return &parleyv1.TransferLeadershipResponse{Leader: r.GetTo()}, nil
}

func (f *fake) ChangeMembers(_ context.Context, r *parleyv1.ChangeMembersRequest) (*parleyv1.ChangeMembersResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range r.GetPromote() {
		f.acts = append(f.acts, "promote "+n)
	}
	for _, n := range r.GetRemove() {
		f.acts = append(f.acts, "remove "+n)
	}
	return &parleyv1.ChangeMembersResponse{}, nil
}
