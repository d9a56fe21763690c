package api

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

// TestWrongFieldsOfRoomsAndMessagesAreNamed is TestWrongFieldsAreNamed for the methods of rooms, annotations and marks.
func TestWrongFieldsOfRoomsAndMessagesAreNamed(t *testing.T) {
	r := newRig3(t)
	u := r.user(t, "alice")
	chat, id := r.chat, rid().s
	create := func(q *parleyv1.CreateRoomRequest) func() error {
		return func() error { _, err := chat.CreateRoom(u.ctx, q); return err }
	}
	update := func(q *parleyv1.UpdateRoomRequest) func() error {
		q.RequestId, q.Room = id, "#ops"
		return func() error { _, err := chat.UpdateRoom(u.ctx, q); return err }
	}
	member := func(q *parleyv1.SetMembershipRequest) func() error {
		q.RequestId = id
		return func() error { _, err := chat.SetMembership(u.ctx, q); return err }
	}
	members := func(q *parleyv1.ListRoomMembersRequest) func() error {
		return func() error { _, err := chat.ListRoomMembers(u.ctx, q); return err }
	}
	rooms := func(q *parleyv1.ListRoomsRequest) func() error {
		return func() error { _, err := chat.ListRooms(u.ctx, q); return err }
	}
	edit := func(q *parleyv1.EditMessageRequest) func() error {
		return func() error { _, err := chat.EditMessage(u.ctx, q); return err }
	}
	annotate := func(q *parleyv1.AnnotateRequest) func() error {
		q.RequestId = id
		return func() error { _, err := chat.Annotate(u.ctx, q); return err }
	}
	react := func(v string) func() error {
		return annotate(&parleyv1.AnnotateRequest{Id: 1, Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, Value: v})
	}
	read := func(q *parleyv1.ReadMessagesRequest) func() error {
		return func() error { _, err := chat.ReadMessages(u.ctx, q); return err }
	}
	ptr := func(s string) *string { return &s }
	days := uint32(3651)
	now := timestamppb.Now()
	for _, tc := range []struct {
		name, field string
		call        func() error
	}{
		{"room without request id", "request_id", create(&parleyv1.CreateRoomRequest{Room: "#ops"})},
		{"room without #", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "ops"})},
		{"room of a person", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "@ops"})},
		{"# alone", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#"})},
		{"long room", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#" + strings.Repeat("a", 33)})},
		{"room with a space", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#a b"})},
		{"room with an umlaut", "room", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#büro"})},
		{"long topic", "topic", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#ops", Topic: strings.Repeat("é", 257)})},
		{"topic of two lines", "topic", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#ops", Topic: "a\nb"})},
		{"topic with an escape", "topic", create(&parleyv1.CreateRoomRequest{RequestId: id, Room: "#ops", Topic: "\x1b[31m"})},
		{"topic with RLO", "topic", update(&parleyv1.UpdateRoomRequest{Topic: ptr("a\u202Eb")})},
		{"nothing to update", "new_name", update(&parleyv1.UpdateRoomRequest{})},
		{"empty new name", "new_name", update(&parleyv1.UpdateRoomRequest{NewName: ptr("")})},
		{"new name without #", "new_name", update(&parleyv1.UpdateRoomRequest{NewName: ptr("dev")})},
		{"kept for too long", "retain_days", update(&parleyv1.UpdateRoomRequest{RetainDays: &days})},
		{"membership of no room", "room", member(&parleyv1.SetMembershipRequest{Room: "@bob"})},
		{"membership of no name", "username", member(&parleyv1.SetMembershipRequest{Room: "#ops", Username: "@bob"})},
		{"no such membership", "membership", member(&parleyv1.SetMembershipRequest{Room: "#ops", Membership: 6})},
		{"negative membership", "membership", member(&parleyv1.SetMembershipRequest{Room: "#ops", Membership: -1})},
		{"members of no room", "room", members(&parleyv1.ListRoomMembersRequest{Room: "ops"})},
		{"too many members", "page_size", members(&parleyv1.ListRoomMembersRequest{Room: "#ops", PageSize: 1001})},
		{"members of one rank", "membership", members(&parleyv1.ListRoomMembersRequest{Room: "#ops",
			Membership: parleyv1.Membership_MEMBERSHIP_OWNER})},
		{"members from a bad token", "page_token", members(&parleyv1.ListRoomMembersRequest{Room: "#ops", PageToken: "a b"})},
		{"too many rooms", "page_size", rooms(&parleyv1.ListRoomsRequest{PageSize: 1001})},
		{"rooms by a long pattern", "pattern", rooms(&parleyv1.ListRoomsRequest{Pattern: strings.Repeat("*", 129)})},
		{"edit of nothing", "id", edit(&parleyv1.EditMessageRequest{RequestId: id, Text: "x"})},
		{"edit to nothing", "text", edit(&parleyv1.EditMessageRequest{RequestId: id, Id: 1})},
		{"edit to an escape", "text", edit(&parleyv1.EditMessageRequest{RequestId: id, Id: 1, Text: "\x1b"})},
		{"annotation of no kind", "kind", annotate(&parleyv1.AnnotateRequest{Id: 1})},
		{"annotation of nothing", "id", annotate(&parleyv1.AnnotateRequest{Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN})},
		{"pin with a value", "value", annotate(&parleyv1.AnnotateRequest{Id: 1,
			Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, Value: "x"})},
		{"empty reaction", "value", react("")},
		{"long reaction", "value", react(strings.Repeat("👍", 9))},
		{"reaction with a space", "value", react("a b")},
		{"reaction with an ideographic space", "value", react("a\u3000b")},
		{"reaction of zero width", "value", react("\u200B")},
		{"reaction with an escape", "value", react("\x1b")},
		{"message 0", "id", func() error { _, err := chat.GetMessage(u.ctx, &parleyv1.GetMessageRequest{}); return err }},
		{"mark of no conversation", "conversation", func() error {
			_, err := chat.SetReadMark(u.ctx, &parleyv1.SetReadMarkRequest{RequestId: id})
			return err
		}},
		{"no such mute", "mute", func() error {
			_, err := chat.SetMute(u.ctx, &parleyv1.SetMuteRequest{RequestId: id, Conversation: "#ops", Mute: 3})
			return err
		}},
		{"thread of everything", "conversation", read(&parleyv1.ReadMessagesRequest{ThreadId: 1})},
		{"around in everything", "conversation", read(&parleyv1.ReadMessagesRequest{AroundId: 1})},
		{"time in everything", "conversation", read(&parleyv1.ReadMessagesRequest{FromTime: now})},
		{"pins of everything", "conversation", read(&parleyv1.ReadMessagesRequest{OnlyPinned: true})},
		{"around and before", "around_id", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", AroundId: 1, BeforeId: 3})},
		{"around and after", "around_id", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", AroundId: 1, AfterId: 3})},
		{"around and a time", "around_id", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", AroundId: 1, FromTime: now})},
		{"around and unread", "around_id", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", AroundId: 1, OnlyUnread: true})},
		{"around and pinned", "around_id", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", AroundId: 1, OnlyPinned: true})},
		{"a time and after", "from_time", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops", FromTime: now, AfterId: 1})},
		{"no time", "from_time", read(&parleyv1.ReadMessagesRequest{Conversation: "#ops",
			FromTime: &timestamppb.Timestamp{Seconds: 1 << 60}})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := r.proposed()
			err := tc.call()
			info := wantError(t, err, codes.InvalidArgument, reasonInvalidField)
			_, _, bad, _ := details(err)
			if info.Metadata["field"] != tc.field || len(bad.GetFieldViolations()) != 1 {
				t.Fatalf("want field %s, got %v and %v", tc.field, info.Metadata, bad)
			}
			if r.proposed() != before {
				t.Fatal("a malformed request was proposed")
			}
		})
	}
}
