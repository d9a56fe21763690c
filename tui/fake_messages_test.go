package tui

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// onMessages is what the fake keeps of what is done to messages, and how to break it.
type onMessages struct {
	writeErr   []error         // for the next tries of an edit, a reaction, a pin, a mark: before anything happens
	lostWrite  int             // that many of them happen, and their answer gets lost
	writeIDs   []string        // of all tries
	writtenIDs map[string]bool // of those that happened
	earlier    map[uint64][]*parleyv1.EarlierText
	notes      []*parleyv1.MessageAnnotated // who reacted and pinned, in order
	readMark   map[string]uint64
	muted      map[string]parleyv1.Mute
	got        int // GetMessage calls
}

// write does a write once for its request id, unless it is to fail. The lock is held.
func (f *fake) write(id string, do func() error) error {
	f.on.writeIDs = append(f.on.writeIDs, id)
	if len(f.on.writeErr) > 0 {
		err := f.on.writeErr[0]
		if f.on.writeErr = f.on.writeErr[1:]; err != nil {
			return err
		}
	}
	if err := f.begin(0); err != nil {
		return err
	}
	if !f.on.writtenIDs[id] {
		if err := do(); err != nil {
			return err
		}
		if f.on.writtenIDs == nil {
			f.on.writtenIDs = map[string]bool{}
		}
		f.on.writtenIDs[id] = true
	}
	if f.on.lostWrite > 0 {
		f.on.lostWrite--
		return common.Failure{Outcome: common.Unknown, Text: "the connection broke"}
	}
	return nil
}

func (f *fake) byID(id uint64) *parleyv1.Message {
	for _, m := range f.msgs {
		if m.Id == id {
			return m
		}
	}
	return nil
}

func (f *fake) EditMessage(_ context.Context, r *parleyv1.EditMessageRequest) (*parleyv1.EditMessageResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.write(r.GetRequestId(), func() error { return f.edit(r.GetId(), r.GetText()) })
	if err != nil {
		return nil, err
	}
	return &parleyv1.EditMessageResponse{Message: f.byID(r.GetId())}, nil
}

// edit changes a text and tells of it, as an edit by its author on another node does. The lock is held. A message that was
// handed out is not changed: the answers of a cluster do not change either.
func (f *fake) edit(id uint64, text string) error {
	i := slices.IndexFunc(f.msgs, func(m *parleyv1.Message) bool { return m.Id == id })
	if i < 0 {
		return common.Failure{Text: "no such message", NotFound: true}
	}
	old := f.msgs[i]
	if f.on.earlier == nil {
		f.on.earlier = map[uint64][]*parleyv1.EarlierText{}
	}
	f.on.earlier[id] = append(f.on.earlier[id], &parleyv1.EarlierText{Text: old.Text, Until: old.Time})
	m := cloned(old)
	m.Text, m.Edits, m.Edited = text, old.Edits+1, old.Time
	f.msgs[i] = m
	bare := cloned(m) // an event says nothing of these
	bare.Reactions, bare.Replies, bare.Pinned = nil, 0, false
	f.push(&parleyv1.Event{Change: &parleyv1.Event_MessageEdited{MessageEdited: bare}})
	return nil
}

func cloned(m *parleyv1.Message) *parleyv1.Message {
	return &parleyv1.Message{Id: m.Id, Conversation: m.Conversation, Seq: m.Seq, Sender: m.Sender, Text: m.Text, Time: m.Time, Unread: m.Unread,
		RequestId: m.RequestId, ThreadId: m.ThreadId, Replies: m.Replies, Edits: m.Edits, Edited: m.Edited, MentionsMe: m.MentionsMe,
		Reactions: m.Reactions, Pinned: m.Pinned, Deleted: m.Deleted}
}

func (f *fake) Annotate(_ context.Context, r *parleyv1.AnnotateRequest) (*parleyv1.AnnotateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.write(r.GetRequestId(), func() error {
		f.annotate(r.GetId(), r.GetKind(), r.GetValue(), f.me, r.GetPresent())
		return nil
	})
	return &parleyv1.AnnotateResponse{}, err
}

// annotate is a reaction or a pin of somebody, told to all. The lock is held.
func (f *fake) annotate(id uint64, kind parleyv1.AnnotationKind, value, who string, present bool) {
	i := slices.IndexFunc(f.msgs, func(m *parleyv1.Message) bool { return m.Id == id })
	m := cloned(f.msgs[i])
	f.msgs[i] = m
	a := &parleyv1.MessageAnnotated{Id: id, Conversation: m.Conversation, Seq: m.Seq, Kind: kind, Value: value, Username: who, Present: present}
	f.on.notes = slices.DeleteFunc(f.on.notes, func(b *parleyv1.MessageAnnotated) bool {
		return b.Id == id && b.Kind == kind && b.Value == value && b.Username == who
	})
	if present {
		f.on.notes = append(f.on.notes, a)
	}
	m.Pinned = m.Pinned && kind != parleyv1.AnnotationKind_ANNOTATION_KIND_PIN || kind == parleyv1.AnnotationKind_ANNOTATION_KIND_PIN && present
	m.Reactions = nil
	for _, b := range f.on.notes {
		if b.Id != id || b.Kind != parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION {
			continue
		}
		at := slices.IndexFunc(m.Reactions, func(r *parleyv1.Reaction) bool { return r.Emoji == b.Value })
		if at < 0 {
			at = len(m.Reactions)
			m.Reactions = append(m.Reactions, &parleyv1.Reaction{Emoji: b.Value})
		}
		m.Reactions[at].Count++
		m.Reactions[at].Mine = m.Reactions[at].Mine || b.Username == f.me
	}
	f.push(&parleyv1.Event{Change: &parleyv1.Event_MessageAnnotated{MessageAnnotated: a}})
}

func (f *fake) GetMessage(_ context.Context, r *parleyv1.GetMessageRequest) (*parleyv1.GetMessageResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on.got++
	if err := f.begin(r.GetConsistency()); err != nil {
		return nil, err
	}
	m := f.byID(r.GetId())
	if m == nil {
		return nil, common.Failure{Text: "no such message", NotFound: true}
	}
	resp := &parleyv1.GetMessageResponse{Message: proto.CloneOf(m), Earlier: f.on.earlier[m.Id], LogIndex: 100 + m.Id, ReadInfo: &parleyv1.ReadInfo{Node: "n1"}}
	for _, a := range f.on.notes {
		if a.Id == m.Id {
			resp.Annotations = append(resp.Annotations, &parleyv1.Annotation{Kind: a.Kind, Value: a.Value, Username: a.Username, Time: m.Time})
		}
	}
	return resp, nil
}

func (f *fake) SetReadMark(_ context.Context, r *parleyv1.SetReadMarkRequest) (*parleyv1.SetReadMarkResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.write(r.GetRequestId(), func() error {
		if f.on.readMark == nil {
			f.on.readMark = map[string]uint64{}
		}
		f.on.readMark[r.GetConversation()] = r.GetSeq()
		for i, m := range f.msgs {
			if m.Conversation == r.GetConversation() {
				f.msgs[i] = cloned(m)
				f.msgs[i].Unread = m.Seq > r.GetSeq() && m.Sender != f.me
			}
		}
		return nil
	})
	return &parleyv1.SetReadMarkResponse{}, err
}

func (f *fake) SetMute(_ context.Context, r *parleyv1.SetMuteRequest) (*parleyv1.SetMuteResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.write(r.GetRequestId(), func() error {
		if f.on.muted == nil {
			f.on.muted = map[string]parleyv1.Mute{}
		}
		f.on.muted[r.GetConversation()] = r.GetMute()
		return nil
	})
	return &parleyv1.SetMuteResponse{}, err
}

// reply puts a message that was just stored into the thread of another. The lock is held.
func (f *fake) reply(m *parleyv1.Message, to uint64) {
	if to == 0 {
		return
	}
	root := f.byID(to)
	if root.ThreadId != 0 {
		root = f.byID(root.ThreadId)
	}
	m.ThreadId = root.Id
	i := slices.Index(f.msgs, root)
	f.msgs[i] = cloned(root)
	f.msgs[i].Replies++
}

// selects is the part of a reading's bounds that is about threads, pins and mentions.
func (f *fake) selects(r *parleyv1.ReadMessagesRequest, m *parleyv1.Message) bool {
	return (r.GetThreadId() == 0 || m.ThreadId == r.GetThreadId()) && (!r.GetOnlyPinned() || m.Pinned) && (!r.GetOnlyMentions() || m.MentionsMe)
}
