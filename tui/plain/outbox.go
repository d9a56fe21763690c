package plain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// entry is a waiting or rejected message with its number in /outbox.
type waitingEntry struct {
	v *conversation
	o *outgoing
}

// entries are all own messages without a place in history, in one order that /outbox and /outbox drop share.
func (s *session) entries() (es []waitingEntry) {
	for _, v := range s.conversations {
		for _, o := range v.out {
			es = append(es, waitingEntry{v, o})
		}
	}
	slices.SortStableFunc(es, func(a, b waitingEntry) int { return cmp.Compare(a.o.Order, b.o.Order) })
	return es
}

func (s *session) outbox() {
	es, now := s.entries(), s.o.Now()
	s.say("outbox: %s", several(len(es), "message", "messages"))
	for i, e := range es {
		reason := strings.ReplaceAll(e.o.Reason(now, 1, s.link.Usable()), " · ", ", ")
		s.say("outbox: %d, to %s, %s: %s", i+1, e.v.name, reason, e.o.Text)
	}
}

func (s *session) cmdOutbox(args string) {
	word, rest, _ := strings.Cut(args, " ")
	switch word {
	case "":
		s.outbox()
	case "flush":
		for _, e := range s.entries() {
			if !e.o.Rejected && !e.o.Stuck && (e.o.Foreign || e.o.Kept) {
				e.o.Again(s.cluster)
			}
		}
		s.retry(s.o.Now(), true)
		s.say("outbox: %s tried now", several(s.waiting(), "message is", "messages are"))
	case "drop":
		n, err := strconv.Atoi(strings.TrimSpace(rest))
		es := s.entries()
		if err != nil || n < 1 || n > len(es) {
			s.say("error: /outbox drop N: the number that /outbox says")
			return
		}
		s.dropOne(es[n-1])
	default:
		s.say("error: /outbox, /outbox flush or /outbox drop N")
	}
}

// dropOne gives up a message. One that may have been stored is not called unsent.
func (s *session) dropOne(e waitingEntry) {
	if e.o.InFlight {
		s.say("error: not dropped, it is on its way; wait for its outcome")
		return
	}
	doubt := ""
	if e.o.Unknown || e.o.Stuck {
		doubt = " here; an earlier try may have stored it"
	}
	if e.o.Rejected {
		s.rejected-- // a person has seen to it
	}
	e.v.out = slices.DeleteFunc(e.v.out, func(o *outgoing) bool { return o == e.o })
	s.dropFromDisk(e.o)
	s.say("outbox: dropped%s: %s", doubt, e.o.Text)
	s.pump(e.v)
}

// resend tries rejected messages of the open conversation again, under their ids: a refusal was never recorded.
func (s *session) resend() {
	v := s.here()
	if v == nil {
		return
	}
	n := 0
	for _, o := range v.out {
		if o.Rejected || o.Stuck {
			if o.Rejected {
				s.rejected--
			}
			o.Again(s.cluster)
			o.told = ""
			s.put(o, nil)
			n++
		}
	}
	s.say("outbox: %s sent again", several(n, "message is", "messages are"))
	s.pump(v)
}

// discard drops rejected messages of the open conversation.
func (s *session) discard() {
	v := s.here()
	if v == nil {
		return
	}
	n := 0
	for _, e := range s.entries() {
		if e.v == v && (e.o.Rejected || e.o.Stuck) {
			s.dropOne(e)
			n++
		}
	}
	if n == 0 {
		s.say("outbox: nothing was rejected here")
	}
}

// quit ends the session, but asks first what becomes of messages without a verdict.
func (s *session) quit(args string) {
	n := s.waiting()
	switch {
	case !s.con.Interactive():
		s.eofAt = s.o.Now() // a script's /quit is the end of its input
	case n == 0 || args == "keep" && s.store != nil:
		s.over = true
	case args == "discard":
		for _, e := range s.entries() {
			s.dropFromDisk(e.o)
		}
		s.over = true
	case s.store != nil:
		s.say("outbox: %s no verdict yet; /quit keep keeps them for the next start, /quit discard gives them up",
			several(n, "message has", "messages have"))
	default:
		s.say("outbox: %s no verdict yet; wait, or /quit discard gives up what is not known to be sent",
			several(n, "message has", "messages have"))
	}
}

// interrupt is ^C: twice within quitWithin ends, once clears the line that was typed.
func (s *session) interrupt() {
	now := s.o.Now()
	if now.Sub(s.pressed) < quitWithin {
		s.quit("")
		return
	}
	s.pressed = now
	s.paste = nil
	s.say("%s", fmt.Sprintf("again within %d s ends it; /quit does too", int(quitWithin.Seconds())))
}
