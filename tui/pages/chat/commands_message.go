package chat

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/components/reactbar"
	"parley/tui/components/timeline"
)

// messageCommands are those about what is done to one message. N is its seq, which the row of a selected message tells, or #id;
// without it they mean the selected message, else the newest one on screen.
func messageCommands() []command {
	return []command{
		{"reply", "[N] [text]", "reply in a message's thread", (*Model).cmdReply},
		{"thread", "[N]", "show a message's thread", onPointed((*Model).openThread)},
		{"edit", "[N] [text]", "edit an own message, the last one without N", (*Model).cmdEdit},
		{"delete", "[N]", "delete a message", onPointed((*Model).askDeleteOne)},
		{"outbox", "[flush|drop N]", "what waits or was rejected; send it now; drop one", (*Model).cmdOutbox},
		{"resend", "", "send what was rejected here again", (*Model).cmdResend},
		{"react", ":name: [N]", "react to a message, or take that back", (*Model).cmdReact},
		{"pin", "[N]", "pin a message, or take the pin away", onPointed((*Model).togglePin)},
		{"pins", "", "show what is pinned here", (*Model).cmdPins},
		{"mentions", "[unread]", "messages of all rooms that mention you", (*Model).openMentions},
		{"next-mention", "", "next message that mentions you", func(m *Model, _ string) tea.Cmd { return m.stepMention(1) }},
		{"prev-mention", "", "previous message that mentions you", func(m *Model, _ string) tea.Cmd { return m.stepMention(-1) }},
		{"markunread", "[N]", "mark as unread from a message on", onPointed((*Model).markUnreadFrom)},
		{"mute", "[all|mentions|none]", "what of this conversation calls for you", (*Model).cmdMute},
		{"details", "[N]", "all about a message: ids, times, attempts", onPointed((*Model).openDetails)},
		{"copy", "[N]", "copy a message's text", onPointed((*Model).copyOne)},
		{"open", "[N]", "open the link in a message", onPointed((*Model).openLink)},
	}
}

// number reads a whole number above 0; 0 is none.
func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// onPointed makes a command of what is done to one message.
func onPointed(do func(*Model, *timeline.Entry) tea.Cmd) func(*Model, string) tea.Cmd {
	return func(m *Model, args string) tea.Cmd {
		e := m.pointed(args)
		if e == nil {
			return nil
		}
		return do(m, e)
	}
}

// numberFirst cuts the number of a message off a command's line.
func numberFirst(args string) (n, rest string) {
	first, rest, _ := strings.Cut(args, " ")
	if number(strings.TrimPrefix(first, "#")) != 0 {
		return first, strings.TrimSpace(rest)
	}
	return "", args
}

func (m *Model) cmdReply(args string) tea.Cmd {
	n, text := numberFirst(args)
	e := m.pointed(n)
	if e == nil {
		return nil
	}
	if text == "" {
		return m.startReply(e)
	}
	if !m.actable(e, "answered") {
		return nil
	}
	m.cur.tl.StopSelect()
	return m.submitReply(m.cur.name, text, e.ID, rootOf(e), leadText(e))
}

func (m *Model) cmdEdit(args string) tea.Cmd {
	n, text := numberFirst(args)
	var e *timeline.Entry
	switch {
	case m.cur == nil || n != "" || m.cur.tl.Selecting():
		e = m.pointed(n)
	default:
		if e = m.cur.lastOwn(); e == nil {
			m.fail("no message of yours is loaded here")
		}
	}
	switch {
	case e == nil:
		return nil
	case text == "":
		return m.startEdit(e)
	case !m.actable(e, "edited"):
		return nil
	case !e.Own:
		m.fail("only an own message can be edited")
		return nil
	}
	m.cur.tl.StopSelect()
	return m.editMessage(m.cur, e.ID, text)
}

func (m *Model) cmdReact(args string) tea.Cmd {
	name, n, _ := strings.Cut(args, " ")
	if name != "" && number(strings.TrimPrefix(name, "#")) != 0 {
		name, n = "", name
	}
	e := m.pointed(strings.TrimSpace(n))
	switch {
	case e == nil:
		return nil
	case name == "":
		return m.openReact(e)
	}
	emoji, problem := reactbar.Parse(name)
	if problem != "" {
		m.fail(problem)
		return nil
	}
	if !m.actable(e, "reacted to") {
		return nil
	}
	return m.react(e, emoji)
}

func (m *Model) cmdPins(string) tea.Cmd {
	if m.cur == nil {
		m.fail("no conversation is open: ^K finds people")
		return nil
	}
	return m.openView(m.cur, pinsView, 0)
}

func (m *Model) askDeleteOne(e *timeline.Entry) tea.Cmd { return m.askDelete([]*timeline.Entry{e}) }

func (m *Model) copyOne(e *timeline.Entry) tea.Cmd { return m.copy([]*timeline.Entry{e}) }
