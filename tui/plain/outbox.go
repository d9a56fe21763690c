package plain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/tui/common"
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
	slices.SortStableFunc(es, func(a, b waitingEntry) int { return a.o.at.Compare(b.o.at) })
	return es
}

func (o *outgoing) state(usable bool) string {
	switch {
	case o.rejected:
		return "rejected (" + o.why + ")"
	case o.unknown || o.stuck:
		return "unknown"
	case o.inFlight && usable:
		return "sending"
	}
	return "queued"
}

func (s *session) outbox() {
	es := s.entries()
	s.say("outbox: %s", several(len(es), "message", "messages"))
	for i, e := range es {
		s.say("outbox: %d, to %s, %s, %s old: %s", i+1, e.v.name, e.o.state(s.link.Usable()), common.Age(s.o.Now().Sub(e.o.at)), e.o.text)
	}
}

func (s *session) cmdOutbox(args string) {
	word, rest, _ := strings.Cut(args, " ")
	switch word {
	case "":
		s.outbox()
	case "flush":
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
	if e.o.inFlight {
		s.say("error: not dropped, it is on its way; wait for its outcome")
		return
	}
	doubt := ""
	if e.o.unknown || e.o.stuck {
		doubt = " here; an earlier try may have stored it"
	}
	if e.o.rejected {
		s.rejected-- // a person has seen to it
	}
	e.v.out = slices.DeleteFunc(e.v.out, func(o *outgoing) bool { return o == e.o })
	s.say("outbox: dropped%s: %s", doubt, e.o.text)
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
		if o.rejected || o.stuck {
			if o.rejected {
				s.rejected--
			}
			o.rejected, o.stuck, o.told = false, false, ""
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
		if e.v == v && (e.o.rejected || e.o.stuck) {
			s.dropOne(e)
			n++
		}
	}
	if n == 0 {
		s.say("outbox: nothing was rejected here")
	}
}

// quit ends the session, but asks first when that would give messages up.
func (s *session) quit(args string) {
	n := s.waiting()
	if n > 0 && args != "discard" {
		if !s.con.Interactive() {
			s.eofAt = s.o.Now() // a script's /quit is the end of its input
			return
		}
		s.say("outbox: %s no verdict yet; wait, or /quit discard gives up what is not known to be sent",
			several(n, "message has", "messages have"))
		return
	}
	if !s.con.Interactive() && n == 0 {
		s.eofAt = s.o.Now()
		return
	}
	s.over = true
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
