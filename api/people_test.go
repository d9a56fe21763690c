package api

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

// peopleRig is a server of a cluster whose members know all commands.
func peopleRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(s *Server) { s.opts.Search = slowIndex{} })
	r.announceMembers(t)
	return r
}

// listed is an account as others list it.
func (r *rig) listed(t *testing.T, by user, name string) *parleyv1.User {
	t.Helper()
	resp, err := r.chat.ListUsers(by.ctx, &parleyv1.ListUsersRequest{Pattern: name})
	must(t, err)
	if len(resp.GetUsers()) != 1 {
		t.Fatalf("%s is listed as %v", name, resp.GetUsers())
	}
	return resp.GetUsers()[0]
}

func TestProfile(t *testing.T) {
	r := peopleRig(t)
	ann, bob := r.user(t, "ann"), r.user(t, "bob")
	update := func(display, text *string) (*parleyv1.UpdateProfileResponse, error) {
		return r.chat.UpdateProfile(ann.ctx, &parleyv1.UpdateProfileRequest{
			RequestId: rid().s, DisplayName: display, Status: text})
	}
	for _, tc := range []struct {
		display, status  *string
		wantName, wantIs string
	}{
		{proto.String("Ann A."), nil, "Ann A.", ""},
		{nil, proto.String(" at lunch "), "Ann A.", "at lunch"},
		{proto.String(""), nil, "ann", "at lunch"},
		{nil, proto.String(""), "ann", ""},
	} {
		resp, err := update(tc.display, tc.status)
		must(t, err)
		who, err := r.chat.WhoAmI(ann.ctx, &parleyv1.WhoAmIRequest{})
		must(t, err)
		for what, u := range map[string]*parleyv1.User{
			"answer": resp.GetUser(), "whoami": who.GetUser(), "list": r.listed(t, bob, "ann"),
		} {
			if u.GetDisplayName() != tc.wantName || u.GetStatus() != tc.wantIs {
				t.Errorf("%s: %v, want %q and %q", what, u, tc.wantName, tc.wantIs)
			}
		}
	}
	_, err := update(nil, proto.String("two\nlines"))
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
	_, err = update(proto.String(string(make([]byte, 65))), nil)
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
}

func TestBlocks(t *testing.T) {
	r := peopleRig(t)
	ann, bob := r.user(t, "ann"), r.user(t, "bob")
	r.send(t, bob, "@ann", "hello")
	block := func(on bool) {
		t.Helper()
		_, err := r.chat.SetBlock(ann.ctx, &parleyv1.SetBlockRequest{RequestId: rid().s, Username: "Bob", Blocked: on})
		must(t, err)
	}
	send := func(from user, to string) error {
		_, err := r.chat.SendMessage(from.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: to, Text: "x"})
		return err
	}
	block(true)
	wantError(t, send(bob, "@ann"), codes.PermissionDenied, "BLOCKED")
	wantError(t, send(ann, "@bob"), codes.PermissionDenied, "BLOCKED")
	list, err := r.chat.ListBlocks(ann.ctx, &parleyv1.ListBlocksRequest{})
	must(t, err)
	if len(list.GetUsers()) != 1 || list.GetUsers()[0].GetUsername() != "bob" {
		t.Errorf("ann blocks %v", list.GetUsers())
	}
	if list, err = r.chat.ListBlocks(bob.ctx, &parleyv1.ListBlocksRequest{}); err != nil || len(list.GetUsers()) != 0 {
		t.Errorf("bob is told of %v, %v", list, err)
	}
	block(false)
	must(t, send(bob, "@ann"))
	must(t, send(ann, "@bob"))
	_, err = r.chat.SetBlock(ann.ctx, &parleyv1.SetBlockRequest{RequestId: rid().s, Username: "ann", Blocked: true})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
}

// bot makes a bot of an owner's, and its token a caller.
func (r *rig) bot(t *testing.T, owner user, name, conversation string) user {
	t.Helper()
	token := randomToken()
	resp, err := r.chat.CreateBot(owner.ctx, &parleyv1.CreateBotRequest{
		RequestId: rid().s, Username: name, Conversation: conversation, Token: token})
	must(t, err)
	if u := resp.GetUser(); u.GetUsername() != name || !u.GetBot() {
		t.Fatalf("the bot is %v", u)
	}
	return user{name: name, token: token, ctx: withToken(bounded(t), token)}
}

// TestABotMaySendAndNothingElse tries every method that any account may call, with a bot's token.
func TestABotMaySendAndNothingElse(t *testing.T) {
	r := peopleRig(t)
	r.user(t, "target")
	owner := r.user(t, "owner")
	bot := r.bot(t, owner, "beeper", "@owner")
	for i, fd := range ourFiles {
		svc := fd.Services().Get(0)
		for j := range svc.Methods().Len() {
			md := svc.Methods().Get(j)
			path := fmt.Sprintf("/%s/%s", svc.FullName(), md.Name())
			if rules[path] == public || rules[path] == 0 || scoped[path] {
				continue
			}
			t.Run(string(md.Name()), func(t *testing.T) {
				err := invoke(bot.ctx, r.port, path, md, body(t, r, string(md.Name()), user{}, 1000*i+j))
				wantError(t, err, codes.PermissionDenied, "TOKEN_SCOPE")
			})
		}
	}
	who, err := r.chat.WhoAmI(bot.ctx, &parleyv1.WhoAmIRequest{})
	must(t, err)
	if !who.GetUser().GetBot() || who.GetUser().GetUsername() != "beeper" {
		t.Errorf("the bot is %v", who.GetUser())
	}
	r.send(t, bot, "@owner", "beep")
	for _, to := range []string{"@target", "@beeper", "@nobody", "#nothing"} {
		_, err := r.chat.SendMessage(bot.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: to, Text: "x"})
		wantError(t, err, codes.PermissionDenied, "TOKEN_SCOPE")
	}
	_, err = r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "beeper", Password: "anything at all",
		Token: randomToken()})
	wantError(t, err, codes.Unauthenticated, reasonBadCredentials)

	_, err = r.chat.DeleteBot(owner.ctx, &parleyv1.DeleteBotRequest{RequestId: rid().s, Username: "beeper"})
	must(t, err)
	_, err = r.chat.WhoAmI(bot.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
}

// TestARetryOfABotsTokenIsTheSameToken: and another request ends the token of before.
func TestARetryOfABotsTokenIsTheSameToken(t *testing.T) {
	r := peopleRig(t)
	owner := r.user(t, "owner")
	req := &parleyv1.CreateBotRequest{RequestId: rid().s, Username: "beeper", Conversation: "@owner", Token: randomToken()}
	for range 2 {
		_, err := r.chat.CreateBot(owner.ctx, req)
		must(t, err)
	}
	first := user{name: "beeper", ctx: withToken(bounded(t), req.Token)}
	r.send(t, first, "@owner", "beep")
	second := r.bot(t, owner, "beeper", "@owner")
	r.send(t, second, "@owner", "beep")
	_, err := r.chat.SendMessage(first.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@owner", Text: "x"})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("the replaced token: %v", err)
	}
}
