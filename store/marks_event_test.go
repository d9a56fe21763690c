package store

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Replies, edits, reactions and pins are told to both sides and every session, live as from the index, as each sees them.
func TestMarksAreTold(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	first := r.send("ann", "@bob", "first")
	ctx := testContext(t)
	watch := func(who string) *Watcher {
		w, err := s.Watch(WatchOptions{Session: token(who), Cursor: first.GetCursor()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		return w
	}
	live := map[string]*Watcher{"ann": watch("ann"), "bob": watch("bob")}
	stranger := watch("eve")
	told := make(map[string][]*parleyv1.Event)
	next := func(who string, w *Watcher, n int) (es []*parleyv1.Event) {
		for len(es) < n {
			got, err := w.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range got {
				frame := new(parleyv1.SubscribeResponse)
				if b, err := proto.Marshal(e.Frame); err != nil || proto.Unmarshal(b, frame) != nil ||
					!proto.Equal(frame.GetEvent(), e.Event) {
					t.Errorf("%s: the frame is %v, %v; want %v", who, frame, err, e.Event)
				}
				es = append(es, e.Event)
			}
		}
		return es
	}
	var edited int64
	for _, cmd := range []func() *internalv1.Command{
		func() *internalv1.Command { return r.postCmd("bob", "@ann", "a reply", first.GetId()) },
		func() *internalv1.Command { return r.editCmd("bob", 2, "a better reply") },
		func() *internalv1.Command { return r.reactCmd("ann", 2, "👍", true) },
		func() *internalv1.Command { return r.reactCmd("ann", 2, "👍", false) },
		func() *internalv1.Command { return r.pinCmd("bob", 2, true) },
		func() *internalv1.Command { return r.editCmd("bob", 2, "the best reply") },
	} {
		r.ok(cmd())
		edited = r.nowMS
		for who, w := range live {
			es := next(who, w, 1)
			if len(es) != 1 {
				t.Fatalf("%s is told %v at once", who, es)
			}
			told[who] = append(told[who], es[0])
		}
	}
	marks := []string{
		"kind=1 value=👍 by=ann present=true", "kind=1 value=👍 by=ann present=false", "kind=2 value= by=bob present=true",
	}
	for who, es := range told {
		name := map[string]string{"ann": "@bob", "bob": "@ann"}[who]
		reply := es[0].GetMessage()
		if reply.GetThreadId() != first.GetId() || reply.GetUnread() != (who == "ann") || reply.GetConversation() != name {
			t.Errorf("%s: the reply is told as %v", who, reply)
		}
		var own string
		if who == "bob" {
			own = reply.GetRequestId()
		}
		want := &parleyv1.Message{
			Id: 2, Conversation: name, Seq: 2, Sender: "bob", Text: "the best reply", Time: reply.GetTime(),
			Cursor: reply.GetCursor(), RequestId: own, ThreadId: first.GetId(), Edits: 2, Edited: timestamp(edited), Pinned: true,
		}
		if got := es[5].GetMessageEdited(); !proto.Equal(got, want) {
			t.Errorf("%s: the edit is told as %v, want %v", who, got, want)
		}
		if got := es[1].GetMessageEdited(); got.GetText() != "a better reply" || got.GetPinned() || got.GetEdits() != 1 {
			t.Errorf("%s: the first edit is told as %v", who, got)
		}
		for i, want := range marks {
			if got := annotatedLine(es[2+i].GetMessageAnnotated()); got != want {
				t.Errorf("%s: told %s, want %s", who, got, want)
			}
			if a := es[2+i].GetMessageAnnotated(); a.GetId() != 2 || a.GetSeq() != 2 || a.GetConversation() != name {
				t.Errorf("%s: told %v", who, a)
			}
		}
		// From the index everything is told in the same places, and a message as it is now.
		late := next(who, watch(who), len(es))
		for i := range es {
			if late[i].GetCursor() != es[i].GetCursor() {
				t.Errorf("%s: event %d is at %s, was at %s", who, i, late[i].GetCursor(), es[i].GetCursor())
			}
		}
		for _, got := range []*parleyv1.Message{late[1].GetMessageEdited(), late[5].GetMessageEdited()} {
			if !proto.Equal(got, want) {
				t.Errorf("%s: later the edit is told as %v, want %v", who, got, want)
			}
		}
		want.Unread = who == "ann"
		if got := late[0].GetMessage(); !proto.Equal(got, want) {
			t.Errorf("%s: later the message is told as %v, want %v", who, got, want)
		}
		if !slices.EqualFunc(late[2:5], es[2:5], func(a, b *parleyv1.Event) bool { return proto.Equal(a, b) }) {
			t.Errorf("%s: later told %v, want %v", who, late[2:5], es[2:5])
		}
	}
	r.send("ann", "@eve", "for eve")
	if es := next("eve", stranger, 1); es[0].GetMessage().GetText() != "for eve" {
		t.Errorf("a stranger is told %v", es)
	}
	// A placeholder says nothing of what was on it, nor is what one has hidden told again.
	r.ok(r.deleteCmd("ann", 2))
	for _, e := range next("ann", watch("ann"), 2) {
		if e.GetMessage().GetText() != "for eve" && e.GetMessageDeleted() == nil {
			t.Errorf("ann has hidden the message and is told %v", e)
		}
	}
	r.ok(r.deleteCmd("bob", 2))
	for _, e := range next("bob", watch("bob"), 7) {
		for _, m := range []*parleyv1.Message{e.GetMessage(), e.GetMessageEdited()} {
			if m != nil && (m.GetText() != "" || !m.GetDeleted() || m.GetEdits() != 0 || m.GetPinned()) {
				t.Errorf("of a placeholder bob is told %v", m)
			}
		}
	}
}

func annotatedLine(a *parleyv1.MessageAnnotated) string {
	return fmt.Sprintf("kind=%d value=%s by=%s present=%v", a.GetKind(), a.GetValue(), a.GetUsername(), a.GetPresent())
}
