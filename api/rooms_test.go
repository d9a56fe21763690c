package api

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

const (
	none      = parleyv1.Membership_MEMBERSHIP_UNSPECIFIED
	banned    = parleyv1.Membership_MEMBERSHIP_BANNED
	invited   = parleyv1.Membership_MEMBERSHIP_INVITED
	member    = parleyv1.Membership_MEMBERSHIP_MEMBER
	moderator = parleyv1.Membership_MEMBERSHIP_MODERATOR
	owner     = parleyv1.Membership_MEMBERSHIP_OWNER
)

// room makes a room, and returns its name.
func (r *rig) room(t *testing.T, by user, name string, private bool) string {
	t.Helper()
	resp, err := r.chat.CreateRoom(by.ctx, &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: name, Topic: "secret topic",
		Private: private})
	must(t, err)
	if m := resp.Room; m.Name != name || m.Membership != owner || m.Members != 1 || m.Private != private || m.Created == nil {
		t.Fatalf("got %v", resp)
	}
	return name
}

// set says what an account shall be to a room; "" for by itself.
func (r *rig) rank(t *testing.T, by user, room, whom string, what parleyv1.Membership) {
	t.Helper()
	must(t, r.trySet(by, room, whom, what))
}

func (r *rig) trySet(by user, room, whom string, what parleyv1.Membership) error {
	_, err := r.chat.SetMembership(by.ctx, &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: room, Username: whom,
		Membership: what})
	return err
}

func (r *rig) update(by user, q *parleyv1.UpdateRoomRequest) (*parleyv1.Room, error) {
	q.RequestId = rid().s
	resp, err := r.chat.UpdateRoom(by.ctx, q)
	return resp.GetRoom(), err
}

func ptr[T any](v T) *T { return &v }

func TestARoomIsMadeJoinedAndLeft(t *testing.T) {
	r := newRig3(t)
	alice, bob, carol := r.user(t, "alice"), r.user(t, "bob"), r.user(t, "carol")
	req := &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: "#OPS", Topic: " what burns "}
	for range 2 {
		got, err := r.chat.CreateRoom(alice.ctx, req)
		must(t, err)
		if got.Room.Name != "#ops" || got.Room.Topic != "what burns" || got.Room.Members != 1 {
			t.Fatalf("got %v", got)
		}
	}
	_, err := r.chat.CreateRoom(bob.ctx, &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: "#ops"})
	wantError(t, err, codes.AlreadyExists, "ROOM_EXISTS")
	_, err = r.chat.SendMessage(bob.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "#ops", Text: "x"})
	wantError(t, err, codes.PermissionDenied, "NOT_A_MEMBER")
	_, err = r.chat.ReadMessages(bob.ctx, &parleyv1.ReadMessagesRequest{Conversation: "#ops"})
	wantError(t, err, codes.PermissionDenied, "NOT_A_MEMBER")

	st, _ := r.subscribe(t, alice, "")
	r.rank(t, bob, "#ops", "", member)
	if e := nextEvent(t, st).GetMembershipChanged(); e.GetUsername() != "bob" || e.Membership != member || e.Conversation != "#ops" {
		t.Fatalf("the event is %v", e)
	}
	sent := r.send(t, bob, "#ops", "hello @alice")
	if sent.Conversation != "#ops" || sent.Seq != 1 {
		t.Fatalf("got %v", sent)
	}
	if m := nextEvent(t, st).GetMessage(); m.GetId() != sent.Id || m.Sender != "bob" || !m.MentionsMe || m.Conversation != "#ops" {
		t.Fatalf("the event is %v", m)
	}
	r.rank(t, alice, "#ops", "carol", invited)
	r.rank(t, carol, "#ops", "", member)

	members, err := r.chat.ListRoomMembers(bob.ctx, &parleyv1.ListRoomMembersRequest{Room: "#ops", PageSize: 2})
	must(t, err)
	if len(members.Members) != 2 || members.Members[0].User.Username != "alice" || members.Members[0].Membership != owner ||
		members.NextPageToken == "" {
		t.Fatalf("got %v", members)
	}
	members, err = r.chat.ListRoomMembers(bob.ctx, &parleyv1.ListRoomMembersRequest{Room: "#ops", PageSize: 2,
		PageToken: members.NextPageToken})
	must(t, err)
	if len(members.Members) != 1 || members.Members[0].User.Username != "carol" || members.NextPageToken != "" {
		t.Fatalf("got %v", members)
	}
	convs, err := r.chat.ListConversations(alice.ctx, &parleyv1.ListConversationsRequest{})
	must(t, err)
	if c := convs.Conversations[0]; c.Name != "#ops" || c.Unread != 1 || c.Mentions != 1 || c.Room.GetMembers() != 3 ||
		c.LastMessage.GetText() != "hello @alice" {
		t.Fatalf("got %v", c)
	}
	if texts, _ := r.page(t, alice, &parleyv1.ReadMessagesRequest{OnlyMentions: true}); texts != "hello @alice" {
		t.Fatalf("mentions are %q", texts)
	}

	r.rank(t, alice, "#ops", "bob", none) // put out
	_, err = r.chat.SendMessage(bob.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "#ops", Text: "x"})
	wantError(t, err, codes.PermissionDenied, "NOT_A_MEMBER")
	r.rank(t, carol, "#ops", "", none) // leaves
	if _, err := r.chat.GetMessage(carol.ctx, &parleyv1.GetMessageRequest{Id: sent.Id}); status.Code(err) != codes.NotFound {
		t.Fatalf("who left reads %v", err)
	}
}

func TestRanksInARoom(t *testing.T) {
	r := newRig3(t)
	alice, bob, carol := r.user(t, "alice"), r.user(t, "bob"), r.user(t, "carol")
	r.room(t, alice, "#ops", false)
	r.rank(t, bob, "#ops", "", member)
	r.rank(t, carol, "#ops", "", member)
	wantError(t, r.trySet(bob, "#ops", "carol", none), codes.PermissionDenied, "NOT_ALLOWED")
	_, err := r.update(bob, &parleyv1.UpdateRoomRequest{Room: "#ops", Topic: ptr("mine")})
	wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	_, err = r.chat.ListRoomMembers(bob.ctx, &parleyv1.ListRoomMembersRequest{Room: "#ops", Membership: banned})
	wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")

	r.rank(t, alice, "#ops", "bob", moderator)
	room, err := r.update(bob, &parleyv1.UpdateRoomRequest{Room: "#ops", Topic: ptr("ours")})
	must(t, err)
	if room.Topic != "ours" || room.Membership != moderator {
		t.Fatalf("got %v", room)
	}
	_, err = r.update(bob, &parleyv1.UpdateRoomRequest{Room: "#ops", Archived: ptr(true)})
	wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	r.rank(t, bob, "#ops", "carol", banned)
	wantError(t, r.trySet(carol, "#ops", "", member), codes.PermissionDenied, "NOT_ALLOWED")
	list, err := r.chat.ListRoomMembers(bob.ctx, &parleyv1.ListRoomMembersRequest{Room: "#ops", Membership: banned})
	must(t, err)
	if len(list.Members) != 1 || list.Members[0].User.Username != "carol" {
		t.Fatalf("got %v", list)
	}
	r.rank(t, bob, "#ops", "carol", none)
	r.rank(t, carol, "#ops", "", member)

	room, err = r.update(alice, &parleyv1.UpdateRoomRequest{Room: "#ops", NewName: ptr("#War.Room"), Private: ptr(true),
		RetainDays: ptr(uint32(30))})
	must(t, err)
	if room.Name != "#war.room" || !room.Private || room.RetainDays != 30 || room.Topic != "ours" {
		t.Fatalf("got %v", room)
	}
	r.send(t, carol, "#war.room", "still here")
}

// TestAnArchivedRoomIsReadOnly, and who may archive one that is not theirs.
func TestAnArchivedRoomIsReadOnly(t *testing.T) {
	r := newRig3(t)
	alice, eve, op := r.user(t, "alice"), r.user(t, "eve"), r.operator(t, "op")
	socket := parleyv1.NewChatServiceClient(r.socket)
	for i, archive := range []func(room string, on bool) (*parleyv1.Room, error){
		func(room string, on bool) (*parleyv1.Room, error) {
			return r.update(alice, &parleyv1.UpdateRoomRequest{Room: room, Archived: &on})
		},
		func(room string, on bool) (*parleyv1.Room, error) {
			return r.update(op, &parleyv1.UpdateRoomRequest{Room: room, Archived: &on})
		},
		func(room string, on bool) (*parleyv1.Room, error) {
			resp, err := socket.UpdateRoom(t.Context(), &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: room, Archived: &on})
			return resp.GetRoom(), err
		},
	} {
		room := r.room(t, alice, fmt.Sprintf("#room%d", i), true)
		r.send(t, alice, room, "before")
		got, err := archive(room, true)
		must(t, err)
		if !got.Archived || i > 0 && (got.Topic != "" || got.Created != nil || got.Members != 0) {
			t.Fatalf("way %d: %v; who is no member learns nothing of a private room", i, got)
		}
		_, err = r.chat.SendMessage(alice.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: room, Text: "x"})
		wantError(t, err, codes.FailedPrecondition, "ROOM_ARCHIVED")
		if texts, _ := r.page(t, alice, &parleyv1.ReadMessagesRequest{Conversation: room}); texts != "before" {
			t.Fatalf("way %d: it reads %q", i, texts)
		}
		_, err = archive(room, false)
		must(t, err)
		r.send(t, alice, room, "after")
	}
	// An operator closes rooms and does nothing else with those of others; a socket neither.
	_, err := r.update(op, &parleyv1.UpdateRoomRequest{Room: "#room0", Topic: ptr("mine"), Archived: ptr(true)})
	wantError(t, err, codes.NotFound, "CONVERSATION_NOT_FOUND")
	_, err = socket.UpdateRoom(t.Context(), &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: "#room0", Topic: ptr("mine")})
	if status.Code(err) == codes.OK {
		t.Fatal("the socket set a topic")
	}
	_, err = r.update(eve, &parleyv1.UpdateRoomRequest{Room: "#room0", Archived: ptr(true)})
	wantError(t, err, codes.NotFound, "CONVERSATION_NOT_FOUND")
}

// TestAPrivateRoomIsNothingToOthers calls each method on a private room and on one that does not exist: who is no member gets the
// same answer to both, to the byte but for the name.
func TestAPrivateRoomIsNothingToOthers(t *testing.T) {
	r := newRig3(t)
	alice, eve := r.user(t, "alice"), r.user(t, "eve")
	r.room(t, alice, "#aaaa", true)
	id := r.send(t, alice, "#aaaa", "secret").Id
	first := r.send(t, eve, "@alice", "anchor").Id
	c := r.chat
	type call func(ctx context.Context, room string, message uint64) error
	calls := map[string]call{
		"send": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: room, Text: "x"})
			return err
		},
		"reply": func(ctx context.Context, room string, m uint64) error {
			_, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: room, Text: "x", ReplyTo: m})
			return err
		},
		"reply elsewhere": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice", Text: "x", ReplyTo: m})
			return err
		},
		"around elsewhere": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: "@alice", AroundId: m})
			return err
		},
		"thread elsewhere": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: "@alice", ThreadId: m})
			return err
		},
		"mark read": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.MarkRead(ctx, &parleyv1.MarkReadRequest{RequestId: rid().s,
				Ranges: []*parleyv1.ReadRange{{Conversation: room, FromSeq: 1, ToSeq: 1}}})
			return err
		},
		"set mark": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.SetReadMark(ctx, &parleyv1.SetReadMarkRequest{RequestId: rid().s, Conversation: room, Seq: 1})
			return err
		},
		"mute": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.SetMute(ctx, &parleyv1.SetMuteRequest{RequestId: rid().s, Conversation: room, Mute: parleyv1.Mute_MUTE_ALL})
			return err
		},
		"delete": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.DeleteMessages(ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{m}})
			return err
		},
		"edit": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.EditMessage(ctx, &parleyv1.EditMessageRequest{RequestId: rid().s, Id: m, Text: "x"})
			return err
		},
		"react": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.Annotate(ctx, &parleyv1.AnnotateRequest{RequestId: rid().s, Id: m, Present: true, Value: "x",
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION})
			return err
		},
		"pin": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.Annotate(ctx, &parleyv1.AnnotateRequest{RequestId: rid().s, Id: m, Present: true,
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN})
			return err
		},
		"get": func(ctx context.Context, _ string, m uint64) error {
			_, err := c.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: m})
			return err
		},
		"members": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{Room: room})
			return err
		},
		"banned": func(ctx context.Context, room string, _ uint64) error {
			_, err := c.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{Room: room, Membership: banned})
			return err
		},
	}
	for name, q := range map[string]*parleyv1.ReadMessagesRequest{
		"read": {}, "unread": {OnlyUnread: true}, "pinned": {OnlyPinned: true}, "mentions": {OnlyMentions: true},
		"thread": {ThreadId: id}, "around": {AroundId: id}, "since": {FromTime: timestamppb.Now()}, "before": {BeforeId: id + 1},
		"after": {AfterId: id}, "local": {Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL},
	} {
		calls["read "+name] = func(ctx context.Context, room string, m uint64) error {
			_, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: room, OnlyUnread: q.OnlyUnread,
				OnlyPinned: q.OnlyPinned, OnlyMentions: q.OnlyMentions, ThreadId: q.ThreadId, AroundId: q.AroundId,
				FromTime: q.FromTime, BeforeId: q.BeforeId, AfterId: q.AfterId, Consistency: q.Consistency})
			return err
		}
	}
	for what, m := range map[string]parleyv1.Membership{"leave": none, "join": member, "own": owner, "ban oneself": banned} {
		calls["membership "+what] = func(ctx context.Context, room string, _ uint64) error {
			_, err := c.SetMembership(ctx, &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: room, Membership: m})
			return err
		}
		calls["membership of alice "+what] = func(ctx context.Context, room string, _ uint64) error {
			_, err := c.SetMembership(ctx, &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: room, Username: "alice", Membership: m})
			return err
		}
	}
	for what, q := range map[string]*parleyv1.UpdateRoomRequest{
		"topic": {Topic: ptr("x")}, "archive": {Archived: ptr(true)}, "public": {Private: ptr(false)},
		"retain": {RetainDays: ptr(uint32(1))}, "rename": {NewName: ptr("#cccc")},
	} {
		calls["update "+what] = func(ctx context.Context, room string, _ uint64) error {
			_, err := c.UpdateRoom(ctx, &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: room, Topic: q.Topic, Archived: q.Archived,
				Private: q.Private, RetainDays: q.RetainDays, NewName: q.NewName})
			return err
		}
	}
	message := regexp.MustCompile(`message \d+`)
	st, _ := r.subscribe(t, eve, "")
	for name, f := range calls {
		t.Run(name, func(t *testing.T) {
			there, not := f(eve.ctx, "#aaaa", id), f(eve.ctx, "#bbbb", 9999)
			a, b := status.Convert(there), status.Convert(not)
			strip := func(s string) string {
				return message.ReplaceAllString(strings.NewReplacer("#aaaa", "#", "#bbbb", "#").Replace(s), "message N")
			}
			if a.Code() == codes.OK || a.Code() != b.Code() || strip(a.Message()) != strip(b.Message()) {
				t.Fatalf("a private room of others answers %v, one that is not there %v", there, not)
			}
			_, ia, _, _ := details(there)
			_, ib, _, _ := details(not)
			if ia.Reason != ib.Reason || fmt.Sprint(ia.Metadata) != fmt.Sprint(ib.Metadata) {
				t.Fatalf("a private room of others answers %v, one that is not there %v", ia, ib)
			}
		})
	}
	rooms, err := c.ListRooms(eve.ctx, &parleyv1.ListRoomsRequest{})
	must(t, err)
	convs, err := c.ListConversations(eve.ctx, &parleyv1.ListConversationsRequest{})
	must(t, err)
	if len(rooms.Rooms) != 0 || len(convs.Conversations) != 1 {
		t.Fatalf("got %v and %v", rooms, convs)
	}
	r.send(t, alice, "#aaaa", "more")
	end := r.send(t, eve, "@alice", "end")
	if m := nextEvent(t, st).GetMessage(); m.GetId() != end.Id {
		t.Fatalf("an event of a room of others: %v", m)
	}
	if texts, _ := r.page(t, eve, &parleyv1.ReadMessagesRequest{AfterId: first - 1}); texts != "anchor end" {
		t.Fatalf("everything that eve reads is %q", texts)
	}
	// Who is invited sees the head, and nothing of what was written.
	r.rank(t, alice, "#aaaa", "eve", invited)
	rooms, err = c.ListRooms(eve.ctx, &parleyv1.ListRoomsRequest{Mine: true})
	must(t, err)
	if len(rooms.Rooms) != 1 || rooms.Rooms[0].Topic != "secret topic" || rooms.Rooms[0].Membership != invited {
		t.Fatalf("got %v", rooms)
	}
	_, err = c.ReadMessages(eve.ctx, &parleyv1.ReadMessagesRequest{Conversation: "#aaaa"})
	wantError(t, err, codes.PermissionDenied, "NOT_A_MEMBER")
	if err := calls["get"](eve.ctx, "", id); status.Code(err) != codes.NotFound {
		t.Fatalf("got %v", err)
	}
}
