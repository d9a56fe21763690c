package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/api/soft"
	"parley/proto/parleyv1"
	"parley/store"
)

// SetPresence records that the caller's session is at the keyboard, or not.
func (s *chat) SetPresence(ctx context.Context, r *parleyv1.SetPresenceRequest) (*parleyv1.SetPresenceResponse, error) {
	var f form
	active := r.Presence == parleyv1.Presence_PRESENCE_ACTIVE
	if !active && r.Presence != parleyv1.Presence_PRESENCE_AWAY {
		f.add("presence", "must be ACTIVE or AWAY")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	sess, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	if wait, ok := s.presences.take(sess.Username); !ok {
		return nil, tooFast(wait)
	}
	s.soft.SetActive(sess.AccountID, string(callerOf(ctx).token), active)
	return &parleyv1.SetPresenceResponse{}, nil
}

// SendTyping tells who follows a conversation on any node that the caller is typing in it.
func (s *chat) SendTyping(ctx context.Context, r *parleyv1.SendTypingRequest) (*parleyv1.SendTypingResponse, error) {
	var f form
	name := f.conversation("conversation", r.Conversation)
	if err := f.err(); err != nil {
		return nil, err
	}
	sess, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	if wait, ok := s.typings.take(sess.Username); !ok {
		return nil, tooFast(wait)
	}
	var conv uint64
	err = s.withView(func(v *store.View) (err error) {
		conv, err = v.TypingIn(sess, name)
		return conversationFailure(err, "conversation", name)
	})
	if err != nil {
		return nil, err
	}
	if conv != 0 {
		s.soft.Type(soft.Typing{Conversation: conv, Account: sess.AccountID})
	}
	return &parleyv1.SendTypingResponse{}, nil
}

// ListPresence tells what this node knows, seconds old. Who blocks the caller, or is blocked, is OFFLINE.
func (s *chat) ListPresence(ctx context.Context, r *parleyv1.ListPresenceRequest) (*parleyv1.ListPresenceResponse, error) {
	var f form
	if len(r.Usernames) > maxPage {
		f.add("usernames", "must be at most %d", maxPage)
		return nil, f.err()
	}
	names := make([]string, len(r.Usernames))
	for i, name := range r.Usernames {
		if names[i] = f.username("usernames", name); len(f.bad) > 0 { // the first wrong one says enough
			return nil, f.err()
		}
	}
	sess, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	var people []store.Person
	err = s.withView(func(v *store.View) (err error) {
		people, err = v.People(sess, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp := &parleyv1.ListPresenceResponse{}
	for i, p := range people {
		c := &parleyv1.PresenceChange{Username: names[i]}
		switch {
		case p.AccountID == 0:
		case p.Hidden:
			c.Presence = parleyv1.Presence_PRESENCE_OFFLINE
		default:
			c.Presence = s.soft.Presence(p.AccountID)
		}
		resp.People = append(resp.People, c)
	}
	return resp, nil
}

// known is the session of a call that is answered from this node alone. One that this node does not know is confirmed to be
// none before it is refused.
func (s *Server) known(ctx context.Context) (store.Session, error) {
	sess, err := s.localSession(ctx)
	if errors.Is(err, store.ErrNoSession) {
		if err := s.confirm(ctx); err != nil {
			return sess, err
		}
		if sess, err = s.localSession(ctx); errors.Is(err, store.ErrNoSession) {
			return sess, sessionInvalid()
		}
	}
	return sess, err
}

// runSoft does what soft state has to be done for: it tells the other nodes, and the streams of this one. It ends with Drain.
func (s *Server) runSoft() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := s.soft.Step()
		if due.Frame != nil {
			s.replica.SendSoft(due.Frame)
		}
		s.tellPresence(due.Changes)
		s.tellTyping(due.Typing)
		timer.Reset(due.Wait)
		select {
		case <-timer.C:
		case <-s.soft.Wake():
		case <-s.drained.Done():
			return
		}
	}
}

// tellPresence tells the streams of this node whom it concerns. Whom that is is looked up at each change and kept nowhere: a
// stream where nothing happens costs nothing, however many there are. A view is held for one look-up.
func (s *Server) tellPresence(changes []soft.Change) {
	for _, c := range changes {
		var username string
		var circle []uint64
		err := s.withView(func(v *store.View) (err error) {
			username, circle, err = v.Circle(c.Account, s.soft.Follows)
			return err
		})
		if err != nil {
			s.softFailed(err)
			return
		}
		if len(circle) == 0 {
			continue
		}
		frame := encodeFrame(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Presence{
			Presence: &parleyv1.PresenceChange{Username: username, Presence: c.Presence},
		}})
		for _, id := range circle {
			s.soft.Tell(id, frame)
		}
	}
}

// tellTyping tells the streams of this node of those who may read what is being typed.
func (s *Server) tellTyping(typing []soft.Typing) {
	for _, t := range typing {
		var username string
		var to []store.Addressee
		err := s.withView(func(v *store.View) (err error) {
			username, to, err = v.TypingTo(t.Account, t.Conversation)
			return err
		})
		if err != nil {
			s.softFailed(err)
			return
		}
		var frame *parleyv1.SubscribeResponse
		for _, a := range to { // all name the conversation alike
			if frame == nil {
				frame = encodeFrame(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Typing{
					Typing: &parleyv1.Typing{Conversation: a.Conversation, Username: username},
				}})
			}
			s.soft.Tell(a.Account, frame)
		}
	}
}

// softFailed drops what was to be told: it is soft, and a store that fails says so where it matters.
func (s *Server) softFailed(err error) {
	if s.logs.Allow() {
		s.log.Info("soft state was not told", "err", err)
	}
}

// encodeFrame encodes what several streams send once: its bytes are held as fields that nobody knows, which protobuf passes
// on as they are.
func encodeFrame(f *parleyv1.SubscribeResponse) *parleyv1.SubscribeResponse {
	b, err := proto.Marshal(f)
	if err != nil {
		return f // the stream says what is wrong with it
	}
	out := new(parleyv1.SubscribeResponse)
	out.ProtoReflect().SetUnknown(b)
	return out
}
