package api

import (
	"context"
	"crypto/sha256"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// What operators do to accounts and to the cluster's rules. The commands are decided in Apply, as SetOperator is.

func (s *cluster) SuspendUser(ctx context.Context, r *parleyv1.SuspendUserRequest) (
	*parleyv1.SuspendUserResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SuspendUser{
		SuspendUser: &internalv1.SuspendUser{Username: name, Suspended: r.Suspended, FromAdminSocket: callerOf(ctx).socket},
	}})
	if err != nil {
		return nil, err
	}
	s.log.Info("account suspended", "user", name, "suspended", r.Suspended, "from_admin_socket", callerOf(ctx).socket)
	return &parleyv1.SuspendUserResponse{}, nil
}

func (s *cluster) RemoveUser(ctx context.Context, r *parleyv1.RemoveUserRequest) (*parleyv1.RemoveUserResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_RemoveUser{
		RemoveUser: &internalv1.RemoveUser{Username: name, FromAdminSocket: callerOf(ctx).socket},
	}})
	if err != nil {
		return nil, err
	}
	s.log.Info("account removed", "user", name, "from_admin_socket", callerOf(ctx).socket)
	return &parleyv1.RemoveUserResponse{}, nil
}

func (s *cluster) GetSettings(ctx context.Context, _ *parleyv1.GetSettingsRequest) (
	*parleyv1.GetSettingsResponse, error,
) {
	resp := &parleyv1.GetSettingsResponse{}
	err := s.operatorRead(ctx, func(v *store.View) (err error) {
		resp.Settings, err = v.Settings()
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (s *cluster) UpdateSettings(ctx context.Context, r *parleyv1.UpdateSettingsRequest) (
	*parleyv1.UpdateSettingsResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	if _, ok := parleyv1.Registration_name[int32(r.Registration)]; !ok {
		f.add("registration", "must be OPEN, INVITE or CLOSED")
	}
	if r.GetRetainDays() > store.MaxRetainDays {
		f.add("retain_days", "must be at most %d", store.MaxRetainDays)
	}
	if r.Registration == 0 && r.RetainDays == nil {
		f.add("registration", "or retain_days must be set: there is nothing else to change")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_UpdateSettings{
		UpdateSettings: &internalv1.UpdateSettings{
			Registration: internalv1.Registration(r.Registration), RetainDays: r.RetainDays, FromAdminSocket: callerOf(ctx).socket,
		},
	}})
	if err != nil {
		return nil, err
	}
	set := &parleyv1.Settings{
		Registration: parleyv1.Registration(res.GetSettings().GetRegistration()), RetainDays: res.GetSettings().GetRetainDays(),
	}
	s.log.Info("settings changed", "registration", set.Registration.String(), "retain_days", set.RetainDays,
		"from_admin_socket", callerOf(ctx).socket)
	return &parleyv1.UpdateSettingsResponse{Settings: set}, nil
}

// CreateInvite hashes the code: whoever reads the log or a backup admits nobody by it.
func (s *cluster) CreateInvite(ctx context.Context, r *parleyv1.CreateInviteRequest) (
	*parleyv1.CreateInviteResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	code := f.inviteCode("code", r.Code)
	uses, days := r.Uses, r.Days
	if uses == 0 {
		uses = defaultInviteUses
	}
	if days == 0 {
		days = defaultInviteDays
	}
	if uses > store.MaxInviteUses {
		f.add("uses", "must be at most %d", store.MaxInviteUses)
	}
	if days > store.MaxInviteDays {
		f.add("days", "must be at most %d", store.MaxInviteDays)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_CreateInvite{
		CreateInvite: &internalv1.CreateInvite{
			CodeSha256: code, Uses: uses, Days: days, FromAdminSocket: callerOf(ctx).socket,
		},
	}})
	if err != nil {
		return nil, err
	}
	i := res.GetInvite()
	return &parleyv1.CreateInviteResponse{Invite: &parleyv1.Invite{
		Id: i.GetId(), CreatedBy: i.GetCreatedBy(), Expires: timestamppb.New(time.UnixMilli(i.GetExpiresUnixMs())),
		UsesLeft: i.GetUsesLeft(),
	}}, nil
}

// inviteCode is the hash of a code.
func (f *form) inviteCode(field, v string) []byte {
	ok := len(v) >= minInviteCodeChars && len(v) <= maxInviteCodeChars
	for _, c := range []byte(v) {
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	}
	if !ok {
		f.add(field, "must be %d to %d characters of A-Z, a-z, 0-9, '_', '-'", minInviteCodeChars, maxInviteCodeChars)
		return nil
	}
	sum := sha256.Sum256([]byte(v))
	return sum[:]
}

func (s *cluster) ListInvites(ctx context.Context, _ *parleyv1.ListInvitesRequest) (
	*parleyv1.ListInvitesResponse, error,
) {
	resp := &parleyv1.ListInvitesResponse{}
	err := s.operatorRead(ctx, func(v *store.View) (err error) {
		resp.Invites, err = v.Invites()
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (s *cluster) RevokeInvite(ctx context.Context, r *parleyv1.RevokeInviteRequest) (
	*parleyv1.RevokeInviteResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	invite := f.opaque("id", r.Id, maxInviteIDBytes)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_RevokeInvite{
		RevokeInvite: &internalv1.RevokeInvite{Id: invite, FromAdminSocket: callerOf(ctx).socket},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.RevokeInviteResponse{}, nil
}

func (s *cluster) ListAudit(ctx context.Context, r *parleyv1.ListAuditRequest) (*parleyv1.ListAuditResponse, error) {
	var f form
	size := f.page("page_size", r.PageSize, defaultAuditPage)
	below := uint64(0)
	if r.PageToken != "" {
		var err error
		if below, err = strconv.ParseUint(r.PageToken, 10, 64); err != nil || below == 0 {
			f.add("page_token", "is not one that this service gave out for this list")
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	resp := &parleyv1.ListAuditResponse{}
	err := s.operatorRead(ctx, func(v *store.View) (err error) {
		resp.Entries, err = v.Audit(below, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Number 1 is the first act of all. A full page whose older entries went since has an empty one after it.
	if n := len(resp.Entries); n == size && resp.Entries[n-1].GetNumber() > 1 {
		resp.NextPageToken = strconv.FormatUint(resp.Entries[n-1].GetNumber(), 10)
	}
	return resp, nil
}

// operatorRead runs f for an operator, in a view of what was committed when it was called.
func (s *cluster) operatorRead(ctx context.Context, f func(*store.View) error) error {
	if callerOf(ctx).socket {
		if err := s.barrier(ctx); err != nil {
			return err
		}
		return s.withView(f)
	}
	_, err := s.read(ctx, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE, func(v *store.View, sess store.Session) error {
		if !sess.Operator {
			return notOperator()
		}
		return f(v)
	})
	return err
}
