package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// ChangeMembers is decided in Apply; here it is held against what is reachable now, because a change that strands the
// quorum is carried out by nobody and cannot be taken back.
func (s *cluster) ChangeMembers(ctx context.Context, r *parleyv1.ChangeMembersRequest) (
	*parleyv1.ChangeMembersResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	for _, a := range r.GetAdd() {
		if host, port, err := net.SplitHostPort(a.GetPeerAddress()); err != nil || host == "" || port == "" || port == "0" {
			f.add("add", "the peer address of %s must be HOST:PORT", a.GetName())
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if err := s.operator(ctx); err != nil {
		return nil, err
	}
	st := s.replica.ClusterStatus(ctx)
	if err := s.checkStrands(ctx, st, id, r); err != nil {
		return nil, err
	}
	cmd := &internalv1.ChangeMembers{
		Promote: r.GetPromote(), Remove: r.GetRemove(), FromAdminSocket: callerOf(ctx).socket,
	}
	for _, a := range r.GetAdd() {
		cmd.Add = append(cmd.Add, &internalv1.ChangeMembers_Add{
			Name: a.GetName(), PeerAddress: a.GetPeerAddress(), Learner: a.GetLearner(), Replaces: a.GetReplaces(),
		})
	}
	for _, m := range st.Members {
		cmd.Configured = append(cmd.Configured, m.ID)
	}
	_, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_ChangeMembers{ChangeMembers: cmd}})
	if err != nil {
		return nil, err
	}
	s.log.Info("members changed", "added", names(r.GetAdd()), "promoted", strings.Join(r.GetPromote(), ","),
		"removed", strings.Join(r.GetRemove(), ","), "from_admin_socket", callerOf(ctx).socket)
	// This node may lag behind the leader that carried it out. Without a quorum it answers what it knows: the change is done,
	// and must not be told as not applied.
	_ = s.barrier(ctx)
	return &parleyv1.ChangeMembersResponse{Members: toMembers(s.replica.MembersSettled(ctx))}, nil
}

func names(add []*parleyv1.AddMember) string {
	var out []string
	for _, a := range add {
		out = append(out, a.GetName())
	}
	return strings.Join(out, ",")
}

// checkStrands is strands for a request that was not carried out yet: a retry gets the answer of then, whoever is reachable now.
func (s *cluster) checkStrands(ctx context.Context, st node.Status, id []byte, r *parleyv1.ChangeMembersRequest) error {
	records, err := s.store.Members()
	if err != nil {
		return storeFailure(err)
	}
	risk := strands(st, records, r)
	if risk == nil {
		return nil
	}
	if err := s.barrier(ctx); err != nil {
		return err
	}
	known := false
	err = s.withView(func(v *store.View) error {
		known, err = v.Answered(callerOf(ctx).token, id)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNoSession):
		return sessionInvalid()
	case err != nil:
		return err
	case known:
		return nil
	}
	return risk
}

// leaving are the ids of the members that a change takes out. To remove a successor that is still on its way gives it up: then
// the member that it was to replace, and has stayed for it, leaves.
func leaving(records []*internalv1.AnnounceMember, r *parleyv1.ChangeMembersRequest) map[uint64]bool {
	ids, replaces := map[uint64]bool{}, map[uint64]uint64{}
	for _, rec := range records {
		replaces[rec.GetId()] = rec.GetReplaces()
	}
	for _, rec := range records {
		name := rec.GetName()
		switch {
		case rec.GetRole() == internalv1.MemberRole_MEMBER_ROLE_REMOVED:
		case slices.Contains(r.GetRemove(), name):
			for id := rec.GetId(); id != 0; id = replaces[id] {
				ids[id] = true
			}
		case slices.ContainsFunc(r.GetAdd(), func(a *parleyv1.AddMember) bool { return a.GetReplaces() == name }):
			ids[rec.GetId()] = true
		}
	}
	return ids
}

// strands refuses a change after which fewer voters than a majority could be reached. A member that takes another's place
// counts as reachable, for the other one stays until it is; one that is merely added does not count at all before it has
// caught up.
func strands(st node.Status, records []*internalv1.AnnounceMember, r *parleyv1.ChangeMembersRequest) error {
	leaves := leaving(records, r)
	voters, live := 0, 0
	var silent []string
	for _, m := range st.Members {
		if leaves[m.ID] || m.Learner && !slices.Contains(r.GetPromote(), m.Name) {
			continue
		}
		voters++
		if m.Reachable {
			live++
		} else {
			silent = append(silent, m.Name)
		}
	}
	if !slices.ContainsFunc(st.Members, func(m node.Member) bool { return !m.Learner && leaves[m.ID] }) &&
		len(r.GetPromote()) == 0 {
		return nil // nothing becomes worse
	}
	for _, a := range r.GetAdd() {
		if a.GetReplaces() != "" {
			voters++
			live++
		}
	}
	if voters == 0 && len(r.GetAdd()) > 0 { // they vote only once they are here, and till then somebody has to
		return atRisk("every voter of now would leave before a new one is there; name which one each takes the place of: " +
			"parley cluster add NEW HOST:PORT --replace OLD")
	}
	if voters == 0 || live > voters/2 {
		return nil // of no voters at all Apply speaks
	}
	return atRisk("%d of %d voters would be reachable, which is no majority (%s did not answer); start them, or "+
		"replace a dead member instead: parley cluster add NEW HOST:PORT --replace OLD", live, voters, strings.Join(silent, ", "))
}

func atRisk(format string, args ...any) error {
	return &failure{
		code: codes.FailedPrecondition, reason: reasonQuorumAtRisk, message: fmt.Sprintf(format, args...),
	}
}

// toMembers are all members as Status and ChangeMembers tell them, those that have not come yet at the end.
func toMembers(st node.Status) []*parleyv1.Member {
	var out []*parleyv1.Member
	for _, m := range slices.Concat(st.Members, st.Joining) {
		pm := &parleyv1.Member{
			Id: m.ID, Name: m.Name, Address: m.Address, PeerAddress: m.PeerAddress, Role: parleyv1.MemberRole_MEMBER_ROLE_VOTER,
			Reachable: m.Reachable, Applied: m.Applied, Version: m.SoftwareVersion, Pending: m.Pending,
		}
		if m.Learner {
			pm.Role = parleyv1.MemberRole_MEMBER_ROLE_LEARNER
		}
		out = append(out, pm)
	}
	return out
}
