package api

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func TestAccountFromMakingToDeleting(t *testing.T) {
	r := newRig(t)
	create := &parleyv1.CreateUserRequest{RequestId: rid().s, Username: "Alice", DisplayName: "Alice A.",
		Password: testPassword}
	made, err := r.chat.CreateUser(t.Context(), create)
	must(t, err)
	if made.User.Username != "alice" || made.User.DisplayName != "Alice A." {
		t.Fatalf("got %v", made.User)
	}
	again, err := r.chat.CreateUser(t.Context(), create)
	must(t, err)
	if !proto.Equal(made, again) {
		t.Fatalf("the retry answers %v, the first %v", again, made)
	}
	other := proto.Clone(create).(*parleyv1.CreateUserRequest)
	other.DisplayName = "Somebody else"
	_, err = r.chat.CreateUser(t.Context(), other)
	wantError(t, err, codes.FailedPrecondition, "REQUEST_ID_REUSED")
	other.RequestId = rid().s
	_, err = r.chat.CreateUser(t.Context(), other)
	wantError(t, err, codes.AlreadyExists, "USER_EXISTS")

	token := randomToken()
	login := &parleyv1.LoginRequest{RequestId: rid().s, Username: "ALICE", Password: testPassword, Token: token,
		Client: "parley on host7"}
	in, err := r.chat.Login(t.Context(), login)
	must(t, err)
	if in.User.Username != "alice" || !in.Session.Current || in.Session.Client != "parley on host7" ||
		in.Session.Expires.AsTime().Sub(in.Session.Created.AsTime()) != 90*24*time.Hour {
		t.Fatalf("got %v", in)
	}
	inAgain, err := r.chat.Login(t.Context(), login)
	must(t, err)
	if !proto.Equal(in, inAgain) {
		t.Fatalf("the retry opened another session: %v, first %v", inAgain, in)
	}
	ctx := withToken(t.Context(), token)
	who, err := r.chat.WhoAmI(ctx, &parleyv1.WhoAmIRequest{})
	must(t, err)
	if who.User.Username != "alice" || who.Session.Id != in.Session.Id || who.ReadInfo.Node != "n1" ||
		who.ReadInfo.AppliedIndex == 0 || who.ReadInfo.AgeMs != 0 {
		t.Fatalf("got %v", who)
	}

	// A second session is listed, and revoked by the first.
	second := r.session(t, "alice")
	list, err := r.chat.ListSessions(ctx, &parleyv1.ListSessionsRequest{})
	must(t, err)
	var sid string
	for _, s := range list.Sessions {
		if !s.Current {
			sid = s.Id
		}
	}
	if len(list.Sessions) != 2 || sid == "" {
		t.Fatalf("got %v", list.Sessions)
	}
	_, err = r.chat.RevokeSession(ctx, &parleyv1.RevokeSessionRequest{RequestId: rid().s, SessionId: sid})
	must(t, err)
	_, err = r.chat.WhoAmI(second.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)

	// ChangePassword ends the others, and its retry is answered although the old password is gone.
	third := r.session(t, "alice")
	change := &parleyv1.ChangePasswordRequest{RequestId: rid().s, OldPassword: testPassword, NewPassword: "battery staple"}
	wrong := proto.Clone(change).(*parleyv1.ChangePasswordRequest)
	wrong.RequestId, wrong.OldPassword = rid().s, "not the password"
	_, err = r.chat.ChangePassword(ctx, wrong)
	wantError(t, err, codes.Unauthenticated, reasonBadCredentials)
	for range 2 {
		_, err = r.chat.ChangePassword(ctx, change)
		must(t, err)
	}
	_, err = r.chat.WhoAmI(third.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	_, err = r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice",
		Password: testPassword, Token: randomToken()})
	wantError(t, err, codes.Unauthenticated, reasonBadCredentials)

	// DeleteUser asks for the password; its retry is answered although the session is gone.
	_, err = r.chat.DeleteUser(ctx, &parleyv1.DeleteUserRequest{RequestId: rid().s, Password: testPassword})
	wantError(t, err, codes.Unauthenticated, reasonBadCredentials)
	del := &parleyv1.DeleteUserRequest{RequestId: rid().s, Password: "battery staple"}
	for range 2 {
		_, err = r.chat.DeleteUser(ctx, del)
		must(t, err)
	}
	del.RequestId = rid().s
	_, err = r.chat.DeleteUser(ctx, del)
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	_, err = r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice",
		Password: "battery staple", Token: randomToken()})
	wantError(t, err, codes.Unauthenticated, reasonBadCredentials)
	create.RequestId = rid().s
	_, err = r.chat.CreateUser(t.Context(), create)
	wantError(t, err, codes.AlreadyExists, "USER_EXISTS")
}

// A script deletes with its session alone: `account delete --yes` asks nothing.
func TestDeleteUserBySessionAlone(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	del := &parleyv1.DeleteUserRequest{RequestId: rid().s}
	for range 2 {
		_, err := r.chat.DeleteUser(u.ctx, del)
		must(t, err)
	}
	_, err := r.chat.WhoAmI(u.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
}

func TestLogoutIsAnsweredAgain(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	req := &parleyv1.LogoutRequest{RequestId: rid().s}
	for range 2 {
		_, err := r.chat.Logout(u.ctx, req)
		must(t, err)
	}
	_, err := r.chat.Logout(u.ctx, &parleyv1.LogoutRequest{RequestId: rid().s})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)

	// Revoking the session in use is a logout by another name.
	own := r.session(t, "alice")
	who, err := r.chat.WhoAmI(own.ctx, &parleyv1.WhoAmIRequest{})
	must(t, err)
	revoke := &parleyv1.RevokeSessionRequest{RequestId: rid().s, SessionId: who.Session.Id}
	for range 2 {
		_, err := r.chat.RevokeSession(own.ctx, revoke)
		must(t, err)
	}
	_, err = r.chat.WhoAmI(own.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	_, err = r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice", Text: "x"})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
}

// TestStrangersStayOutOfTheLog: tokens of no session cost no proposal, and where they must be let through, few.
func TestStrangersStayOutOfTheLog(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	r := newRig(t, func(s *Server) { s.guard = cheapGuard(c.now) })
	ctx := withToken(t.Context(), randomToken())
	before := r.proposed()
	for range 5 {
		_, err := r.chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@x", Text: "x"})
		wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	}
	if r.proposed() != before {
		t.Fatal("a send of a stranger was proposed")
	}
	for range addressFailureBurst {
		_, err := r.chat.Logout(ctx, &parleyv1.LogoutRequest{RequestId: rid().s})
		wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	}
	before = r.proposed()
	_, err := r.chat.Logout(ctx, &parleyv1.LogoutRequest{RequestId: rid().s})
	wantError(t, err, codes.ResourceExhausted, reasonTooManyAttempts)
	if r.proposed() != before {
		t.Fatal("the limit did not keep it out of the log")
	}
}

// TestLoginMeetsAPasswordReset changes the credentials between the check and Apply, once and then every time.
func TestLoginMeetsAPasswordReset(t *testing.T) {
	r := newRig(t)
	r.user(t, "alice")
	reset := func(*internalv1.Command) {
		b, err := proto.Marshal(&internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_ResetPassword{
			ResetPassword: &internalv1.ResetPassword{Username: "alice", NewPasswordPhc: cheapPHC(testPassword),
				FromAdminSocket: true}}})
		if err == nil {
			_, err = r.applyLocked(b)
		}
		if err != nil {
			t.Error(err)
		}
	}
	login := func() error {
		_, err := r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice",
			Password: testPassword, Token: randomToken()})
		return err
	}
	r.set(func(r *replica) { r.before = reset })
	must(t, login())
	r.set(func(r *replica) {
		r.before = func(c *internalv1.Command) { reset(c); r.before = reset }
	})
	wantError(t, login(), codes.Aborted, "CREDENTIALS_CHANGED")
}

func TestLoginBackOff(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	r := newRig(t, func(s *Server) { s.guard = cheapGuard(c.now) })
	alice := r.user(t, "alice")
	r.user(t, "bob")
	login := func(name, password string) error {
		_, err := r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: name, Password: password,
			Token: randomToken()})
		return err
	}
	for range 3 { // good ones are not counted
		must(t, login("alice", testPassword))
	}
	before := r.proposed()
	for range accountFailureBurst {
		wantError(t, login("alice", "wrong password"), codes.Unauthenticated, reasonBadCredentials)
	}
	err := login("alice", testPassword)
	wantError(t, err, codes.ResourceExhausted, reasonTooManyAttempts)
	if _, _, _, ri := details(err); ri.GetRetryDelay().AsDuration() < time.Second {
		t.Fatalf("how long to wait is not said: %v", ri)
	}
	if r.proposed() != before {
		t.Fatal("a failed login was proposed")
	}
	must(t, login("bob", testPassword))
	_, err = r.chat.WhoAmI(alice.ctx, &parleyv1.WhoAmIRequest{})
	must(t, err) // sessions go on
	c.add(13 * time.Second)
	must(t, login("alice", testPassword))

	// The address runs out over many names, known or not; the answers do not tell which exist.
	c.add(time.Hour)
	for i := range addressFailureBurst {
		name := []string{"bob", "nobody1", "nobody2", "nobody3", "nobody4", "nobody5", "nobody6", "nobody7", "nobody8"}[i%9]
		wantError(t, login(name, "wrong password"), codes.Unauthenticated, reasonBadCredentials)
	}
	wantError(t, login("alice", testPassword), codes.ResourceExhausted, reasonTooManyAttempts)
}

// TestLocalReadsAndMinorities keeps invariant 2 and P7.
func TestLocalReadsAndMinorities(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	r.send(t, u, "@alice", "note")
	local := parleyv1.Consistency_CONSISTENCY_LOCAL
	stranger := withToken(t.Context(), randomToken())

	_, err := r.chat.WhoAmI(stranger, &parleyv1.WhoAmIRequest{Consistency: local})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid) // with a quorum to ask

	r.loseQuorum(3 * time.Second)
	_, err = r.chat.WhoAmI(u.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unavailable, "NO_QUORUM")
	got, err := r.chat.ReadMessages(u.ctx, &parleyv1.ReadMessagesRequest{Consistency: local})
	must(t, err)
	if len(got.Messages) != 1 || got.ReadInfo.AgeMs != 3000 || got.ReadInfo.AppliedIndex == 0 ||
		got.ReadInfo.Node != "n1" {
		t.Fatalf("got %v", got)
	}
	for name, call := range map[string]func() error{
		"local read": func() error {
			_, err := r.chat.WhoAmI(stranger, &parleyv1.WhoAmIRequest{Consistency: local})
			return err
		},
		"status": func() error {
			_, err := parleyv1.NewClusterServiceClient(r.port).Status(stranger, &parleyv1.StatusRequest{})
			return err
		},
		"subscribe": func() error {
			st, err := r.chat.Subscribe(stranger, &parleyv1.SubscribeRequest{})
			must(t, err)
			_, err = st.Recv()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), codes.Unavailable, reasonSessionNotHere) })
	}
	_, err = r.chat.SendMessage(stranger, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
		Text: "x"})
	wantError(t, err, codes.Unavailable, "NO_QUORUM")
	_, err = r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice", Text: "x"})
	if info := wantError(t, err, codes.Unavailable, "NO_QUORUM"); info.Metadata["applied"] != "no" {
		t.Fatalf("got %v", info.Metadata)
	}
	st, err := parleyv1.NewClusterServiceClient(r.port).Status(u.ctx, &parleyv1.StatusRequest{})
	must(t, err)
	if st.Quorum || st.Leader != "" || st.AgeMs != 3000 || len(st.Members) != 3 {
		t.Fatalf("got %v", st)
	}
}

// TestALaggingNodeLogsNobodyOut: the session arrives with the barrier.
func TestALaggingNodeLogsNobodyOut(t *testing.T) {
	r := newRig(t)
	r.user(t, "alice")
	v, err := r.store.View()
	must(t, err)
	cred, err := v.Credentials("alice")
	v.Close()
	must(t, err)
	for name, call := range map[string]func(u user) error{
		"local read": func(u user) error {
			_, err := r.chat.WhoAmI(u.ctx, &parleyv1.WhoAmIRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL})
			return err
		},
		"write": func(u user) error {
			_, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
				Text: "x"})
			return err
		},
		"subscribe": func(u user) error {
			st, err := r.chat.Subscribe(u.ctx, &parleyv1.SubscribeRequest{})
			must(t, err)
			_, err = st.Recv()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			token := randomToken()
			sum := sha(token)
			b, err := proto.Marshal(&internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_Login{
				Login: &internalv1.Login{Username: "alice", TokenSha256: sum, CredentialGeneration: cred.Generation}}})
			must(t, err)
			r.set(func(r *replica) {
				r.onBarrier = func() {
					r.onBarrier = nil
					if _, err := r.applyLocked(b); err != nil {
						t.Error(err)
					}
				}
			})
			must(t, call(user{ctx: withToken(t.Context(), token)}))
		})
	}
}

func TestClusterService(t *testing.T) {
	r := newRig(t)
	u, op := r.user(t, "alice"), r.operator(t, "root")
	c := parleyv1.NewClusterServiceClient(r.port)
	st, err := c.Status(u.ctx, &parleyv1.StatusRequest{})
	must(t, err)
	if st.Leader != "n1" || st.Term != 7 || !st.Quorum || st.Node != "n1" ||
		st.ClusterId != "30313233343536373839616263646566" ||
		st.Members[2].Role != parleyv1.MemberRole_MEMBER_ROLE_LEARNER || !st.Members[0].Reachable || st.Members[1].Reachable {
		t.Fatalf("got %v", st)
	}
	h, err := c.StateHash(u.ctx, &parleyv1.StateHashRequest{})
	must(t, err)
	if h.Voters != 2 || h.Members[0].Hash != "ab" || h.Members[1].Hash != "" || h.Members[1].Error == "" {
		t.Fatalf("got %v", h)
	}
	move := func(to string) error {
		_, err := c.TransferLeadership(op.ctx, &parleyv1.TransferLeadershipRequest{To: to})
		return err
	}
	must(t, move("n2"))
	must(t, move(""))
	wantError(t, move("n9"), codes.NotFound, reasonMemberNotFound)
	wantError(t, move("n3"), codes.FailedPrecondition, reasonTransferRefused)
	r.transfer = func(string) (string, error) { return "", &node.Error{Outcome: node.Unknown, Cause: node.CauseStopped} }
	if info := wantError(t, move("n2"), codes.Unavailable, "STOPPING"); info.Metadata["applied"] != "unknown" {
		t.Fatalf("got %v", info.Metadata)
	}
}
