package api

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
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
	if err := strands(st, r); err != nil {
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
	err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_ChangeMembers{ChangeMembers: cmd}})
	if err != nil {
		return nil, err
	}
	s.log.Info("members changed", "added", names(r.GetAdd()), "promoted", strings.Join(r.GetPromote(), ","),
		"removed", strings.Join(r.GetRemove(), ","), "from_admin_socket", callerOf(ctx).socket)
	if err := s.barrier(ctx); err != nil { // this node may lag behind the leader that carried it out
		return nil, err
	}
	return &parleyv1.ChangeMembersResponse{Members: toMembers(s.replica.MembersSettled(ctx))}, nil
}

func names(add []*parleyv1.AddMember) string {
	var out []string
	for _, a := range add {
		out = append(out, a.GetName())
	}
	return strings.Join(out, ",")
}

// strands refuses a change after which fewer voters than a majority could be reached. A member that takes another's place
// counts as reachable, for the other one stays until it is; one that is merely added does not count at all before it has
// caught up.
func strands(st node.Status, r *parleyv1.ChangeMembersRequest) error {
	leaves := func(name string) bool {
		return slices.Contains(r.GetRemove(), name) ||
			slices.ContainsFunc(r.GetAdd(), func(a *parleyv1.AddMember) bool { return a.GetReplaces() == name })
	}
	voters, live := 0, 0
	var silent []string
	for _, m := range st.Members {
		if leaves(m.Name) || m.Learner && !slices.Contains(r.GetPromote(), m.Name) {
			continue
		}
		voters++
		if m.Reachable {
			live++
		} else {
			silent = append(silent, m.Name)
		}
	}
	if !slices.ContainsFunc(st.Members, func(m node.Member) bool { return !m.Learner && leaves(m.Name) }) &&
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
