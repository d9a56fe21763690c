package store

import (
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func texts(es []*parleyv1.EarlierText) (out []string) {
	for _, e := range es {
		out = append(out, e.GetText())
	}
	return out
}

// An edit replaces the text for everyone and keeps the one before; only the author edits, and only what is there.
func TestEdits(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	id := r.send("ann", "@bob", "one").GetId()
	for _, text := range []string{"two", "two", "three"} {
		if got := r.ok(r.editCmd("ann", id, text)).GetEdit(); got.GetId() != id || got.GetAppliedIndex() != r.index {
			t.Fatalf("answered %v at index %d", got, r.index)
		}
	}
	edited := r.nowMS
	for _, who := range []string{"ann", "bob"} {
		m := r.message(who, id)
		if m.GetMessage().GetText() != "three" || m.GetMessage().GetEdits() != 2 ||
			m.GetMessage().GetEdited().AsTime().UnixMilli() != edited {
			t.Errorf("%s reads %v", who, m.GetMessage())
		}
		if got := texts(m.GetEarlier()); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%s reads the earlier texts %q", who, got)
		}
		if got := m.GetEarlier()[1].GetUntil().AsTime().UnixMilli(); got != edited {
			t.Errorf("the second text held until %d, not %d", got, edited)
		}
	}
	gone := r.send("ann", "@bob", "gone").GetId()
	r.ok(r.deleteCmd("ann", gone))
	for name, tt := range map[string]struct {
		cmd    *internalv1.Command
		reason internalv1.Reason
		field  string
	}{
		"another's":            {r.editCmd("bob", id, "x"), internalv1.Reason_REASON_NOT_ALLOWED, "id"},
		"a stranger's":         {r.editCmd("eve", id, "x"), internalv1.Reason_REASON_MESSAGE_NOT_FOUND, "id"},
		"nothing":              {r.editCmd("ann", 99, "x"), internalv1.Reason_REASON_MESSAGE_NOT_FOUND, "id"},
		"a placeholder":        {r.editCmd("ann", gone, "x"), internalv1.Reason_REASON_MESSAGE_NOT_FOUND, "id"},
		"to nothing":           {r.editCmd("ann", id, ""), internalv1.Reason_REASON_INVALID_FIELD, "text"},
		"to control sequences": {r.editCmd("ann", id, "\x1b[2J"), internalv1.Reason_REASON_INVALID_FIELD, "text"},
	} {
		if f := r.do(tt.cmd).GetRefusal(); f.GetReason() != tt.reason || f.GetField() != tt.field {
			t.Errorf("an edit of %s: refused with %v", name, f)
		}
	}
	for i := 3; i <= MaxEdits; i++ {
		r.ok(r.editCmd("ann", id, fmt.Sprint(i)))
	}
	r.refused(r.editCmd("ann", id, "one too many"), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.editCmd("ann", id, fmt.Sprint(MaxEdits))) // it has that text
	if got := r.message("bob", id).GetEarlier(); len(got) != MaxEdits {
		t.Errorf("%d earlier texts", len(got))
	}
	r.ok(r.deleteCmd("ann", id))
	m := r.message("bob", id)
	if m.GetMessage().GetText() != "" || m.GetMessage().GetEdits() != 0 || len(m.GetEarlier()) != 0 {
		t.Errorf("of a placeholder bob reads %v", m)
	}
	finalHash(t, s)
}

// The earlier texts and reactions of placeholders leave the disk too, in slices: more than one command could remove.
func TestPlaceholdersAreSwept(t *testing.T) {
	for _, how := range []string{"messages deleted", "account deleted"} {
		t.Run(how, func(t *testing.T) {
			s, _ := memStore(t, Options{})
			r := newRig(t, s)
			r.people("ann", "bob")
			r.ok(raise(3))
			const n = MaxDeleteIDs
			var ids []uint64
			for i := range n {
				id := r.send("ann", "@bob", "secret 0").GetId()
				ids = append(ids, id)
				for e := range 1 + i%12 {
					r.ok(r.editCmd("ann", id, fmt.Sprint("secret ", e+1)))
				}
				r.ok(r.reactCmd("bob", id, "👍", true))
				r.ok(r.reactCmd("ann", id, "👍", true))
				r.ok(r.pinCmd("bob", id, true))
			}
			if how == "messages deleted" {
				r.ok(r.deleteCmd("ann", ids...))
			} else {
				r.ok(r.deleteUserCmd("ann", 1))
			}
			check := func(when string) {
				for _, id := range ids[:3] {
					m := r.message("bob", id)
					if marksOf(m.GetMessage()) != "" || len(m.GetEarlier()) != 0 || len(m.GetAnnotations()) != 0 {
						t.Errorf("%s: bob reads %v", when, m)
					}
				}
				if got := r.page("bob", MessageQuery{Conversation: "@ann", OnlyPinned: true}); got != "" {
					t.Errorf("%s: pinned are %q", when, got)
				}
			}
			check("at once")
			slices := 0
			for more := true; more; slices++ {
				r.ok(eraseCmd())
				more = s.Work().Erase
				check(fmt.Sprint("after slice ", slices+1))
			}
			if slices < 2 {
				t.Errorf("%d slices: the test is to need more than one", slices)
			}
			for tag, what := range map[byte]string{tagEdit: "earlier texts", tagAnnotation: "annotations", tagLitter: "marks"} {
				if n := countTable(t, s, tag); n != 0 {
					t.Errorf("%d %s are left", n, what)
				}
			}
			v := r.view()
			defer v.Close()
			if c, err := v.conversation(1); err != nil || c.GetPins() != 0 {
				t.Errorf("%d pins are counted, %v", c.GetPins(), err)
			}
			finalHash(t, s)
		})
	}
}
