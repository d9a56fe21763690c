package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// retainAll has slices applied until there is nothing to do, and returns how many there were.
func (r *rig) retainAll() (slices int) {
	r.t.Helper()
	for r.s.Work().Retain {
		r.ok(retainCmd())
		if slices++; slices > 100 {
			r.t.Fatal("the pass does not end")
		}
	}
	return slices
}

// firstSeq is where a conversation begins.
func (r *rig) firstSeq(tok, with string) uint64 {
	r.t.Helper()
	v, ses := r.as(tok)
	defer v.Close()
	conv, err := v.resolve(ses.AccountID, with)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := v.conversation(conv)
	if err != nil {
		r.t.Fatal(err)
	}
	return max(1, c.GetFirstSeq())
}

// Messages that are too old go, with all that is on them, a bounded number at a time, the oldest first; the younger ones stay
// as they are, and every count is exact at each moment.
func TestRetention(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(MaxClusterVersion))
	r.ok(r.retainCmd(2))
	const old = 250
	var first uint64
	for i := range old {
		cmd := r.sendCmd("ann", "@bob", fmt.Sprint("old ", i))
		if i%5 == 4 {
			cmd = r.postCmd("ann", "@bob", fmt.Sprint("old ", i), first)
		}
		m := r.ok(cmd).GetSend()
		if i%5 == 0 {
			first = m.GetId()
		}
		switch i % 5 {
		case 0:
			r.ok(r.editCmd("ann", m.GetId(), fmt.Sprint("edited ", i)))
			r.ok(r.reactCmd("bob", m.GetId(), "👍", true))
			if i < 5*MaxPins/2 {
				r.ok(r.pinCmd("bob", m.GetId(), true))
			}
		case 1:
			r.ok(r.deleteCmd("ann", m.GetId()))
		case 2:
			r.ok(r.deleteCmd("bob", m.GetId()))
		}
	}
	r.ok(r.markCmd("bob", "@ann", 21, 30))
	r.pass(47 * time.Hour)
	if s.Work().Retain {
		r.retainAll()
	}
	if n := r.firstSeq("bob", "@ann"); n != 1 {
		t.Fatalf("the conversation begins at %d before anything is too old", n)
	}
	young := r.send("bob", "@ann", "young")
	last := r.send("ann", "@bob", "last")
	r.ok(r.pinCmd("bob", young.GetId(), true))
	r.pass(2 * time.Hour)
	w, err := s.Watch(WatchOptions{Session: token("bob")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before := r.firstSeq("bob", "@ann")
	slices := 0
	for ; s.Work().Retain; slices++ {
		r.ok(retainCmd())
		now := r.firstSeq("bob", "@ann")
		if now-before > RetainMessages || slices > 10 {
			t.Fatalf("slice %d removed %d messages, from %d on", slices+1, now-before, before)
		}
		before = now
		unread := uint64(0)
		for seq := now; seq <= old; seq++ {
			if i := (seq - 1) % 5; i != 1 && i != 2 && (seq < 21 || seq > 30) {
				unread++
			}
		}
		v, ses := r.as("bob")
		cs, _, err := v.Conversations(ses, 10, "")
		if err != nil || cs[0].GetUnread() != unread+1 {
			t.Fatalf("after slice %d bob has %v, %v, want %d unread", slices+1, cs, err, unread+1)
		}
		checkReadState(t, v, ses.AccountID)
		v.Close()
		es, err := w.Next(context.Background())
		if err != nil || es[0].GetReadMarked().GetUnread() != unread+1 {
			t.Fatalf("after slice %d bob is told %v, %v", slices+1, es, err)
		}
	}
	if slices < 3 || before != old+1 {
		t.Fatalf("%d slices, and the conversation begins at %d, want %d", slices, before, old+1)
	}
	for s.Work().Erase {
		r.ok(eraseCmd())
	}
	for tag, want := range map[byte]int{tagMessage: 2, tagPlace: 2, tagThread: 0, tagEdit: 0, tagAnnotation: 1, tagLitter: 0,
		tagDead: 0, tagHidden: 0} {
		if n := countTable(t, s, tag); n != want {
			t.Errorf("table %#02x has %d keys, want %d", tag, n, want)
		}
	}
	want := []string{fmt.Sprintf("@ann %d bob: young", young.GetSeq()), fmt.Sprintf("@ann %d ann: last new", last.GetSeq())}
	for _, q := range []MessageQuery{{}, {Conversation: "@ann", AfterID: 1}, {Conversation: "@ann", AroundID: young.GetId()},
		{Conversation: "@ann", FromMS: startMS}, {Conversation: "@ann", BeforeID: last.GetId() + 1}} {
		if got := r.read("bob", q); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v reads %q, want %q", q, got, want)
		}
	}
	// A read mark far below, and ranges that begin there, count from the first message that is left.
	r.ok(r.readMarkCmd("bob", "@ann", 0))
	r.ok(r.markCmd("bob", "@ann", 1, old+1))
	if got := r.read("bob", MessageQuery{OnlyUnread: true}); len(got) != 1 {
		t.Errorf("unread are %q", got)
	}
	r.refused(r.deleteCmd("ann", 1), internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	finalHash(t, s)
}

// A conversation of which nothing is left stays, and goes on where it was.
func TestRetentionOfAll(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(MaxClusterVersion))
	r.ok(r.retainCmd(1))
	for i := range 3 {
		r.send("ann", "@bob", fmt.Sprint(i))
		r.send("ann", "@ann", fmt.Sprint(i))
	}
	r.pass(25 * time.Hour)
	r.retainAll()
	v, ses := r.as("bob")
	cs, _, err := v.Conversations(ses, 10, "")
	v.Close()
	if err != nil || len(cs) != 1 || cs[0].GetUnread() != 0 || cs[0].GetLastSeq() != 3 || cs[0].GetLastMessage() != nil {
		t.Fatalf("bob has %v, %v", cs, err)
	}
	if got := r.send("bob", "@ann", "on"); got.GetSeq() != 4 {
		t.Errorf("the next message is %v", got)
	}
	if got := r.send("ann", "@ann", "on"); got.GetSeq() != 4 {
		t.Errorf("the next note to oneself is %v", got)
	}
	if got := r.read("ann", MessageQuery{}); fmt.Sprint(got) != "[@bob 4 bob: on new @ann 4 ann: on]" {
		t.Errorf("ann reads %q", got)
	}
	finalHash(t, s)
}

// P2: the retry of a message that was removed answers what the first try did, for a year.
func TestRetryOfARemovedMessage(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(MaxClusterVersion))
	r.ok(r.retainCmd(30))
	send := r.sendCmd("ann", "@bob", "hi")
	other := proto.CloneOf(send)
	other.GetSendMessage().Text = "ho"
	first := r.ok(send)
	months := func(n int) {
		for ; n > 0; n-- {
			r.pass(30 * 24 * time.Hour)
			tok := fmt.Sprint("ann at ", r.nowMS)
			r.ok(r.loginCmd("ann", tok, 1))
			send.Session, other.Session = token(tok), token(tok)
		}
	}
	months(2)
	r.retainAll()
	if n := countTable(t, s, tagMessage); n != 0 {
		t.Fatalf("%d messages are left", n)
	}
	check := func(when string) {
		t.Helper()
		for s.Work().Expire {
			r.ok(expireCmd())
		}
		if got := r.do(send); !proto.Equal(got, first) {
			t.Fatalf("%s the retry is answered %v, want %v", when, got, first)
		}
		r.refused(other, internalv1.Reason_REASON_REQUEST_ID_REUSED)
		if n := countTable(t, s, tagMessage); n != 0 {
			t.Fatalf("%s it was sent again", when)
		}
	}
	check("at once")
	months(12)
	check("after 360 days")
	months(1)
	for s.Work().Expire {
		r.ok(expireCmd())
	}
	r.refused(send, internalv1.Reason_REASON_REQUEST_ID_EXPIRED)
	finalHash(t, s)
}

// Who comes back with a cursor from before is told what is left, and stumbles over nothing that was removed.
func TestStreamOverRemovedMessages(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(MaxClusterVersion))
	r.ok(r.retainCmd(1))
	v := r.view()
	cursor := v.Cursor()
	v.Close()
	m := r.send("ann", "@bob", "old")
	r.ok(r.editCmd("ann", m.GetId(), "edited"))
	r.ok(r.reactCmd("bob", m.GetId(), "👍", true))
	r.ok(r.deleteCmd("ann", r.send("ann", "@bob", "deleted").GetId()))
	r.pass(25 * time.Hour)
	r.send("ann", "@bob", "young")
	r.retainAll()
	w, err := s.Watch(WatchOptions{Session: token("bob"), Cursor: cursor})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	es, err := w.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range es {
		switch {
		case e.GetMessage() != nil:
			got = append(got, "message "+e.GetMessage().GetText())
		case e.GetMessageDeleted() != nil:
			got = append(got, fmt.Sprint("deleted ", e.GetMessageDeleted().GetSeq()))
		case e.GetReadMarked() != nil:
			got = append(got, fmt.Sprint("unread ", e.GetReadMarked().GetUnread()))
		default:
			got = append(got, e.String())
		}
	}
	if fmt.Sprint(got) != "[deleted 2 message young unread 1]" {
		t.Errorf("bob is told %q", got)
	}
}

// A pass begins once an hour at the most, only where something is to be kept for a time, and looks at a bounded number of
// conversations a slice.
func TestRetentionPasses(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann")
	const peers = RetainConversations + 50
	for i := range peers {
		name := fmt.Sprintf("p%03d", i)
		r.ok(r.createCmd(name))
		r.send("ann", "@"+name, "hi")
	}
	r.refused(retainCmd(), internalv1.Reason_REASON_CLUSTER_VERSION_TOO_LOW)
	r.ok(raise(MaxClusterVersion))
	r.pass(48 * time.Hour)
	if s.Work().Retain {
		t.Error("there is work, and everything is kept for ever")
	}
	r.ok(retainCmd())
	r.ok(r.retainCmd(3))
	if n := r.retainAll(); n != 2 {
		t.Errorf("%d slices for %d conversations, want 2", n, peers)
	}
	r.pass(59 * time.Minute)
	if s.Work().Retain {
		t.Error("another pass within an hour")
	}
	r.pass(24 * time.Hour)
	r.ok(r.retainCmd(0))
	if s.Work().Retain {
		t.Error("there is work, and everything is kept again")
	}
	r.ok(r.retainCmd(2))
	if n := r.retainAll(); n < 3 || countTable(t, s, tagMessage) != 0 {
		t.Errorf("%d slices, and %d messages are left", n, countTable(t, s, tagMessage))
	}
	finalHash(t, s)
}

// A room's own number of days holds for it, another's does not; what its members have unread, and who is mentioned, stays
// exact; the retry of a message is answered under the name that it was sent to, whatever the room is called by then.
func TestRetentionOfARoom(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "cid")
	r.ok(raise(MaxClusterVersion))
	for _, room := range []string{"#ops", "#kept"} {
		r.markRoom(room, "ann", "bob", "cid")
	}
	days := uint32(2)
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("ann"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#ops", RetainDays: &days}}})
	send := r.sendCmd("bob", "#ops", "the first, @cid and @room")
	first := r.ok(send)
	r.send("bob", "#kept", "kept")
	for i := range 150 {
		m := r.send([]string{"ann", "bob"}[i%2], "#ops", fmt.Sprint("old ", i, " @cid"))
		switch i % 6 {
		case 1:
			r.ok(r.deleteCmd("bob", m.GetId()))
		case 2:
			r.ok(r.deleteCmd("cid", m.GetId()))
		case 3:
			r.ok(r.editCmd("bob", m.GetId(), "edited, @cid"))
		}
	}
	r.ok(r.readMarkCmd("cid", "#ops", 30))
	r.pass(49 * time.Hour)
	r.send("bob", "#ops", "young @cid")
	r.send("cid", "#ops", "mine")
	name := "#works"
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("ann"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#ops", NewName: &name}}})
	for n := 0; s.Work().Retain; n++ {
		r.ok(retainCmd())
		for _, who := range []string{"ann", "bob", "cid"} {
			left := len(r.read(who, MessageQuery{Conversation: "#works", OnlyUnread: true}))
			v, ses := r.as(who)
			cs, _, err := v.Conversations(ses, 10, "")
			v.Close()
			if err != nil || cs[0].GetName() != "#works" || int(cs[0].GetUnread()) != left {
				t.Fatalf("after slice %d %s has %v, %v, and reads %d unread messages", n+1, who, cs, err, left)
			}
		}
	}
	want := "[#works 152 bob: young @cid new #works 153 cid: mine]"
	if got := r.read("cid", MessageQuery{Conversation: "#works"}); fmt.Sprint(got) != want {
		t.Errorf("cid reads %q, want %s", got, want)
	}
	if got := r.read("cid", MessageQuery{OnlyMentions: true}); len(got) != 1 {
		t.Errorf("cid is mentioned in %q", got)
	}
	if got := r.read("cid", MessageQuery{Conversation: "#kept"}); len(got) != 1 {
		t.Errorf("in the room that keeps everything are %q", got)
	}
	for s.Work().Erase {
		r.ok(eraseCmd())
	}
	for tag, want := range map[byte]int{tagMessage: 3, tagPlace: 3, tagAuthored: 3, tagDead: 0, tagEdit: 0, tagLitter: 0} {
		if n := countTable(t, s, tag); n != want {
			t.Errorf("table %#02x has %d keys, want %d", tag, n, want)
		}
	}
	if got := r.do(send); !proto.Equal(got, first) {
		t.Errorf("the retry is answered %v, want %v", got, first)
	}
	days = 0
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("ann"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#works", RetainDays: &days}}})
	r.pass(48 * time.Hour)
	if s.Work().Retain {
		t.Error("there is work, and everything is kept again")
	}
	finalHash(t, s)
}

// However much is on each message, a slice stays within what a command may write. Apply would stop at more.
func TestRetainSliceOfHeavyMessages(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	text := ""
	var names []string
	for i := range MaxMentions {
		names = append(names, fmt.Sprintf("m%02d", i))
		text += " @" + names[i]
	}
	r.people(names...)
	r.ok(raise(MaxClusterVersion))
	r.ok(r.retainCmd(1))
	r.markRoom("#ops", names...)
	for range 40 {
		m := r.send("m00", "#ops", "all of you:"+text)
		r.ok(r.pinCmd("m00", m.GetId(), true))
		r.ok(r.reactCmd("m01", m.GetId(), "👍", true))
	}
	r.pass(25 * time.Hour)
	if n := r.retainAll(); n < 3 {
		t.Errorf("%d slices: the test is to need more", n)
	}
	for _, tag := range []byte{tagMessage, tagMention, tagAuthored} {
		if n := countTable(t, s, tag); n != 0 {
			t.Errorf("table %#02x has %d keys left", tag, n)
		}
	}
	finalHash(t, s)
}
