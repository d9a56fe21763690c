package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// markRoom makes a public room of the first one, which the others join.
func (r *rig) markRoom(room string, members ...string) {
	r.t.Helper()
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token(members[0]), Body: &internalv1.Command_CreateRoom{
		CreateRoom: &internalv1.CreateRoom{Room: room}}})
	for _, who := range members[1:] {
		r.ok(r.rankCmd(who, room, "", internalv1.Membership_MEMBERSHIP_MEMBER))
	}
}

func (r *rig) rankCmd(tok, room, whose string, rank internalv1.Membership) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_SetMembership{
		SetMembership: &internalv1.SetMembership{Room: room, Username: whose, Membership: rank}}}
}

// In a room members reply, edit and react; its moderators pin; who is not in it, or was put out, meets nothing, as if there
// were no such message.
func TestMarksInARoom(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("owner", "ann", "bob", "eve")
	r.ok(raise(3))
	r.markRoom("#ops", "owner", "ann", "bob")
	first := r.send("ann", "#ops", "down?").GetId()
	r.ok(r.postCmd("bob", "#ops", "yes", first))
	r.ok(r.postCmd("owner", "#ops", "on it", first))
	r.ok(r.editCmd("ann", first, "down!"))
	r.ok(r.reactCmd("bob", first, "👀", true))
	r.ok(r.reactCmd("owner", first, "👀", true))
	r.refused(r.pinCmd("bob", first, true), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(r.pinCmd("ann", first, true), internalv1.Reason_REASON_NOT_ALLOWED)
	r.ok(r.rankCmd("owner", "#ops", "ann", internalv1.Membership_MEMBERSHIP_MODERATOR))
	r.ok(r.pinCmd("ann", first, true))
	r.refused(r.pinCmd("bob", first, false), internalv1.Reason_REASON_NOT_ALLOWED)
	for who, want := range map[string]string{
		"bob": "replies 2, edits 1, 👀2+, pinned", "ann": "replies 2, edits 1, 👀2, pinned",
	} {
		if got := marksOf(r.message(who, first).GetMessage()); got != want {
			t.Errorf("%s reads %q, want %q", who, got, want)
		}
	}
	outside := func(who string) {
		t.Helper()
		for _, cmd := range []*internalv1.Command{
			r.editCmd(who, first, "x"), r.reactCmd(who, first, "x", true), r.pinCmd(who, first, false),
		} {
			there, missing := r.do(cmd).GetRefusal(), r.do(r.editCmd(who, 999, "x")).GetRefusal()
			if there.GetReason() != missing.GetReason() || there.GetField() != missing.GetField() ||
				there.GetMessage() != fmt.Sprintf("there is no message %d", first) {
				t.Errorf("%s: %T is refused with %v, of no message with %v", who, cmd.GetBody(), there, missing)
			}
		}
		v, ses := r.as(who)
		defer v.Close()
		if m, err := v.Message(ses, first); !errors.Is(err, ErrNoMessage) {
			t.Errorf("%s reads %v, %v", who, m, err)
		}
		r.refused(r.postCmd(who, "#ops", "x", first), internalv1.Reason_REASON_NOT_A_MEMBER)
		r.refused(r.readMarkCmd(who, "#ops", 0), internalv1.Reason_REASON_NOT_A_MEMBER)
		r.refused(r.muteCmd(who, "#ops", internalv1.Mute_MUTE_ALL), internalv1.Reason_REASON_NOT_A_MEMBER)
	}
	outside("eve")
	r.ok(r.rankCmd("ann", "#ops", "bob", internalv1.Membership_MEMBERSHIP_UNSPECIFIED))
	outside("bob")
	for q, want := range map[MessageQuery]string{
		{ThreadID: first}: "2 3", {OnlyPinned: true}: "1", {AroundID: first, Limit: 2}: "1 2 >",
	} {
		q.Conversation = "#ops"
		if got := r.page("ann", q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
		if got := r.page("eve", q); got != ErrNotMember.Error() {
			t.Errorf("eve reads %q", got)
		}
	}
	archived := true
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("owner"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#ops", Archived: &archived}}})
	for _, cmd := range []*internalv1.Command{
		r.postCmd("ann", "#ops", "x", first), r.editCmd("ann", first, "x"), r.reactCmd("ann", first, "x", true),
		r.pinCmd("ann", first, false),
	} {
		r.refused(cmd, internalv1.Reason_REASON_ROOM_ARCHIVED)
	}
	r.ok(r.readMarkCmd("ann", "#ops", 0)) // reading goes on
	finalHash(t, s)
}

// Whom a message mentions follows its text: who is no longer named is no longer mentioned.
func TestEditsMoveMentions(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("owner", "ann", "bob", "eve")
	r.ok(raise(3))
	r.markRoom("#ops", "owner", "ann", "bob", "eve")
	id := r.send("owner", "#ops", "plain").GetId()
	for _, step := range []struct {
		text, mentioned string
	}{
		{"@ann look", "ann"}, {"@bob. and @ann", "ann bob"}, {"@Bob", "bob"}, {"@room", "ann bob eve owner"},
		{"@room and @eve", "ann bob eve owner"}, {"@eve-", "eve"}, {"nobody", ""}, {"@ann and @nobody", "ann"},
	} {
		r.ok(r.editCmd("owner", id, step.text))
		got := ""
		for _, who := range []string{"ann", "bob", "eve", "owner"} {
			flag := r.message(who, id).GetMessage().GetMentionsMe()
			if found := r.page(who, MessageQuery{OnlyMentions: true}); (found == "1") != flag {
				t.Errorf("%q: %s is mentioned: %v, but finds %q", step.text, who, flag, found)
			}
			if flag {
				if got != "" {
					got += " "
				}
				got += who
			}
		}
		if got != step.mentioned {
			t.Errorf("%q mentions %q, want %q", step.text, got, step.mentioned)
		}
	}
	// Who left is not mentioned by what stays, and an edit leaves nothing of them behind.
	r.ok(r.rankCmd("ann", "#ops", "", internalv1.Membership_MEMBERSHIP_UNSPECIFIED))
	r.ok(r.editCmd("owner", id, "plain again"))
	if n := countTable(t, s, tagMention); n != 0 {
		t.Errorf("%d mentions are left", n)
	}
	finalHash(t, s)
}

// An edit tells its author, those whom it mentions and the others what each shall see, live as from the index.
func TestEditsInARoomAreTold(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	r.markRoom("#ops", "ann", "bob", "eve")
	sent := r.send("ann", "#ops", "one")
	watch := func(who string) *Watcher {
		w, err := s.Watch(WatchOptions{Session: token(who), Cursor: sent.GetCursor()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		return w
	}
	live := map[string]*Watcher{"ann": watch("ann"), "bob": watch("bob"), "eve": watch("eve")}
	r.ok(r.editCmd("ann", sent.GetId(), "one, @bob"))
	r.ok(r.reactCmd("eve", sent.GetId(), "👍", true))
	for who, w := range live {
		for when, w := range map[string]*Watcher{"live": w, "later": watch(who)} {
			es := nextEvents(testContext(t), t, w, 2)
			m, a := es[0].GetMessageEdited(), es[1].GetMessageAnnotated()
			if m.GetText() != "one, @bob" || m.GetConversation() != "#ops" || m.GetSender() != "ann" ||
				m.GetMentionsMe() != (who == "bob") || (m.GetRequestId() != "") != (who == "ann") {
				t.Errorf("%s is told %s of %v", who, when, m)
			}
			if got, want := annotatedLine(a), "kind=1 value=👍 by=eve present=true"; got != want || a.GetConversation() != "#ops" {
				t.Errorf("%s is told %s of %v", who, when, a)
			}
		}
	}
}

// nextEvents returns n events or more.
func nextEvents(ctx context.Context, t *testing.T, w *Watcher, n int) (es []*parleyv1.Event) {
	t.Helper()
	for len(es) < n {
		got, err := w.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			es = append(es, e.Event)
		}
	}
	return es
}

// A room's read mark goes forward and back, and what is unread is what was sent above it by others and can be read.
func TestReadMarkOfARoom(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	r.markRoom("#ops", "ann", "bob", "eve")
	for i := range 20 { // seqs 5, 10, 15, 20 are bob's
		from := "ann"
		if i%5 == 4 {
			from = "bob"
		}
		r.send(from, "#ops", fmt.Sprint(i+1))
	}
	r.ok(r.deleteCmd("ann", 3, 12))
	r.ok(r.deleteCmd("bob", 7, 20))
	for _, tt := range []struct {
		seq, want uint64
		unread    string
	}{
		{10, 7, "11 13 14 16 17 18 19"},
		{2, 11, "4 6 8 9 11 13 14 16 17 18 19"},
		{0, 13, "1 2 4 6 8 9 11 13 14 16 17 18 19"},
		{19, 0, ""},
		{3, 11, "4 6 8 9 11 13 14 16 17 18 19"},
		{99, 0, ""},
	} {
		r.ok(r.readMarkCmd("bob", "#ops", tt.seq))
		if c := r.conversationOf("bob", "#ops"); c.GetReadSeq() != min(tt.seq, 20) || c.GetUnread() != tt.want {
			t.Errorf("marked up to %d: read up to %d, %d unread; want %d", tt.seq, c.GetReadSeq(), c.GetUnread(), tt.want)
		}
		if got := r.page("bob", MessageQuery{Conversation: "#ops", OnlyUnread: true}); got != tt.unread {
			t.Errorf("marked up to %d: unread are %q, want %q", tt.seq, got, tt.unread)
		}
	}
	r.ok(r.muteCmd("bob", "#ops", internalv1.Mute_MUTE_MENTIONS))
	if got := r.conversationOf("bob", "#ops").GetMute(); got != parleyv1.Mute_MUTE_MENTIONS {
		t.Errorf("the level is %v", got)
	}
	finalHash(t, s)
}

// Edits and reactions stop, as messages do, when one of two blocks the other; what is there can be taken back.
func TestMarksBetweenBlocked(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	id := r.send("ann", "@bob", "hi").GetId()
	r.ok(r.reactCmd("ann", id, "👍", true))
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("bob"), Body: &internalv1.Command_SetBlock{
		SetBlock: &internalv1.SetBlock{Username: "ann", Blocked: true}}})
	for _, cmd := range []*internalv1.Command{
		r.editCmd("ann", id, "x"), r.reactCmd("ann", id, "x", true), r.reactCmd("bob", id, "x", true), r.pinCmd("ann", id, true),
		r.postCmd("ann", "@bob", "x", id),
	} {
		r.refused(cmd, internalv1.Reason_REASON_BLOCKED)
	}
	r.ok(r.reactCmd("ann", id, "👍", false))
	finalHash(t, s)
}
