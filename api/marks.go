package api

import (
	"context"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func (s *chat) SetReadMark(ctx context.Context, r *parleyv1.SetReadMarkRequest) (*parleyv1.SetReadMarkResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	conv := f.conversation("conversation", r.Conversation)
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetReadMark{
		SetReadMark: &internalv1.SetReadMark{Conversation: conv, Seq: r.Seq},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.SetReadMarkResponse{}, nil
}

func (s *chat) SetMute(ctx context.Context, r *parleyv1.SetMuteRequest) (*parleyv1.SetMuteResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	conv := f.conversation("conversation", r.Conversation)
	if _, ok := parleyv1.Mute_name[int32(r.Mute)]; !ok {
		f.add("mute", "must be UNSPECIFIED, MENTIONS or ALL")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetMute{
		SetMute: &internalv1.SetMute{Conversation: conv, Mute: internalv1.Mute(r.Mute)},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.SetMuteResponse{}, nil
}
