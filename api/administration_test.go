package api

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

func (r *rig) onSocket() parleyv1.ClusterServiceClient {
	return parleyv1.NewClusterServiceClient(r.socket)
}

func (r *rig) onPort() parleyv1.ClusterServiceClient { return parleyv1.NewClusterServiceClient(r.port) }

// invite makes a code admit accounts.
func (r *rig) invite(t *testing.T, code string, uses uint32) *parleyv1.Invite {
	t.Helper()
	resp, err := r.onSocket().CreateInvite(bounded(t), &parleyv1.CreateInviteRequest{
		RequestId: rid().s, Code: code, Uses: uses})
	must(t, err)
	return resp.GetInvite()
}

func (r *rig) registration(t *testing.T, to parleyv1.Registration) {
	t.Helper()
	_, err := r.onSocket().UpdateSettings(bounded(t), &parleyv1.UpdateSettingsRequest{RequestId: rid().s, Registration: to})
	must(t, err)
}

// TestSuspension: sessions end, logins are refused once the password is right, and lifting it gives the account back.
func TestSuspension(t *testing.T) {
	r := peopleRig(t)
	boss, bob := r.operator(t, "boss"), r.user(t, "bob")
	bot := r.bot(t, bob, "bobs-bot", "@bob")
	suspend := func(who string, on bool) error {
		_, err := r.onPort().SuspendUser(boss.ctx, &parleyv1.SuspendUserRequest{
			RequestId: rid().s, Username: who, Suspended: on})
		return err
	}
	login := func(password string) error {
		_, err := r.chat.Login(t.Context(), &parleyv1.LoginRequest{
			RequestId: rid().s, Username: "bob", Password: password, Token: randomToken()})
		return err
	}
	must(t, suspend("bob", true))
	_, err := r.chat.WhoAmI(bob.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	_, err = r.chat.SendMessage(bot.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "x"})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	wantError(t, login(testPassword), codes.PermissionDenied, "USER_SUSPENDED")
	wantError(t, login("a wrong one"), codes.Unauthenticated, reasonBadCredentials)
	if u := r.listed(t, boss, "bob"); !u.GetSuspended() {
		t.Errorf("listed as %v", u)
	}
	must(t, suspend("bob", false))
	must(t, login(testPassword))
	r.send(t, bot, "@bob", "beep")
	wantError(t, suspend("boss", true), codes.PermissionDenied, reasonNotAllowed)
	_, err = r.onPort().RemoveUser(boss.ctx, &parleyv1.RemoveUserRequest{RequestId: rid().s, Username: "boss"})
	wantError(t, err, codes.PermissionDenied, reasonNotAllowed)
	_, err = r.onSocket().SuspendUser(t.Context(), &parleyv1.SuspendUserRequest{
		RequestId: rid().s, Username: "boss", Suspended: true})
	must(t, err)
	wantError(t, suspend("bob", true), codes.Unauthenticated, reasonSessionInvalid)
}

func TestRemovedUserIsAsDeleted(t *testing.T) {
	r := peopleRig(t)
	boss, bob := r.operator(t, "boss"), r.user(t, "bob")
	r.send(t, bob, "@boss", "secret")
	id := rid().s
	for range 2 { // a retry
		_, err := r.onPort().RemoveUser(boss.ctx, &parleyv1.RemoveUserRequest{RequestId: id, Username: "bob"})
		must(t, err)
	}
	_, err := r.chat.WhoAmI(bob.ctx, &parleyv1.WhoAmIRequest{})
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	page, err := r.chat.ReadMessages(boss.ctx, &parleyv1.ReadMessagesRequest{Conversation: "@bob"})
	must(t, err)
	if m := page.GetMessages()[0]; !m.GetDeleted() || m.GetText() != "" {
		t.Errorf("boss reads %v", m)
	}
}

// TestRegistrationPolicy walks who may make an account under which policy.
func TestRegistrationPolicy(t *testing.T) {
	r := peopleRig(t)
	create := func(name, code string) error {
		_, err := r.chat.CreateUser(t.Context(), &parleyv1.CreateUserRequest{
			RequestId: rid().s, Username: name, Password: testPassword, InviteCode: code})
		return err
	}
	const code = "a-code-of-some-length"
	phc := importPHC(19456, 2, 1, 16, 32)
	imports := func(name string) {
		t.Helper()
		id := rid().s
		for range 2 {
			resp, err := r.importAccounts(t, id, &parleyv1.ImportAccount{Username: name, PasswordHash: phc})
			if err != nil || resp.GetImported() != 1 {
				t.Fatalf("import of %s: %v, %v", name, resp, err)
			}
		}
		taken, err := r.importAccounts(t, rid().s, &parleyv1.ImportAccount{Username: name, PasswordHash: phc})
		if err != nil || !slices.Equal(taken.GetExisting(), []string{name}) {
			t.Fatalf("import of %s again: %v, %v", name, taken, err)
		}
	}
	must(t, create("open", ""))
	imports("open-import")
	wantError(t, create("x", code), codes.NotFound, "INVITE_INVALID")
	wantError(t, create("x", "short"), codes.InvalidArgument, reasonInvalidField)

	r.registration(t, parleyv1.Registration_REGISTRATION_INVITE)
	wantError(t, create("x", ""), codes.PermissionDenied, "REGISTRATION_CLOSED")
	wantError(t, create("open", ""), codes.PermissionDenied, "REGISTRATION_CLOSED") // nobody learns which names are taken
	imports("invite-import")
	r.invite(t, code, 2)
	req := &parleyv1.CreateUserRequest{RequestId: rid().s, Username: "guest", Password: testPassword, InviteCode: code}
	for range 3 { // retries take one use
		_, err := r.chat.CreateUser(t.Context(), req)
		must(t, err)
	}
	must(t, create("guest2", code))
	wantError(t, create("guest3", code), codes.NotFound, "INVITE_INVALID")
	again := r.invite(t, code, 1)
	_, err := r.onSocket().RevokeInvite(t.Context(), &parleyv1.RevokeInviteRequest{RequestId: rid().s, Id: again.GetId()})
	must(t, err)
	wantError(t, create("guest3", code), codes.NotFound, "INVITE_INVALID")

	r.registration(t, parleyv1.Registration_REGISTRATION_CLOSED)
	r.invite(t, code, 1)
	wantError(t, create("x", ""), codes.PermissionDenied, "REGISTRATION_CLOSED")
	wantError(t, create("x", code), codes.PermissionDenied, "REGISTRATION_CLOSED")
	imports("closed-import")
}

// TestImportByAnOperatorsSessionWhileClosed: the socket is not the only way.
func TestImportByAnOperatorsSessionWhileClosed(t *testing.T) {
	r := peopleRig(t)
	boss := r.operator(t, "boss")
	r.registration(t, parleyv1.Registration_REGISTRATION_CLOSED)
	resp, err := r.onPort().ImportAccounts(boss.ctx, &parleyv1.ImportAccountsRequest{RequestId: rid().s,
		Accounts: []*parleyv1.ImportAccount{
			{Username: "one", PasswordHash: importPHC(19456, 2, 1, 16, 32)},
			{Username: "two", PasswordHash: importPHC(19456, 2, 1, 16, 32)},
			{Username: "boss", PasswordHash: importPHC(19456, 2, 1, 16, 32)},
		}})
	if err != nil || resp.GetImported() != 2 || !slices.Equal(resp.GetExisting(), []string{"boss"}) {
		t.Fatalf("%v, %v", resp, err)
	}
}

func TestInvitesAreListedWithoutTheirCodes(t *testing.T) {
	r := peopleRig(t)
	boss := r.operator(t, "boss")
	const code = "a-code-of-some-length"
	made, err := r.onPort().CreateInvite(boss.ctx, &parleyv1.CreateInviteRequest{
		RequestId: rid().s, Code: code, Uses: 3, Days: 2})
	must(t, err)
	list, err := r.onPort().ListInvites(boss.ctx, &parleyv1.ListInvitesRequest{})
	must(t, err)
	if len(list.GetInvites()) != 1 || !proto.Equal(list.GetInvites()[0], made.GetInvite()) {
		t.Fatalf("made %v, listed %v", made.GetInvite(), list.GetInvites())
	}
	i := made.GetInvite()
	if left := time.Until(i.GetExpires().AsTime()); i.GetUsesLeft() != 3 || i.GetCreatedBy() != "boss" || i.GetId() == code ||
		left < 47*time.Hour || left > 49*time.Hour {
		t.Errorf("the invite is %v", i)
	}
	_, err = r.onPort().CreateInvite(boss.ctx, &parleyv1.CreateInviteRequest{RequestId: rid().s, Code: code})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
	_, err = r.onPort().RevokeInvite(boss.ctx, &parleyv1.RevokeInviteRequest{RequestId: rid().s, Id: "nothing"})
	wantError(t, err, codes.NotFound, "INVITE_INVALID")
}

func TestSettings(t *testing.T) {
	r := peopleRig(t)
	boss := r.operator(t, "boss")
	want := func(registration parleyv1.Registration, days uint32) {
		t.Helper()
		got, err := r.onPort().GetSettings(boss.ctx, &parleyv1.GetSettingsRequest{})
		must(t, err)
		if s := got.GetSettings(); s.GetRegistration() != registration || s.GetRetainDays() != days {
			t.Fatalf("the settings are %v", s)
		}
	}
	want(parleyv1.Registration_REGISTRATION_OPEN, 0)
	set := func(q *parleyv1.UpdateSettingsRequest) error {
		q.RequestId = rid().s
		_, err := r.onPort().UpdateSettings(boss.ctx, q)
		return err
	}
	must(t, set(&parleyv1.UpdateSettingsRequest{RetainDays: proto.Uint32(30)}))
	want(parleyv1.Registration_REGISTRATION_OPEN, 30)
	must(t, set(&parleyv1.UpdateSettingsRequest{Registration: parleyv1.Registration_REGISTRATION_CLOSED}))
	want(parleyv1.Registration_REGISTRATION_CLOSED, 30)
	must(t, set(&parleyv1.UpdateSettingsRequest{RetainDays: proto.Uint32(0)}))
	want(parleyv1.Registration_REGISTRATION_CLOSED, 0)
	for _, bad := range []*parleyv1.UpdateSettingsRequest{{}, {Registration: 9}, {RetainDays: proto.Uint32(3651)}} {
		wantError(t, set(bad), codes.InvalidArgument, reasonInvalidField)
	}
}

// TestAudit reads the log in pages, the newest first.
func TestAudit(t *testing.T) {
	r := peopleRig(t)
	r.user(t, "bob")
	boss := r.operator(t, "boss")
	_, err := r.onPort().SuspendUser(boss.ctx, &parleyv1.SuspendUserRequest{RequestId: rid().s, Username: "bob", Suspended: true})
	must(t, err)
	r.registration(t, parleyv1.Registration_REGISTRATION_INVITE)
	var got []string
	page := ""
	for {
		resp, err := r.onPort().ListAudit(boss.ctx, &parleyv1.ListAuditRequest{PageSize: 2, PageToken: page})
		must(t, err)
		for _, e := range resp.GetEntries() {
			got = append(got, e.GetActor()+" "+e.GetAct()+" "+e.GetTarget()+" "+e.GetDetail())
			if d := time.Since(e.GetTime().AsTime()); d < 0 || d > time.Hour {
				t.Errorf("%v is %v old", e, d)
			}
		}
		if page = resp.GetNextPageToken(); page == "" {
			break
		}
	}
	want := []string{
		" settings  registration invite", "boss suspend bob ", " operator boss granted", "boss login  test",
		"boss register boss ", "bob login  test", "bob register bob ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
	_, err = r.onPort().ListAudit(boss.ctx, &parleyv1.ListAuditRequest{PageToken: "x"})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
}
