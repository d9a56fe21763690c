package api

import (
	"context"
	"encoding/hex"
	"errors"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// cluster is parley.v1.ClusterService.
type cluster struct {
	*Server
	parleyv1.UnimplementedClusterServiceServer
}

// account checks the caller of a method that any account may call and that works without a quorum. The admin socket
// needs no session.
func (s *cluster) account(ctx context.Context) error {
	if callerOf(ctx).socket {
		return nil
	}
	_, err := s.read(ctx, parleyv1.Consistency_CONSISTENCY_LOCAL, func(*store.View, store.Session) error { return nil })
	return err
}

// operator checks the caller of a method that leaves no command for Apply to decide on: positive and negative are both
// read after a barrier.
func (s *cluster) operator(ctx context.Context) error {
	if callerOf(ctx).socket {
		return nil
	}
	_, err := s.read(ctx, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE, func(_ *store.View, sess store.Session) error {
		if !sess.Operator {
			return notOperator()
		}
		return nil
	})
	return err
}

func notOperator() *failure {
	return notAllowed("this needs an operator; ask one, or use the admin socket in the node's data directory")
}

func (s *cluster) Status(ctx context.Context, r *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error) {
	if err := s.account(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	st := s.replica.ClusterStatus(ctx)
	resp := &parleyv1.StatusResponse{
		Leader: st.LeaderName, Term: st.Term, Quorum: st.Quorum, Node: st.Name,
		ClusterId: hex.EncodeToString(st.ClusterID), AgeMs: uint64(st.Age.Milliseconds()),
		Committed: st.Committed, Applied: st.Applied, Flushed: st.Flushed, Compacted: st.Compacted,
		ClusterVersion: st.ClusterVersion, Members: toMembers(st),
	}
	if r.GetDetail() {
		resp.CommitUs = st.CommitUS
		detail(resp.Members, st.Members)
	}
	return resp, nil
}

// detail adds what only the cluster screen shows. The members may be fewer than what they are made of.
func detail(out []*parleyv1.Member, ms []node.Member) {
	for _, mb := range out {
		for _, m := range ms {
			if m.ID == mb.GetId() {
				mb.Match, mb.Snapshot, mb.UptimeMs, mb.LastError = m.Match, m.Snapshot, uint64(m.Uptime.Milliseconds()), m.Err
			}
		}
	}
}

func (s *cluster) StateHash(ctx context.Context, _ *parleyv1.StateHashRequest) (*parleyv1.StateHashResponse, error) {
	if err := s.account(ctx); err != nil {
		return nil, err
	}
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, contextFailure(ctx.Err())
	}
	hashes, voters, err := s.replica.StateHashes(ctx)
	if err != nil {
		// The mark it proposes changes nothing that anybody sees, so there is no outcome to be unsure of.
		return nil, fromBarrier(ctx, err)
	}
	resp := &parleyv1.StateHashResponse{Voters: uint32(voters)}
	for _, h := range hashes {
		mh := &parleyv1.MemberHash{Name: h.Name, Applied: h.Applied}
		if h.Err != nil {
			mh.Error = "did not answer: " + h.Err.Error()
		} else {
			mh.Hash = hex.EncodeToString(h.Hash)
		}
		resp.Members = append(resp.Members, mh)
	}
	return resp, nil
}

func (s *cluster) TransferLeadership(ctx context.Context, r *parleyv1.TransferLeadershipRequest) (
	*parleyv1.TransferLeadershipResponse, error,
) {
	if err := s.operator(ctx); err != nil {
		return nil, err
	}
	if r.To != "" {
		if err := transferable(s.replica.Status(), r.To); err != nil {
			return nil, err
		}
	}
	leader, err := s.replica.TransferLeadership(ctx, r.To)
	if err != nil {
		var ne *node.Error
		if errors.As(err, &ne) || ctx.Err() != nil {
			return nil, fromPropose(ctx, err)
		}
		s.log.Warn("leadership was not transferred", "to", r.To, "err", err)
		return nil, &failure{code: codes.Unavailable, reason: reasonTransferRefused, cause: err,
			message: "leadership was not transferred: " + err.Error() + "; see `parley cluster status` and try again"}
	}
	s.log.Info("leadership transferred on request", "to", leader)
	return &parleyv1.TransferLeadershipResponse{Leader: leader}, nil
}

// transferable names a target that cannot lead, before anything is stopped for it.
func transferable(st node.Status, to string) error {
	for _, m := range st.Members {
		if m.Name != to {
			continue
		}
		if m.Learner {
			return &failure{code: codes.FailedPrecondition, reason: reasonTransferRefused,
				fields:  []violation{{"to", "is a learner"}},
				message: "the member is a learner and cannot lead; promote it first"}
		}
		return nil
	}
	return &failure{code: codes.NotFound, reason: reasonMemberNotFound,
		fields:  []violation{{"to", "is not a member"}},
		message: "no member has that name; `parley cluster status` lists them"}
}

// SetOperator and ResetPassword are decided in Apply, by the operator bit of the session or by the mark that only the
// admin socket sets.
func (s *cluster) SetOperator(ctx context.Context, r *parleyv1.SetOperatorRequest) (
	*parleyv1.SetOperatorResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetOperator{
		SetOperator: &internalv1.SetOperator{Username: name, Operator: r.Operator, FromAdminSocket: callerOf(ctx).socket},
	}})
	if err != nil {
		return nil, err
	}
	s.log.Info("operator bit set", "user", name, "operator", r.Operator, "from_admin_socket", callerOf(ctx).socket)
	return &parleyv1.SetOperatorResponse{}, nil
}

func (s *cluster) ResetPassword(ctx context.Context, r *parleyv1.ResetPasswordRequest) (
	*parleyv1.ResetPasswordResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	f.newPassword("new_password", r.NewPassword)
	if err := f.err(); err != nil {
		return nil, err
	}
	if !callerOf(ctx).socket { // before the hash is paid for
		sess, err := s.sender(ctx)
		if err != nil {
			return nil, err
		}
		// It would end the calling session, and a retry could not be answered.
		if sess.Username == name {
			return nil, invalid(violation{"username", "must be another's; change your own password with ChangePassword, " +
				"or reset it over the admin socket"})
		}
	}
	phc, err := s.newHash(ctx, r.NewPassword)
	if err != nil {
		return nil, err
	}
	_, err = s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_ResetPassword{
		ResetPassword: &internalv1.ResetPassword{Username: name, NewPasswordPhc: phc, FromAdminSocket: callerOf(ctx).socket},
	}})
	if err != nil {
		return nil, err
	}
	s.log.Info("password reset", "user", name, "from_admin_socket", callerOf(ctx).socket)
	return &parleyv1.ResetPasswordResponse{}, nil
}

// command proposes what an operator may do with the session's authority, or the socket's.
func (s *Server) command(ctx context.Context, cmd *internalv1.Command) (*internalv1.Result, error) {
	if callerOf(ctx).socket {
		return s.propose(ctx, cmd)
	}
	return s.write(ctx, cmd)
}
