package chat

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/helpview"
	"parley/tui/keymap"
)

// openHelp shows the help, narrowed to what is about topic when it is not empty.
func (m *Model) openHelp(topic string) {
	cmds := helpview.Section{Title: "Commands (Tab completes; //text sends a slash)"}
	for _, c := range commands {
		cmds.Lines = append(cmds.Lines, helpview.Line{Name: strings.TrimSpace("/" + c.name + " " + c.args), Help: c.help})
	}
	actions := helpview.Section{Title: "Actions, for /bind and keys.toml"}
	for _, name := range keymap.Names() {
		h := m.c.Keys.Action(name).Help()
		actions.Lines = append(actions.Lines, helpview.Line{Name: name, Help: h.Key + " · " + h.Desc})
	}
	m.help = helpview.New(m.c, append([]helpview.Section{cmds}, append(helpSections(), actions)...)...)
	m.help.Find(topic)
	m.resize()
}

func helpSections() []helpview.Section {
	return []helpview.Section{
		{Title: "Signs beside your messages", Lines: []helpview.Line{
			{Name: "…", Help: "sending: given to the cluster, no answer yet"},
			{Name: "✓", Help: "committed: on disk on a majority of the nodes"},
			{Name: "?", Help: "outcome unknown: the same request is tried again until its outcome is known; it takes effect once"},
			{Name: "·", Help: "queued: goes out when the ones before it did, or when the cluster is ready"},
			{Name: "✗", Help: "rejected: the cluster said no; the reason stands below"},
		}},
		{Title: "Words in the status bar: states of the connection (★ leads, ▸ serves us)", Lines: stateLines()},
		{Title: "Completion and pasting", Lines: []helpview.Line{
			{Name: "@na #ro :ta /co", Help: "a list opens; Tab and S-Tab go through it, Esc closes it and gives back what you wrote"},
			{Name: ":tada:", Help: "becomes its emoji when the message is sent; `:tada:` in backquotes stays"},
			{Name: "↑ ↓", Help: "in a draft, from its first or last row: what you sent before; on an empty draft ↑ selects messages"},
			{Name: "paste", Help: "more than 5 lines or 1 KiB are asked about first; a pasted text is never a command"},
			{Name: "Shift+mouse", Help: "selects text of the terminal while the mouse is on"},
		}},
		{Title: "vim keys (/set vim on)", Lines: []helpview.Line{
			{Name: "Esc i a I A o O", Help: "NORMAL and INSERT; Enter sends in both"},
			{Name: "h j k l w b e 0", Help: "move, also W B E ^ $ gg G f F t T ; , with counts"},
			{Name: "d c y", Help: "with a motion, an object (iw aw i\" a( …), or doubled for lines"},
			{Name: "x X s S D C Y p", Help: "as in vim, also P r ~ J"},
			{Name: "u U", Help: "undo and redo (^R is reconnect)"},
			{Name: ": k", Help: "on an empty draft: a /command; select messages"},
		}},
	}
}

// stateLines are the words of the status bar, each once, in the order a person meets them. READY has two states behind it, which
// differ in the warning beside the word.
func stateLines() (lines []helpview.Line) {
	for s := range common.States() {
		name := s.Word()
		if s.String() != name {
			name += " with a warning"
		}
		lines = append(lines, helpview.Line{Name: name, Help: s.Meaning()})
	}
	return lines
}

// cmdHelp is F1, about one topic.
func (m *Model) cmdHelp(args string) tea.Cmd {
	m.openHelp(strings.TrimPrefix(args, "/"))
	return nil
}
