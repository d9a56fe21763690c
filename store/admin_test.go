package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// bySocket makes a command the admin socket's, by its own mark.
func (r *rig) bySocket(c *internalv1.Command) *internalv1.Command {
	c.RequestId, c.Session = r.id(), nil
	m := c.ProtoReflect()
	body := m.Mutable(m.WhichOneof(commandBody)).Message()
	body.Set(body.Descriptor().Fields().ByName("from_admin_socket"), protoreflect.ValueOfBool(true))
	return c
}

func (r *rig) by(tok string, c *internalv1.Command) *internalv1.Command {
	c.RequestId, c.Session = r.id(), token(tok)
	return c
}

func suspend(name string, on bool) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_SuspendUser{
		SuspendUser: &internalv1.SuspendUser{Username: name, Suspended: on}}}
}

func removeUser(name string) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_RemoveUser{RemoveUser: &internalv1.RemoveUser{Username: name}}}
}

func setOperator(name string, on bool) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_SetOperator{
		SetOperator: &internalv1.SetOperator{Username: name, Operator: on}}}
}

func registration(to internalv1.Registration) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_UpdateSettings{
		UpdateSettings: &internalv1.UpdateSettings{Registration: to}}}
}

func createInvite(code string, uses, days uint32) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_CreateInvite{
		CreateInvite: &internalv1.CreateInvite{CodeSha256: token(code), Uses: uses, Days: days}}}
}

func (r *rig) registerCmd(name, code string) *internalv1.Command {
	u := &internalv1.RegisterUser{Username: name, PasswordPhc: testPHC}
	if code != "" {
		u.CodeSha256 = token(code)
	}
	return &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_RegisterUser{RegisterUser: u}}
}

// invites lists the invites in force as "id uses".
func (r *rig) invites() (out []string) {
	r.t.Helper()
	v := r.view()
	defer v.Close()
	is, err := v.Invites()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, i := range is {
		out = append(out, fmt.Sprintf("%s %d", i.GetId(), i.GetUsesLeft()))
	}
	return out
}

// keysOf counts the keys of a table.
func (r *rig) keysOf(tag byte) (n int) {
	r.t.Helper()
	v := r.view()
	defer v.Close()
	it := v.scan([]byte{tag}, []byte{tag + 1}, false)
	for it.next() {
		n++
	}
	return n
}

// A suspended account has no session and gets none, keeps what it has, and is as before when that ends.
func TestSuspendedAccounts(t *testing.T) {
	r, s := people3(t, "root", "bob", "cat")
	r.ok(r.loginCmd("bob", "bob2", 1))
	r.ok(r.bySocket(setOperator("root", true)))
	r.refused(r.by("cat", suspend("bob", true)), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.by("root", suspend("root", true)), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.by("root", suspend("nobody", true)), internalv1.Reason_REASON_USER_NOT_FOUND)
	c := r.by("root", suspend("bob", true))
	r.ok(c)
	r.ok(r.by("root", suspend("bob", true)))
	for _, tok := range []string{"bob", "bob2"} {
		r.refused(r.sendCmd(tok, "@cat", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	}
	r.refused(r.loginCmd("bob", "bob3", 1), internalv1.Reason_REASON_USER_SUSPENDED)
	r.refused(r.loginCmd("bob", "bob3", 7), internalv1.Reason_REASON_CREDENTIALS_CHANGED) // who does not know learns nothing
	r.send("cat", "@bob", "it waits")
	if u := r.user("bob"); !u.GetSuspended() {
		t.Errorf("bob is %v", u)
	}
	r.ok(r.by("root", suspend("bob", false)))
	r.ok(c) // a retry, which does nothing
	r.ok(r.loginCmd("bob", "bob4", 1))
	if got := r.read("bob4", MessageQuery{OnlyUnread: true}); !slices.Equal(got, []string{"@cat 1 cat: it waits new"}) {
		t.Errorf("bob reads %q", got)
	}
	r.ok(r.bySocket(suspend("root", true)))
	finalHash(t, s)
}

// An operator deletes an account as its owner would: what it sent is gone at once, and its name stays reserved.
func TestRemovedAccounts(t *testing.T) {
	r, s := people3(t, "root", "bob", "cat")
	r.ok(r.bySocket(setOperator("root", true)))
	r.send("bob", "@cat", "secret")
	r.refused(r.by("cat", removeUser("bob")), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.by("root", removeUser("root")), internalv1.Reason_REASON_NOT_ALLOWED)
	c := r.by("root", removeUser("bob"))
	r.ok(c)
	r.ok(c)
	r.refused(r.by("root", removeUser("bob")), internalv1.Reason_REASON_USER_DELETED)
	r.refused(r.sendCmd("bob", "@cat", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	r.refused(r.createCmd("bob"), internalv1.Reason_REASON_USER_EXISTS)
	if got := r.read("cat", MessageQuery{}); !slices.Equal(got, []string{"@bob 1 bob: (deleted)"}) {
		t.Errorf("cat reads %q", got)
	}
	for s.Work().Erase {
		r.ok(eraseCmd())
	}
	finalHash(t, s)
}

// Who may make an account under which policy, and that an operator's import always may.
func TestRegistration(t *testing.T) {
	r, s := people3(t, "root")
	r.ok(r.bySocket(setOperator("root", true)))
	r.ok(r.bySocket(createInvite("code", 10, 1)))
	n := 0
	name := func() string { n++; return fmt.Sprintf("p%d", n) }
	socket := func() *internalv1.Command { return r.bySocket(r.registerCmd(name(), "")) }
	session := func() *internalv1.Command { return r.by("root", r.registerCmd(name(), "")) }
	const ok, closed = internalv1.Reason_REASON_UNSPECIFIED, internalv1.Reason_REASON_REGISTRATION_CLOSED
	for _, tt := range []struct {
		policy            internalv1.Registration
		plain, code, none internalv1.Reason
	}{
		{0, ok, ok, internalv1.Reason_REASON_INVITE_INVALID},
		{registrationInvite, closed, ok, internalv1.Reason_REASON_INVITE_INVALID},
		{registrationClosed, closed, closed, closed},
		{registrationOpen, ok, ok, internalv1.Reason_REASON_INVITE_INVALID},
	} {
		if tt.policy != 0 {
			r.ok(r.bySocket(registration(tt.policy)))
		}
		for what, c := range map[string]struct {
			cmd  *internalv1.Command
			want internalv1.Reason
		}{
			"without a code":    {r.createCmd(name()), tt.plain},
			"with a code":       {r.registerCmd(name(), "code"), tt.code},
			"with a wrong code": {r.registerCmd(name(), "cod"), tt.none},
			"by the socket":     {socket(), ok},
			"by an operator":    {session(), ok},
			"by nobody":         {r.registerCmd(name(), ""), internalv1.Reason_REASON_SESSION_INVALID},
		} {
			if got := r.do(c.cmd).GetRefusal().GetReason(); got != c.want {
				t.Errorf("%v, %s: %v, want %v", tt.policy, what, got, c.want)
			}
		}
	}
	r.people("ann")
	r.refused(r.by("ann", r.registerCmd("x", "")), internalv1.Reason_REASON_NOT_ALLOWED)
	// An import that began before the policy changed, and is retried after it.
	first := r.createCmd("moved")
	r.ok(first)
	r.ok(r.bySocket(registration(registrationClosed)))
	again := r.bySocket(r.registerCmd("moved", ""))
	again.RequestId, again.GetRegisterUser().DisplayName = first.GetRequestId(), "moved!"
	r.ok(again)
	finalHash(t, s)
}

// A code admits as often as it says, however often a request is repeated; then, when revoked, or late, nobody.
func TestInvites(t *testing.T) {
	r, s := people3(t, "root")
	r.ok(r.bySocket(setOperator("root", true)))
	r.ok(r.bySocket(registration(registrationInvite)))
	made := r.by("root", createInvite("code", 2, 1))
	i := r.ok(made).GetInvite()
	if i.GetCreatedBy() != "root" || i.GetUsesLeft() != 2 || len(i.GetId()) != 2*inviteIDBytes ||
		i.GetExpiresUnixMs() < r.nowMS+dayMS-1000 || i.GetExpiresUnixMs() > r.nowMS+dayMS {
		t.Fatalf("made %v", i)
	}
	if got := r.ok(made).GetInvite(); !proto.Equal(got, i) {
		t.Errorf("a retry is answered %v, was %v", got, i)
	}
	c := r.registerCmd("one", "code")
	for range 3 {
		r.ok(c)
	}
	if got := r.invites(); !slices.Equal(got, []string{i.GetId() + " 1"}) {
		t.Fatalf("after one account: %v", got)
	}
	r.refused(r.registerCmd("one", "code"), internalv1.Reason_REASON_USER_EXISTS) // which costs no use
	r.ok(r.registerCmd("two", "code"))
	r.refused(r.registerCmd("three", "code"), internalv1.Reason_REASON_INVITE_INVALID)
	if got := r.invites(); len(got) != 0 {
		t.Fatalf("used up, and listed: %v", got)
	}

	revoke := &internalv1.Command{Body: &internalv1.Command_RevokeInvite{RevokeInvite: &internalv1.RevokeInvite{Id: i.GetId()}}}
	r.refused(r.by("root", revoke), internalv1.Reason_REASON_INVITE_INVALID)
	r.ok(r.bySocket(createInvite("code", 1, 1)))
	r.refused(r.bySocket(createInvite("code", 1, 1)), internalv1.Reason_REASON_INVALID_FIELD)
	r.ok(r.by("root", revoke))
	r.refused(r.registerCmd("three", "code"), internalv1.Reason_REASON_INVITE_INVALID)

	r.ok(r.bySocket(createInvite("late", 1, 1)))
	r.ok(r.bySocket(createInvite("later", 1, 2)))
	r.pass(24 * time.Hour)
	r.refused(r.registerCmd("three", "late"), internalv1.Reason_REASON_INVITE_INVALID)
	if n := r.keysOf(tagInvite); n != 2 || len(r.invites()) != 1 {
		t.Errorf("%d invites are kept, %d listed", n, len(r.invites()))
	}
	r.ok(expireCmd())
	if n, counted := r.keysOf(tagInvite), s.machine.globals.GetInvites(); n != 1 || counted != 1 {
		t.Errorf("%d invites are left, %d are counted", n, counted)
	}
	r.ok(r.registerCmd("three", "later"))
	if n, counted := r.keysOf(tagInvite), s.machine.globals.GetInvites(); n != 0 || counted != 0 {
		t.Errorf("%d invites are left, %d are counted", n, counted)
	}
	for field, c := range map[string]*internalv1.Command{
		"uses": createInvite("x", 0, 1), "days": createInvite("x", 1, MaxInviteDays+1),
	} {
		if f := r.do(r.bySocket(c)).GetRefusal(); f.GetField() != field {
			t.Errorf("%s: refused with %v", field, f)
		}
	}
	finalHash(t, s)
}

func TestInvitesAreBounded(t *testing.T) {
	r, _ := people3(t)
	for i := range MaxInvites {
		r.ok(r.bySocket(createInvite(fmt.Sprint(i), 1, 1)))
	}
	r.refused(r.bySocket(createInvite("x", 1, 1)), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.registerCmd("ann", "7"))
	r.ok(r.bySocket(createInvite("x", 1, 1)))
}

func TestSettings(t *testing.T) {
	r, _ := people3(t, "ann")
	r.refused(r.by("ann", registration(registrationClosed)), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.bySocket(registration(0)), internalv1.Reason_REASON_INVALID_FIELD)
	r.refused(r.bySocket(registration(4)), internalv1.Reason_REASON_INVALID_FIELD)
	r.refused(r.retainCmd(MaxRetainDays+1), internalv1.Reason_REASON_INVALID_FIELD)
	if got := r.ok(r.retainCmd(7)).GetSettings(); got.GetRetainDays() != 7 || got.GetRegistration() != registrationOpen {
		t.Errorf("answered %v", got)
	}
	r.ok(r.bySocket(registration(registrationInvite)))
	v := r.view()
	defer v.Close()
	if got, err := v.Settings(); err != nil || got.GetRegistration() != parleyv1.Registration_REGISTRATION_INVITE ||
		got.GetRetainDays() != 7 {
		t.Errorf("the settings are %v, %v", got, err)
	}
}

// Acts are noted with who did what to whom, each once; what is refused or repeated is not; and the oldest give way.
func TestAuditLog(t *testing.T) {
	r, s := people3(t)
	r.people("root", "bob")
	r.ok(r.bySocket(setOperator("root", true)))
	login := r.loginCmd("bob", "bob2", 1)
	r.ok(login)
	r.ok(login)
	r.refused(r.loginCmd("bob", "bob3", 9), internalv1.Reason_REASON_CREDENTIALS_CHANGED)
	r.ok(r.passwordCmd("bob", 1))
	r.ok(r.logoutCmd("bob"))
	r.ok(r.by("root", suspend("bob", true)))
	r.ok(r.by("root", suspend("bob", true))) // it was so
	r.ok(r.by("root", suspend("bob", false)))
	r.ok(r.by("root", registration(registrationInvite)))
	i := r.ok(r.by("root", createInvite("code", 1, 1))).GetInvite()
	r.ok(r.registerCmd("cat", "code"))
	r.ok(r.by("root", removeUser("bob")))
	for id := range uint64(3) {
		r.ok(announce(1+id, MaxClusterVersion))
	}
	r.ok(r.by("root", changeMembers(1, adds("n4"))))
	entries := func(below uint64, limit int) (out []string) {
		v := r.view()
		defer v.Close()
		es, err := v.Audit(below, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.GetActor(), e.GetAct(), e.GetTarget(), e.GetDetail())))
		}
		return out
	}
	want := []string{
		"root register root", "root login  test", "bob register bob", "bob login  test",
		"operator root granted", "bob login  test", "bob password", "bob logout  test",
		"root suspend bob", "root suspend bob lifted", "root settings  registration invite",
		"root invite " + i.GetId(), "cat register cat invite " + i.GetId(), "root remove bob", "root members  add n4",
	}
	slices.Reverse(want)
	if got := entries(0, 100); !slices.Equal(got, want) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := entries(15, 2); !slices.Equal(got, want[1:3]) {
		t.Errorf("below 15: %q", got)
	}
	s.machine.globals.LastAudit = MaxAudit - 1
	for i := range 3 {
		r.ok(r.by("root", registration([]internalv1.Registration{registrationOpen, registrationClosed}[i%2])))
	}
	v := r.view()
	defer v.Close()
	for n, kept := range map[uint64]bool{1: false, 2: false, 3: true, MaxAudit: true, MaxAudit + 2: true} {
		if has, err := v.has(keyAudit(nil, n)); err != nil || has != kept {
			t.Errorf("entry %d is kept: %v, %v", n, has, err)
		}
	}
	finalHash(t, s)
}
