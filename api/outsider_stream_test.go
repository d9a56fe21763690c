package api

import (
	"errors"
	"io"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

// TestStreamsTellOutsidersNothing has every outsider follow its stream, from now and from when it was a member, while
// everything happens in the room and in the direct conversation that can happen there.
func TestStreamsTellOutsidersNothing(t *testing.T) {
	h := newHouse(t)
	const end = "that is all"
	type stream struct {
		outsider
		st  events
		got answer
	}
	streams := []*stream{{outsider: outsider{user: h.member}}}
	for _, o := range h.outsiders {
		streams = append(streams, &stream{outsider: o})
		if o.cursor != "" {
			from := o
			streams = append(streams, &stream{outsider: from})
			streams[len(streams)-2].cursor = ""
		}
	}
	for _, s := range streams {
		st, err := h.chat.Subscribe(s.ctx, &parleyv1.SubscribeRequest{Cursor: s.cursor})
		must(t, err)
		if _, err := st.Recv(); err != nil {
			s.got.err = err
			continue
		}
		s.st = st
	}
	_, err := h.chat.SetPresence(h.owner.ctx, &parleyv1.SetPresenceRequest{Presence: parleyv1.Presence_PRESENCE_ACTIVE})
	must(t, err)
	typed := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for i, s := range streams {
		if s.st == nil {
			continue
		}
		wg.Go(func() { // ends with the last message, or with the stream
			for {
				f, err := s.st.Recv()
				if err != nil {
					if !errors.Is(err, io.EOF) {
						s.got.err = err
					}
					return
				}
				if f.GetHeartbeat() != nil {
					continue
				}
				s.got.frames = append(s.got.frames, f)
				if i == 0 && f.GetTyping() != nil {
					once.Do(func() { close(typed) })
				}
				if f.GetEvent().GetMessage().GetText() == end {
					return
				}
			}
		})
	}
	h.talk(t)
	room := "#" + roomName
	_, err = h.chat.UpdateRoom(h.owner.ctx, &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: room, Topic: proto.String(topicWas)})
	must(t, err)
	h.rank(t, h.owner, room, h.member.name, parleyv1.Membership_MEMBERSHIP_MODERATOR)
	_, err = h.chat.SendTyping(h.owner.ctx, &parleyv1.SendTypingRequest{Conversation: room})
	must(t, err)
	_, err = h.chat.SendTyping(h.owner.ctx, &parleyv1.SendTypingRequest{Conversation: "@" + memberName})
	must(t, err)
	<-typed
	for _, s := range streams {
		if s.name != "bot" && s.cursor == "" {
			h.send(t, h.friend, "@"+s.name, end, 0)
		}
	}
	wg.Wait()
	for i, s := range streams {
		for _, f := range s.got.frames {
			if m := f.(*parleyv1.SubscribeResponse).GetEvent().GetMembershipChanged(); m.GetMe() && m.GetBy() == ownerName {
				m.By = "" // who let it in, or put it out, is told
			}
		}
		leaked := h.found(s.got, &parleyv1.SubscribeRequest{}, s.knows)
		if i == 0 && len(leaked) < 8 {
			t.Errorf("a member's stream tells %q and no more: the test cannot fail\n%s", leaked, s.got.text())
		}
		if i > 0 && len(leaked) > 0 {
			t.Errorf("the stream of %s from %q tells %q:\n%s", s.name, s.cursor, leaked, s.got.text())
		}
	}
}
