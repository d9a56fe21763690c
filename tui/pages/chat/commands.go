package chat

import (
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// command is one slash command. Parsing, completion and help read one table, which is put together in init from one table a
// subject: this file's and those named there.
type command struct {
	name, args, help string
	run              func(m *Model, args string) tea.Cmd
}

var commands []command

func init() { // a variable's initialiser would refer to itself through help
	commands = slices.Concat(basicCommands(), messageCommands(), roomCommands(), peopleCommands(), accountCommands(), operatorCommands(), viewCommands(), clusterCommands(), demoCommands())
}

func basicCommands() []command {
	return []command{
		{"help", "[topic]", "this help, or what it says of a topic", (*Model).cmdHelp},
		{"msg", "@user [text]", "open a direct conversation, or send to it", (*Model).cmdMsg},
		{"unread", "[N]", "show the N oldest unread messages (20)", (*Model).cmdUnread},
		{"read", "[N]", "load the newest N messages (50)", (*Model).cmdRead},
		{"markread", "", "mark the whole conversation as read", func(m *Model, _ string) tea.Cmd { return m.markAll() }},
		{"next", "", "next conversation with unread messages", func(m *Model, _ string) tea.Cmd { return m.nextUnread() }},
		{"select", "", "select messages, to delete or copy them", (*Model).cmdSelect},
		{"reconnect", "", "try all nodes now", func(m *Model, _ string) tea.Cmd { return m.reconnect() }},
		{"redraw", "", "draw the screen anew", func(*Model, string) tea.Cmd { return tea.ClearScreen }},
		{"logout", "", "end this session", (*Model).cmdLogout},
		{"delete-account", "", "delete the account and what it sent", (*Model).cmdDeleteAccount},
		{"me", "text", "say what you do: * alice waves", (*Model).cmdMe},
		{"editor", "", "write the draft in $EDITOR", func(m *Model, _ string) tea.Cmd { return m.edit() }},
		{"quit", "", "quit", func(m *Model, _ string) tea.Cmd { return m.quit() }},
	}
}

// run executes a draft that begins with a slash. An unknown command stays in the composer; it is never sent as text.
func (m *Model) run(line string) tea.Cmd {
	name, args, _ := strings.Cut(line[1:], " ")
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		m.fail("no command /" + name + " (/help lists them; //text sends a slash)")
		return nil
	}
	m.composer.SetValue("")
	m.composer.Remember(line)
	m.flash = ""
	cmd := commands[i].run(m, strings.TrimSpace(args))
	if m.flashBad && m.flash != "" && !m.over { // refused: give the line back to be corrected
		m.composer.SetValue(line)
	}
	return cmd
}

func (m *Model) cmdMsg(args string) tea.Cmd {
	to, text, _ := strings.Cut(args, " ")
	to = strings.ToLower(to)
	if to == "" || to == "@" {
		m.fail("/msg @user [text]: say to whom")
		return nil
	}
	if !strings.HasPrefix(to, "@") && !strings.HasPrefix(to, "#") {
		to = "@" + to
	}
	if to != common.Line(to) || len(to) > common.MaxNameRunes {
		m.fail("that is no user name: a to z, 0 to 9, . _ -")
		return nil
	}
	cmd := m.show(to)
	if text = strings.TrimSpace(text); text != "" {
		cmd = tea.Batch(cmd, m.submit(to, text))
	}
	return cmd
}

// cmdMe sends what one does, in a form that every client shows as it is meant.
func (m *Model) cmdMe(args string) tea.Cmd {
	switch {
	case args == "":
		m.fail("/me text: say what you do")
		return nil
	case m.cur == nil:
		m.fail("no conversation is open: ^K finds people")
		return nil
	}
	return m.post("* " + m.user + " " + args)
}

func (m *Model) cmdUnread(args string) tea.Cmd { return m.cmdPage(args, unreadPage, defaultUnread) }
func (m *Model) cmdRead(args string) tea.Cmd   { return m.cmdPage(args, newestPage, pageSize) }

func (m *Model) cmdPage(args string, kind pageKind, n int) tea.Cmd {
	if m.cur == nil {
		m.fail("no conversation is open: ^K finds people")
		return nil
	}
	if args != "" {
		var err error
		if n, err = strconv.Atoi(args); err != nil || n < 1 || n > maxPage {
			m.fail("how many? a number from 1 to 1000")
			return nil
		}
	}
	if kind == newestPage {
		if m.cur.onlyOn {
			m.leaveUnread(m.cur)
		}
		m.cur.tl.End()
	}
	return m.load(m.cur, kind, n)
}

func (m *Model) cmdSelect(string) tea.Cmd {
	if m.cur == nil || !m.cur.tl.StartSelect() {
		m.fail("no message to select")
	}
	return nil
}

// helpTopics are the words that /help completes.
func helpTopics() []string {
	out := []string{"keys", "commands", "signs", "states", "vim"}
	for _, c := range commands {
		out = append(out, c.name)
	}
	return out
}
