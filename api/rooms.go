package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

func (s *chat) CreateRoom(ctx context.Context, r *parleyv1.CreateRoomRequest) (*parleyv1.CreateRoomResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	room := f.room("room", r.Room)
	topic := f.topic("topic", r.Topic)
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_CreateRoom{
		CreateRoom: &internalv1.CreateRoom{Room: room, Topic: topic, Private: r.Private},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.CreateRoomResponse{Room: roomOf(res)}, nil
}

// UpdateRoom needs no session on the admin socket; Apply lets who comes from there archive a room and nothing else.
func (s *chat) UpdateRoom(ctx context.Context, r *parleyv1.UpdateRoomRequest) (*parleyv1.UpdateRoomResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	u := &internalv1.UpdateRoom{
		Room: f.room("room", r.Room), Private: r.Private, Archived: r.Archived, RetainDays: r.RetainDays,
		FromAdminSocket: callerOf(ctx).socket,
	}
	if r.NewName != nil {
		name := f.room("new_name", *r.NewName)
		u.NewName = &name
	}
	if r.Topic != nil {
		topic := f.topic("topic", *r.Topic)
		u.Topic = &topic
	}
	f.days("retain_days", r.GetRetainDays())
	if r.NewName == nil && r.Topic == nil && r.Private == nil && r.Archived == nil && r.RetainDays == nil {
		f.add("new_name", "or another field must be set: there is nothing to change")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.command(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_UpdateRoom{UpdateRoom: u}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.UpdateRoomResponse{Room: roomOf(res)}, nil
}

func (s *chat) SetMembership(ctx context.Context, r *parleyv1.SetMembershipRequest) (
	*parleyv1.SetMembershipResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	m := &internalv1.SetMembership{Room: f.room("room", r.Room), Membership: internalv1.Membership(r.Membership)}
	if r.Username != "" {
		m.Username = f.username("username", r.Username)
	}
	if _, ok := parleyv1.Membership_name[int32(r.Membership)]; !ok {
		f.add("membership", "is none that this node knows")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetMembership{SetMembership: m}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.SetMembershipResponse{Room: roomOf(res)}, nil
}

// roomOf is the room that a command answers with, as the caller sees it.
func roomOf(res *internalv1.Result) *parleyv1.Room {
	r := res.GetRoom()
	room := &parleyv1.Room{
		Name: r.GetRoom(), Topic: r.GetTopic(), Private: r.GetPrivate(), Archived: r.GetArchived(), Members: r.GetMembers(),
		Membership: parleyv1.Membership(r.GetMembership()), RetainDays: r.GetRetainDays(),
	}
	if ms := r.GetCreatedUnixMs(); ms != 0 { // an operator who is no member is not told
		room.Created = timestamppb.New(time.UnixMilli(ms))
	}
	return room
}

func (s *chat) ListRooms(ctx context.Context, r *parleyv1.ListRoomsRequest) (*parleyv1.ListRoomsResponse, error) {
	var f form
	pattern := f.pattern("pattern", r.Pattern)
	size := f.page("page_size", r.PageSize, defaultRoomsPage)
	after := f.opaque("page_token", r.PageToken, maxPageTokenBytes)
	if err := f.err(); err != nil {
		return nil, err
	}
	resp := &parleyv1.ListRoomsResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp.Rooms, resp.NextPageToken, err = v.Rooms(sess, pattern, after, size, r.Mine)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}

func (s *chat) ListRoomMembers(ctx context.Context, r *parleyv1.ListRoomMembersRequest) (
	*parleyv1.ListRoomMembersResponse, error,
) {
	var f form
	room := f.room("room", r.Room)
	size := f.page("page_size", r.PageSize, defaultRoomsPage)
	after := f.opaque("page_token", r.PageToken, maxPageTokenBytes)
	switch r.Membership {
	case parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, parleyv1.Membership_MEMBERSHIP_INVITED,
		parleyv1.Membership_MEMBERSHIP_BANNED:
	default:
		f.add("membership", "must be UNSPECIFIED for the members of every rank, INVITED or BANNED")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	resp := &parleyv1.ListRoomMembersResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp.Members, resp.NextPageToken, err = v.RoomMembers(sess, room, r.Membership, after, size)
		if errors.Is(err, store.ErrNotAllowed) {
			return notAllowed("only a moderator or an owner of " + room + " sees who is invited or banned; ask one")
		}
		return conversationFailure(err, "room", room)
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}
