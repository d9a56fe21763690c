package plain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// outgoing is an own message from Enter to its outcome.
type outgoing struct {
	id      string // the request id, for all tries
	text    string
	replyTo uint64
	at      time.Time

	inFlight, unknown, rejected bool
	stuck                       bool // a retry was refused while an earlier try is in doubt: a person decides
	notBefore                   time.Time
	told                        string // the last state that was written
	why                         string
}

func (v *conversation) waiting() (n int) {
	for _, o := range v.out {
		if !o.rejected {
			n++
		}
	}
	return n
}

func (v *conversation) find(id string) int {
	return slices.IndexFunc(v.out, func(o *outgoing) bool { return o.id == id })
}

// submit takes a message over. It reports whether there was room for it.
func (s *session) submit(v *conversation, text string, replyTo uint64) bool {
	if v.waiting() >= maxOutgoing {
		s.say("error: not taken: %d messages wait in %s already", maxOutgoing, v.name)
		return false
	}
	v.out = append(v.out, &outgoing{id: s.o.NewID(), text: text, replyTo: replyTo, at: s.o.Now()})
	s.pump(v)
	s.tellWaiting(v, s.o.Now())
	return true
}

// pump gives the next message of a conversation to the cluster, when none is on its way.
func (s *session) pump(v *conversation) {
	now := s.o.Now()
	for _, o := range v.out {
		switch {
		case o.rejected:
			continue
		case o.inFlight || o.stuck || now.Before(o.notBefore):
			return
		}
		o.inFlight = true
		req := &parleyv1.SendMessageRequest{RequestId: o.id, Conversation: v.name, Text: o.text, ReplyTo: o.replyTo}
		s.call(func(parent context.Context) func() {
			ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
			defer cancel()
			resp, err := s.be.SendMessage(ctx, req)
			return func() { s.onSent(v, req.GetRequestId(), resp, err) }
		})
		return
	}
}

func (s *session) onSent(v *conversation, id string, resp *parleyv1.SendMessageResponse, err error) {
	i := v.find(id)
	if err == nil {
		if i >= 0 {
			s.committed(v, i, resp.GetTime().AsTime(), resp.GetId(), resp.GetSeq())
		}
		s.pump(v)
		return
	}
	if i < 0 { // the subscription brought the commit before this answer
		s.pump(v)
		return
	}
	o := v.out[i]
	o.inFlight = false
	f := s.be.Explain(err)
	if f.Auth {
		s.sessionOver(f)
		return
	}
	o.why = f.Text
	switch {
	case f.Outcome == common.Unknown:
		o.unknown = true
		o.notBefore = s.o.Now().Add(retryAfter)
	case f.Outcome == common.NotApplied:
		o.notBefore = s.o.Now().Add(retryAfter)
	case o.unknown:
		o.stuck = true
	default:
		o.rejected, o.why = true, f.Error()
		s.rejected++
	}
	s.tellWaiting(v, s.o.Now())
	s.pump(v)
}

// committed writes the end of a message that a quorum has.
func (s *session) committed(v *conversation, i int, at time.Time, id, seq uint64) {
	o := v.out[i]
	v.out = slices.Delete(v.out, i, i+1)
	m := &parleyv1.Message{Id: id, Seq: seq, Conversation: v.name, Sender: s.user}
	v.note(m)
	v.shown = max(v.shown, seq)
	who := "you"
	if !s.isOpen(v.name) {
		who += " to " + common.Line(v.name)
	}
	who += ", committed"
	if s.ids {
		who += fmt.Sprintf(", id %d", id)
	}
	s.write(at, who, o.text)
}

// note takes what a message says of its conversation. It reports whether it was news.
func (v *conversation) note(m *parleyv1.Message) bool {
	v.lastID = max(v.lastID, m.GetId())
	if m.GetSeq() <= v.lastSeq {
		return false
	}
	v.lastSeq = m.GetSeq()
	return true
}

// tellWaiting writes each state that a message came to and stays in; one that is committed at once needs no other line.
func (s *session) tellWaiting(v *conversation, now time.Time) {
	for i, o := range v.out {
		state, why := "", ""
		switch {
		case o.rejected:
			state, why = "rejected", o.why+"; /resend sends it again, /discard drops it"
		case o.stuck:
			state, why = "unknown", "an earlier try may have worked, the last was refused: "+o.why+"; /resend or /discard"
		case o.unknown:
			state, why = "unknown", "tried again with the same id until that is known"
		case o.inFlight && s.link.Usable():
			if now.Sub(o.at) < tellAfter || i > 0 {
				continue
			}
			state = "sending"
		default:
			if s.link.Usable() && now.Sub(o.at) < tellAfter {
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
		s.write(o.at, who, o.text)
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
			if o.inFlight {
				o.unknown = true
				n++
			}
		}
	}
	return n
}
