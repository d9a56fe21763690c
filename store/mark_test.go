package store

import (
	"fmt"
	"strings"
	"testing"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// A read mark goes forward and back, takes the ranges above it away, and the count is what an unread read returns.
func TestSetReadMark(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	for i := range 20 { // seqs 5, 10, 15, 20 are bob's
		from, to := "ann", "@bob"
		if i%5 == 4 {
			from, to = "bob", "@ann"
		}
		r.send(from, to, fmt.Sprint(i+1))
	}
	r.ok(r.deleteCmd("ann", 3, 12))
	r.ok(r.deleteCmd("bob", 7, 12))
	r.ok(r.markCmd("bob", "@ann", 9, 11))
	for _, tt := range []struct {
		seq    uint64
		read   uint64
		unread string
	}{
		{10, 10, "11 13 14 16 17 18 19"},
		{2, 2, "4 6 8 9 11 13 14 16 17 18 19"},
		{0, 0, "1 2 4 6 8 9 11 13 14 16 17 18 19"},
		{18, 18, "19"},
		{19, 20, ""}, // the last is one's own: nothing is unread
		{3, 3, "4 6 8 9 11 13 14 16 17 18 19"},
		{99, 20, ""},
	} {
		r.ok(r.readMarkCmd("bob", "@ann", tt.seq))
		c := r.conversationOf("bob", "@ann")
		if want := len(strings.Fields(tt.unread)); c.GetReadSeq() != tt.read || c.GetUnread() != uint64(want) {
			t.Errorf("marked up to %d: read up to %d, %d unread; want %d, %d", tt.seq, c.GetReadSeq(), c.GetUnread(), tt.read, want)
		}
		if got := r.page("bob", MessageQuery{Conversation: "@ann", OnlyUnread: true}); got != tt.unread {
			t.Errorf("marked up to %d: unread are %q, want %q", tt.seq, got, tt.unread)
		}
		v, ses := r.as("bob")
		checkReadState(t, v, ses.AccountID)
		v.Close()
	}
	r.refused(r.readMarkCmd("bob", "@eve", 1), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND)
	r.refused(r.readMarkCmd("bob", "@nobody", 1), internalv1.Reason_REASON_USER_NOT_FOUND)
	r.refused(r.readMarkCmd("bob", "ann", 1), internalv1.Reason_REASON_INVALID_FIELD)
	// What a deleted account sent cannot become unread, neither before its erasure nor after.
	r.ok(r.deleteUserCmd("ann", 1))
	for range 4 {
		r.ok(r.readMarkCmd("bob", "@ann", 0))
		if c := r.conversationOf("bob", "@ann"); c.GetUnread() != 0 || c.GetReadSeq() != 20 {
			t.Errorf("of a deleted account: %v", c)
		}
		r.ok(eraseCmd())
	}
	// Nor can what one sent to oneself.
	r.send("eve", "@eve", "note")
	r.ok(r.readMarkCmd("eve", "@eve", 0))
	if c := r.conversationOf("eve", "@eve"); c.GetUnread() != 0 {
		t.Errorf("of oneself: %v", c)
	}
	finalHash(t, s)
}

// Marks and mute levels are told to the account's other sessions; of each conversation the newest alone is kept.
func TestMarksAreToldOnce(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	r.send("ann", "@bob", "1")
	r.send("ann", "@bob", "2")
	v := r.view()
	from := v.Cursor()
	v.Close()
	live, err := s.Watch(WatchOptions{Session: token("bob"), Cursor: from})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	other, err := s.Watch(WatchOptions{Session: token("ann"), Cursor: from})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	steps := []struct {
		cmd  *internalv1.Command
		want string
	}{
		{r.readMarkCmd("bob", "@ann", 1), "read @ann up to 1, 1 unread"},
		{r.readMarkCmd("bob", "@ann", 1), ""},
		{r.readMarkCmd("bob", "@ann", 0), "read @ann up to 0, 2 unread"},
		{r.muteCmd("bob", "@ann", internalv1.Mute_MUTE_ALL), "mute @ann 2"},
		{r.muteCmd("bob", "@ann", internalv1.Mute_MUTE_ALL), ""},
		{r.muteCmd("bob", "@ann", internalv1.Mute_MUTE_MENTIONS), "mute @ann 1"},
		{r.readMarkCmd("bob", "@ann", 2), "read @ann up to 2, 0 unread"},
	}
	var told []string
	for _, step := range steps {
		r.ok(step.cmd)
		if step.want == "" {
			continue
		}
		es, err := live.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			told = append(told, markLine(e.Event))
		}
		if got := told[len(told)-1]; got != step.want {
			t.Errorf("told %q, want %q", got, step.want)
		}
	}
	if len(told) != 5 {
		t.Errorf("told %q", told)
	}
	r.send("bob", "@ann", "for ann")
	es, err := other.Next(testContext(t))
	if err != nil || len(es) != 1 || es[0].GetMessage() == nil {
		t.Errorf("ann is told %v, %v", es, err)
	}
	late, err := s.Watch(WatchOptions{Session: token("bob"), Cursor: from})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if es, err = late.Next(testContext(t)); err != nil || len(es) != 3 {
		t.Fatalf("told %v, %v", es, err)
	}
	for i, want := range []string{"mute @ann 1", "read @ann up to 2, 0 unread"} {
		if got := markLine(es[i].Event); got != want {
			t.Errorf("told later %q, want %q", got, want)
		}
	}
	if got := r.conversationOf("bob", "@ann").GetMute(); got != parleyv1.Mute_MUTE_MENTIONS {
		t.Errorf("the level is %v", got)
	}
	if got := r.conversationOf("ann", "@bob").GetMute(); got != parleyv1.Mute_MUTE_UNSPECIFIED {
		t.Errorf("ann's level is %v", got)
	}
	r.ok(r.markCmd("bob", "@ann", 1, 3)) // what else is in the record stays
	if got := r.conversationOf("bob", "@ann").GetMute(); got != parleyv1.Mute_MUTE_MENTIONS {
		t.Errorf("after a mark the level is %v", got)
	}
	for _, level := range []internalv1.Mute{-1, 3} {
		f := r.do(r.muteCmd("bob", "@ann", level)).GetRefusal()
		if f.GetReason() != internalv1.Reason_REASON_INVALID_FIELD || f.GetField() != "mute" {
			t.Errorf("level %d: refused with %v", level, f)
		}
	}
	finalHash(t, s)
}

func markLine(e *parleyv1.Event) string {
	switch c := e.GetChange().(type) {
	case *parleyv1.Event_ReadMarked:
		return fmt.Sprintf("read %s up to %d, %d unread", c.ReadMarked.GetConversation(), c.ReadMarked.GetReadSeq(),
			c.ReadMarked.GetUnread())
	case *parleyv1.Event_MuteChanged:
		return fmt.Sprintf("mute %s %d", c.MuteChanged.GetConversation(), c.MuteChanged.GetMute())
	}
	return fmt.Sprintf("%T", e.GetChange())
}

// Counting what lies above a mark looks at a bounded number of deleted messages; beyond it the mark is refused, not wrong.
func TestReadMarkIsBounded(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	const n = 30
	var ids []uint64
	for i := range n {
		ids = append(ids, r.send("ann", "@bob", fmt.Sprint(i)).GetId())
	}
	r.ok(r.deleteCmd("ann", ids[:n-1]...))
	conv, err := s.machine.conversation(1)
	if err != nil {
		t.Fatal(err)
	}
	for scan, want := range map[int]bool{n - 1: true, n - 2: false} {
		left := scan
		unread, ok, err := s.machine.countAlive(conv, 2, run{1, n}, &left)
		if err != nil || ok != want || ok && unread != 1 {
			t.Errorf("with %d to look at: %d, %v, %v", scan, unread, ok, err)
		}
	}
	if err := s.endBase(); err != nil {
		t.Fatal(err)
	}
}
