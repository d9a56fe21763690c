package chat

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// keptPageMsg is a conversation's history from the disk.
type keptPageMsg struct {
	conversation string
	messages     []*parleyv1.Message
	err          error
}

// saveMsg says that what changed is to be written; savedMsg that it was.
type (
	saveMsg  struct{}
	savedMsg struct{ err error }
)

// restoreList shows the conversations of the last run until a node tells the present ones, and gives drafts, places and
// untold marks back to them.
func (m *Model) restoreList(s common.Saved) {
	if !m.listed && len(s.Conversations) > 0 {
		for _, c := range s.Conversations {
			m.takeConversation(c)
		}
		m.keptAt = s.At
		m.asOf = s.At
	}
	for name, text := range s.Drafts {
		v := m.conversation(name)
		if v == m.cur && m.composer.Empty() {
			m.composer.SetValue(text)
		}
		if v.draft == "" {
			v.draft = text
		}
		v.savedDraft = text
	}
	for name, p := range s.Positions {
		v := m.conversation(name)
		v.place, v.savedPlace = p, p
	}
	for name, rs := range s.Marks {
		v := m.conversation(name)
		for _, r := range rs {
			for seq := r.From; seq <= r.To && len(v.toMark) < maxPage; seq++ {
				v.toMark[seq] = true
			}
		}
		v.savedMarks = rs
	}
	m.sort()
}

// takeConversation takes over what the cluster, or the disk, says of one conversation. It reports false for an answer that the
// stream has overtaken.
func (m *Model) takeConversation(c *parleyv1.Conversation) bool {
	v := m.conversation(c.GetName())
	if c.GetLastSeq() < v.counted { // its count is old
		return false
	}
	v.told(c)
	if v.markedIn > 0 && v.markedIn == m.lists { // marks were taken while this list was on its way: it may be of before them
		return false
	}
	v.unread, v.counted = c.GetUnread(), c.GetLastSeq()
	v.note(c.GetLastMessage().GetId(), c.GetLastSeq())
	return true
}

// loadKept reads a conversation's history from the disk while nothing better is there.
func (m *Model) loadKept(v *conversation) tea.Cmd {
	store, name := m.store, v.name
	if store == nil || v.loaded || v.kept || len(v.msgs) > 0 {
		return nil
	}
	return func() tea.Msg {
		msgs, err := store.Messages(name)
		return keptPageMsg{name, msgs, err}
	}
}

func (m *Model) onKeptPage(msg keptPageMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	if msg.err != nil {
		m.fail(msg.err.Error())
		return nil
	}
	if v.loaded || len(v.msgs) > 0 || len(msg.messages) == 0 {
		return nil
	}
	for _, pm := range msg.messages {
		e := entry(m.user, pm)
		if v.toMark[e.Seq] || v.marking[e.Seq] {
			e.Unread = false
		}
		v.msgs = append(v.msgs, e)
	}
	last := v.msgs[len(v.msgs)-1]
	v.note(last.ID, last.Seq)
	v.kept, v.keptTo, v.keptAt = true, last.Seq, m.keptAt.In(m.c.Zone)
	m.placeLine(v)
	v.rebuild()
	m.findPlace(v)
	return nil
}

// findPlace puts the reader where the last run ended, else at the first unread message.
func (m *Model) findPlace(v *conversation) {
	if p := v.place; p != (common.Position{}) && len(v.msgs) > 0 && v.msgs[0].Seq <= p.Seq {
		v.tl.SetPosition(p)
		return
	}
	if v.tl.UnreadKey() != "" {
		v.tl.ShowUnread()
	}
}

// forget drops what was read from the disk, or from another cluster.
func (v *conversation) forget() {
	v.msgs, v.kept, v.loaded, v.more, v.keptAt = nil, false, false, false, time.Time{}
	v.unread, v.lastID, v.lastSeq, v.counted, v.heard = 0, 0, 0, 0, 0
	v.place = common.Position{}
	clear(v.toMark)
	v.tl.SetUnread("")
}

// replaceKept makes room for what a node says: only what came live after the kept history stays. It reports whether there was
// any.
func (v *conversation) replaceKept() bool {
	if !v.kept {
		return false
	}
	v.kept, v.keptAt = false, time.Time{}
	v.msgs = slices.DeleteFunc(v.msgs, func(e *timeline.Entry) bool { return e.Seq <= v.keptTo })
	return true
}

// keptLabel stands above a history from the disk.
func (v *conversation) keptLabel() string {
	if v.keptAt.IsZero() {
		return "kept on this machine; no node was asked yet"
	}
	return "kept on this machine, as of " + v.keptAt.Format("Mon 2 Jan 15:04")
}

// saveLater has what changed written soon.
func (m *Model) saveLater() tea.Cmd {
	if m.store == nil || m.saving || m.over || !m.dirty() {
		return nil
	}
	m.saving = true
	return tea.Tick(saveAfter, func(time.Time) tea.Msg { return saveMsg{} })
}

func (m *Model) dirty() bool {
	if m.cur != nil && (m.draftOf(m.cur) != m.cur.savedDraft || m.placeOf(m.cur) != m.cur.savedPlace) {
		return true
	}
	for _, v := range m.order {
		if v.dirty {
			return true
		}
	}
	return false
}

func (m *Model) onSave() tea.Cmd {
	store, ch := m.store, m.changes()
	return func() tea.Msg { return savedMsg{store.Save(ch)} }
}

func (m *Model) onSaved(msg savedMsg) tea.Cmd {
	m.saving = false
	if msg.err != nil {
		m.fail(msg.err.Error())
	}
	return nil
}

// draftOf is the text that waits in a conversation's composer; a half-typed command is none.
func (m *Model) draftOf(v *conversation) string {
	text := m.keptDraft(v)
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		return ""
	}
	return text
}

// placeOf is where the reader stands; what was restored stays until the history is there.
func (m *Model) placeOf(v *conversation) common.Position {
	if !v.loaded && !v.kept {
		return v.place
	}
	return v.tl.Position()
}

// changes is what the disk lacks. It is copied here, where nobody writes, and encoded in a command.
func (m *Model) changes() common.Changes {
	ch := common.Changes{
		Messages: map[string][]*parleyv1.Message{}, Drafts: map[string]string{}, Positions: map[string]common.Position{},
		Marks: map[string][]common.SeqRange{},
	}
	if m.listed {
		ch.Conversations = []*parleyv1.Conversation{}
		if ch.At = m.asOf; ch.At.IsZero() {
			ch.At = m.c.Now()
		}
	}
	for _, v := range m.order {
		if m.listed && v.lastSeq > 0 {
			ch.Conversations = append(ch.Conversations, v.proto())
		}
		if text := m.draftOf(v); text != v.savedDraft {
			ch.Drafts[v.name], v.savedDraft = text, text
		}
		if p := m.placeOf(v); p != v.savedPlace {
			ch.Positions[v.name], v.savedPlace = p, p
		}
		if rs := v.untold(); !slices.Equal(rs, v.savedMarks) {
			ch.Marks[v.name], v.savedMarks = rs, rs
		}
		if v.dirty && v.loaded && !v.kept {
			if msgs := v.newest(); msgs != nil {
				ch.Messages[v.name] = msgs
			}
		}
		v.dirty = false
	}
	return ch
}

// untold are the messages that were read and that no answer confirmed.
func (v *conversation) untold() (rs []common.SeqRange) {
	seqs := make([]uint64, 0, len(v.toMark)+len(v.marking))
	for s := range v.toMark {
		seqs = append(seqs, s)
	}
	for s := range v.marking {
		seqs = append(seqs, s)
	}
	slices.Sort(seqs)
	for _, s := range seqs {
		if n := len(rs); n > 0 && rs[n-1].To+1 == s {
			rs[n-1].To = s
		} else if n == 0 || rs[n-1].To != s {
			rs = append(rs, common.SeqRange{From: s, To: s})
		}
	}
	return rs
}

// newest are the last keptMessages messages up to the newest one, without a gap; nil when what is loaded is not the newest.
func (v *conversation) newest() []*parleyv1.Message {
	n := len(v.msgs)
	if n == 0 || v.msgs[n-1].Seq < v.lastSeq {
		return nil
	}
	from := n - 1
	for from > 0 && n-from < keptMessages && v.msgs[from-1].Seq+1 == v.msgs[from].Seq {
		from--
	}
	out := make([]*parleyv1.Message, 0, n-from)
	for _, e := range v.msgs[from:] {
		out = append(out, protoOf(v.name, e))
	}
	return out
}

func (v *conversation) proto() *parleyv1.Conversation {
	return &parleyv1.Conversation{
		Name: v.name, LastSeq: v.lastSeq, Unread: v.count(), LastMessage: &parleyv1.Message{Id: v.lastID},
		Mentions: v.mentions, Mute: v.mute, Room: proto.CloneOf(v.room),
	}
}

// protoOf is entry backwards: what the disk keeps is what the screen shows.
func protoOf(conversation string, e *timeline.Entry) *parleyv1.Message {
	pm := &parleyv1.Message{
		Id: e.ID, Conversation: conversation, Seq: e.Seq, Sender: e.Author, Text: e.Text, Time: timestamppb.New(e.Time),
		Unread: e.Unread, Deleted: e.Deleted, ThreadId: e.ThreadID, Replies: uint32(e.Replies), Edits: uint32(e.Edited),
		MentionsMe: e.Mention, Pinned: e.Pinned,
	}
	if e.Own && !strings.HasPrefix(e.Key, "m") {
		pm.RequestId = e.Key
	}
	for _, r := range e.Reactions {
		pm.Reactions = append(pm.Reactions, &parleyv1.Reaction{Emoji: r.Text, Count: uint32(r.Count), Mine: r.Mine})
	}
	return pm
}

// back is how many messages a page must have to reach the place where the last run ended.
func (v *conversation) back() int {
	p := v.place
	if v.kept {
		p = v.tl.Position()
	}
	if p.Seq == 0 || p.Seq > v.lastSeq {
		return 0
	}
	return int(min(v.lastSeq-p.Seq, maxPage)) + olderWithin + 1
}
