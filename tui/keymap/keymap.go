// Package keymap names every key of the terminal client once. The help screen is generated from it, so a key that works is a
// key that is written down.
package keymap

import "charm.land/bubbles/v2/key"

// Map is the whole keyboard. Every alt binding also has a slash command, because some terminals keep alt for themselves.
type Map struct {
	Help, People, Reconnect, Redraw, Mouse, Suspend, Interrupt, Quit key.Binding

	NextConversation, PrevConversation, NextUnread, JumpTo, MarkRead key.Binding

	PageUp, PageDown, LineUp, LineDown, Top, Bottom, UnreadLine key.Binding

	Send, Newline, Complete, Select, Escape key.Binding

	Up, Down, First, Last, Mark, Delete, Copy, Retry, Discard key.Binding

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
		Help:      b("F1", "this help", "f1", "ctrl+_", "ctrl+/"),
		People:    b("^K", "find a person or a conversation", "ctrl+k"),
		Reconnect: b("^R", "reconnect now", "ctrl+r"),
		Redraw:    b("^L", "draw the screen anew", "ctrl+l"),
		Mouse:     b("alt+m", "mouse on or off (off lets the terminal select text)", "alt+m"),
		Suspend:   b("^Z", "suspend", "ctrl+z"),
		Interrupt: b("^C", "clear the draft; twice quits", "ctrl+c"),
		Quit:      b("^Q", "quit", "ctrl+q"),

		NextConversation: b("^N alt+↓", "next conversation", "ctrl+n", "alt+down"),
		PrevConversation: b("^P alt+↑", "previous conversation", "ctrl+p", "alt+up"),
		NextUnread:       b("alt+a", "next conversation with unread messages", "alt+a"),
		JumpTo: b("alt+1…9", "conversation by its number",
			"alt+1", "alt+2", "alt+3", "alt+4", "alt+5", "alt+6", "alt+7", "alt+8", "alt+9"),
		MarkRead: b("alt+l", "mark the whole conversation as read", "alt+l"),

		PageUp:     b("PgUp", "scroll up; at the top loads older messages", "pgup"),
		PageDown:   b("PgDn", "scroll down", "pgdown"),
		LineUp:     b("alt+PgUp", "scroll up three lines", "alt+pgup"),
		LineDown:   b("alt+PgDn", "scroll down three lines", "alt+pgdown"),
		Top:        b("Home", "oldest loaded message (empty draft)", "home"),
		Bottom:     b("End", "newest message (empty draft)", "end"),
		UnreadLine: b("alt+u", "first unread message", "alt+u"),

		Send:     b("Enter", "send", "enter"),
		Newline:  b("S-Enter", "new line (also alt+Enter, ^J)", "shift+enter", "alt+enter", "ctrl+j"),
		Complete: b("Tab", "complete a /command or @name", "tab"),
		Select:   b("^S ↑", "select messages (↑ on an empty draft)", "ctrl+s"),
		Escape:   b("Esc", "back; never eats the draft", "esc"),

		Up:      b("↑ k", "older", "up", "k"),
		Down:    b("↓ j", "newer", "down", "j"),
		First:   b("g", "first", "g", "home"),
		Last:    b("G", "last", "G", "end"),
		Mark:    b("space", "mark or unmark", "space"),
		Delete:  b("d", "delete the marked or selected messages", "d", "delete"),
		Copy:    b("y", "copy the text to the clipboard", "y"),
		Retry:   b("r", "send a failed message again, with the same id", "r"),
		Discard: b("x", "discard a failed message", "x"),

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
		{"Anywhere", []key.Binding{m.Help, m.People, m.Reconnect, m.Redraw, m.Mouse, m.Suspend, m.Interrupt, m.Quit}},
		{"Writing", []key.Binding{m.Send, m.Newline, m.Complete, m.Select, m.Escape}},
		{"Reading", []key.Binding{m.PageUp, m.PageDown, m.LineUp, m.LineDown, m.Top, m.Bottom, m.UnreadLine}},
		{"Conversations", []key.Binding{m.NextConversation, m.PrevConversation, m.NextUnread, m.JumpTo, m.MarkRead}},
		{"Selecting messages", []key.Binding{m.Up, m.Down, m.First, m.Last, m.Mark, m.Delete, m.Copy, m.Retry, m.Discard}},
	}
}
