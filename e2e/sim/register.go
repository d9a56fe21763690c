package sim

import (
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
)

// register is what the rooms must be. It is worked out from the log alone, by the rules as they are written down, and shares
// no code with the store: whatever the store answers, shows or tells of a room is held against it.
//
// Changes are kept with the moment at which they were made, so that it can say what a node has to show that has applied
// less.
type register struct {
	at       moment            // of the command that is being taken in
	index    uint64            // everything up to here was taken in
	blind    bool              // an entry was missed: a node died between applying it and being heard
	names    map[string]string // account by session
	rooms    map[string]*room
	order    []*room
	messages map[uint64]*roomMessage // by id
	lastID   uint64                  // of all messages, those of direct conversations counted
	answers  map[string]verdict      // by request id: of what was carried out
	verdicts map[string][]verdict    // by request id: of each time that it is in the log
}

// moment is a place in the log: a command's number in an entry.
type moment struct {
	index uint64
	n     int
}

func (m moment) before(o moment) bool { return m.index < o.index || m.index == o.index && m.n < o.n }

// verdict is how a command must end: refused for a reason, or carried out, a send with an id and, in a room, a seq.
type verdict struct {
	index   uint64
	reason  internalv1.Reason
	id, seq uint64
}

// room is one of the register's.
type room struct {
	name     string
	private  bool
	ranks    map[string]internalv1.Membership
	spans    map[string][]span
	marks    map[string][]mark
	messages []*roomMessage // by seq, from 1
}

// span is a membership: from the moment of the join to that of the end, which is zero while it lasts.
type span struct{ from, to moment }

func (s span) has(m moment) bool { return s.from.before(m) && (s.to.index == 0 || m.before(s.to)) }

// mark is a read mark since an index.
type mark struct{ index, seq uint64 }

// roomMessage is a message of a room, and what became of it.
type roomMessage struct {
	room    *room
	at      moment
	id, seq uint64
	sender  string
	texts   []wording
	deleted uint64 // index; 0 while it is there
	hidden  map[string]uint64
	thread  *roomMessage // that it is a reply in
	replies int
	pinned  bool
	marks   map[reaction]bool
}

// wording is a text since an index.
type wording struct {
	index uint64
	text  string
}

type reaction struct{ value, account string }

func newRegister() *register {
	return &register{
		index: 1, names: map[string]string{}, rooms: map[string]*room{}, messages: map[uint64]*roomMessage{},
		answers: map[string]verdict{}, verdicts: map[string][]verdict{},
	}
}

// take takes in an entry that was applied somewhere for the first time.
func (g *register) take(w *world, e *pb.Entry) {
	if e.GetIndex() != g.index+1 {
		g.blind = true
	}
	g.index = e.GetIndex()
	cmds, err := node.Commands(e)
	w.must(err)
	for n, b := range cmds {
		c := new(internalv1.Command)
		w.must(proto.Unmarshal(b, c))
		g.at = moment{g.index, n}
		g.command(c)
	}
}

// command decides one command. A request that was carried out is answered as it was then.
func (g *register) command(c *internalv1.Command) {
	by, id := g.names[string(c.GetSession())], string(c.GetRequestId())
	if by == "" {
		return
	}
	v, again := g.answers[id]
	if !again {
		var known bool
		if v, known = g.decide(by, c); !known {
			return
		}
		if v.reason == 0 {
			g.answers[id] = v
		}
	}
	v.index = g.index
	g.verdicts[id] = append(g.verdicts[id], v)
}

func (g *register) decide(by string, c *internalv1.Command) (v verdict, known bool) {
	switch b := c.GetBody().(type) {
	case *internalv1.Command_SendMessage:
		return g.send(by, b.SendMessage.GetConversation(), b.SendMessage.GetText(), 0), true
	case *internalv1.Command_PostMessage:
		return g.send(by, b.PostMessage.GetConversation(), b.PostMessage.GetText(), b.PostMessage.GetReplyTo()), true
	case *internalv1.Command_CreateRoom:
		v.reason = g.create(by, b.CreateRoom)
	case *internalv1.Command_SetMembership:
		v.reason = g.membership(by, b.SetMembership)
	case *internalv1.Command_SetReadMark:
		if b.SetReadMark.GetConversation()[0] != '#' {
			return v, false
		}
		v.reason = g.readUpTo(by, b.SetReadMark)
	case *internalv1.Command_EditMessage:
		v.reason = g.edit(by, b.EditMessage)
	case *internalv1.Command_Annotate:
		v.reason = g.annotate(by, b.Annotate)
	case *internalv1.Command_DeleteMessages:
		m := g.messages[b.DeleteMessages.GetIds()[0]]
		if m == nil {
			return v, false // of a direct conversation
		}
		v.reason = g.remove(by, m)
	default:
		return v, false
	}
	return v, true
}

func (g *register) create(by string, b *internalv1.CreateRoom) internalv1.Reason {
	if g.rooms[b.GetRoom()] != nil {
		return internalv1.Reason_REASON_ROOM_EXISTS
	}
	r := &room{
		name: b.GetRoom(), private: b.GetPrivate(), ranks: map[string]internalv1.Membership{}, spans: map[string][]span{},
		marks: map[string][]mark{},
	}
	g.rooms[r.name] = r
	g.order = append(g.order, r)
	g.become(r, by, owner)
	return 0
}

// member finds a room for who is in it.
func (g *register) member(by, name string) (*room, internalv1.Reason) {
	r := g.rooms[name]
	switch {
	case r == nil, r.private && r.ranks[by] < invited:
		return nil, internalv1.Reason_REASON_CONVERSATION_NOT_FOUND
	case r.ranks[by] < member:
		return r, internalv1.Reason_REASON_NOT_A_MEMBER
	}
	return r, 0
}

func (g *register) send(by, to, text string, replyTo uint64) (v verdict) {
	if to[0] == '#' {
		r, reason := g.member(by, to)
		if reason != 0 {
			return verdict{reason: reason}
		}
		m := &roomMessage{
			room: r, at: g.at, id: g.lastID + 1, seq: uint64(len(r.messages)) + 1, sender: by, texts: []wording{{g.index, text}},
			hidden: map[string]uint64{}, marks: map[reaction]bool{},
		}
		if replyTo != 0 {
			first := g.messages[replyTo]
			if first == nil || first.room != r || first.hidden[by] != 0 || first.deleted != 0 && first.replies == 0 {
				return verdict{reason: internalv1.Reason_REASON_MESSAGE_NOT_FOUND}
			}
			if first.thread != nil {
				first = first.thread
			}
			first.replies++
			m.thread = first
		}
		r.messages = append(r.messages, m)
		g.messages[m.id] = m
		// Who had read everything has read what they say themself.
		if r.markAt(by, g.index) == m.seq-1 {
			r.mark(by, g.index, m.seq)
		}
		v.seq = m.seq
	}
	g.lastID++
	v.id = g.lastID
	return v
}

func (g *register) readUpTo(by string, b *internalv1.SetReadMark) internalv1.Reason {
	r, reason := g.member(by, b.GetConversation())
	if reason == 0 {
		r.mark(by, g.index, min(b.GetSeq(), uint64(len(r.messages))))
	}
	return reason
}

// visible finds a message that an account can see, as whoever hid it cannot.
func (g *register) visible(by string, id uint64) *roomMessage {
	m := g.messages[id]
	if m == nil || m.room.ranks[by] < member || m.hidden[by] != 0 {
		return nil
	}
	return m
}

func (g *register) edit(by string, b *internalv1.EditMessage) internalv1.Reason {
	m := g.visible(by, b.GetId())
	switch {
	case m == nil || m.deleted != 0:
		return internalv1.Reason_REASON_MESSAGE_NOT_FOUND
	case m.sender != by:
		return internalv1.Reason_REASON_NOT_ALLOWED
	case m.texts[len(m.texts)-1].text != b.GetText():
		m.texts = append(m.texts, wording{g.index, b.GetText()})
	}
	return 0
}

func (g *register) annotate(by string, b *internalv1.Annotate) internalv1.Reason {
	m := g.visible(by, b.GetId())
	switch {
	case m == nil || m.deleted != 0:
		return internalv1.Reason_REASON_MESSAGE_NOT_FOUND
	case b.GetKind() == internalv1.AnnotationKind_ANNOTATION_KIND_PIN:
		if m.room.ranks[by] < moderator {
			return internalv1.Reason_REASON_NOT_ALLOWED
		}
		m.pinned = b.GetPresent()
	case b.GetPresent():
		m.marks[reaction{b.GetValue(), by}] = true
	default:
		delete(m.marks, reaction{b.GetValue(), by})
	}
	return 0
}

// remove deletes an own message for everyone, and as a moderator anybody's; others' it hides.
func (g *register) remove(by string, m *roomMessage) internalv1.Reason {
	switch {
	case g.visible(by, m.id) == nil:
		return internalv1.Reason_REASON_MESSAGE_NOT_FOUND
	case m.sender != by && m.room.ranks[by] < moderator:
		m.hidden[by] = g.index
	case m.deleted == 0:
		m.deleted, m.pinned = g.index, false
		clear(m.marks)
	}
	return 0
}

// members counts who is in a room. One that its last member left is closed for good.
func (r *room) members() (n int) {
	for _, rank := range r.ranks {
		if rank >= member {
			n++
		}
	}
	return n
}

// during returns the membership of an account that a moment lies in.
func (r *room) during(account string, at moment) (span, bool) {
	for _, s := range slices.Backward(r.spans[account]) {
		if s.has(at) {
			return s, true
		}
	}
	return span{}, false
}

// memberAt says whether an account is a member after an index.
func (r *room) memberAt(account string, index uint64) bool {
	_, in := r.during(account, after(index))
	return in
}

// after is the moment when all of an entry has been applied.
func after(index uint64) moment { return moment{index, 1 << 30} }

func (r *room) mark(account string, index, seq uint64) {
	r.marks[account] = append(r.marks[account], mark{index, seq})
}

// markAt is a read mark as it is after an index.
func (r *room) markAt(account string, index uint64) uint64 {
	for _, m := range slices.Backward(r.marks[account]) {
		if m.index <= index {
			return m.seq
		}
	}
	return 0
}

// unreadAt counts one by one what an account has not read after an index.
func (r *room) unreadAt(account string, index uint64) (n uint64) {
	read := r.markAt(account, index)
	for _, m := range r.messages[min(read, uint64(len(r.messages))):] {
		if m.at.index <= index && m.sender != account && !m.deletedAt(index) && !m.hiddenAt(account, index) {
			n++
		}
	}
	return n
}

func (m *roomMessage) deletedAt(index uint64) bool { return m.deleted != 0 && m.deleted <= index }

func (m *roomMessage) hiddenAt(account string, index uint64) bool {
	h := m.hidden[account]
	return h != 0 && h <= index
}

// textAt is the text after an index, and how often it was edited by then; nothing is left of a deleted one's.
func (m *roomMessage) textAt(index uint64) (text string, edits int) {
	if m.deletedAt(index) {
		return "", 0
	}
	for i, t := range m.texts {
		if t.index <= index {
			text, edits = t.text, i
		}
	}
	return text, edits
}

// had says whether a text ever was the message's.
func (m *roomMessage) had(text string) bool {
	return slices.ContainsFunc(m.texts, func(t wording) bool { return t.text == text })
}
