package plain

import (
	"cmp"
	"maps"
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
	shown   uint64 // up to this seq everything was written, or was not to be
	// ahead are the seqs above shown that were written already: own ones whose answer was faster than the subscription, and what a
	// page of a thread or of unread messages had. The subscription clears it.
	ahead   map[uint64]bool
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

// note takes what a message of the subscription, or of a whole page, says of its conversation. It reports whether it was news.
func (v *conversation) note(m *parleyv1.Message) bool {
	v.lastID = max(v.lastID, m.GetId())
	if m.GetSeq() <= v.lastSeq {
		return false
	}
	v.lastSeq = m.GetSeq()
	return true
}

// wrote notes that one message was written, which says nothing of those before it.
func (v *conversation) wrote(seq uint64) {
	if seq > v.shown {
		v.ahead[seq] = true
	}
}

// wroteTo notes that nothing up to seq is to be written any more.
func (v *conversation) wroteTo(seq uint64) {
	if v.shown = max(v.shown, seq); len(v.ahead) > 0 {
		maps.DeleteFunc(v.ahead, func(s uint64, _ bool) bool { return s <= v.shown })
	}
}

func (v *conversation) written(seq uint64) bool { return seq <= v.shown || v.ahead[seq] }

func (v *conversation) find(id string) int {
	return slices.IndexFunc(v.out, func(o *outgoing) bool { return o.ID == id })
}
