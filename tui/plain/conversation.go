package plain

import (
	"cmp"
	"slices"

	"parley/proto/parleyv1"
)

// conversation is what the session knows of one.
type conversation struct {
	name    string
	unread  uint64
	mention uint64
	mute    parleyv1.Mute
	lastID  uint64
	lastSeq uint64
	shown   uint64 // seq of the newest message that was written
	loading bool
	held    []*parleyv1.Message
	out     []*outgoing
	marks   marks
}

// sorted are the conversations, the newest first.
func (s *session) sorted() []*conversation {
	vs := make([]*conversation, 0, len(s.conversations))
	for _, v := range s.conversations {
		vs = append(vs, v)
	}
	slices.SortFunc(vs, func(a, b *conversation) int {
		return cmp.Or(cmp.Compare(b.lastID, a.lastID), cmp.Compare(a.name, b.name))
	})
	return vs
}

// note takes what a message says of its conversation. It reports whether it was news.
func (v *conversation) note(m *parleyv1.Message) bool {
	v.lastID = max(v.lastID, m.GetId())
	if m.GetSeq() <= v.lastSeq {
		return false
	}
	v.lastSeq = m.GetSeq()
	return true
}

func (v *conversation) find(id string) int {
	return slices.IndexFunc(v.out, func(o *outgoing) bool { return o.ID == id })
}
