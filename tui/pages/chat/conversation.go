package chat

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// conversation is what the page knows of one conversation.
type conversation struct {
	name    string
	unread  uint64 // as the cluster counts; marks on their way are taken off by count()
	lastID  uint64
	lastSeq uint64 // of all that is known, whatever brought it
	counted uint64 // up to this seq unread holds what is unread
	heard   uint64 // up to this seq the stream told
	rank    int    // its place in the sidebar; 0 until it has one

	msgs    []*timeline.Entry // committed, by seq
	notices []*timeline.Entry // Seq is the message after which each stands
	out     []*outgoing       // own ones without a verdict or failed, in order of writing
	settled *[]string         // request ids to take off the disk; the page's
	ask     bool              // the oldest of out waits for a person's word
	only    []*timeline.Entry // the unread view: what /unread asked for; nil when off
	onlyOn  bool

	facts
	people members
	win    window

	loaded, loading, more bool
	below                 int // came while the reader was further up or elsewhere

	draft    string
	tl       *timeline.Model
	toMark   map[uint64]bool // shown, not yet told to the cluster
	marking  map[uint64]bool // told, no answer yet
	markedIn int             // the list that was on its way when marks were last taken
	marked   bool            // the cluster sent a count since the marks left

	view    viewKind  // what only shows
	root    uint64    // of the thread view: the id of the message that began it
	cut     bool      // of a view: it does not show all that there is
	hold    bool      // what is on screen stays unread until the conversation is left: see markUnreadFrom
	readSeq uint64    // the last read mark that the stream told
	writing           // what the composer writes beside a new message
	read    time.Time // when a page was last answered; see doubtful

	// What the disk has. kept says that msgs came from there, up to the seq keptTo; place is where the last run ended.
	kept              bool
	keptTo            uint64
	keptAt            time.Time
	place, savedPlace common.Position
	savedDraft        string
	savedMarks        []common.SeqRange
	dirty             bool // something may differ from the disk
}

func newConversation(c *common.Common, name string) *conversation {
	return &conversation{
		name: name, tl: timeline.New(c), toMark: map[uint64]bool{}, marking: map[uint64]bool{},
	}
}

// count is the number of unread messages as the reader sees it.
func (v *conversation) count() uint64 {
	waiting := uint64(len(v.toMark) + len(v.marking))
	if waiting >= v.unread {
		return 0
	}
	return v.unread - waiting
}

// waiting counts own messages without a verdict.
func (v *conversation) waiting() int {
	n := 0
	for _, o := range v.out {
		if o.Waiting() {
			n++
		}
	}
	return n
}

// entry makes a committed message drawable.
func entry(me string, m *parleyv1.Message) *timeline.Entry {
	e := &timeline.Entry{
		Key: "m" + strconv.FormatUint(m.GetId(), 10), ID: m.GetId(), Seq: m.GetSeq(), Time: m.GetTime().AsTime(),
		Author: common.Line(m.GetSender()), Text: common.Body(m.GetText()), Own: m.GetSender() == me,
		Deleted: m.GetDeleted(), Unread: m.GetUnread(),
		Edited: int(m.GetEdits()), Pinned: m.GetPinned(), Mention: m.GetMentionsMe(),
		ThreadID: m.GetThreadId(), Replies: int(m.GetReplies()),
	}
	for _, r := range m.GetReactions() {
		e.Reactions = append(e.Reactions, timeline.Reaction{Text: common.Line(r.GetEmoji()), Count: int(r.GetCount()), Mine: r.GetMine()})
	}
	if e.Own {
		e.State = timeline.Committed
		if m.GetRequestId() != "" {
			e.Key = m.GetRequestId()
		}
	}
	return e
}

// insert puts a committed message where its seq belongs. It reports whether it was new.
func (v *conversation) insert(e *timeline.Entry) bool {
	if v.toMark[e.Seq] || v.marking[e.Seq] {
		e.Unread = false
	}
	i, found := slices.BinarySearchFunc(v.msgs, e.Seq, func(a *timeline.Entry, seq uint64) int { return cmp.Compare(a.Seq, seq) })
	if found {
		merge(v.msgs[i], e)
		return false
	}
	if v.settle(e) {
		return true
	}
	v.msgs = slices.Insert(v.msgs, i, e)
	return true
}

// settle turns the waiting message that e is the commit of into e's place, keeping its entry and so its key.
func (v *conversation) settle(e *timeline.Entry) bool {
	if !e.Own {
		return false
	}
	at := slices.IndexFunc(v.out, func(o *outgoing) bool { return o.ID == e.Key })
	if at < 0 {
		return false
	}
	o := v.out[at]
	o.Done = true
	*v.settled = append(*v.settled, o.ID)
	v.out = slices.Delete(v.out, at, at+1)
	kept := o.entry
	*kept = *e
	i, found := slices.BinarySearchFunc(v.msgs, e.Seq, func(a *timeline.Entry, seq uint64) int { return cmp.Compare(a.Seq, seq) })
	if !found {
		v.msgs = slices.Insert(v.msgs, i, kept)
	}
	v.joinView(kept)
	return true
}

// note takes the place of a message that became known.
func (v *conversation) note(id, seq uint64) {
	v.lastID, v.lastSeq = max(v.lastID, id), max(v.lastSeq, seq)
}

// countIn counts a message of the stream as unread, once. That a page, or the answer to a later message of one's own, was faster
// than the stream says nothing of the count; that it was read there does.
func (v *conversation) countIn(e *timeline.Entry) {
	if e.Seq <= v.counted {
		return
	}
	v.counted = e.Seq
	i, found := slices.BinarySearchFunc(v.msgs, e.Seq, func(a *timeline.Entry, seq uint64) int { return cmp.Compare(a.Seq, seq) })
	if !e.Unread || e.Deleted || found && !v.msgs[i].Unread && !v.toMark[e.Seq] && !v.marking[e.Seq] {
		return
	}
	v.unread++
	if e.Mention {
		v.mentions++
	}
}

// erase makes a placeholder of a message, or removes it when only the caller deleted it.
func (v *conversation) erase(id uint64, gone bool) {
	i := slices.IndexFunc(v.msgs, func(e *timeline.Entry) bool { return e.ID == id })
	if i < 0 {
		return
	}
	e := v.msgs[i]
	if e.Unread && v.unread > 0 {
		v.unread--
	}
	if v.toMark[e.Seq] {
		delete(v.toMark, e.Seq)
		v.unread -= min(v.unread, 1)
	}
	e.Deleted, e.Text, e.Unread = true, "", false
	if gone {
		v.msgs = slices.Delete(v.msgs, i, i+1)
		v.only = slices.DeleteFunc(v.only, func(e *timeline.Entry) bool { return e.ID == id })
	}
}

// trim forgets the oldest messages of a long conversation while nobody looks at them.
func (v *conversation) trim() {
	if n := len(v.msgs) - maxLoaded; n > 0 && v.tl.Following() {
		v.msgs = slices.Delete(v.msgs, 0, n)
		v.more = true
	}
}

// notice adds a dim row after the newest message.
func (v *conversation) notice(now time.Time, key, text string) *timeline.Entry {
	e := &timeline.Entry{Key: key, Kind: timeline.Notice, Seq: v.lastSeq, Time: now, Text: text}
	v.notices = append(v.notices, e)
	if len(v.notices) > maxNotices {
		v.notices = slices.Delete(v.notices, 0, len(v.notices)-maxNotices)
	}
	return e
}

// precedes tells whether a notice stands before a message. One that came before anything was known of the conversation has
// only its time.
func (*conversation) precedes(n, e *timeline.Entry) bool {
	if n.Seq == 0 {
		return n.Time.Before(e.Time)
	}
	return n.Seq < e.Seq
}

// rebuild hands the timeline what it shows: messages with the notices between them, then what waits.
func (v *conversation) rebuild() {
	v.trim()
	v.dirty = true
	msgs := v.msgs
	if v.onlyOn {
		msgs = v.only
	}
	es := make([]*timeline.Entry, 0, len(msgs)+len(v.notices)+len(v.out))
	n := 0
	for i, e := range msgs {
		for ; !v.onlyOn && n < len(v.notices) && v.precedes(v.notices[n], e); n++ {
			if i > 0 || !v.more || v.notices[n].Seq+1 == e.Seq { // else its place is in what is not loaded
				es = append(es, v.notices[n])
			}
		}
		es = append(es, e)
	}
	if !v.onlyOn {
		es = append(es, v.notices[n:]...)
	}
	for _, o := range v.out {
		if v.inView(o.entry) {
			es = append(es, o.entry)
		}
	}
	switch {
	case v.windowed() && v.win.before:
		v.tl.Top = "↑ older messages: PgUp"
	case v.windowed():
		v.tl.Top = "start of the conversation"
	case v.onlyOn:
		v.tl.Top = ""
	case v.kept:
		v.tl.Top = v.keptLabel()
	case v.more:
		v.tl.Top = "↑ older messages: PgUp"
	case v.loaded && len(es) > 0:
		v.tl.Top = "start of the conversation"
	default:
		v.tl.Top = ""
	}
	v.tl.SetEntries(es)
	if v.tl.Following() {
		v.below = 0
	}
}

// title is the conversation's name as it may be drawn: a name comes from the cluster, and is text from outside like any other.
func (v *conversation) title() string { return common.Line(v.name) }
