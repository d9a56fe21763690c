package api

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto/parleyv1"
)

func TestWrongFieldsAreNamed(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	r.user(t, "bob")
	chat := r.chat
	create := func(f func(*parleyv1.CreateUserRequest)) func() error {
		return func() error {
			q := &parleyv1.CreateUserRequest{RequestId: rid().s, Username: "carol", Password: testPassword}
			f(q)
			_, err := chat.CreateUser(u.ctx, q)
			return err
		}
	}
	login := func(f func(*parleyv1.LoginRequest)) func() error {
		return func() error {
			q := &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice", Password: testPassword, Token: randomToken()}
			f(q)
			_, err := chat.Login(u.ctx, q)
			return err
		}
	}
	send := func(f func(*parleyv1.SendMessageRequest)) func() error {
		return func() error {
			q := &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "hi"}
			f(q)
			_, err := chat.SendMessage(u.ctx, q)
			return err
		}
	}
	read := func(q *parleyv1.ReadMessagesRequest) func() error {
		return func() error { _, err := chat.ReadMessages(u.ctx, q); return err }
	}
	mark := func(rs ...*parleyv1.ReadRange) func() error {
		return func() error {
			_, err := chat.MarkRead(u.ctx, &parleyv1.MarkReadRequest{RequestId: rid().s, Ranges: rs})
			return err
		}
	}
	users := func(q *parleyv1.ListUsersRequest) func() error {
		return func() error { _, err := chat.ListUsers(u.ctx, q); return err }
	}
	text := func(s string) func() error { return send(func(q *parleyv1.SendMessageRequest) { q.Text = s }) }

	for _, tc := range []struct {
		name, field string
		call        func() error
	}{
		{"no request id", "request_id", send(func(q *parleyv1.SendMessageRequest) { q.RequestId = "" })},
		{"not a UUID", "request_id", send(func(q *parleyv1.SendMessageRequest) { q.RequestId = "17" })},
		{"nil UUID", "request_id",
			send(func(q *parleyv1.SendMessageRequest) { q.RequestId = "00000000-0000-0000-0000-000000000000" })},
		{"empty name", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = "" })},
		{"long name", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = strings.Repeat("a", 33) })},
		{"name with a space", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = "a b" })},
		{"Cyrillic a", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = "аlice" })},
		{"Kelvin sign folds to no k", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = "\u212Aate" })},
		{"zero width", "username", create(func(q *parleyv1.CreateUserRequest) { q.Username = "al\u200Bice" })},
		{"long display name", "display_name",
			create(func(q *parleyv1.CreateUserRequest) { q.DisplayName = strings.Repeat("é", 65) })},
		{"display name with a line", "display_name", create(func(q *parleyv1.CreateUserRequest) { q.DisplayName = "a\nb" })},
		{"display name with RLO", "display_name", create(func(q *parleyv1.CreateUserRequest) { q.DisplayName = "a\u202Eb" })},
		{"short password", "password", create(func(q *parleyv1.CreateUserRequest) { q.Password = "1234567" })},
		{"long password", "password", create(func(q *parleyv1.CreateUserRequest) { q.Password = strings.Repeat("x", 1025) })},
		{"login without password", "password", login(func(q *parleyv1.LoginRequest) { q.Password = "" })},
		{"login with a short token", "token", login(func(q *parleyv1.LoginRequest) { q.Token = q.Token[1:] })},
		{"login with a long label", "client", login(func(q *parleyv1.LoginRequest) { q.Client = strings.Repeat("x", 65) })},
		{"no conversation", "conversation", send(func(q *parleyv1.SendMessageRequest) { q.Conversation = "" })},
		{"bare name", "conversation", send(func(q *parleyv1.SendMessageRequest) { q.Conversation = "bob" })},
		{"sigil alone", "conversation", send(func(q *parleyv1.SendMessageRequest) { q.Conversation = "@" })},
		{"empty text", "text", text("")},
		{"long text", "text", text(strings.Repeat("x", 8193))},
		{"escape", "text", text("\x1b[2J")},
		{"NUL", "text", text("a\x00b")},
		{"carriage return", "text", text("a\rb")},
		{"DEL", "text", text("a\x7f")},
		{"C1 CSI", "text", text("a\u009b2J")},
		{"LRE", "text", text("\u202A")},
		{"RLO", "text", text("\u202E")},
		{"LRI", "text", text("\u2066")},
		{"PDI", "text", text("\u2069")},
		{"LRM", "text", text("\u200E")},
		{"RLM", "text", text("\u200F")},
		{"too many messages", "limit", read(&parleyv1.ReadMessagesRequest{Limit: 1001})},
		{"bounds that exclude all", "after_id", read(&parleyv1.ReadMessagesRequest{BeforeId: 5, AfterId: 5})},
		{"read of a bare name", "conversation", read(&parleyv1.ReadMessagesRequest{Conversation: "bob"})},
		{"unknown consistency", "consistency", read(&parleyv1.ReadMessagesRequest{Consistency: 9})},
		{"no ranges", "ranges", mark()},
		{"too many ranges", "ranges", mark(make([]*parleyv1.ReadRange, 101)...)},
		{"range of no conversation", "ranges.conversation", mark(&parleyv1.ReadRange{FromSeq: 1, ToSeq: 1})},
		{"range from 0", "ranges.from_seq", mark(&parleyv1.ReadRange{Conversation: "@bob", ToSeq: 1})},
		{"range backwards", "ranges.from_seq", mark(&parleyv1.ReadRange{Conversation: "@bob", FromSeq: 2, ToSeq: 1})},
		{"too many users", "page_size", users(&parleyv1.ListUsersRequest{PageSize: 1001})},
		{"pattern ends in an escape", "pattern", users(&parleyv1.ListUsersRequest{Pattern: `a\`})},
		{"pattern that is not ASCII", "pattern", users(&parleyv1.ListUsersRequest{Pattern: "é*"})},
		{"long pattern", "pattern", users(&parleyv1.ListUsersRequest{Pattern: strings.Repeat("*", 129)})},
		{"page token with a line", "page_token", users(&parleyv1.ListUsersRequest{PageToken: "a\nb"})},
		{"too many conversations", "page_size", func() error {
			_, err := chat.ListConversations(u.ctx, &parleyv1.ListConversationsRequest{PageSize: 1001})
			return err
		}},
		{"no ids", "ids", func() error {
			_, err := chat.DeleteMessages(u.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s})
			return err
		}},
		{"id 0", "ids", func() error {
			_, err := chat.DeleteMessages(u.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{0}})
			return err
		}},
		{"too many ids", "ids", func() error {
			_, err := chat.DeleteMessages(u.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: make([]uint64, 101)})
			return err
		}},
		{"no session id", "session_id", func() error {
			_, err := chat.RevokeSession(u.ctx, &parleyv1.RevokeSessionRequest{RequestId: rid().s})
			return err
		}},
		{"short new password", "new_password", func() error {
			_, err := chat.ChangePassword(u.ctx, &parleyv1.ChangePasswordRequest{RequestId: rid().s, OldPassword: "x",
				NewPassword: "x"})
			return err
		}},
		{"no old password", "old_password", func() error {
			_, err := chat.ChangePassword(u.ctx, &parleyv1.ChangePasswordRequest{RequestId: rid().s, NewPassword: testPassword})
			return err
		}},
		{"reset to a short password", "new_password", func() error {
			_, err := parleyv1.NewClusterServiceClient(r.socket).ResetPassword(t.Context(),
				&parleyv1.ResetPasswordRequest{RequestId: rid().s, Username: "bob", NewPassword: "x"})
			return err
		}},
		{"cursor with a space", "cursor", func() error {
			st, err := chat.Subscribe(u.ctx, &parleyv1.SubscribeRequest{Cursor: "a b"})
			must(t, err)
			_, err = st.Recv()
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := r.proposed()
			err := tc.call()
			info := wantError(t, err, codes.InvalidArgument, reasonInvalidField)
			_, _, bad, _ := details(err)
			if info.Metadata["field"] != tc.field || len(bad.GetFieldViolations()) != 1 ||
				bad.FieldViolations[0].Field != tc.field {
				t.Fatalf("want field %s, got %v and %v", tc.field, info.Metadata, bad)
			}
			if r.proposed() != before {
				t.Fatal("a malformed request was proposed")
			}
		})
	}
	t.Run("all wrong fields at once", func(t *testing.T) {
		_, err := chat.CreateUser(t.Context(), &parleyv1.CreateUserRequest{})
		_, _, bad, _ := details(err)
		if len(bad.GetFieldViolations()) != 3 {
			t.Fatalf("want request_id, username and password, got %v", bad)
		}
	})
}

func TestWhatIsTakenAsItIs(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	r.user(t, "bob.b-2_x")
	for _, text := range []string{"line\n\ttab", "é ü 漢字 👩‍👩‍👧", strings.Repeat("x", 8192), " ", "\u200D"} {
		if m := r.send(t, u, "@BOB.b-2_X", text); m.Conversation != "@bob.b-2_x" {
			t.Fatalf("names are folded: got %s", m.Conversation)
		}
	}
	got, err := r.chat.ReadMessages(u.ctx, &parleyv1.ReadMessagesRequest{Conversation: "@bob.b-2_x"})
	must(t, err)
	if len(got.Messages) != 5 || got.Messages[0].Text != "line\n\ttab" {
		t.Fatalf("got %v", got.Messages)
	}
	for _, id := range []string{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "F47AC10B-58CC-4372-A567-0E02B2C3D479"} {
		_, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: id, Conversation: "@alice",
			Text: "any UUID"})
		must(t, err)
	}
}

// rawCodec sends bytes as they are: a client that is not ours.
type rawCodec struct{ encoding.CodecV2 }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }
func (rawCodec) Name() string                         { return "proto" }

// TestBadBytesAreTheCallersMistake: text that is not UTF-8 does not even decode, and is still answered with its field.
func TestBadBytesAreTheCallersMistake(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	raw := func(path string, b []byte) error {
		return r.port.Invoke(u.ctx, path, b, &struct{}{}, grpc.ForceCodecV2(rawCodec{}))
	}
	str := func(b []byte, num protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
	}
	send := str(str(str(nil, 1, rid().s), 2, "@alice"), 3, "a\xff\xfe")
	mark := str(str(nil, 1, rid().s), 2, string(str(nil, 1, "@\xc3")))
	for _, tc := range []struct {
		name, path, field string
		b                 []byte
	}{
		{"text", chatPath + "SendMessage", "text", send},
		{"inner field", chatPath + "MarkRead", "ranges.conversation", mark},
		{"garbage", chatPath + "SendMessage", "request", []byte{0xff, 0xff, 0xff}},
		{"stream", chatPath + "Subscribe", "cursor", str(nil, 1, "\xff")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			info := wantError(t, raw(tc.path, tc.b), codes.InvalidArgument, reasonInvalidField)
			if info.Metadata["field"] != tc.field {
				t.Fatalf("want field %s, got %v", tc.field, info.Metadata)
			}
		})
	}
	t.Run("the mark cannot be forged", func(t *testing.T) {
		b := str(str(str(nil, 1, rid().s), 2, "@alice"), 3, "fine")
		b = protowire.AppendBytes(protowire.AppendTag(b, markNumber, protowire.BytesType), []byte("0123456789abcdeftext"))
		must(t, raw(chatPath+"SendMessage", b))
	})
}
