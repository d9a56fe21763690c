package plain

import (
	"fmt"
	"strings"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// stamp is the time before a line, in the session's zone. A day that is another than the last line's is said in a line of its own.
func (s *session) stamp(t time.Time) string {
	t = t.In(s.o.Zone)
	if day := t.Format("Monday 2 January 2006"); day != s.day {
		if s.day != "" || day != s.o.Now().In(s.o.Zone).Format("Monday 2 January 2006") {
			s.say("day: %s", day)
		}
		s.day = day
	}
	return t.Format("15:04")
}

// write writes what somebody said: one line, or one for each of its own, each with who said it.
func (s *session) write(at time.Time, who, text string) {
	stamp := s.stamp(at)
	lines := strings.Split(strings.TrimRight(common.Body(text), "\n"), "\n")
	if len(lines) == 1 {
		s.con.Print(stamp + " " + who + ": " + lines[0])
		return
	}
	s.con.Print(fmt.Sprintf("%s %s, %d lines: %s", stamp, who, len(lines), lines[0]))
	for i, l := range lines[1:] {
		s.con.Print(fmt.Sprintf("%s %s, line %d: %s", stamp, who, i+2, l))
	}
}

// who says whose a message is, and where it stands when that is not the open conversation.
func (s *session) who(m *parleyv1.Message, notes ...string) string {
	sender, in := common.Line(m.GetSender()), common.Line(m.GetConversation())
	who := sender
	switch {
	case m.GetSender() == s.user && s.user != "":
		who = "you"
		if !s.isOpen(m.GetConversation()) {
			who += " to " + in
		}
		if len(notes) == 0 {
			notes = []string{"committed"}
		}
	case s.isOpen(m.GetConversation()):
	case "@"+sender == in:
		who = in
	default:
		who = in + ", " + sender
	}
	if s.ids {
		notes = append(notes, fmt.Sprintf("id %d", m.GetId()))
	}
	if m.GetThreadId() != 0 {
		notes = append(notes, "in a thread")
	}
	if n := m.GetReplies(); n == 1 {
		notes = append(notes, "1 reply")
	} else if n > 1 {
		notes = append(notes, fmt.Sprintf("%d replies", n))
	}
	if m.GetMentionsMe() {
		notes = append(notes, "mentions you")
	}
	if m.GetEdits() > 0 {
		notes = append(notes, "edited")
	}
	if m.GetPinned() {
		notes = append(notes, "pinned")
	}
	for _, r := range m.GetReactions() {
		notes = append(notes, fmt.Sprintf("%s %d", common.Line(r.GetEmoji()), r.GetCount()))
	}
	return strings.Join(append([]string{who}, notes...), ", ")
}

func (s *session) isOpen(name string) bool { return s.cur != nil && s.cur.name == name }

// show writes a committed message.
func (s *session) show(m *parleyv1.Message, notes ...string) {
	text := m.GetText()
	if m.GetDeleted() {
		text = "(deleted)"
	}
	s.write(m.GetTime().AsTime(), s.who(m, notes...), text)
}

// conversation finds one or makes it.
func (s *session) conversation(name string) *conversation {
	v := s.conversations[name]
	if v == nil {
		v = &conversation{name: name, ahead: map[uint64]bool{}}
		v.marks.init()
		s.conversations[name] = v
		s.words()
	}
	return v
}

// words tells the line editor what Tab completes.
func (s *session) words() {
	var ws []string
	for _, c := range commands {
		ws = append(ws, "/"+c.name)
	}
	for name := range s.conversations {
		ws = append(ws, common.Line(name))
	}
	s.con.Words(ws)
}
