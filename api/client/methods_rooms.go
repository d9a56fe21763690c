package client

import (
	"context"

	"parley/proto/parleyv1"
)

// --- ChatService: rooms, and what is done to a message beside sending and deleting it

// CreateRoom makes a room; the caller is its owner and only member.
func (c *Client) CreateRoom(ctx context.Context, r *parleyv1.CreateRoomRequest) (*parleyv1.CreateRoomResponse, error) {
	return invoke(ctx, c, "CreateRoom", kindSession, r, c.chat.CreateRoom)
}

// UpdateRoom changes what is set of a room. Over an admin socket it archives any room.
func (c *Client) UpdateRoom(ctx context.Context, r *parleyv1.UpdateRoomRequest) (*parleyv1.UpdateRoomResponse, error) {
	return invoke(ctx, c, "UpdateRoom", kindSession, r, c.chat.UpdateRoom)
}

// SetMembership says what an account shall be to a room; the caller's own without a name.
func (c *Client) SetMembership(
	ctx context.Context, r *parleyv1.SetMembershipRequest,
) (*parleyv1.SetMembershipResponse, error) {
	return invoke(ctx, c, "SetMembership", kindSession, r, c.chat.SetMembership)
}

// ListRooms returns one page of the rooms that the caller can see.
func (c *Client) ListRooms(ctx context.Context, r *parleyv1.ListRoomsRequest) (*parleyv1.ListRoomsResponse, error) {
	return invoke(ctx, c, "ListRooms", kindSession, r, c.chat.ListRooms)
}

// ListRoomMembers returns one page of a room's members, or of its invited or banned accounts.
func (c *Client) ListRoomMembers(
	ctx context.Context, r *parleyv1.ListRoomMembersRequest,
) (*parleyv1.ListRoomMembersResponse, error) {
	return invoke(ctx, c, "ListRoomMembers", kindSession, r, c.chat.ListRoomMembers)
}

// EditMessage replaces the text of an own message.
func (c *Client) EditMessage(
	ctx context.Context, r *parleyv1.EditMessageRequest,
) (*parleyv1.EditMessageResponse, error) {
	return invoke(ctx, c, "EditMessage", kindSession, r, c.chat.EditMessage)
}

// Annotate sets or takes back a reaction or a pin.
func (c *Client) Annotate(ctx context.Context, r *parleyv1.AnnotateRequest) (*parleyv1.AnnotateResponse, error) {
	return invoke(ctx, c, "Annotate", kindSession, r, c.chat.Annotate)
}

// GetMessage tells all about one message.
func (c *Client) GetMessage(ctx context.Context, r *parleyv1.GetMessageRequest) (*parleyv1.GetMessageResponse, error) {
	return invoke(ctx, c, "GetMessage", kindSession, r, c.chat.GetMessage)
}

// SetReadMark says up to which seq a conversation is read; it goes back too.
func (c *Client) SetReadMark(
	ctx context.Context, r *parleyv1.SetReadMarkRequest,
) (*parleyv1.SetReadMarkResponse, error) {
	return invoke(ctx, c, "SetReadMark", kindSession, r, c.chat.SetReadMark)
}

// SetMute says what of a conversation calls for attention.
func (c *Client) SetMute(ctx context.Context, r *parleyv1.SetMuteRequest) (*parleyv1.SetMuteResponse, error) {
	return invoke(ctx, c, "SetMute", kindSession, r, c.chat.SetMute)
}
