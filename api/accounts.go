package api

import (
	"context"
	"crypto/sha256"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// chat is parley.v1.ChatService.
type chat struct {
	*Server
	parleyv1.UnimplementedChatServiceServer
}

// CreateUser hashes and proposes. It looks nothing up: only Apply can tell a name that is taken from a retry.
func (s *chat) CreateUser(ctx context.Context, r *parleyv1.CreateUserRequest) (*parleyv1.CreateUserResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	display := f.label("display_name", r.DisplayName, maxDisplayNameChars)
	f.newPassword("password", r.Password)
	var code []byte
	if r.InviteCode != "" {
		code = f.inviteCode("invite_code", r.InviteCode)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	phc, err := s.newHash(ctx, r.Password)
	if err != nil {
		return nil, err
	}
	cmd := &internalv1.Command{RequestId: id, Body: &internalv1.Command_CreateUser{
		CreateUser: &internalv1.CreateUser{Username: name, DisplayName: display, PasswordPhc: phc},
	}}
	if code != nil { // the only one that a cluster of before invitations does not know
		cmd.Body = &internalv1.Command_RegisterUser{RegisterUser: &internalv1.RegisterUser{
			Username: name, DisplayName: display, PasswordPhc: phc, CodeSha256: code,
		}}
	}
	res, err := s.propose(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return &parleyv1.CreateUserResponse{User: userOf(res.GetUser())}, nil
}

// Login checks the password against credentials read after a barrier, and proposes with their generation: Apply
// refuses if they changed in between, and then it is done once more.
func (s *chat) Login(ctx context.Context, r *parleyv1.LoginRequest) (*parleyv1.LoginResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	f.oldPassword("password", r.Password)
	f.token("token", r.Token)
	client := f.label("client", r.Client, maxClientChars)
	if err := f.err(); err != nil {
		return nil, err
	}
	token := sha256.Sum256(r.Token)
	var l *internalv1.LoginResult
	err := s.onceMore(func() error {
		cred, good, err := s.checkPassword(ctx, name, r.Password)
		if err != nil {
			return err
		}
		if !good {
			return badCredentials()
		}
		res, err := s.propose(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_Login{
			Login: &internalv1.Login{
				Username: name, TokenSha256: token[:], CredentialGeneration: cred.Generation, Client: client,
			},
		}})
		l = res.GetLogin()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &parleyv1.LoginResponse{
		User: &parleyv1.User{Username: l.GetUsername(), DisplayName: l.GetDisplayName(), Operator: l.GetOperator()},
		Session: &parleyv1.Session{
			Id: l.GetSessionId(), Client: client, Current: true,
			Created: timestamppb.New(time.UnixMilli(l.GetCreatedUnixMs())),
			Expires: timestamppb.New(time.UnixMilli(l.GetExpiresUnixMs())),
		},
	}, nil
}

func (s *chat) Logout(ctx context.Context, r *parleyv1.LogoutRequest) (*parleyv1.LogoutResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	if err := f.err(); err != nil {
		return nil, err
	}
	err := s.end(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_Logout{Logout: &internalv1.Logout{}}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.LogoutResponse{}, nil
}

func (s *chat) ChangePassword(ctx context.Context, r *parleyv1.ChangePasswordRequest) (
	*parleyv1.ChangePasswordResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	f.oldPassword("old_password", r.OldPassword)
	f.newPassword("new_password", r.NewPassword)
	if err := f.err(); err != nil {
		return nil, err
	}
	var phc string // made once, and only for who may ask for it
	err := s.withCheck(ctx, s.passwordCheck(r.OldPassword), func(generation uint64) (_ *internalv1.Command, err error) {
		if phc == "" {
			if phc, err = s.newHash(ctx, r.NewPassword); err != nil {
				return nil, err
			}
		}
		return &internalv1.Command{RequestId: id, Body: &internalv1.Command_ChangePassword{
			ChangePassword: &internalv1.ChangePassword{NewPasswordPhc: phc, CredentialGeneration: generation},
		}}, nil
	})
	if err != nil {
		return nil, err
	}
	return &parleyv1.ChangePasswordResponse{}, nil
}

func (s *chat) DeleteUser(ctx context.Context, r *parleyv1.DeleteUserRequest) (*parleyv1.DeleteUserResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	if r.Password != "" { // else the session alone vouches, as scripts need it
		f.oldPassword("password", r.Password)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	check := s.passwordCheck(r.Password)
	if r.Password == "" {
		check = s.sessionCheck
	}
	err := s.withCheck(ctx, check, func(generation uint64) (*internalv1.Command, error) {
		return &internalv1.Command{RequestId: id, Body: &internalv1.Command_DeleteUser{
			DeleteUser: &internalv1.DeleteUser{CredentialGeneration: generation},
		}}, nil
	})
	if err != nil {
		return nil, err
	}
	return &parleyv1.DeleteUserResponse{}, nil
}

func (s *chat) WhoAmI(ctx context.Context, r *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error) {
	resp := &parleyv1.WhoAmIResponse{}
	info, err := s.read(ctx, r.Consistency, func(_ *store.View, sess store.Session) error {
		resp.User = &parleyv1.User{Username: sess.Username, DisplayName: sess.DisplayName, Operator: sess.Operator,
			Status: sess.Status, Bot: sess.Bot}
		resp.Session = &parleyv1.Session{Id: sess.ID, Client: sess.Client, Current: true,
			Created: timestamppb.New(time.UnixMilli(sess.CreatedMS)), Expires: timestamppb.New(time.UnixMilli(sess.ExpiresMS))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}

func (s *chat) ListSessions(ctx context.Context, r *parleyv1.ListSessionsRequest) (
	*parleyv1.ListSessionsResponse, error,
) {
	resp := &parleyv1.ListSessionsResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp.Sessions, err = v.Sessions(sess)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}

func (s *chat) RevokeSession(ctx context.Context, r *parleyv1.RevokeSessionRequest) (
	*parleyv1.RevokeSessionResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	sid := f.opaque("session_id", r.SessionId, maxSessionIDBytes)
	if r.SessionId == "" {
		f.add("session_id", "must be an id from ListSessions")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	err := s.end(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_RevokeSession{
		RevokeSession: &internalv1.RevokeSession{SessionId: sid},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.RevokeSessionResponse{}, nil
}

func (s *chat) ListUsers(ctx context.Context, r *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error) {
	var f form
	pattern := f.pattern("pattern", r.Pattern)
	size := f.page("page_size", r.PageSize, defaultUsersPage)
	after := f.opaque("page_token", r.PageToken, maxPageTokenBytes)
	if err := f.err(); err != nil {
		return nil, err
	}
	resp := &parleyv1.ListUsersResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, _ store.Session) (err error) {
		resp.Users, resp.NextPageToken, err = v.Users(pattern, after, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}
