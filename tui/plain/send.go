package plain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/outbox"
)

// outgoing is an own message from Enter to its outcome.
type outgoing struct {
	*outbox.Message
	notBefore time.Time
	told      string // the last state that was written
}

func (v *conversation) waiting() (n int) {
	for _, o := range v.out {
		if o.Waiting() {
			n++
		}
	}
	return n
}

// submit takes a message over: first to disk, where there is one, then to the cluster.
func (s *session) submit(v *conversation, text string, replyTo uint64) {
	if v.waiting() >= outbox.MaxWaiting {
		s.say("error: not taken: %d messages wait in %s already", outbox.MaxWaiting, v.name)
		return
	}
	s.order++
	o := &outgoing{Message: &outbox.Message{Saved: s.store == nil, Outgoing: common.Outgoing{
		ID: s.o.NewID(), Conversation: v.name, Text: text, ReplyTo: replyTo, Cluster: s.cluster, Written: s.o.Now(), Order: s.order,
	}}}
	v.out = append(v.out, o)
	s.put(o, func() {
		s.pump(v)
		s.tellWaiting(v, s.o.Now())
	})
	s.pump(v)
	s.tellWaiting(v, s.o.Now())
}

// put writes a message to disk as it is now.
func (s *session) put(o *outgoing, then func()) {
	if s.store == nil {
		return
	}
	store, m := s.store, o.Outgoing
	s.call(func(context.Context) func() {
		err := store.Put(m)
		return func() {
			if err != nil {
				s.say("error: a message is not kept on disk and is lost if this client ends: %s", err)
			}
			o.Saved = true
			if then != nil {
				then()
			}
		}
	})
}

// dropFromDisk forgets a message whose outcome is known.
func (s *session) dropFromDisk(o *outgoing) {
	if s.store == nil {
		return
	}
	store, id := s.store, o.ID
	s.call(func(context.Context) func() {
		_ = store.Drop(id) // it comes back at the next start and is committed already: the same id
		return func() {}
	})
}

// pump gives the next message of a conversation to the cluster, when none is on its way.
func (s *session) pump(v *conversation) {
	now := s.o.Now()
	list := make([]*outbox.Message, len(v.out))
	for i, o := range v.out {
		list[i] = o.Message
	}
	next, ask := outbox.Next(list, now, s.link.Usable())
	if ask != nil && !ask.Kept {
		ask.Kept = true
		s.say("outbox: a message to %s waits for your word, it is %s old: /outbox flush sends it, /outbox drop drops it: %s",
			v.name, common.Age(now.Sub(ask.Written)), ask.Text)
	}
	if next == nil {
		return
	}
	o := v.out[slices.Index(list, next)]
	if now.Before(o.notBefore) {
		return
	}
	store, first := s.store, !o.Tried
	o.Begin()
	m := o.Outgoing
	s.call(func(parent context.Context) func() {
		if store != nil && first {
			_ = store.Put(m) // what comes back as untried is tried with the same id all the same
		}
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		resp, err := s.be.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: m.ID, Conversation: m.Conversation, Text: m.Text, ReplyTo: m.ReplyTo})
		return func() { s.onSent(v, m.ID, resp, err) }
	})
}

func (s *session) onSent(v *conversation, id string, resp *parleyv1.SendMessageResponse, err error) {
	i := v.find(id)
	switch {
	case err == nil && i >= 0:
		s.committed(v, i, resp.GetTime().AsTime(), resp.GetId(), resp.GetSeq())
	case err != nil && i >= 0: // else the subscription brought the commit before this answer
		o := v.out[i]
		f := s.be.Explain(err)
		if f.Auth {
			o.InFlight = false
			s.sessionOver(f)
			return
		}
		if o.Failed(f) {
			o.notBefore = s.o.Now().Add(retryAfter)
		} else if o.Rejected {
			s.rejected++
			s.put(o, nil)
		}
		s.tellWaiting(v, s.o.Now())
	}
	s.pump(v)
}

// committed writes the end of a message that a quorum has.
func (s *session) committed(v *conversation, i int, at time.Time, id, seq uint64) {
	o := v.out[i]
	o.Done = true
	v.out = slices.Delete(v.out, i, i+1)
	s.dropFromDisk(o)
	v.lastID = max(v.lastID, id)
	v.wrote(seq)
	who := "you"
	if !s.isOpen(v.name) {
		who += " to " + common.Line(v.name)
	}
	who += ", committed"
	if s.ids {
		who += fmt.Sprintf(", id %d", id)
	}
	s.write(at, who, o.Text)
}

// tellWaiting writes each state that a message came to and stays in; one that is committed at once needs no other line.
func (s *session) tellWaiting(v *conversation, now time.Time) {
	for i, o := range v.out {
		ready, fresh := s.link.Usable(), now.Sub(o.Written) < tellAfter
		var state, why string
		switch {
		case !o.Saved: // nothing is said of it that a crash could make a lie
			continue
		case o.Rejected:
			state, why = "rejected", o.Why+"; /resend sends it again, /discard drops it"
		case o.Foreign:
			state, why = "queued", "written for another cluster, /outbox flush sends it to this one"
		case o.Stuck:
			state, why = "unknown", "an earlier try may have worked, the last was refused: "+o.Why+"; /resend or /discard"
		case o.Unknown:
			state, why = "unknown", "tried again with the same id until that is known"
		case o.InFlight && ready:
			if fresh || i > 0 {
				continue
			}
			state = "sending"
		default:
			if ready && fresh {
				continue
			}
			state, why = "queued", s.waitsFor()
		}
		if o.told == state {
			continue
		}
		o.told = state
		who := "you, " + state
		if !s.isOpen(v.name) {
			who = "you to " + common.Line(v.name) + ", " + state
		}
		if why != "" {
			who += " (" + why + ")"
		}
		s.write(o.Written, who, o.Text)
	}
}

func (s *session) waitsFor() string {
	switch {
	case s.link.Usable():
		return "one before it waits"
	case s.link.Phase == common.NoQuorum:
		return "until there is a quorum"
	}
	return "until a node answers"
}

// retry looks after what waits: called when time passes and when the link changes.
func (s *session) retry(now time.Time, atOnce bool) {
	for _, v := range s.conversations {
		for _, o := range v.out {
			if atOnce {
				o.notBefore = time.Time{}
			}
		}
		s.pump(v)
	}
}

// doubt marks what was on its way when the link broke, and counts it.
func (s *session) doubt() (n int) {
	for _, v := range s.conversations {
		for _, o := range v.out {
			if o.Doubt() {
				n++
			}
		}
	}
	return n
}
