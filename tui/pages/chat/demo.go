package chat

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/screens/demo"
)

// The panel of `parley demo` stands between the timeline and the status bar. It is there for as long as the page is, hidden or
// not, so that the demo's states have one reader.

// startDemo makes the panel of a demo; outside of one there is none.
func (m *Model) startDemo() tea.Cmd {
	if m.c.Demo == nil {
		return nil
	}
	m.demo, m.demoShown = demo.New(m.ctx, m.c), true
	return m.demo.Init()
}

// demoRows is how many rows the panel takes.
func (m *Model) demoRows() int {
	if m.demo == nil || !m.demoShown {
		return 0
	}
	m.demo.SetSize(m.w, m.h)
	return m.demo.Rows()
}

func (m *Model) demoView() []string {
	if m.demoRows() == 0 {
		return nil
	}
	return m.demo.View()
}

func (m *Model) demoFocused() bool { return m.demoRows() > 0 && m.demo.Focused() && m.dialog == nil }

// toggleDemo shows the panel, gives it the keys, or hides it when it has them.
func (m *Model) toggleDemo() tea.Cmd {
	if m.demo == nil {
		m.fail("no demo runs here: parley demo starts a throwaway cluster to kill nodes of")
		return nil
	}
	if m.demoShown && m.demo.Focused() {
		m.demoShown = false
		m.demo.Focus(false)
		return nil
	}
	m.demoShown = true
	m.demo.Focus(true)
	return nil
}

// onDemoKey gives the panel its keys; any other key is the page's again, and so is the focus when it writes something.
func (m *Model) onDemoKey(msg tea.KeyPressMsg) tea.Cmd {
	handled, cmd := m.demo.Key(msg)
	if handled {
		return cmd
	}
	if msg.Text != "" || key.Matches(msg, m.c.Keys.Send, m.c.Keys.Newline, m.c.Keys.Select) {
		m.demo.Focus(false)
	}
	return m.onFrontKey(msg)
}

// onDemoMsg applies what the demo says. ok is false for any other message.
func (m *Model) onDemoMsg(msg tea.Msg) (tea.Cmd, bool) {
	if m.demo == nil {
		return nil, false
	}
	return m.demo.Update(msg)
}

func demoCommands() []command {
	return []command{
		{"demo", "", "the demo's panel: kill and revive nodes", func(m *Model, _ string) tea.Cmd { return m.toggleDemo() }},
		{"kill", "n1|leader|mine|all", "kill -9 a node of the demo", demoDo("kill")},
		{"pause", "n1|leader|mine|all", "let a node of the demo hang (SIGSTOP)", demoDo("pause")},
		{"revive", "n1|all", "start a node of the demo again", demoDo("revive")},
	}
}

func demoDo(what string) func(m *Model, args string) tea.Cmd {
	return func(m *Model, args string) tea.Cmd {
		switch {
		case m.demo == nil:
			m.fail("no demo runs here: parley demo starts a throwaway cluster to kill nodes of")
		case args == "":
			m.fail("/" + what + " which node? n1, leader, mine or all")
		case args == "leader" && m.c.Link.Leader == "":
			m.fail("nobody leads just now")
		default:
			return m.demo.Do(what, common.Line(args))
		}
		return nil
	}
}
