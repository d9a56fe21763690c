package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

const reaction = parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION

// ops is a room in which bob wrote and alice answered, with one mention.
func ops(f *fake) {
	f.store("#ops", "bob", "the disk of db3 is full", "", epoch.Add(-10*time.Minute))
	f.store("#ops", "carol", "@alice please look", "", epoch.Add(-9*time.Minute)).MentionsMe = true
	f.store("#ops", "alice", "on it", "own-1", epoch.Add(-8*time.Minute))
	for _, m := range f.msgs {
		m.Unread = false
	}
}

// settled lets the time pass in which an event may tell what a page has counted already.
func settled(x *harness) { x.advance(10 * time.Second) }

// TestFeatureSelectMessageMode: what can be done to a message is done from the select mode, and nothing looks done before the
// cluster said so.
func TestFeatureSelectMessageMode(t *testing.T) {
	x := start(t, 100, 24, ops)
	x.open("#ops")
	x.see("✓ alice  on it")
	x.keys("up")
	x.see("▸13:55", "e edit", "+ react")
	x.golden("select_100x24")
	x.keys("g")
	x.see("▸13:53")
	x.keys("j", "k", "G", "e")
	x.see("editing your message of 13:55", "> on it")
	x.golden("edit_100x24")

	// A lost answer: the old text stays and the doubt shows, until the same request finds out.
	x.fake.mu.Lock()
	x.fake.on.writeErr = []error{common.Failure{Outcome: common.Unknown, Text: "the connection broke"}}
	x.fake.mu.Unlock()
	x.typed(" now")
	x.keys("enter")
	x.see("edit: outcome unknown, trying again with the same id")
	if !strings.Contains(x.screen(), "alice  on it\n") || strings.Contains(x.screen(), "on it now") {
		t.Errorf("the edit looks done before it is:\n%s", x.screen())
	}
	x.see("on it now")
	x.gone("outcome unknown")
	x.fake.mu.Lock()
	ids := slices.Clone(x.fake.on.writeIDs)
	x.fake.mu.Unlock()
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("an edit with a lost answer was tried under the ids %v; want one id twice", ids)
	}

	x.keys("up", "+")
	x.see("React to alice: on it now")
	x.keys("1")
	x.await("the reaction", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.on.notes) == 1 })
	x.see("👍")
	x.keys("up", "P")
	x.see("pinned · /pins shows them")
	x.keys("up", "enter")
	x.see("Message in #ops", "log index", "103", "Edited 1 time", "on it", "pinned")
	x.keys("esc", "esc")
	x.typed("/pins")
	x.keys("enter")
	x.see("1 pinned message")
	x.keys("esc")
	x.gone("1 pinned message")
	x.keys("up", "d", "y")
	x.see("message deleted")
}

// The draft survives an edit, Esc gives up the edit alone, and a refused edit comes back to be corrected.
func TestEditKeepsTheDraft(t *testing.T) {
	x := start(t, 100, 24, ops)
	x.open("#ops")
	x.typed("half a thought")
	x.keys("ctrl+s", "e")
	x.see("> on it")
	x.keys("esc")
	x.see("> half a thought")
	x.gone("editing your message")
	x.keys("ctrl+c", "up", "e")
	x.fake.mu.Lock()
	x.fake.on.writeErr = []error{common.Failure{Text: "it is too late for that"}}
	x.fake.mu.Unlock()
	x.typed("!")
	x.keys("enter")
	x.see("edit refused: it is too late for that", "> on it!")
	x.keys("esc")
	x.see("Message #ops")
	x.keys("ctrl+s", "g", "e")
	x.see("only an own message can be edited")
}

// A thread has a view of its own; what is written there is a reply, and the whole conversation shows what it answers.
func TestThread(t *testing.T) {
	x := start(t, 100, 24, ops)
	x.open("#ops")
	x.keys("up", "g", "r")
	x.see("reply to bob: the disk of db3 is full")
	x.typed("which one?")
	x.keys("enter")
	x.see("which one?")
	x.gone("reply to bob")
	x.see("✓ alice  re: bob: the disk of db3 is full", "which one?")
	m := x.fake.byReq[x.fake.tries()[0]]
	if m.ThreadId != 1 {
		t.Fatalf("the reply is in thread %d, want 1", m.ThreadId)
	}
	x.keys("up", "t")
	x.see("thread, 1 reply")
	x.gone("@alice please look")
	x.golden("thread_100x24")
	x.typed("the big one")
	x.keys("enter")
	x.see("thread, 2 replies", "the big one")
	x.keys("esc")
	x.see("@alice please look", "the big one")
	settled(x)
	x.typed("/reply 2 yes")
	x.keys("enter")
	x.see("✓        re: carol: @alice please look", " yes")
	if got := x.fake.byReq[x.fake.tries()[2]].ThreadId; got != 2 {
		t.Errorf("/reply 2 answered in thread %d", got)
	}
}

// What others do to messages shows at once; a count that may be counted already is read anew.
func TestWhatOthersDoToMessages(t *testing.T) {
	x := start(t, 100, 24, ops)
	x.open("#ops")
	x.fake.mu.Lock()
	x.fake.annotate(3, reaction, "🎉", "bob", true)
	x.fake.mu.Unlock()
	x.see("🎉")
	x.await("the count to be asked for", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return x.fake.on.got > 0 })
	settled(x)
	x.fake.mu.Lock()
	x.fake.annotate(3, reaction, "🎉", "carol", true)
	x.fake.annotate(3, reaction, "🎉", "dave", true)
	_ = x.fake.edit(1, "the disk of db4 is full")
	x.fake.mu.Unlock()
	x.see("db4 is full", "🎉 3")
	x.fake.mu.Lock()
	x.fake.annotate(3, reaction, "🎉", "dave", false)
	x.fake.mu.Unlock()
	x.see("🎉 2")
}

// TestFeatureNextPreviousMention: alt+p goes back from mention to mention, alt+n forward.
func TestFeatureNextPreviousMention(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		for i := range 60 {
			m := f.store("#ops", "bob", fmt.Sprintf("line %d", i), "", epoch.Add(time.Duration(i-100)*time.Minute))
			if m.MentionsMe = i == 20 || i == 40; m.MentionsMe {
				m.Text = fmt.Sprintf("@alice look at %d", i)
			}
			m.Unread = false
		}
	})
	x.open("#ops")
	x.see("line 59")
	x.keys("alt+p")
	x.see("▸13:03", "@alice look at 40")
	x.keys("alt+p")
	x.see("▸12:43", "@alice look at 20")
	x.keys("alt+p")
	x.see("no earlier message here mentions you")
	x.keys("alt+n")
	x.see("▸13:03", "@alice look at 40")
	x.keys("esc")
	x.typed("/mentions")
	x.keys("enter")
	x.see("Mentions of you", "@alice look at 20")
}

// What was marked as unread stays so while the reader looks at it, and is unread in the sidebar.
func TestMarkUnreadFromHere(t *testing.T) {
	x := start(t, 100, 24, ops)
	x.open("#ops")
	x.keys("up", "g", "u")
	x.see("unread from here", "new")
	x.await("the read mark", func() bool {
		x.fake.mu.Lock()
		defer x.fake.mu.Unlock()
		seq, there := x.fake.on.readMark["#ops"]
		return there && seq == 0
	})
	x.see("2")
	if n := x.fake.marked("#ops"); n != 0 {
		t.Errorf("%d messages were marked as read again by being on screen", n)
	}
	x.typed("/mute mentions")
	x.keys("enter")
	x.see("#ops calls you for mentions only")
}
