package sim

import (
	"fmt"

	"parley/node"
	"parley/proto/internalv1"
)

// maxOpenRooms is how many rooms with members there are at a time: few, so that people meet in them.
const maxOpenRooms = 2

// emoji are what people react with.
var emoji = []string{"👍", "🎉", "👀"}

// inRoom does one thing in a room, or to one. Much of it is refused; when, the register knows.
func (c *client) inRoom() {
	w, g := c.w, c.w.law.register
	var open []*room
	for _, r := range g.order {
		if r.members() > 0 {
			open = append(open, r)
		}
	}
	if len(open) == 0 || len(open) < maxOpenRooms && w.chance(0.1) {
		c.ask("create room", &internalv1.Command{Body: &internalv1.Command_CreateRoom{CreateRoom: &internalv1.CreateRoom{
			Room: fmt.Sprintf("#r%d", len(g.order)), Private: w.chance(0.4),
		}}})
		return
	}
	r := open[w.rng.IntN(len(open))]
	p := w.rng.IntN(100)
	if r.ranks[c.name] < member {
		switch {
		case p < 60:
			c.become(r, "", member)
		case p < 80:
			c.post(r)
		default:
			c.readRoom(r)
		}
		return
	}
	switch {
	case p < 40:
		c.post(r)
	case p < 55:
		c.readRoom(r)
	case p < 65:
		c.markRoom(r)
	case p < 87 && len(r.messages) > 0:
		c.change(r)
	case p < 90:
		c.become(r, "", nobody)
	default:
		// Members that may not do this try it as well.
		wants := []internalv1.Membership{invited, invited, invited, nobody, banned, member, moderator, owner}
		c.become(r, c.somebody(), wants[w.rng.IntN(len(wants))])
	}
}

// ask makes a request that may be refused, if the register says so.
func (c *client) ask(what string, cmd *internalv1.Command) {
	cmd.Session = c.token
	c.begin(what, cmd, func(node.Answer, *internalv1.Result) { c.think() })
	c.op.refusable = c.think
}

func (c *client) become(r *room, who string, want internalv1.Membership) {
	c.ask("membership", &internalv1.Command{Body: &internalv1.Command_SetMembership{SetMembership: &internalv1.SetMembership{
		Room: r.name, Username: who, Membership: want,
	}}})
}

// post sends to a room, now and then in reply to something.
func (c *client) post(r *room) {
	c.w.counts.Posted++
	text := fmt.Sprintf("%s in %s, %d", c.name, r.name, c.steps)
	if m := c.some(r); m != nil && c.w.chance(0.3) {
		c.ask("reply", &internalv1.Command{Body: &internalv1.Command_PostMessage{PostMessage: &internalv1.PostMessage{
			Conversation: r.name, Text: text, ReplyTo: m.id,
		}}})
		return
	}
	c.ask("post", &internalv1.Command{Body: &internalv1.Command_SendMessage{SendMessage: &internalv1.SendMessage{
		Conversation: r.name, Text: text,
	}}})
}

// some draws one of the newest messages of a room; nil when it has none.
func (c *client) some(r *room) *roomMessage {
	n := len(r.messages)
	if n == 0 {
		return nil
	}
	return r.messages[n-1-c.w.rng.IntN(min(n, page))]
}

// markRoom moves the read mark, forward or back.
func (c *client) markRoom(r *room) {
	c.ask("read mark", &internalv1.Command{Body: &internalv1.Command_SetReadMark{SetReadMark: &internalv1.SetReadMark{
		Conversation: r.name, Seq: uint64(c.w.rng.IntN(len(r.messages) + 2)),
	}}})
}

// change edits a message, puts something on it or deletes it: mostly an own one where only that is allowed.
func (c *client) change(r *room) {
	w, m := c.w, c.some(r)
	for range 3 {
		if m.sender != c.name {
			m = c.some(r)
		}
	}
	annotate := func(kind internalv1.AnnotationKind, value string) {
		c.ask("annotate", &internalv1.Command{Body: &internalv1.Command_Annotate{Annotate: &internalv1.Annotate{
			Id: m.id, Kind: kind, Value: value, Present: w.chance(0.7),
		}}})
	}
	switch p := w.rng.IntN(100); {
	case p < 35:
		c.ask("edit", &internalv1.Command{Body: &internalv1.Command_EditMessage{EditMessage: &internalv1.EditMessage{
			Id: m.id, Text: fmt.Sprintf("%s edits %d", c.name, c.steps),
		}}})
	case p < 70:
		annotate(internalv1.AnnotationKind_ANNOTATION_KIND_REACTION, emoji[w.rng.IntN(len(emoji))])
	case p < 80:
		annotate(internalv1.AnnotationKind_ANNOTATION_KIND_PIN, "")
	default:
		c.ask("delete in room", &internalv1.Command{Body: &internalv1.Command_DeleteMessages{
			DeleteMessages: &internalv1.DeleteMessages{Ids: []uint64{m.id}},
		}})
	}
}
