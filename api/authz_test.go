package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"parley/proto/parleyv1"
)

// ourFiles declare the services that the table is about.
var ourFiles = []protoreflect.FileDescriptor{parleyv1.File_parley_v1_chat_proto, parleyv1.File_parley_v1_cluster_proto}

// TestEveryMethodHasARow fails for a new RPC that nobody decided about, and for a row whose RPC is gone.
func TestEveryMethodHasARow(t *testing.T) {
	rep := newReplica(t)
	s := New(rep, rep.store, Options{})
	t.Cleanup(s.Drain)
	g := grpc.NewServer(s.ServerOptions(false)...)
	s.Register(g)
	served := map[string]bool{}
	for service := range g.GetServiceInfo() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
		must(t, err)
		methods := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			path := "/" + service + "/" + string(methods.Get(i).Name())
			served[path] = true
			if _, ok := rules[path]; !ok {
				t.Errorf("%s has no row in rules: decide who may call it", path)
			}
		}
	}
	for path, w := range rules {
		if !served[path] {
			t.Errorf("rules has a row for %s, which is not served", path)
		}
		if w < public || w > operator {
			t.Errorf("%s: no such class %d", path, w)
		}
	}
	for _, fd := range ourFiles {
		for i := range fd.Services().Len() {
			if name := fd.Services().Get(i).FullName(); g.GetServiceInfo()[string(name)].Methods == nil {
				t.Errorf("%s is declared and not served", name)
			}
		}
	}
}

func TestUnknownMethodIsDenied(t *testing.T) {
	for _, admin := range []bool{false, true} {
		_, err := admit(t.Context(), "/parley.v1.ChatService/Backdoor", admin)
		wantError(t, err, codes.PermissionDenied, reasonNotAllowed)
	}
}

func TestBearer(t *testing.T) {
	token := randomToken()
	good := withToken(t.Context(), token)
	md, _ := metadata.FromOutgoingContext(good)
	value := md.Get("authorization")[0]
	sum := sha256.Sum256(token)
	for _, tc := range []struct {
		name   string
		values []string
		ok     bool
	}{
		{"good", []string{value}, true},
		{"scheme in lower case", []string{"bearer" + strings.TrimPrefix(value, "Bearer")}, true},
		{"none", nil, false},
		{"two", []string{value, value}, false},
		{"no scheme", []string{strings.TrimPrefix(value, "Bearer ")}, false},
		{"basic", []string{"Basic abc"}, false},
		{"short", []string{value[:len(value)-4]}, false},
		{"long", []string{value + "AAAA"}, false},
		{"padded", []string{value + "="}, false},
		{"empty", []string{"Bearer "}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := bearer(metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": tc.values}))
			if !tc.ok {
				wantError(t, err, codes.Unauthenticated, reasonSessionMissing)
				return
			}
			must(t, err)
			if string(got) != string(sum[:]) {
				t.Fatal("the hash is not the SHA-256 of the token")
			}
		})
	}
}

// body is a request of the right form for a caller, so that only who calls decides. Every method of our services must
// have one here.
func body(t *testing.T, r *rig, method string, u user, n int) proto.Message {
	t.Helper()
	id := rid().s
	switch method {
	case "CreateUser":
		return &parleyv1.CreateUserRequest{RequestId: id, Username: fmt.Sprintf("new%d", n), Password: testPassword}
	case "Login":
		return &parleyv1.LoginRequest{RequestId: id, Username: "target", Password: testPassword, Token: randomToken()}
	case "Logout":
		return &parleyv1.LogoutRequest{RequestId: id}
	case "WhoAmI":
		return &parleyv1.WhoAmIRequest{}
	case "ChangePassword":
		return &parleyv1.ChangePasswordRequest{RequestId: id, OldPassword: testPassword, NewPassword: "another one"}
	case "ListSessions":
		return &parleyv1.ListSessionsRequest{}
	case "RevokeSession":
		sid := "99"
		if u.name != "" {
			other := r.session(t, u.name)
			who, err := r.chat.WhoAmI(other.ctx, &parleyv1.WhoAmIRequest{})
			must(t, err)
			sid = who.Session.Id
		}
		return &parleyv1.RevokeSessionRequest{RequestId: id, SessionId: sid}
	case "ListUsers":
		return &parleyv1.ListUsersRequest{}
	case "SendMessage":
		return &parleyv1.SendMessageRequest{RequestId: id, Conversation: "@target", Text: "hi"}
	case "ReadMessages":
		return &parleyv1.ReadMessagesRequest{}
	case "MarkRead":
		to := "@target"
		if u.name != "" {
			r.send(t, u, to, "mark this")
		}
		return &parleyv1.MarkReadRequest{RequestId: id,
			Ranges: []*parleyv1.ReadRange{{Conversation: to, FromSeq: 1, ToSeq: 1}}}
	case "SearchMessages":
		return &parleyv1.SearchMessagesRequest{Query: "hello"}
	case "ListConversations":
		return &parleyv1.ListConversationsRequest{}
	case "DeleteMessages":
		mid := uint64(1)
		if u.name != "" {
			mid = r.send(t, u, "@target", "delete this").Id
		}
		return &parleyv1.DeleteMessagesRequest{RequestId: id, Ids: []uint64{mid}}
	case "DeleteUser":
		return &parleyv1.DeleteUserRequest{RequestId: id, Password: testPassword}
	case "SendMessages":
		return &parleyv1.SendMessagesRequest{Sends: []*parleyv1.SendMessageRequest{
			{RequestId: id, Conversation: "@target", Text: "hi"}}}
	case "UpdateProfile":
		return &parleyv1.UpdateProfileRequest{RequestId: id, Status: proto.String("here")}
	case "SetBlock":
		return &parleyv1.SetBlockRequest{RequestId: id, Username: "target", Blocked: true}
	case "ListBlocks":
		return &parleyv1.ListBlocksRequest{}
	case "CreateBot":
		return &parleyv1.CreateBotRequest{RequestId: id, Username: fmt.Sprintf("bot%d", n), Conversation: "@" + nameOr(u, "me"),
			Token: randomToken()}
	case "DeleteBot":
		name := fmt.Sprintf("old-bot%d", n)
		if u.name != "" {
			_, err := r.chat.CreateBot(u.ctx, &parleyv1.CreateBotRequest{RequestId: rid().s, Username: name,
				Conversation: "@" + u.name, Token: randomToken()})
			must(t, err)
		}
		return &parleyv1.DeleteBotRequest{RequestId: id, Username: name}
	case "Subscribe":
		return &parleyv1.SubscribeRequest{}
	case "CreateRoom":
		return &parleyv1.CreateRoomRequest{RequestId: id, Room: fmt.Sprintf("#new%d", n)}
	case "UpdateRoom":
		by := u
		if u.name == "" {
			by = r.session(t, "target")
		}
		archived := true
		return &parleyv1.UpdateRoomRequest{RequestId: id, Room: r.room(t, by, fmt.Sprintf("#room%d", n), false), Archived: &archived}
	case "SetMembership":
		room := r.room(t, r.session(t, "target"), fmt.Sprintf("#room%d", n), false)
		return &parleyv1.SetMembershipRequest{RequestId: id, Room: room, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER}
	case "ListRooms":
		return &parleyv1.ListRoomsRequest{}
	case "ListRoomMembers":
		room := "#none"
		if u.name != "" {
			room = r.room(t, u, fmt.Sprintf("#room%d", n), false)
		}
		return &parleyv1.ListRoomMembersRequest{Room: room}
	case "EditMessage", "Annotate", "GetMessage":
		mid := uint64(1)
		if u.name != "" {
			mid = r.send(t, u, "@target", "do something with this").Id
		}
		switch method {
		case "EditMessage":
			return &parleyv1.EditMessageRequest{RequestId: id, Id: mid, Text: "done"}
		case "Annotate":
			return &parleyv1.AnnotateRequest{RequestId: id, Id: mid, Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, Present: true}
		}
		return &parleyv1.GetMessageRequest{Id: mid}
	case "SetReadMark", "SetMute":
		if u.name != "" {
			r.send(t, u, "@target", "mark this")
		}
		if method == "SetMute" {
			return &parleyv1.SetMuteRequest{RequestId: id, Conversation: "@target", Mute: parleyv1.Mute_MUTE_ALL}
		}
		return &parleyv1.SetReadMarkRequest{RequestId: id, Conversation: "@target", Seq: 1}
	case "SetPresence":
		return &parleyv1.SetPresenceRequest{Presence: parleyv1.Presence_PRESENCE_ACTIVE}
	case "SendTyping":
		return &parleyv1.SendTypingRequest{Conversation: "@target"}
	case "ListPresence":
		return &parleyv1.ListPresenceRequest{Usernames: []string{"target"}}
	case "Status":
		return &parleyv1.StatusRequest{}
	case "StateHash":
		return &parleyv1.StateHashRequest{}
	case "TransferLeadership":
		return &parleyv1.TransferLeadershipRequest{To: "n2"}
	case "ImportAccounts":
		return &parleyv1.ImportAccountsRequest{RequestId: id, Accounts: []*parleyv1.ImportAccount{
			{Username: fmt.Sprintf("import%d", n), PasswordHash: importPHC(19456, 2, 1, 16, 32)}}}
	case "Backup":
		return &parleyv1.BackupRequest{}
	case "ChangeMembers":
		return &parleyv1.ChangeMembersRequest{RequestId: id, Add: []*parleyv1.AddMember{
			{Name: fmt.Sprintf("x%d", n), PeerAddress: fmt.Sprintf("10.0.0.1:%d", 1000+n), Learner: true},
		}}
	case "SetOperator":
		return &parleyv1.SetOperatorRequest{RequestId: id, Username: "target", Operator: true}
	case "SuspendUser":
		return &parleyv1.SuspendUserRequest{RequestId: id, Username: "spare", Suspended: true}
	case "RemoveUser":
		return &parleyv1.RemoveUserRequest{RequestId: id, Username: r.user(t, fmt.Sprintf("gone%d", n)).name}
	case "GetSettings":
		return &parleyv1.GetSettingsRequest{}
	case "UpdateSettings":
		return &parleyv1.UpdateSettingsRequest{RequestId: id, RetainDays: proto.Uint32(0)}
	case "CreateInvite":
		return &parleyv1.CreateInviteRequest{RequestId: id, Code: fmt.Sprintf("an-invite-code-%d", n)}
	case "ListInvites":
		return &parleyv1.ListInvitesRequest{}
	case "RevokeInvite":
		return &parleyv1.RevokeInviteRequest{RequestId: id, Id: r.invite(t, fmt.Sprintf("another-code-%d-long", n), 1).GetId()}
	case "ListAudit":
		return &parleyv1.ListAuditRequest{}
	case "ResetPassword":
		return &parleyv1.ResetPasswordRequest{RequestId: id, Username: "spare", NewPassword: "another one"}
	}
	t.Fatalf("%s has no body here: write one, and say in rules who may call it", method)
	return nil
}

func nameOr(u user, name string) string {
	if u.name != "" {
		return u.name
	}
	return name
}

// invoke calls any method; of a stream it takes the first frame.
func invoke(
	ctx context.Context, c *grpc.ClientConn, path string, md protoreflect.MethodDescriptor, req proto.Message,
) error {
	out, err := protoregistry.GlobalTypes.FindMessageByName(md.Output().FullName())
	if err != nil {
		return err
	}
	resp := out.New().Interface()
	if !md.IsStreamingServer() {
		return c.Invoke(ctx, path, req, resp)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path)
	if err != nil {
		return err
	}
	if err := st.SendMsg(req); err != nil {
		return err
	}
	if err := st.CloseSend(); err != nil {
		return err
	}
	return st.RecvMsg(resp)
}

// TestWhoMayCallWhat calls every method as everybody. The expectation comes from the table; that the handlers keep to
// it is what is tested.
func TestWhoMayCallWhat(t *testing.T) {
	r := newRig(t, func(s *Server) { s.opts.Search = slowIndex{} })
	r.announceMembers(t)
	r.user(t, "target")
	r.user(t, "spare")
	n := 0
	const refused, denied = codes.Unauthenticated, codes.PermissionDenied
	as := func(token []byte) func(*testing.T) (user, context.Context) {
		return func(t *testing.T) (user, context.Context) { return user{}, withToken(t.Context(), token) }
	}
	nobody := func(t *testing.T) (user, context.Context) { return user{}, t.Context() }
	account := func(create func(*testing.T, string) user) func(*testing.T) (user, context.Context) {
		return func(t *testing.T) (user, context.Context) {
			n++
			u := create(t, fmt.Sprintf("u%d", n))
			return u, u.ctx
		}
	}
	callers := []struct {
		name string
		conn *grpc.ClientConn
		who  func(*testing.T) (user, context.Context)
		// want is the code that each class of method answers: public, session, sessionOrSocket, operator.
		want [4]codes.Code
	}{
		{"no token", r.port, nobody, [4]codes.Code{codes.OK, refused, refused, refused}},
		{"malformed token", r.port, as([]byte("short")), [4]codes.Code{codes.OK, refused, refused, refused}},
		{"token of no session", r.port, as(randomToken()), [4]codes.Code{codes.OK, refused, refused, refused}},
		{"user", r.port, account(r.user), [4]codes.Code{codes.OK, codes.OK, codes.OK, denied}},
		{"operator", r.port, account(r.operator), [4]codes.Code{codes.OK, codes.OK, codes.OK, codes.OK}},
		{"admin socket", r.socket, nobody, [4]codes.Code{codes.OK, refused, codes.OK, codes.OK}},
		{"user on the admin socket", r.socket, account(r.user), [4]codes.Code{codes.OK, codes.OK, codes.OK, codes.OK}},
	}
	for _, fd := range ourFiles {
		svc := fd.Services().Get(0)
		for i := range svc.Methods().Len() {
			md := svc.Methods().Get(i)
			path := fmt.Sprintf("/%s/%s", svc.FullName(), md.Name())
			for _, c := range callers {
				t.Run(string(md.Name())+"/"+c.name, func(t *testing.T) {
					n++
					u, ctx := c.who(t)
					err := invoke(ctx, c.conn, path, md, body(t, r, string(md.Name()), u, n))
					if got, want := status.Code(err), c.want[rules[path]-public]; got != want {
						t.Fatalf("want %s, got %v", want, err)
					}
				})
			}
		}
	}
}

// TestOperatorBitIsGrantedOnTheSocketFirst walks the way an operator comes into being, and that only the socket can
// mark a command as its own.
func TestOperatorBitIsGrantedOnTheSocketFirst(t *testing.T) {
	r := newRig(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	port, socket := parleyv1.NewClusterServiceClient(r.port), parleyv1.NewClusterServiceClient(r.socket)
	set := func(c parleyv1.ClusterServiceClient, ctx context.Context, name string, on bool) error {
		_, err := c.SetOperator(ctx, &parleyv1.SetOperatorRequest{RequestId: rid().s, Username: name, Operator: on})
		return err
	}
	wantError(t, set(port, alice.ctx, "alice", true), codes.PermissionDenied, reasonNotAllowed)
	must(t, set(socket, t.Context(), "alice", true))
	must(t, set(port, alice.ctx, "bob", true))
	must(t, set(port, bob.ctx, "alice", false))
	wantError(t, set(port, alice.ctx, "alice", true), codes.PermissionDenied, reasonNotAllowed)
	wantError(t, set(socket, t.Context(), "nobody", true), codes.NotFound, "USER_NOT_FOUND")

	_, err := port.ResetPassword(bob.ctx, &parleyv1.ResetPasswordRequest{
		RequestId: rid().s, Username: "bob", NewPassword: "my own, anew"})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
	_, err = port.ResetPassword(bob.ctx, &parleyv1.ResetPasswordRequest{RequestId: rid().s, Username: "alice",
		NewPassword: "given anew"})
	must(t, err)
	_, err = r.chat.WhoAmI(alice.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	_, err = r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice",
		Password: "given anew", Token: randomToken()})
	must(t, err)
}
