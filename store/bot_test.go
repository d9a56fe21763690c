package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

func (r *rig) botCmd(owner, name, conversation, tok string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(owner), Body: &internalv1.Command_CreateBot{
		CreateBot: &internalv1.CreateBot{Username: name, Conversation: conversation, TokenSha256: token(tok)},
	}}
}

// botRoom makes a room of the first one, with the others in it.
func (r *rig) botRoom(room string, private bool, members ...string) {
	r.t.Helper()
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token(members[0]), Body: &internalv1.Command_CreateRoom{
		CreateRoom: &internalv1.CreateRoom{Room: room, Private: private}}})
	for _, who := range members[1:] {
		r.ok(r.rankCmd(members[0], room, who, rankInvited))
		r.ok(r.rankCmd(who, room, "", rankMember))
	}
}

func (r *rig) deleteBotCmd(owner, name string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(owner), Body: &internalv1.Command_DeleteBot{
		DeleteBot: &internalv1.DeleteBot{Username: name},
	}}
}

// A bot's token sends to its conversation and does nothing else, whatever the command and whoever there is.
func TestBotsOnlySend(t *testing.T) {
	r, s := people3(t, "ann", "bob")
	r.botRoom("#ops", false, "ann", "bob")
	r.botRoom("#dev", false, "ann")
	r.ok(r.botCmd("ann", "beeper", "@ann", "direct"))
	r.ok(r.botCmd("ann", "beeper", "#ops", "ops"))
	r.send("direct", "@ann", "beep")
	r.send("ops", "#ops", "beep beep")
	r.ok(r.postCmd("ops", "#ops", "and on", 0))
	const scope = internalv1.Reason_REASON_TOKEN_SCOPE
	for _, to := range []string{"@bob", "@ann", "@beeper", "@nobody", "#dev", "#nothing", "nonsense"} {
		r.refused(r.sendCmd("ops", to, "x"), scope)
		r.refused(r.postCmd("ops", to, "x", 0), scope)
	}
	r.refused(r.sendCmd("direct", "#ops", "x"), scope) // its bot is a member there; this token is not for it
	for _, c := range []*internalv1.Command{
		r.editCmd("ops", 1, "x"), r.reactCmd("ops", 1, "x", true), r.pinCmd("ops", 1, true), r.readMarkCmd("ops", "#ops", 1),
		r.muteCmd("ops", "#ops", 1), r.markCmd("ops", "#ops", 1, 1), r.deleteCmd("ops", 1), r.deleteUserCmd("ops", 1),
		r.logoutCmd("ops"), r.passwordCmd("ops", 1), r.profileCmd("ops", nil, nil), r.blockCmd("ops", "bob", true),
		r.botCmd("ops", "other", "@beeper", "x"), r.deleteBotCmd("ops", "beeper"), r.rankCmd("ops", "#dev", "", rankMember),
		r.by("ops", suspend("bob", true)), r.by("ops", registration(registrationClosed)), r.by("ops", r.registerCmd("x", "")),
	} {
		if got := r.do(c).GetRefusal().GetReason(); got != scope {
			t.Errorf("%T: %v", c.GetBody(), got)
		}
	}
	v, ses := r.as("ops")
	if !ses.Bot || ses.OnlyConversation == 0 || ses.Username != "beeper" || ses.ExpiresMS < startMS+BotTokenLifeMS {
		t.Errorf("the session is %+v", ses)
	}
	v.Close()
	if got := r.read("bob", MessageQuery{Conversation: "#ops"}); len(got) != 2 {
		t.Errorf("bob reads %q", got)
	}
	finalHash(t, s)
}

// Who may have a bot where, and whose names are whose.
func TestWhoMayHaveABot(t *testing.T) {
	r, s := people3(t, "ann", "bob")
	r.botRoom("#ops", false, "ann", "bob")
	r.botRoom("#board", true, "ann", "bob")
	r.botRoom("#closed", false, "ann")
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("ann"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#closed", Archived: ptr(true)}}})
	r.people("eve")
	n := 0
	for _, tt := range []struct {
		owner, name, conversation string
		want                      internalv1.Reason
	}{
		{"bob", "b1", "#ops", 0},
		{"bob", "b1", "@bob", 0},
		{"eve", "e1", "#ops", internalv1.Reason_REASON_NOT_A_MEMBER},
		{"eve", "e1", "#board", internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		{"eve", "e1", "#nothing", internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		{"bob", "b2", "#board", internalv1.Reason_REASON_NOT_ALLOWED},
		{"ann", "a1", "#board", 0},
		{"ann", "a1", "#closed", internalv1.Reason_REASON_ROOM_ARCHIVED},
		{"ann", "a1", "@bob", internalv1.Reason_REASON_INVALID_FIELD},
		{"ann", "b1", "@ann", internalv1.Reason_REASON_USER_EXISTS},
		{"ann", "bob", "@ann", internalv1.Reason_REASON_USER_EXISTS},
		{"ann", "ann", "@ann", internalv1.Reason_REASON_USER_EXISTS},
		{"ann", "a b", "@ann", internalv1.Reason_REASON_INVALID_FIELD},
	} {
		n++
		before := r.user("ann")
		if got := r.do(r.botCmd(tt.owner, tt.name, tt.conversation, fmt.Sprint("t", n))).GetRefusal().GetReason(); got != tt.want {
			t.Errorf("%s has %s in %s: %v, want %v", tt.owner, tt.name, tt.conversation, got, tt.want)
		}
		if after := r.user("ann"); after.String() != before.String() {
			t.Errorf("%+v changed ann from %v to %v", tt, before, after)
		}
	}
	// Put out, it may be brought back by who may lift the ban, and by nobody else.
	r.ok(r.rankCmd("ann", "#ops", "b1", internalv1.Membership_MEMBERSHIP_BANNED))
	r.refused(r.sendCmd("t1", "#ops", "x"), internalv1.Reason_REASON_NOT_A_MEMBER)
	r.refused(r.botCmd("bob", "b1", "#ops", "back"), internalv1.Reason_REASON_NOT_ALLOWED)
	// A bot has no password, and no rights.
	r.refused(r.loginCmd("b1", "x", 1), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.bySocket(setOperator("b1", true)), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.bySocket(&internalv1.Command{Body: &internalv1.Command_ResetPassword{
		ResetPassword: &internalv1.ResetPassword{Username: "b1", NewPasswordPhc: testPHC}}}), internalv1.Reason_REASON_NOT_ALLOWED)
	finalHash(t, s)
}

// A token replaces the one that the bot had for the conversation, and no other; a retry makes none.
func TestBotTokensAreReplaced(t *testing.T) {
	r, s := people3(t, "ann")
	r.botRoom("#ops", false, "ann")
	r.ok(r.botCmd("ann", "beeper", "#ops", "room"))
	first := r.botCmd("ann", "beeper", "@ann", "first")
	r.ok(first)
	r.ok(first)
	r.ok(r.botCmd("ann", "beeper", "@ann", "second"))
	r.refused(r.sendCmd("first", "@ann", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	r.ok(first) // a late retry must not bring it back
	r.refused(r.sendCmd("first", "@ann", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	r.send("second", "@ann", "beep")
	r.send("room", "#ops", "beep")
	r.refused(r.botCmd("ann", "beeper", "@ann", "second"), internalv1.Reason_REASON_INVALID_FIELD)
	named := r.botCmd("ann", "beeper", "@ann", "third")
	named.GetCreateBot().DisplayName = "Beeper!"
	if u := r.ok(named).GetUser(); u.GetDisplayName() != "Beeper!" || !u.GetBot() {
		t.Errorf("answered %v", u)
	}
	finalHash(t, s)
}

// A bot stops while its owner is suspended, and for good when one of the two is deleted.
func TestBotsEndWithTheirOwners(t *testing.T) {
	r, s := people3(t, "ann", "bob")
	const gone = internalv1.Reason_REASON_SESSION_INVALID
	r.ok(r.botCmd("ann", "beeper", "@ann", "a"))
	r.ok(r.botCmd("bob", "booper", "@bob", "b"))
	r.send("a", "@ann", "beep")
	r.ok(r.bySocket(suspend("ann", true)))
	r.refused(r.sendCmd("a", "@ann", "x"), gone)
	v := r.view()
	if _, err := v.Session(token("a")); !errors.Is(err, ErrNoSession) {
		t.Errorf("the session of a bot whose owner is suspended: %v", err)
	}
	v.Close()
	r.ok(r.bySocket(suspend("ann", false)))
	r.send("a", "@ann", "beep")

	r.refused(r.deleteBotCmd("bob", "beeper"), internalv1.Reason_REASON_USER_NOT_FOUND)
	r.ok(r.loginCmd("ann", "ann2", 1))
	c := r.deleteBotCmd("ann2", "beeper")
	r.ok(c)
	r.ok(c)
	r.refused(r.sendCmd("a", "@ann", "x"), gone)
	r.refused(r.deleteBotCmd("ann2", "beeper"), internalv1.Reason_REASON_USER_DELETED)
	r.refused(r.botCmd("ann2", "beeper", "@ann", "again"), internalv1.Reason_REASON_USER_EXISTS)
	if got := r.read("ann2", MessageQuery{}); !slices.Equal(got, []string{
		"@beeper 1 beeper: (deleted)", "@beeper 2 beeper: (deleted)"}) {
		t.Errorf("ann reads %q", got)
	}
	if n := r.keysOf(tagBot); n != 1 {
		t.Errorf("%d bots are left, not bob's alone", n)
	}
	r.ok(r.deleteUserCmd("bob", 1))
	r.refused(r.sendCmd("b", "@bob", "x"), gone)
	r.ok(r.bySocket(removeUser("booper")))
	if n := r.keysOf(tagBot); n != 0 {
		t.Errorf("%d bots are left", n)
	}
	for s.Work().Erase {
		r.ok(eraseCmd())
	}
	finalHash(t, s)
}

func TestBotsAreBounded(t *testing.T) {
	r, _ := people3(t, "ann")
	for i := range MaxBots {
		r.ok(r.botCmd("ann", fmt.Sprint("bot", i), "@ann", fmt.Sprint("t", i)))
	}
	r.refused(r.botCmd("ann", "another", "@ann", "x"), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.botCmd("ann", "bot0", "@ann", "x"))
	r.ok(r.deleteBotCmd("ann", "bot0"))
	r.ok(r.botCmd("ann", "another", "@ann", "y"))
}

// Closing a room by the right of an operator is noted; an owner's closing of the own is not.
func TestAnOperatorsClosingOfARoomIsNoted(t *testing.T) {
	r, _ := people3(t, "root", "ann")
	r.ok(r.bySocket(setOperator("root", true)))
	r.botRoom("#mine", false, "ann")
	r.botRoom("#theirs", true, "ann")
	closes := func(tok, room string) *internalv1.Command {
		return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_UpdateRoom{
			UpdateRoom: &internalv1.UpdateRoom{Room: room, Archived: ptr(true)}}}
	}
	r.ok(closes("ann", "#mine"))
	r.ok(closes("root", "#theirs"))
	v := r.view()
	defer v.Close()
	es, err := v.Audit(0, 2)
	if err != nil || es[0].GetAct() != actRoomArchive || es[0].GetActor() != "root" || es[0].GetTarget() != "#theirs" ||
		es[1].GetAct() == actRoomArchive {
		t.Errorf("noted: %v, %v", es, err)
	}
}
