package api

import (
	"context"
	"crypto/sha256"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

func (s *chat) UpdateProfile(ctx context.Context, r *parleyv1.UpdateProfileRequest) (
	*parleyv1.UpdateProfileResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	cmd := &internalv1.UpdateProfile{}
	if r.DisplayName != nil {
		cmd.DisplayName = new(f.label("display_name", r.GetDisplayName(), maxDisplayNameChars))
	}
	if r.Status != nil {
		cmd.Status = new(f.label("status", r.GetStatus(), maxStatusChars))
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_UpdateProfile{UpdateProfile: cmd}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.UpdateProfileResponse{User: userOf(res.GetUser())}, nil
}

func userOf(u *internalv1.UserResult) *parleyv1.User {
	return &parleyv1.User{
		Username: u.GetUsername(), DisplayName: u.GetDisplayName(), Status: u.GetStatus(), Operator: u.GetOperator(),
		Bot: u.GetBot(),
	}
}

func (s *chat) SetBlock(ctx context.Context, r *parleyv1.SetBlockRequest) (*parleyv1.SetBlockResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetBlock{
		SetBlock: &internalv1.SetBlock{Username: name, Blocked: r.Blocked},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.SetBlockResponse{}, nil
}

func (s *chat) ListBlocks(ctx context.Context, r *parleyv1.ListBlocksRequest) (*parleyv1.ListBlocksResponse, error) {
	resp := &parleyv1.ListBlocksResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp.Users, err = v.Blocks(sess)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}

// CreateBot is decided in Apply: whose bot it is, and where the caller may have it.
func (s *chat) CreateBot(ctx context.Context, r *parleyv1.CreateBotRequest) (*parleyv1.CreateBotResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	display := f.label("display_name", r.DisplayName, maxDisplayNameChars)
	conv := f.conversation("conversation", r.Conversation)
	f.token("token", r.Token)
	if err := f.err(); err != nil {
		return nil, err
	}
	token := sha256.Sum256(r.Token)
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_CreateBot{
		CreateBot: &internalv1.CreateBot{Username: name, DisplayName: display, Conversation: conv, TokenSha256: token[:]},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.CreateBotResponse{User: userOf(res.GetUser())}, nil
}

func (s *chat) DeleteBot(ctx context.Context, r *parleyv1.DeleteBotRequest) (*parleyv1.DeleteBotResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	name := f.username("username", r.Username)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_DeleteBot{
		DeleteBot: &internalv1.DeleteBot{Username: name},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.DeleteBotResponse{}, nil
}
