package sim

import (
	"fmt"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// message is what is compared of one.
type message struct {
	id, seq uint64
	text    string
	deleted bool
}

func plain(ms []*parleyv1.Message) []message {
	out := make([]message, len(ms))
	for i, m := range ms {
		out[i] = message{m.GetId(), m.GetSeq(), m.GetText(), m.GetDeleted()}
	}
	return out
}

// sent is a message under its request id.
type sent struct {
	chat    *chat
	request []byte
	cmd     []byte
	text    string
	id, seq uint64 // of the acknowledgement; 0 before it
	removed bool   // its deletion was asked for
}

// chat is what is known of one conversation.
type chat struct {
	w     *world
	key   string
	acked uint64           // highest acknowledged seq
	seen  uint64           // highest seq that a read has shown
	bySeq map[uint64]*sent // what each seq must be
	texts map[string]*sent
}

// chat returns the conversation of two people.
func (w *world) chat(a, b string) *chat {
	if b < a {
		a, b = b, a
	}
	if w.law.chats == nil {
		w.law.chats = map[string]*chat{}
	}
	key := a + " " + b
	c := w.law.chats[key]
	if c == nil {
		c = &chat{w: w, key: key, bySeq: map[uint64]*sent{}, texts: map[string]*sent{}}
		w.law.chats[key] = c
	}
	return c
}

// floor is what every linearizable read that begins now must show.
func (c *chat) floor() uint64 { return max(c.acked, c.seen) }

// send makes a message and holds its acknowledgement against what is known.
func (c *client) send() {
	w, with := c.w, c.somebody()
	s := &sent{chat: w.chat(c.name, with), text: fmt.Sprintf("%s %d", c.name, len(c.sent))}
	c.sent = append(c.sent, s)
	s.chat.texts[s.text] = s
	w.counts.Sent++
	c.begin("send", &internalv1.Command{Session: c.token, Body: &internalv1.Command_SendMessage{
		SendMessage: &internalv1.SendMessage{Conversation: "@" + with, Text: s.text},
	}}, func(_ node.Answer, res *internalv1.Result) {
		w.counts.Acked++
		id, seq := res.GetSend().GetId(), res.GetSend().GetSeq()
		if s.seq != 0 && (s.id != id || s.seq != seq) {
			w.fail("%q was shown as id %d seq %d, and is acknowledged as id %d seq %d", s.text, s.id, s.seq, id, seq)
		}
		s.id, s.seq = id, seq
		s.chat.is(s.seq, s)
		s.chat.acked = max(s.chat.acked, s.seq)
		if w.chance(0.2) {
			c.retell(s)
			return
		}
		c.think()
	})
	s.request, s.cmd = c.op.request, c.op.cmd
}

// retell makes an acknowledged request again: it must get the first answer.
func (c *client) retell(s *sent) {
	old := c.sent[c.w.rng.IntN(len(c.sent))]
	if old.seq != 0 {
		s = old
	}
	c.op = &op{what: "retell", request: s.request, cmd: s.cmd, began: c.w.now, done: func(_ node.Answer, res *internalv1.Result) {
		c.w.counts.Retold++
		if got := res.GetSend(); got.GetId() != s.id || got.GetSeq() != s.seq {
			c.w.fail("%q was acknowledged with id %d seq %d, and told again with id %d seq %d", s.text, s.id, s.seq, got.GetId(), got.GetSeq())
		}
		c.think()
	}}
	c.try(c.op)
}

// remove deletes an own message.
func (c *client) remove() {
	var live []*sent
	for _, s := range c.sent {
		if s.seq != 0 && !s.removed {
			live = append(live, s)
		}
	}
	if len(live) == 0 {
		c.think()
		return
	}
	s := live[c.w.rng.IntN(len(live))]
	s.removed = true
	c.begin("delete", &internalv1.Command{Session: c.token, Body: &internalv1.Command_DeleteMessages{
		DeleteMessages: &internalv1.DeleteMessages{Ids: []uint64{s.id}},
	}}, func(node.Answer, *internalv1.Result) { c.think() })
}

// is fixes what a seq holds.
func (c *chat) is(seq uint64, s *sent) {
	if old := c.bySeq[seq]; old != nil && old != s {
		c.w.fail("%s: seq %d is %q and %q", c.key, seq, old.text, s.text)
	}
	c.bySeq[seq] = s
}

// shown takes a page of the newest messages that a node gave to a client.
func (c *chat) shown(who *client, r *replica, floor uint64, ms []message) {
	var top uint64
	for i, m := range ms {
		if i > 0 && m.seq != ms[i-1].seq+1 {
			c.w.fail("%s: node %d shows seq %d after %d", c.key, r.id, m.seq, ms[i-1].seq)
		}
		c.check(r, m)
		top = m.seq
	}
	if top < floor {
		c.w.fail("%s: node %d shows %s the messages up to seq %d by a linearizable read that began after seq %d", c.key, r.id, who.name, top, floor)
	}
	c.seen = max(c.seen, top)
}

// check holds one message against what is known of its seq.
func (c *chat) check(r *replica, m message) {
	if m.deleted {
		if s := c.bySeq[m.seq]; s != nil && !s.removed {
			c.w.fail("%s: node %d shows %q, seq %d, as deleted, which nobody asked for", c.key, r.id, s.text, m.seq)
		}
		return
	}
	s := c.texts[m.text]
	if s == nil {
		c.w.fail("%s: node %d shows %q, which nobody sent", c.key, r.id, m.text)
	}
	c.is(m.seq, s)
	if s.seq != 0 && (s.seq != m.seq || s.id != m.id) {
		c.w.fail("%s: node %d shows %q as id %d seq %d, it was acknowledged as id %d seq %d", c.key, r.id, m.text, m.id, m.seq, s.id, s.seq)
	}
	// Before the acknowledgement: another seq for the same text would be a double.
	if s.seq == 0 {
		s.seq, s.id = m.seq, m.id
	}
}

// judge reads everything on every node at the end.
func (c *client) judge() error {
	w := c.w
	if c.op != nil {
		return w.violation("%s still waits for a %s that began at %v, after %d tries", c.name, c.op.what, c.op.began, c.op.tries)
	}
	for _, other := range w.clients {
		chat := w.chat(c.name, other.name)
		for _, r := range w.serving() {
			if err := chat.whole(c, r, "@"+other.name); err != nil {
				return err
			}
		}
	}
	if err := c.judgeTail(); err != nil {
		return err
	}
	return c.judgeRooms()
}

// whole reads a conversation from its beginning on one node.
func (c *chat) whole(who *client, r *replica, conversation string) error {
	v, err := r.s.Store().View()
	if err != nil {
		return err
	}
	defer v.Close()
	ses, err := v.Session(who.token)
	if err != nil {
		return c.w.violation("node %d does not know the session of %s: %v", r.id, who.name, err)
	}
	read, err := v.Messages(ses, store.MessageQuery{Conversation: conversation, Limit: store.MaxPage})
	if err != nil || read.More {
		return c.w.violation("%s on node %d: %v, more %v", c.key, r.id, err, read.More)
	}
	for i, m := range plain(read.Messages) {
		if m.seq != uint64(i+1) {
			return c.w.violation("%s: node %d has seq %d at place %d", c.key, r.id, m.seq, i+1)
		}
		c.check(r, m)
	}
	if uint64(len(read.Messages)) < c.acked {
		return c.w.violation("%s: node %d has %d messages, seq %d was acknowledged", c.key, r.id, len(read.Messages), c.acked)
	}
	return nil
}
