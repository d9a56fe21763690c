// Package keymap names every key of the terminal client once. The help screen is generated from it, so a key that works is a
// key that is written down.
package keymap

import "charm.land/bubbles/v2/key"

// Map is the whole keyboard. Every alt binding also has a slash command, because some terminals keep alt for themselves.
type Map struct {
	Help, Sidebar, Cluster, Outbox, Demo, Settings, People, Search, Reconnect, Redraw, Mouse, Suspend, Interrupt, Quit key.Binding

	NextConversation, PrevConversation, NextUnread, LastConversation, JumpTo, MarkRead, MarkUnreadHere key.Binding

	PageUp, PageDown, LineUp, LineDown, Top, Bottom, UnreadLine, NextMention, PrevMention key.Binding

	Send, Newline, Complete, CompleteBack, Editor, Select, Escape key.Binding

	LineStart, LineEnd, CharLeft, CharRight, WordLeft, WordRight, RubWord, RubToStart, RubToEnd, RubWordRight, Yank, Transpose, Undo key.Binding

	Up, Down, First, Last, Details, Reply, Thread, Edit, React, Pin, Open, Unread, Mark, Delete, Copy, Retry, Discard key.Binding

	NextField, PrevField, Accept, SwitchForm, Yes, No key.Binding
}

// Group is one section of the help screen.
type Group struct {
	Title string
	Keys  []key.Binding
}

// Default is the keyboard as shipped.
func Default() Map {
	b := func(label, help string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(label, help))
	}
	return Map{
		Help:      b("F1", "this help; /help topic searches it", "f1"),
		Sidebar:   b("F2", "sidebar on or off", "f2"),
		Cluster:   b("F3", "the cluster: nodes, leader, lag, latency, events", "f3"),
		Outbox:    b("F4", "the outbox: what waits, what was rejected", "f4"),
		Demo:      b("F6", "the demo's panel: kill and revive nodes", "f6"),
		Settings:  b("F9", "settings", "f9"),
		People:    b("^K", "go to a room, a person or a command", "ctrl+k"),
		Search:    b("^F", "search messages", "ctrl+f"),
		Reconnect: b("^R", "reconnect now", "ctrl+r"),
		Redraw:    b("^L", "draw the screen anew", "ctrl+l"),
		Mouse:     b("alt+m", "mouse on or off (off lets the terminal select text)", "alt+m"),
		Suspend:   b("^Z", "suspend", "ctrl+z"),
		Interrupt: b("^C", "clear the draft; twice quits", "ctrl+c"),
		Quit:      b("^Q", "quit", "ctrl+q"),

		NextConversation: b("^N alt+↓", "next conversation", "ctrl+n", "alt+down"),
		PrevConversation: b("^P alt+↑", "previous conversation", "ctrl+p", "alt+up"),
		NextUnread:       b("alt+a", "next conversation with unread messages, mentions first", "alt+a"),
		LastConversation: b("alt+s", "back to the conversation before", "alt+s"),
		JumpTo: b("alt+1…9", "conversation by its number",
			"alt+1", "alt+2", "alt+3", "alt+4", "alt+5", "alt+6", "alt+7", "alt+8", "alt+9"),
		MarkRead:       b("alt+l", "mark the whole conversation as read", "alt+l"),
		MarkUnreadHere: b("alt+U", "mark as unread from the newest message on, or from the selected one", "alt+U", "alt+shift+u"),

		PageUp:      b("PgUp", "scroll up; at the top loads older messages", "pgup"),
		PageDown:    b("PgDn", "scroll down", "pgdown"),
		LineUp:      b("alt+PgUp", "scroll up three lines", "alt+pgup"),
		LineDown:    b("alt+PgDn", "scroll down three lines", "alt+pgdown"),
		Top:         b("Home", "oldest loaded message (empty draft)", "home"),
		Bottom:      b("End", "newest message (empty draft)", "end"),
		UnreadLine:  b("alt+u", "first unread message", "alt+u"),
		NextMention: b("alt+n", "next message that mentions you", "alt+n"),
		PrevMention: b("alt+p", "previous message that mentions you", "alt+p"),

		Send:         b("Enter", "send", "enter"),
		Newline:      b("S-Enter", "new line (also alt+Enter, ^J)", "shift+enter", "alt+enter", "ctrl+j"),
		Complete:     b("Tab", "complete a /command, @name, #room or :emoji:", "tab"),
		CompleteBack: b("S-Tab", "the completion before", "shift+tab"),
		Editor:       b("^X^E", "write in $EDITOR", "ctrl+x"),
		Select:       b("^S ↑", "select messages (↑ on an empty draft)", "ctrl+s"),
		Escape:       b("Esc", "back; never eats the draft", "esc"),

		LineStart:    b("^A", "start of the line", "ctrl+a", "home"),
		LineEnd:      b("^E", "end of the line", "ctrl+e", "end"),
		CharLeft:     b("← ^B", "a character back", "left", "ctrl+b"),
		CharRight:    b("→", "a character on", "right"),
		WordLeft:     b("alt+b", "a word back", "alt+b", "alt+left", "ctrl+left"),
		WordRight:    b("alt+f", "a word on", "alt+f", "alt+right", "ctrl+right"),
		RubWord:      b("^W", "cut the word before the cursor", "ctrl+w", "alt+backspace", "ctrl+backspace"),
		RubToStart:   b("^U", "cut to the start of the line", "ctrl+u"),
		RubToEnd:     b("alt+k", "cut to the end of the line (^K is the switcher)", "alt+k"),
		RubWordRight: b("alt+d", "cut the word after the cursor", "alt+d", "alt+delete", "ctrl+delete"),
		Yank:         b("^Y", "put back what was cut", "ctrl+y"),
		Transpose:    b("^T", "swap the two characters at the cursor", "ctrl+t"),
		Undo:         b("^_", "undo (also ^/)", "ctrl+_", "ctrl+/"),

		Up:      b("↑ k", "older", "up", "k"),
		Down:    b("↓ j", "newer", "down", "j"),
		First:   b("g", "first", "g", "home"),
		Last:    b("G", "last", "G", "end"),
		Details: b("Enter", "all about the message: ids, times, attempts", "enter"),
		Reply:   b("r", "reply in its thread", "r"),
		Thread:  b("t", "show its thread", "t"),
		Edit:    b("e", "edit an own message", "e"),
		React:   b("+", "react with an emoji", "+"),
		Pin:     b("P", "pin or unpin", "P"),
		Open:    b("o", "open the link in it", "o"),
		Unread:  b("u", "mark as unread from here", "u"),
		Mark:    b("space", "mark or unmark", "space"),
		Delete:  b("d", "delete the marked or selected messages", "d", "delete"),
		Copy:    b("y", "copy the text to the clipboard", "y"),
		Retry:   b("alt+r", "send a rejected message again, or edit it first", "alt+r"),
		Discard: b("x", "discard a rejected message", "x"),

		NextField:  b("Tab ↓", "next field", "tab", "down"),
		PrevField:  b("S-Tab ↑", "previous field", "shift+tab", "up"),
		Accept:     b("Enter", "go", "enter"),
		SwitchForm: b("^T", "log in / create an account", "ctrl+t"),
		Yes:        b("y", "yes", "y"),
		No:         b("n Esc", "no", "n", "esc"),
	}
}

// Groups orders the keyboard for the help screen.
func (m Map) Groups() []Group {
	return []Group{
		{"Anywhere", []key.Binding{m.Help, m.Sidebar, m.Cluster, m.Outbox, m.Demo, m.Settings, m.People, m.Search, m.Reconnect, m.Redraw, m.Mouse,
			m.Suspend, m.Interrupt, m.Quit}},
		{"Writing", []key.Binding{m.Send, m.Newline, m.Complete, m.CompleteBack, m.Editor, m.Select, m.Escape}},
		{"Editing the draft", []key.Binding{m.LineStart, m.LineEnd, m.CharLeft, m.CharRight, m.WordLeft, m.WordRight, m.RubWord, m.RubToStart, m.RubToEnd,
			m.RubWordRight, m.Yank, m.Transpose, m.Undo}},
		{"Reading", []key.Binding{m.PageUp, m.PageDown, m.LineUp, m.LineDown, m.Top, m.Bottom, m.UnreadLine, m.NextMention, m.PrevMention}},
		{"Conversations", []key.Binding{m.NextConversation, m.PrevConversation, m.NextUnread, m.LastConversation, m.JumpTo, m.MarkRead,
			m.MarkUnreadHere}},
		{"Selecting messages", []key.Binding{m.Up, m.Down, m.First, m.Last, m.Details, m.Reply, m.Thread, m.Edit, m.React, m.Pin, m.Open, m.Unread,
			m.Mark, m.Delete, m.Copy, m.Retry, m.Discard}},
	}
}
