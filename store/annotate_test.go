package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/proto/internalv1"
)

// Reactions and pins are set and taken back, counted, and told to each with what is theirs.
func TestAnnotations(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	id := r.send("ann", "@bob", "hi").GetId()
	for i, step := range []struct {
		cmd      *internalv1.Command
		ann, bob string
	}{
		{r.reactCmd("ann", id, "👍", true), "👍1+", "👍1"},
		{r.reactCmd("ann", id, "👍", true), "👍1+", "👍1"},
		{r.reactCmd("bob", id, "👍", true), "👍2+", "👍2+"},
		{r.reactCmd("bob", id, "ok", true), "ok1, 👍2+", "ok1+, 👍2+"},
		{r.reactCmd("ann", id, "❤️", false), "ok1, 👍2+", "ok1+, 👍2+"},
		{r.reactCmd("ann", id, "👍", false), "ok1, 👍1", "ok1+, 👍1+"},
		{r.pinCmd("ann", id, true), "ok1, 👍1, pinned", "ok1+, 👍1+, pinned"},
		{r.pinCmd("bob", id, true), "ok1, 👍1, pinned", "ok1+, 👍1+, pinned"},
		{r.reactCmd("bob", id, "ok", false), "👍1, pinned", "👍1+, pinned"},
		{r.pinCmd("bob", id, false), "👍1", "👍1+"},
		{r.pinCmd("ann", id, false), "👍1", "👍1+"},
		{r.pinCmd("bob", id, true), "👍1, pinned", "👍1+, pinned"},
	} {
		r.ok(step.cmd)
		for who, want := range map[string]string{"ann": step.ann, "bob": step.bob} {
			if got := marksOf(r.message(who, id).GetMessage()); got != want {
				t.Errorf("step %d: %s reads %q, want %q", i, who, got, want)
			}
		}
	}
	r.ok(r.reactCmd("ann", id, "👍", true))
	var who []string
	for _, a := range r.message("ann", id).GetAnnotations() {
		who = append(who, fmt.Sprintf("%d %s by %s", a.GetKind(), a.GetValue(), a.GetUsername()))
	}
	if want := []string{"2  by bob", "1 👍 by ann", "1 👍 by bob"}; !slices.Equal(who, want) {
		t.Errorf("annotated: %q, want %q", who, want)
	}
	finalHash(t, s)
}

// What may not be set leaves nothing behind.
func TestAnnotationsAreRefused(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	id := r.send("ann", "@bob", "hi").GetId()
	gone := r.send("ann", "@bob", "gone").GetId()
	hidden := r.send("ann", "@bob", "hidden").GetId()
	r.ok(r.deleteCmd("ann", gone))
	r.ok(r.deleteCmd("bob", hidden))
	r.nowMS -= dayMS // the clock is state: hold it still
	hash := r.stateHash()
	pinOf := func(value string) *internalv1.Command {
		c := r.pinCmd("ann", id, true)
		c.GetAnnotate().Value = value
		return c
	}
	ofKind := func(kind internalv1.AnnotationKind) *internalv1.Command {
		c := r.reactCmd("ann", id, "x", true)
		c.GetAnnotate().Kind = kind
		return c
	}
	const invalid, missing = internalv1.Reason_REASON_INVALID_FIELD, internalv1.Reason_REASON_MESSAGE_NOT_FOUND
	for i, tt := range []struct {
		cmd    *internalv1.Command
		reason internalv1.Reason
		field  string
	}{
		{r.reactCmd("ann", id, "", true), invalid, "value"},
		{r.reactCmd("ann", id, strings.Repeat("x", MaxReactionBytes+1), true), invalid, "value"},
		{r.reactCmd("ann", id, "two words", true), invalid, "value"},
		{r.reactCmd("ann", id, "line\n", true), invalid, "value"},
		{r.reactCmd("ann", id, "\u202e", true), invalid, "value"},
		{r.reactCmd("ann", id, "\u3000", true), invalid, "value"},
		{pinOf("x"), invalid, "value"},
		{ofKind(0), invalid, "kind"},
		{ofKind(3), invalid, "kind"},
		{r.reactCmd("eve", id, "x", true), missing, "id"},
		{r.pinCmd("eve", id, true), missing, "id"},
		{r.reactCmd("ann", 99, "x", true), missing, "id"},
		{r.reactCmd("ann", gone, "x", true), missing, "id"},
		{r.pinCmd("bob", gone, true), missing, "id"},
		{r.reactCmd("bob", hidden, "x", true), missing, "id"},
	} {
		if f := r.do(tt.cmd).GetRefusal(); f.GetReason() != tt.reason || f.GetField() != tt.field {
			t.Errorf("case %d: refused with %v, want %v of %q", i, f, tt.reason, tt.field)
		}
	}
	if got := r.stateHash(); !bytes.Equal(got, hash) {
		t.Fatal("refused commands changed the state")
	}
}

// The bounds hold, and what is there already can be set again and taken back at the bound.
func TestAnnotationBounds(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	ids := []uint64{r.send("ann", "@bob", "0").GetId()}
	for i := range MaxReactionValues {
		r.ok(r.reactCmd("ann", ids[0], fmt.Sprint(i), true))
		if i > 1 && i < MaxReactionValues/2 {
			r.ok(r.reactCmd("bob", ids[0], fmt.Sprint(i), true)) // the same
		}
	}
	r.refused(r.reactCmd("ann", ids[0], "more", true), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.reactCmd("bob", ids[0], "1", true)) // not another one
	r.ok(r.reactCmd("ann", ids[0], "2", true))
	r.ok(r.reactCmd("ann", ids[0], "1", false)) // bob's stays
	r.refused(r.reactCmd("ann", ids[0], "more", true), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.reactCmd("bob", ids[0], "1", false))
	r.ok(r.reactCmd("ann", ids[0], "more", true))
	for i := 1; i <= MaxPins; i++ {
		ids = append(ids, r.send("ann", "@bob", fmt.Sprint(i)).GetId())
		r.ok(r.pinCmd("ann", ids[i], true))
	}
	r.refused(r.pinCmd("bob", ids[0], true), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.pinCmd("bob", ids[1], true))
	r.ok(r.deleteCmd("ann", ids[2])) // a placeholder is not pinned
	r.ok(r.pinCmd("bob", ids[0], true))
	if got := r.page("bob", MessageQuery{Conversation: "@ann", OnlyPinned: true, Limit: 3, FromMS: 1}); got != "1 2 4 >" {
		t.Errorf("pinned are %q", got)
	}
	// All reactions that there may be, by as many accounts.
	f := &foundMessage{conv: &hotConversation{id: 77, ConversationRecord: &internalv1.ConversationRecord{}}, seq: 1,
		rec: &internalv1.MessageRecord{Reactions: MaxReactions, ReactionValues: 1}}
	s.machine.wroteKeys = 0
	if changed, refusal, err := s.machine.react(5, f, "x", true); changed || refusal == nil || err != nil ||
		s.machine.wroteKeys != 0 {
		t.Errorf("one reaction too many: %v, %v, %v", changed, refusal, err)
	}
	if err := s.endBase(); err != nil {
		t.Fatal(err)
	}
	finalHash(t, s)
}
