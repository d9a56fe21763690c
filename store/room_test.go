package store

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// A room is made, found and written to; a private one is, to everybody else, as if it were not there.
func TestRooms(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.refused(r.createRoomCmd("ann", "#ops", false), internalv1.Reason_REASON_CLUSTER_VERSION_TOO_LOW)
	r.ok(raise(MaxClusterVersion))
	create := r.createRoomCmd("ann", "#Ops", false)
	create.GetCreateRoom().Topic = "what burns"
	made := r.ok(create)
	if got := made.GetRoom(); got.GetRoom() != "#ops" || got.GetMembers() != 1 || got.GetMembership() != rankOwner {
		t.Fatalf("made as %v", got)
	}
	if again := r.do(create); !proto.Equal(again, made) {
		t.Fatalf("the retry was answered %v", again)
	}
	r.ok(r.createRoomCmd("ann", "#secret", true))
	for name, tt := range map[string]struct {
		cmd  *internalv1.Command
		want internalv1.Reason
	}{
		"a name that is taken":    {r.createRoomCmd("bob", "#OPS", false), internalv1.Reason_REASON_ROOM_EXISTS},
		"a name without a #":      {r.createRoomCmd("bob", "ops2", false), internalv1.Reason_REASON_INVALID_FIELD},
		"an empty name":           {r.createRoomCmd("bob", "#", false), internalv1.Reason_REASON_INVALID_FIELD},
		"a long name":             {r.createRoomCmd("bob", "#"+strings.Repeat("x", 33), false), internalv1.Reason_REASON_INVALID_FIELD},
		"a send by no member":     {r.sendCmd("bob", "#ops", "x"), internalv1.Reason_REASON_NOT_A_MEMBER},
		"a mark by no member":     {r.markCmd("bob", "#ops", 1, 1), internalv1.Reason_REASON_NOT_A_MEMBER},
		"a send to a private one": {r.sendCmd("bob", "#secret", "x"), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		"a send to nowhere":       {r.sendCmd("bob", "#nowhere", "x"), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		"a join of a private one": {r.rankCmd("bob", "#secret", "", rankMember), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
	} {
		if got := r.do(tt.cmd).GetRefusal(); got.GetReason() != tt.want {
			t.Errorf("%s: refused with %v, want %v", name, got, tt.want)
		}
	}
	r.join("bob", "#ops")
	sent := r.send("bob", "#OPS", "hello")
	if sent.GetConversation() != "#ops" || sent.GetSeq() != 1 {
		t.Fatalf("sent as %v", sent)
	}
	r.send("ann", "#ops", "welcome")
	if got, want := r.read("ann", MessageQuery{}), "#ops 1 bob: hello new|#ops 2 ann: welcome"; strings.Join(got, "|") != want {
		t.Errorf("ann reads %q", got)
	}
	if got, want := r.read("bob", MessageQuery{Conversation: "#ops"}), "#ops 1 bob: hello|#ops 2 ann: welcome new"; strings.Join(got, "|") != want {
		t.Errorf("bob reads %q", got)
	}
	if got := r.page("eve", MessageQuery{Conversation: "#ops"}); got != ErrNotMember.Error() {
		t.Errorf("eve reads %q", got)
	}
	for _, name := range []string{"#secret", "#nowhere"} {
		if got := r.page("eve", MessageQuery{Conversation: name}); got != ErrNotFound.Error() {
			t.Errorf("eve reads of %s %q", name, got)
		}
	}
	for name, tt := range map[string]struct{ got, want string }{
		"a member's room":      {r.roomOf("bob", "#ops"), "#ops 2 member topic=what burns"},
		"another's room":       {r.roomOf("eve", "#ops"), "#ops 2 unspecified topic=what burns"},
		"the owner's secret":   {r.roomOf("ann", "#secret"), "#secret 1 owner private"},
		"another's secret":     {r.roomOf("eve", "#secret"), ErrNotFound.Error()},
		"the owner's list":     {r.rooms("ann", "", false), "#ops #secret"},
		"another's list":       {r.rooms("eve", "", false), "#ops"},
		"the owner's own":      {r.rooms("ann", "*s", true), "#ops"},
		"another's own":        {r.rooms("eve", "", true), ""},
		"the members":          {r.members("ann", "#ops", rankNone), "ann owner, bob member"},
		"the owners":           {r.members("bob", "#ops", rankOwner), "ann owner"},
		"the banned":           {r.members("bob", "#ops", rankBanned), ErrNotAllowed.Error()},
		"the members to eve":   {r.members("eve", "#ops", rankNone), ErrNotMember.Error()},
		"a secret's, to eve":   {r.members("eve", "#secret", rankNone), ErrNotFound.Error()},
		"the banned, to owner": {r.members("ann", "#ops", rankBanned), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
	finalHash(t, s)
}

// What an account of each rank may make of others, and of itself: every combination, in a public room and in a private one.
// TestPagesOfRoomsTellNothingOfHiddenOnes: neither the name to go on after, nor that there is one, is due to a room that the
// caller cannot see, however little a page looks at.
func TestPagesOfRoomsTellNothingOfHiddenOnes(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(MaxClusterVersion))
	for _, name := range []string{"#a", "#c", "#f"} {
		r.ok(r.createRoomCmd("ann", name, false))
	}
	for _, name := range []string{"#b", "#d", "#e", "#g", "#h"} {
		r.ok(r.createRoomCmd("ann", name, true))
	}
	for _, tt := range []struct {
		pattern, after string
		limit, scan    int
		want           string
	}{
		{"*", "", 3, 100, "#a #c #f, then "},
		{"*", "", 2, 100, "#a #c, then c"},
		{"*", "c", 1, 100, "#f, then "},
		{"*", "", 3, 2, "#a #c, then c"},
		{"*", "c", 3, 1, "#f, then f"},
		{"*", "f", 3, 1, ", then "},
		{"?", "", 1, 1, "#a, then a"},
		{"f", "a", 1, 1, "#f, then f"},
		{"d*", "", 1, 1, ", then "},
	} {
		v, ses := r.as("bob")
		page, next, err := v.roomsNamed(ses.AccountID, tt.pattern, tt.after, tt.limit, tt.scan)
		v.Close()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, x := range page {
			names = append(names, x.GetName())
		}
		if got := strings.Join(names, " ") + ", then " + next; got != tt.want {
			t.Errorf("%d rooms like %s after %q, looking at %d: %s, want %s", tt.limit, tt.pattern, tt.after, tt.scan, got, tt.want)
		}
	}
}

func TestMembershipRules(t *testing.T) {
	ranks := []internalv1.Membership{rankNone, rankBanned, rankInvited, rankMember, rankModerator, rankOwner}
	var public, private strings.Builder
	public.WriteByte('\n')
	private.WriteByte('\n')
	for _, out := range []*strings.Builder{&public, &private} {
		for _, by := range ranks {
			for _, have := range ranks {
				s, _ := memStore(t, Options{})
				r := newRig(t, s)
				r.chatters("owner", "by", "who")
				r.ok(r.createRoomCmd("owner", "#room", out == &private))
				rise(r, "by", by)
				rise(r, "who", have)
				line := fmt.Sprintf("%s on %s:", short(by), short(have))
				for _, want := range ranks {
					f := r.do(r.rankCmd("by", "#room", "who", want)).GetRefusal()
					line += fmt.Sprintf(" %s=%s", short(want), outcome(f, have, r.rankOf("#room", "who")))
					if f == nil {
						rise(r, "who", have)
					}
				}
				stranger := "out"
				if out == &private && by < rankInvited {
					stranger = "unseen"
				}
				switch {
				case by >= rankMember:
					fmt.Fprintln(out, line)
				case strings.Count(line, "="+stranger) != len(ranks):
					t.Errorf("who is no member: %s", line)
				}
			}
		}
	}
	for name, tt := range map[string]struct{ got, want string }{
		"public": {public.String(), publicRules}, "private": {private.String(), privateRules},
	} {
		if tt.got != tt.want {
			t.Errorf("in a %s room:\n%s", name, tt.got)
		}
	}
}

// rise makes an account of a rank whatever it is, as the room's first owner can.
func rise(r *rig, name string, rank internalv1.Membership) {
	r.t.Helper()
	if have := r.rankOf("#room", name); have == rank {
		return
	} else if have == rankOwner { // nobody puts an owner out
		r.ok(r.rankCmd(name, "#room", name, rankMember))
	}
	if rank < rankMember {
		r.ok(r.rankCmd("owner", "#room", name, rank))
		return
	}
	if r.rankOf("#room", name) < rankMember {
		r.ok(r.rankCmd("owner", "#room", name, rankInvited))
		r.join(name, "#room")
	}
	r.ok(r.rankCmd("owner", "#room", name, rank))
}

// rankOf is what an account is to a room, as the state has it.
func (r *rig) rankOf(room, name string) internalv1.Membership {
	r.t.Helper()
	v := r.view()
	defer v.Close()
	id, err := v.accountID(name)
	if err != nil {
		r.t.Fatal(err)
	}
	conv, err := v.roomID(room[1:])
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := v.roomMember(conv, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return m.GetMembership()
}

func short(m internalv1.Membership) string {
	return [...]string{"none", "banned", "invited", "member", "mod", "owner"}[m]
}

func outcome(f *internalv1.Refusal, have, now internalv1.Membership) string {
	switch {
	case f == nil && now == have:
		return "same"
	case f == nil:
		return "ok"
	case now != have:
		return "REFUSED BUT DONE"
	}
	return map[internalv1.Reason]string{
		internalv1.Reason_REASON_NOT_ALLOWED: "no", internalv1.Reason_REASON_NOT_A_MEMBER: "out",
		internalv1.Reason_REASON_CONVERSATION_NOT_FOUND: "unseen",
	}[f.GetReason()]
}

// A room is never without an owner as long as it has members.
func TestTheLastOwner(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "eve")
	r.ok(r.createRoomCmd("ann", "#ops", false))
	steppingDown := r.rankCmd("ann", "#ops", "ann", rankMember)
	r.refused(steppingDown, internalv1.Reason_REASON_NOT_ALLOWED)
	r.join("bob", "#ops")
	for _, c := range []*internalv1.Command{r.rankCmd("ann", "#ops", "", rankNone), r.rankCmd("ann", "#ops", "ann", rankModerator)} {
		f := r.do(c).GetRefusal()
		if f.GetReason() != internalv1.Reason_REASON_NOT_ALLOWED || !strings.Contains(f.GetMessage(), "make another member an owner first") {
			t.Errorf("refused with %v", f)
		}
	}
	r.join("ann", "#ops") // in already: stays what she is
	if got := r.roomOf("ann", "#ops"); got != "#ops 2 owner" {
		t.Errorf("after a join of her own room: %s", got)
	}
	r.ok(r.rankCmd("ann", "#ops", "bob", rankOwner))
	r.ok(r.rankCmd("ann", "#ops", "ann", rankMember))
	r.leave("ann", "#ops")
	r.leave("bob", "#ops") // the last one: nobody is left to need an owner
	if got := r.roomOf("eve", "#ops"); got != "#ops 0 unspecified archived" {
		t.Errorf("the empty room: %s", got)
	}
	r.refused(r.rankCmd("eve", "#ops", "", rankMember), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.ok(setOperatorCmd("eve", true))
	r.refused(r.updateRoomCmd("eve", "#ops", archive(false)), internalv1.Reason_REASON_NOT_ALLOWED)
	finalHash(t, s)
}

func setOperatorCmd(name string, operator bool) *internalv1.Command {
	id := uuid7(startMS, uint64(len(name))<<32)
	return &internalv1.Command{RequestId: id, Body: &internalv1.Command_SetOperator{SetOperator: &internalv1.SetOperator{
		Username: name, Operator: operator, FromAdminSocket: true}}}
}

// A renamed room answers to every name that it had, an archived one takes nothing more, and who may not change it does not.
func TestUpdateRoom(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "eve", "op")
	r.ok(setOperatorCmd("op", true))
	r.ok(r.createRoomCmd("ann", "#ops", true))
	r.ok(r.createRoomCmd("ann", "#other", false))
	r.ok(r.rankCmd("ann", "#ops", "bob", rankInvited))
	r.join("bob", "#ops")
	topic := func(s string) func(u *internalv1.UpdateRoom) { return func(u *internalv1.UpdateRoom) { u.Topic = &s } }
	days := func(n uint32) func(u *internalv1.UpdateRoom) {
		return func(u *internalv1.UpdateRoom) { u.RetainDays = &n }
	}
	for name, tt := range map[string]struct {
		cmd  *internalv1.Command
		want internalv1.Reason
	}{
		"nothing":                     {r.updateRoomCmd("ann", "#ops", func(*internalv1.UpdateRoom) {}), internalv1.Reason_REASON_INVALID_FIELD},
		"a bad topic":                 {r.updateRoomCmd("ann", "#ops", topic("a\nb")), internalv1.Reason_REASON_INVALID_FIELD},
		"a bad name":                  {r.updateRoomCmd("ann", "#ops", rename("ops")), internalv1.Reason_REASON_INVALID_FIELD},
		"too many days":               {r.updateRoomCmd("ann", "#ops", days(MaxRetainDays+1)), internalv1.Reason_REASON_INVALID_FIELD},
		"a taken name":                {r.updateRoomCmd("ann", "#ops", rename("#other")), internalv1.Reason_REASON_ROOM_EXISTS},
		"a member's topic":            {r.updateRoomCmd("bob", "#ops", topic("mine")), internalv1.Reason_REASON_NOT_ALLOWED},
		"a stranger's, of a secret":   {r.updateRoomCmd("eve", "#ops", topic("mine")), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		"a stranger's":                {r.updateRoomCmd("eve", "#other", topic("mine")), internalv1.Reason_REASON_NOT_A_MEMBER},
		"an operator's, but not that": {r.updateRoomCmd("op", "#ops", topic("mine")), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND},
		"a member's archiving":        {r.updateRoomCmd("bob", "#ops", archive(true)), internalv1.Reason_REASON_NOT_ALLOWED},
	} {
		if got := r.do(tt.cmd).GetRefusal(); got.GetReason() != tt.want {
			t.Errorf("%s: refused with %v, want %v", name, got, tt.want)
		}
	}
	first := r.sendCmd("bob", "#ops", "hello")
	sent := r.ok(first)
	r.ok(r.rankCmd("ann", "#ops", "bob", rankModerator))
	r.ok(r.updateRoomCmd("bob", "#ops", topic("what burns")))
	r.ok(r.updateRoomCmd("ann", "#ops", rename("#Fire")))
	r.refused(r.createRoomCmd("eve", "#ops", false), internalv1.Reason_REASON_ROOM_EXISTS)
	if got := r.roomOf("bob", "#ops"); got != "#fire 2 moderator topic=what burns private" {
		t.Errorf("by its old name: %s", got)
	}
	r.ok(r.rankCmd("ann", "#ops", "bob", rankNone))
	if again := r.do(first); !proto.Equal(again, sent) {
		t.Errorf("who was put out is answered %v for what was answered %v", again, sent)
	}
	r.ok(r.updateRoomCmd("ann", "#fire", rename("#ops"))) // its own old name
	mine := r.send("ann", "#ops", "mine").GetId()
	closed := r.ok(r.updateRoomCmd("op", "#ops", archive(true))).GetRoom()
	if closed.GetTopic() != "" || closed.GetMembers() != 0 || !closed.GetArchived() {
		t.Errorf("an operator that is no member learns %v", closed)
	}
	r.refused(r.sendCmd("ann", "#ops", "x"), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.refused(r.editCmd("ann", mine, "x"), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.refused(r.reactCmd("ann", sent.GetSend().GetId(), "x", true), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.refused(r.updateRoomCmd("ann", "#ops", topic("x")), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.ok(r.updateRoomCmd("ann", "#ops", archive(false)))
	r.send("ann", "#ops", "again")
	socket := r.updateRoomCmd("", "#other", archive(true))
	socket.GetUpdateRoom().FromAdminSocket = true
	r.ok(socket)
	if got := r.roomOf("ann", "#other"); got != "#other 1 owner archived" {
		t.Errorf("after the admin socket closed it: %s", got)
	}
	if got := r.rooms("ann", "", false); got != "#ops #other" {
		t.Errorf("the list has %q", got)
	}
	finalHash(t, s)
}

// Unread and mention counts are computed: own messages, placeholders and hidden ones are not in them, and marks go both ways.
func TestRoomUnread(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "cat")
	r.ok(r.createRoomCmd("ann", "#ops", false))
	r.send("ann", "#ops", "before bob")
	r.join("bob", "#ops")
	r.join("cat", "#ops")
	check := func(what, tok string, read, unread, mentions int, list string) {
		t.Helper()
		c := r.conversationOf(tok, "#ops")
		if int(c.GetReadSeq()) != read || int(c.GetUnread()) != unread || int(c.GetMentions()) != mentions {
			t.Errorf("%s: %s has read %d, %d unread, %d mentions; want %d, %d, %d", what, tok, c.GetReadSeq(), c.GetUnread(),
				c.GetMentions(), read, unread, mentions)
		}
		if got := r.page(tok, MessageQuery{Conversation: "#ops", OnlyUnread: true}); got != list {
			t.Errorf("%s: %s's unread are %q, want %q", what, tok, got, list)
		}
	}
	check("after the join", "bob", 1, 0, 0, "")
	ids := []uint64{1}
	for i := range 10 { // seqs 2 to 11: ann ann bob ann cat …
		from := []string{"ann", "ann", "bob", "ann", "cat"}[i%5]
		text := []string{"hi @bob", "@room!", "mail a@bob.example", "x", "(@Bob, @ann.)"}[i%5]
		ids = append(ids, r.send(from, "#ops", text).GetId())
	}
	check("ten messages", "bob", 1, 8, 6, "2 3 5 6 7 8 10 11")
	check("ten messages", "cat", 1, 8, 2, "2 3 4 5 7 8 9 10")
	r.ok(r.deleteCmd("ann", ids[2], ids[3])) // ann's @room, and bob's as the moderator
	check("after a deletion", "bob", 1, 7, 5, "2 5 6 7 8 10 11")
	check("after a deletion", "cat", 1, 6, 1, "2 5 7 8 9 10")
	r.ok(r.deleteCmd("bob", ids[1], ids[5])) // hides them from himself
	check("after hiding", "bob", 1, 5, 3, "5 7 8 10 11")
	r.ok(r.markCmd("bob", "#ops", 3, 7))
	check("after a mark", "bob", 7, 3, 2, "8 10 11")
	r.ok(r.markCmd("bob", "#ops", 2, 5)) // does not go back
	check("after a lower mark", "bob", 7, 3, 2, "8 10 11")
	r.ok(r.readMarkCmd("bob", "#ops", 4))
	check("set back", "bob", 4, 5, 3, "5 7 8 10 11")
	r.ok(r.readMarkCmd("bob", "#ops", 99))
	check("all read", "bob", 11, 0, 0, "")
	r.send("bob", "#ops", "mine")
	check("an own message follows", "bob", 12, 0, 0, "")
	if got := r.page("bob", MessageQuery{Conversation: "#ops", OnlyMentions: true}); got != "7 8 11" {
		t.Errorf("bob is mentioned in %q", got)
	}
	finalHash(t, s)
}

// Names are mentioned at the boundaries of words, members only, and not beyond the limit.
func TestMentions(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "b.c", "eve")
	r.ok(r.createRoomCmd("ann", "#ops", false))
	r.join("bob", "#ops")
	r.join("b.c", "#ops")
	flood := "@"
	for i := range MaxMentions {
		flood += fmt.Sprintf("n%d @", i)
	}
	for _, tt := range []struct {
		text     string
		bob, bc  bool
		everyone bool
	}{
		{"@bob", true, false, false},
		{"@BOB: look", true, false, false},
		{"look, @bob.", true, false, false},
		{"look, @bob...", true, false, false},
		{"@b.c.", false, true, false},
		{"@bob @b.c @bob", true, true, false},
		{"mail ann@bob", false, false, false},
		{"@@bob", false, false, false},
		{"@bobby", false, false, false},
		{"@ bob", false, false, false},
		{"@eve", false, false, false},
		{"@nobody", false, false, false},
		{"é@bob", true, false, false},
		{"@bobさん", true, false, false},
		{"@room", false, false, true},
		{"@Room.", false, false, true},
		{"@rooms", false, false, false},
		{flood + "bob", false, false, false},
		{"@", false, false, false},
	} {
		id := r.send("ann", "#ops", tt.text).GetId()
		for name, want := range map[string]bool{"bob": tt.bob, "b.c": tt.bc, "ann": false} {
			if got := r.message(name, id).GetMessage().GetMentionsMe(); got != (want || tt.everyone) {
				t.Errorf("%q mentions %s: %v", tt.text, name, got)
			}
		}
	}
	finalHash(t, s)
}

// What comes of it: ok, same for what is so already or is left as it is, no for what is not allowed.
const publicRules = `
member on none: none=no banned=no invited=ok member=no mod=no owner=no
member on banned: none=no banned=no invited=no member=no mod=no owner=no
member on invited: none=no banned=no invited=same member=no mod=no owner=no
member on member: none=no banned=no invited=same member=no mod=no owner=no
member on mod: none=no banned=no invited=same member=no mod=no owner=no
member on owner: none=no banned=no invited=same member=no mod=no owner=no
mod on none: none=same banned=ok invited=ok member=no mod=no owner=no
mod on banned: none=ok banned=same invited=ok member=no mod=no owner=no
mod on invited: none=ok banned=ok invited=same member=no mod=no owner=no
mod on member: none=ok banned=ok invited=same member=no mod=no owner=no
mod on mod: none=no banned=no invited=same member=no mod=no owner=no
mod on owner: none=no banned=no invited=same member=no mod=no owner=no
owner on none: none=same banned=ok invited=ok member=no mod=no owner=no
owner on banned: none=ok banned=same invited=ok member=no mod=no owner=no
owner on invited: none=ok banned=ok invited=same member=no mod=no owner=no
owner on member: none=ok banned=ok invited=same member=same mod=ok owner=ok
owner on mod: none=ok banned=ok invited=same member=ok mod=same owner=ok
owner on owner: none=no banned=no invited=same member=no mod=no owner=same
`

const privateRules = `
member on none: none=no banned=no invited=no member=no mod=no owner=no
member on banned: none=no banned=no invited=no member=no mod=no owner=no
member on invited: none=no banned=no invited=no member=no mod=no owner=no
member on member: none=no banned=no invited=no member=no mod=no owner=no
member on mod: none=no banned=no invited=no member=no mod=no owner=no
member on owner: none=no banned=no invited=no member=no mod=no owner=no
mod on none: none=same banned=ok invited=ok member=no mod=no owner=no
mod on banned: none=ok banned=same invited=ok member=no mod=no owner=no
mod on invited: none=ok banned=ok invited=same member=no mod=no owner=no
mod on member: none=ok banned=ok invited=same member=no mod=no owner=no
mod on mod: none=no banned=no invited=same member=no mod=no owner=no
mod on owner: none=no banned=no invited=same member=no mod=no owner=no
owner on none: none=same banned=ok invited=ok member=no mod=no owner=no
owner on banned: none=ok banned=same invited=ok member=no mod=no owner=no
owner on invited: none=ok banned=ok invited=same member=no mod=no owner=no
owner on member: none=ok banned=ok invited=same member=same mod=ok owner=ok
owner on mod: none=ok banned=ok invited=same member=ok mod=same owner=ok
owner on owner: none=no banned=no invited=same member=no mod=no owner=same
`
