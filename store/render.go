package store

import (
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// render composes a message as its conversation's viewer sees it. What is on few messages only costs a read only there:
// the record says whether there is any.
func (v *View) render(c *convView, seq uint64, r *internalv1.MessageRecord) (m *parleyv1.Message, err error) {
	author, err := c.author(r)
	if err != nil {
		return nil, err
	}
	m = &parleyv1.Message{
		Id: r.GetId(), Conversation: c.name(), Seq: seq, Sender: author.GetUsername(), Time: timestamp(r.GetTimeUnixMs()),
		Cursor:  encodeCursor(v.clusterID, position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}),
		Replies: r.GetReplies(),
	}
	if r.GetSender() == c.viewer {
		m.RequestId = formatUUID(r.GetRequestId())
	}
	if r.GetThreadSeq() != 0 {
		if m.ThreadId, err = v.threadID(c, r.GetThreadSeq()); err != nil {
			return nil, err
		}
	}
	if m.Deleted, err = c.gone(r); err != nil || m.Deleted {
		return m, err
	}
	m.Text, m.Pinned = r.GetText(), r.GetPinned()
	m.Unread = r.GetSender() != c.viewer && !isRead(c.member, seq)
	if r.GetEdits() != 0 {
		m.Edits, m.Edited = r.GetEdits(), timestamp(r.GetEditedUnixMs())
	}
	if r.GetReactions() != 0 {
		if m.Reactions, err = v.reactions(c, seq); err != nil {
			return nil, err
		}
	}
	if m.MentionsMe, err = v.mentions(c, seq, r); err != nil {
		return nil, err
	}
	return m, nil
}

// threadID returns the id of the message that began a thread; 0 when that was removed.
func (v *View) threadID(c *convView, first uint64) (uint64, error) {
	if first < c.GetFirstSeq() {
		return 0, nil
	}
	if id, ok := c.threads[first]; ok {
		return id, nil
	}
	r, err := v.message(c.id, first)
	if err != nil {
		return 0, err
	}
	if c.threads == nil {
		c.threads = make(map[uint64]uint64)
	}
	c.threads[first] = r.GetId()
	return r.GetId(), nil
}

// reactions counts the reactions on a message, which lie in the order of their emoji.
func (v *View) reactions(c *convView, seq uint64) (rs []*parleyv1.Reaction, err error) {
	it := v.annotations(c.id, seq, internalv1.AnnotationKind_ANNOTATION_KIND_REACTION)
	var last *parleyv1.Reaction
	for it.next() {
		value, account := annotationOf(it.key)
		if last == nil || last.Emoji != string(value) {
			last = &parleyv1.Reaction{Emoji: string(value)}
			rs = append(rs, last)
		}
		last.Count++
		last.Mine = last.Mine || account == c.viewer
	}
	return rs, it.err
}

// mentions says whether a message of a room names the viewer, or everybody.
func (v *View) mentions(c *convView, seq uint64, r *internalv1.MessageRecord) (bool, error) {
	if r.GetMentionsRoom() {
		return true, nil
	}
	if r.GetMentions() == 0 {
		return false, nil
	}
	return v.has(keyMention(v.key(), c.viewer, c.id, seq))
}
