package e2e

import (
	"context"
	"fmt"

	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// readRooms reads every room that an account sees, and who is in it.
func readRooms(ctx context.Context, d *cluster.Direct, convs []*parleyv1.Conversation) (rooms []string, err error) {
	mentions := map[string]uint32{}
	for _, c := range convs {
		mentions[c.GetName()] = c.GetMentions()
	}
	list, err := d.Chat.ListRooms(ctx, &parleyv1.ListRoomsRequest{PageSize: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range list.GetRooms() {
		line := fmt.Sprintf("%s %q private=%t archived=%t members=%d mentions=%d as %s:", r.GetName(), r.GetTopic(), r.GetPrivate(),
			r.GetArchived(), r.GetMembers(), mentions[r.GetName()], r.GetMembership())
		if r.GetMembership() >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			members, err := d.Chat.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{Room: r.GetName()})
			if err != nil {
				return nil, err
			}
			for _, m := range members.GetMembers() {
				line += fmt.Sprintf(" %s=%s", m.GetUser().GetUsername(), m.GetMembership())
			}
		}
		rooms = append(rooms, line)
	}
	return rooms, nil
}

// readMarks reads what is on the messages: threads, edits with the earlier texts, reactions, pins and mentions.
func readMarks(ctx context.Context, d *cluster.Direct, history []*parleyv1.Message) (marks []string, err error) {
	for _, m := range history {
		if m.GetThreadId() == 0 && m.GetReplies() == 0 && m.GetEdits() == 0 && len(m.GetReactions()) == 0 && !m.GetPinned() &&
			!m.GetMentionsMe() {
			continue
		}
		line := fmt.Sprintf("%d thread=%d replies=%d edits=%d pinned=%t mentions me=%t", m.GetId(), m.GetThreadId(), m.GetReplies(),
			m.GetEdits(), m.GetPinned(), m.GetMentionsMe())
		all, err := d.Chat.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: m.GetId()})
		if err != nil {
			return nil, err
		}
		for _, e := range all.GetEarlier() {
			line += fmt.Sprintf(" was %q", e.GetText())
		}
		for _, a := range all.GetAnnotations() {
			line += fmt.Sprintf(" %s %q by %s", a.GetKind(), a.GetValue(), a.GetUsername())
		}
		marks = append(marks, line)
	}
	return marks, nil
}

// roomChange tells a change that there is since cluster version 3; nothing for another one.
func roomChange(e *parleyv1.Event) []string {
	switch c := e.GetChange().(type) {
	case *parleyv1.Event_MessageEdited:
		return []string{"edited " + describe(c.MessageEdited)}
	case *parleyv1.Event_MessageAnnotated:
		a := c.MessageAnnotated
		return []string{fmt.Sprintf("annotated %d %s: %s %q by %s, %t", a.GetId(), a.GetConversation(), a.GetKind(), a.GetValue(),
			a.GetUsername(), a.GetPresent())}
	case *parleyv1.Event_RoomChanged:
		r := c.RoomChanged
		return []string{fmt.Sprintf("room %s %q was %q, by %s", r.GetRoom().GetName(), r.GetRoom().GetTopic(), r.GetOldName(),
			r.GetUsername())}
	case *parleyv1.Event_MembershipChanged:
		m := c.MembershipChanged
		return []string{fmt.Sprintf("%s in %s is %s, by %s", m.GetUsername(), m.GetConversation(), m.GetMembership(), m.GetBy())}
	}
	return nil
}

// liveInRooms is what people do since cluster version 3: a public room with a thread, edits, reactions and a pin, and a private
// one, from which one of them is put out.
func (w *world) liveInRooms(say func(string) string) {
	w.t.Helper()
	open, closed := fmt.Sprintf("#ops%d", w.round), fmt.Sprintf("#war%d", w.round)
	create := func(room string, private bool) {
		_, err := w.people["alice"].CreateRoom(w.ctx, &parleyv1.CreateRoomRequest{Room: room, Topic: say("what burns"), Private: private})
		w.must(err)
	}
	become := func(by, room, who string, what parleyv1.Membership) {
		_, err := w.people[by].SetMembership(w.ctx, &parleyv1.SetMembershipRequest{Room: room, Username: who, Membership: what})
		w.must(err)
	}
	edit := func(by string, id uint64, text string) {
		_, err := w.people[by].EditMessage(w.ctx, &parleyv1.EditMessageRequest{Id: id, Text: say(text)})
		w.must(err)
	}
	annotate := func(by string, id uint64, kind parleyv1.AnnotationKind, value string, present bool) {
		_, err := w.people[by].Annotate(w.ctx, &parleyv1.AnnotateRequest{Id: id, Kind: kind, Value: value, Present: present})
		w.must(err)
	}
	reply := func(by, to string, id uint64, text string) uint64 {
		resp, err := w.people[by].SendMessage(w.ctx, &parleyv1.SendMessageRequest{Conversation: to, Text: say(text), ReplyTo: id})
		w.must(err)
		return resp.GetId()
	}
	create(open, false)
	become("bob", open, "", parleyv1.Membership_MEMBERSHIP_MEMBER)
	become("carol", open, "", parleyv1.Membership_MEMBERSHIP_MEMBER)
	become("alice", open, "bob", parleyv1.Membership_MEMBERSHIP_MODERATOR)
	root := w.send("alice", open, say("fire, @bob")).GetId()
	answer := reply("bob", open, root, "wher?")
	edit("bob", answer, "where?")
	edit("bob", answer, "where? @room")
	reply("carol", open, answer, "here")
	annotate("bob", root, parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, "", true)
	for _, name := range []string{"alice", "bob", "carol"} {
		annotate(name, root, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, "🔥", true)
	}
	annotate("carol", root, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, "🔥", false)
	_, err := w.people["carol"].SetReadMark(w.ctx, &parleyv1.SetReadMarkRequest{Conversation: open, Seq: 1})
	w.must(err)

	create(closed, true)
	become("alice", closed, "bob", parleyv1.Membership_MEMBERSHIP_INVITED)
	become("bob", closed, "", parleyv1.Membership_MEMBERSHIP_MEMBER)
	w.send("bob", closed, say("i am in"))
	become("alice", closed, "bob", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED)
	become("alice", closed, "carol", parleyv1.Membership_MEMBERSHIP_INVITED)
	taken := w.send("alice", closed, say("taken back"))
	edit("alice", taken.GetId(), "edited before")
	_, err = w.people["alice"].DeleteMessages(w.ctx, &parleyv1.DeleteMessagesRequest{Ids: []uint64{taken.GetId()}})
	w.must(err)

	// In a direct conversation as well.
	note := w.send("alice", "@carol", say("a tpyo")).GetId()
	edit("alice", note, "a typo")
	annotate("carol", note, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, "👍", true)
}
