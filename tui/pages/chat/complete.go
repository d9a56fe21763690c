package chat

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/composer"
	"parley/tui/config"
	"parley/tui/emoji"
	"parley/tui/keymap"
)

// names is what the cluster knows of people whom the client has not met, for completion.
type names struct {
	asked   string // the prefix that the last question was about
	number  int
	heard   []string
	waiting bool
}

// askNamesMsg comes a moment after the last key in a name; namesMsg is the cluster's answer.
type askNamesMsg struct{ number int }

type namesMsg struct {
	number int
	names  []string
}

// candidates is the composer's Source: what the word before the cursor may become.
func (m *Model) candidates(before string) (start int, list []composer.Candidate) {
	if (m.cur == nil || m.cur.edit == nil) && strings.HasPrefix(before, "/") && !strings.HasPrefix(before, "//") && !strings.Contains(before, "\n") {
		return m.commandCandidates(before)
	}
	return m.wordCandidates(before)
}

// commandCandidates completes a command's name, then its arguments. While those are written, the command's own line stays.
func (m *Model) commandCandidates(before string) (start int, list []composer.Candidate) {
	name, args, typed := strings.Cut(before[1:], " ")
	if !typed {
		for _, c := range commands {
			if strings.HasPrefix(c.name, name) {
				list = append(list, composer.Candidate{Insert: "/" + c.name, Label: strings.TrimSpace("/" + c.name + " " + c.args), Note: c.help})
			}
		}
		return 0, list
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return len(before), nil
	}
	c := commands[i]
	start, list = m.wordCandidates(before)
	if len(list) == 0 {
		start = strings.LastIndexByte(before, ' ') + 1
		for _, w := range m.argument(c, strings.Fields(args), strings.HasSuffix(before, " ")) {
			if word := before[start:]; strings.HasPrefix(w, word) && w != word {
				list = append(list, composer.Candidate{Insert: w, Label: w})
			}
		}
	}
	return start, append([]composer.Candidate{{Label: strings.TrimSpace("/" + c.name + " " + c.args), Note: c.help}}, list...)
}

// argument are the words that a command takes at this place: those of its own, else what its line names: [all|none], @user, #room.
func (m *Model) argument(c command, args []string, next bool) []string {
	n := len(args)
	if !next && n > 0 {
		n--
	}
	switch {
	case c.name == "set" && n == 0:
		var out []string
		for _, s := range config.Settings() {
			out = append(out, s.Name)
		}
		return out
	case c.name == "set" && n == 1:
		s, _ := config.Find(args[0])
		return s.Values
	case c.name == "theme" && n == 0:
		s, _ := config.Find("theme")
		return s.Values
	case c.name == "bind" && n == 1:
		return append(keymap.Names(), "none")
	case c.name == "help" && n == 0:
		return helpTopics()
	}
	form := strings.Fields(c.args)
	if n >= len(form) {
		return nil
	}
	word := strings.Trim(form[n], "[]")
	switch {
	case strings.Contains(word, "|"):
		return strings.Split(word, "|")
	case strings.HasPrefix(word, "@"):
		return m.people("@")
	case strings.HasPrefix(word, "#"):
		return m.rooms()
	}
	return nil
}

// wordCandidates completes @names, #rooms and :emoji: anywhere.
func (m *Model) wordCandidates(before string) (start int, list []composer.Candidate) {
	start = strings.LastIndexAny(before, " \n([{\"'") + 1
	word := before[start:]
	switch {
	case strings.HasPrefix(word, "@"):
		lower := strings.ToLower(word)
		for _, name := range m.people("@") {
			if strings.HasPrefix(name, lower) && len(list) < maxCompletions {
				list = append(list, composer.Candidate{Insert: name, Label: name, Note: m.personNote(name)})
			}
		}
	case strings.HasPrefix(word, "#"):
		lower := strings.ToLower(word)
		for _, name := range m.rooms() {
			if strings.HasPrefix(name, lower) && len(list) < maxCompletions {
				list = append(list, composer.Candidate{Insert: name, Label: name, Note: m.conversations[name].topic()})
			}
		}
	case strings.HasPrefix(word, ":") && len(word) > 2 && !strings.Contains(word[1:], ":"):
		for _, e := range emoji.Complete(word, maxCompletions) {
			c := composer.Candidate{Insert: e.Char, Label: ":" + e.Name + ":", Note: e.Char}
			if m.c.Settings.Emoji == "text" {
				c.Insert, c.Note = c.Label, ""
			}
			list = append(list, c)
		}
	}
	return start, list
}

// people are the names to mention, each with the sign before it: who spoke here last, who is in the room, whom one talks to, whom
// the cluster told of.
func (m *Model) people(sign string) []string {
	var out []string
	seen := map[string]bool{m.user: true}
	add := func(name string) {
		if !seen[name] && name != "" {
			seen[name] = true
			out = append(out, sign+name)
		}
	}
	if v := m.cur; v != nil {
		entries := v.tl.Entries()
		for i := len(entries) - 1; i >= max(0, len(entries)-recentAuthors); i-- {
			add(entries[i].Author)
		}
		for _, name := range v.people.names {
			add(name)
		}
	}
	for _, v := range m.order {
		if !isRoom(v.name) {
			add(strings.TrimPrefix(v.title(), "@"))
		}
	}
	for _, name := range m.names.heard {
		add(name)
	}
	return out
}

func (m *Model) personNote(name string) string {
	v := m.cur
	if v == nil || !isRoom(v.name) || !v.people.loaded {
		return ""
	}
	if _, known := v.people.find(strings.TrimPrefix(name, "@")); !known && !v.people.more {
		return "not in " + v.title()
	}
	return ""
}

func (m *Model) rooms() []string {
	var out []string
	for _, v := range m.order {
		if isRoom(v.name) {
			out = append(out, v.title())
		}
	}
	return out
}

// askNames asks the cluster for names, a moment after a key, when a name is being written that nobody here has.
func (m *Model) askNames() tea.Cmd {
	prefix := m.composer.Word()
	if len(prefix) < 2 || prefix[0] != '@' || prefix == m.names.asked || !validName(strings.ToLower(prefix[1:])) || !m.c.Link.Usable() {
		return nil
	}
	m.names.asked = prefix
	m.names.number++
	n := m.names.number
	return tea.Tick(askAfter, func(time.Time) tea.Msg { return askNamesMsg{n} })
}

func (m *Model) onAskNames(msg askNamesMsg) tea.Cmd {
	if msg.number != m.names.number || m.names.waiting {
		return nil
	}
	m.names.waiting = true
	be, parent, pattern := m.c.Backend, m.ctx, strings.ToLower(m.names.asked[1:])+"*"
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		resp, err := be.ListUsers(ctx, &parleyv1.ListUsersRequest{Pattern: pattern, PageSize: maxCompletions,
			Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL})
		if err != nil { // a completion less; whatever is wrong is told by something that matters
			return namesMsg{number: msg.number}
		}
		out := namesMsg{number: msg.number}
		for _, u := range resp.GetUsers() {
			if name := u.GetUsername(); !u.GetDeleted() && validName(name) {
				out.names = append(out.names, name)
			}
		}
		return out
	}
}

func (m *Model) onNames(msg namesMsg) {
	m.names.waiting = false
	m.names.heard = msg.names
	m.composer.Refresh()
}

// suggestions is the list above the status bar, at most eight rows with the chosen one among them.
func (m *Model) suggestions() []string {
	if m.overlay() || m.dialog != nil || m.pasted != "" || m.reactbar != nil || m.cur != nil && m.cur.tl.Selecting() {
		return nil
	}
	list, at := m.composer.Popup()
	st, ws, w := m.c.Styles, m.c.Widths, m.w-m.paneX
	if len(list) == 0 {
		return m.longFlash(w)
	}
	room := max(0, min(maxSuggestions, m.areaH-3))
	from := max(0, min(at-room/2, len(list)-room))
	shown, labelW := list[from:min(len(list), from+room)], 0
	for _, c := range shown {
		labelW = max(labelW, ws.Width(c.Label))
	}
	labelW = min(labelW, max(8, w*3/5))
	out := make([]string, 0, room)
	for i, c := range shown {
		if i == room-1 && from+room < len(list) && at < from+i {
			out = append(out, st.Dim.Render(ws.Truncate(" and "+count(len(list)-from-i, "more", "more")+" · Tab chooses", w)))
			break
		}
		label := ws.Pad(c.Label, labelW)
		lead, style := " ", st.Accent
		if from+i == at {
			lead, style = "▸", st.Selected
		}
		out = append(out, lead+style.Render(label)+" "+st.Dim.Render(ws.Truncate(c.Note, w-labelW-2)))
	}
	return out
}

// longFlash is why something did not work, in full, when the status bar has no room for it.
func (m *Model) longFlash(w int) (rows []string) {
	st, ws := m.c.Styles, m.c.Widths
	text := "✗ " + m.flash
	if m.flash == "" || !m.flashBad || ws.Width(text)+ws.Width(m.c.Link.Word())+barMargin <= m.w {
		return nil
	}
	for _, r := range ws.Wrap(text, w-2) {
		rows = append(rows, " "+st.Error.Render(r))
	}
	return rows[:max(0, min(len(rows), maxBanner, m.areaH-3))]
}
