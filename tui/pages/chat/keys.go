package chat

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

// onKey gives a key to whatever is in front: dialog, help, switcher, select mode, then the page.
func (m *Model) onKey(msg tea.KeyPressMsg) tea.Cmd {
	k := m.c.Keys
	m.lastKey = m.c.Now()
	if !key.Matches(msg, k.Interrupt) {
		m.pressed = m.pressed.Add(-quitWithin)
	}
	if m.flash != "" && m.flashEnd.Sub(m.c.Now()) < flashFor-flashAtLeast { // it was read
		m.flash = ""
	}
	switch {
	case key.Matches(msg, k.Quit):
		return m.quit()
	case key.Matches(msg, k.Redraw):
		return tea.ClearScreen
	case key.Matches(msg, k.Suspend):
		return tea.Suspend
	case key.Matches(msg, k.Reconnect):
		return m.reconnect()
	case key.Matches(msg, k.Outbox) && m.dialog == nil && m.top() == nil:
		return m.openOutbox()
	case key.Matches(msg, k.Demo):
		return m.toggleDemo()
	case key.Matches(msg, k.Cluster) && m.top() == nil && m.dialog == nil:
		return m.openCluster()
	case m.demoFocused():
		return m.onDemoKey(msg)
	}
	return m.onFrontKey(msg)
}

// onFrontKey gives a key to what is in front of the page, or to the page.
func (m *Model) onFrontKey(msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case m.dialog != nil:
		done, cmd := m.dialog.Update(msg)
		if done {
			m.dialog = nil
		}
		return cmd
	case m.top() != nil:
		return m.toOverlay(m.top(), msg)
	case m.help != nil:
		if m.help.Update(msg) {
			m.help = nil
		}
		return nil
	case m.reactbar != nil:
		return m.onReactKey(msg)
	case m.pasted != "":
		return m.onPasteKey(msg)
	case m.cur != nil && m.cur.tl.Selecting():
		return m.onSelectKey(msg)
	}
	return m.onPageKey(msg)
}

func (m *Model) onPageKey(msg tea.KeyPressMsg) tea.Cmd {
	k := m.c.Keys
	if cmd, ok := m.onBarredKey(msg); ok {
		return cmd
	}
	if m.prefix {
		m.prefix = false
		if m.flash == editorHint { // it was taken
			m.flash = ""
		}
		if s := msg.String(); s == "ctrl+e" || key.Matches(msg, k.Editor) {
			return m.edit()
		}
	}
	switch {
	case key.Matches(msg, k.Interrupt):
		return m.interrupt()
	case key.Matches(msg, k.Escape) && m.composer.Escape():
		return nil
	case msg.String() == "ctrl+x" && key.Matches(msg, k.Editor):
		m.prefix = true
		m.tell(editorHint)
		return nil
	case key.Matches(msg, k.Editor):
		return m.edit()
	case key.Matches(msg, k.Help):
		m.openHelp("")
		return nil
	case key.Matches(msg, k.Settings):
		return m.openSettings()
	case key.Matches(msg, k.People):
		return m.openSwitcher("")
	case key.Matches(msg, k.Mouse):
		return m.cmdMouse("")
	case key.Matches(msg, k.NextConversation):
		return m.step(1)
	case key.Matches(msg, k.PrevConversation):
		return m.step(-1)
	case key.Matches(msg, k.NextUnread):
		return m.nextUnread()
	case key.Matches(msg, k.Search):
		return m.openSearch("")
	case key.Matches(msg, k.LastConversation):
		return m.back()
	case key.Matches(msg, k.Sidebar):
		m.toggleSidebar()
		return nil
	case key.Matches(msg, k.JumpTo):
		if i := slices.Index(k.JumpTo.Keys(), msg.String()); i >= 0 && i < len(m.order) {
			return m.show(m.order[i].name)
		}
		return nil
	case key.Matches(msg, k.Newline):
		return m.composer.Update(msg)
	case key.Matches(msg, k.Send):
		return m.enter()
	case key.Matches(msg, k.Complete):
		m.composer.Complete(1)
		return nil
	case key.Matches(msg, k.CompleteBack):
		m.composer.Complete(-1)
		return nil
	case m.onDraftKey(msg):
		return nil
	}
	if m.cur != nil {
		if handled, cmd := m.onTimelineKey(msg); handled {
			return cmd
		}
	}
	return m.composer.Update(msg)
}

// editorHint stands while ^X waits for ^E.
const editorHint = "^X^E writes in $EDITOR"

// onDraftKey gives the arrows to the list of candidates while one is being chosen, else to the history at the draft's ends. An
// empty draft has none: there the arrow selects messages.
func (m *Model) onDraftKey(msg tea.KeyPressMsg) bool {
	c := m.composer
	switch s := msg.String(); {
	case s != "up" && s != "down":
		return false
	case c.Choosing():
		return c.Complete(map[string]int{"up": -1, "down": 1}[s])
	case s == "up":
		return !c.Empty() && c.OnFirstRow() && c.History(-1)
	default:
		return c.OnLastRow() && c.History(1)
	}
}

// onTimelineKey moves in the timeline without leaving the composer.
func (m *Model) onTimelineKey(msg tea.KeyPressMsg) (bool, tea.Cmd) {
	k, v := m.c.Keys, m.cur
	switch {
	case key.Matches(msg, k.PageUp):
		v.tl.PageBy(-1)
		return true, m.loadOlder()
	case key.Matches(msg, k.LineUp):
		v.tl.ScrollBy(-3)
		return true, m.loadOlder()
	case key.Matches(msg, k.PageDown):
		m.scrollDown(max(1, m.timelineH-1))
		return true, nil
	case key.Matches(msg, k.LineDown):
		m.scrollDown(3)
		return true, nil
	case key.Matches(msg, k.Top) && m.composer.Empty():
		v.tl.Home()
		return true, m.loadOlder()
	case key.Matches(msg, k.Bottom) && m.composer.Empty():
		if v.windowed() {
			m.leaveUnread(v)
		}
		v.tl.End()
		v.below = 0
		return true, nil
	case key.Matches(msg, k.UnreadLine):
		if !v.tl.ShowUnread() {
			m.tell("no unread line here")
		}
		return true, nil
	case key.Matches(msg, k.MarkRead):
		return true, m.markAll()
	case key.Matches(msg, k.Select), m.composer.Empty() && (msg.String() == "up" || msg.String() == "k" && m.composer.Normal()):
		if !v.tl.StartSelect() {
			m.tell("no message to select")
		}
		return true, nil
	case key.Matches(msg, k.Escape):
		if m.leaveWriting() {
			return true, nil
		}
		if v.onlyOn {
			m.leaveUnread(v)
		}
		m.flash = ""
		return true, nil
	}
	return m.onReadingKey(msg)
}

func (m *Model) onSelectKey(msg tea.KeyPressMsg) tea.Cmd {
	k, tl := m.c.Keys, m.cur.tl
	switch {
	case key.Matches(msg, k.Escape, k.Select, k.Interrupt):
		tl.StopSelect()
	case key.Matches(msg, k.Help):
		m.openHelp("")
	case key.Matches(msg, k.Up):
		tl.MoveCursor(-1)
		return m.loadOlder()
	case key.Matches(msg, k.Down):
		tl.MoveCursor(1)
	case key.Matches(msg, k.PageUp):
		tl.MoveCursor(-max(1, m.timelineH/2))
		return m.loadOlder()
	case key.Matches(msg, k.PageDown):
		tl.MoveCursor(max(1, m.timelineH/2))
	case key.Matches(msg, k.First):
		tl.CursorTo(false)
		return m.loadOlder()
	case key.Matches(msg, k.Last) && m.cur.windowed(): // the newest message is not in the window
		tl.StopSelect()
		m.leaveUnread(m.cur)
		tl.End()
	case key.Matches(msg, k.Last):
		tl.CursorTo(true)
	case msg.Text == "/": // a jump selects, and who has jumped may want a command
		tl.StopSelect()
		return m.composer.Update(msg)
	case key.Matches(msg, k.Mark):
		tl.ToggleMark()
		tl.MoveCursor(-1)
	case key.Matches(msg, k.Delete):
		return m.askDelete(tl.Marked())
	case key.Matches(msg, k.Copy):
		return m.copy(tl.Marked())
	case key.Matches(msg, k.Retry):
		return m.retry(tl.Selected())
	case key.Matches(msg, k.Discard):
		return m.discard(tl.Selected())
	case key.Matches(msg, k.Settings, k.People, k.Search, k.NextConversation, k.PrevConversation, k.NextUnread, k.LastConversation,
		k.JumpTo, k.Sidebar, k.Mouse, k.MarkRead, k.UnreadLine): // they mean here what they mean elsewhere
		if !key.Matches(msg, k.Sidebar, k.Mouse) {
			tl.StopSelect()
		}
		return m.onPageKey(msg)
	default:
		return m.onMessageKey(msg)
	}
	return nil
}

// loadOlder asks for the page above before the reader has come to the end of what is there.
func (m *Model) loadOlder() tea.Cmd {
	if m.cur.onlyOn || !m.cur.tl.NearTop(olderWithin) {
		return nil
	}
	return m.load(m.cur, olderPage, 0)
}

// copy puts texts on the clipboard, through the terminal.
func (m *Model) copy(es []*timeline.Entry) tea.Cmd {
	texts := make([]string, len(es))
	for i, e := range es {
		texts[i] = e.Text
	}
	m.tell("copied")
	m.cur.tl.StopSelect()
	return tea.SetClipboard(strings.Join(texts, "\n"))
}

// sessionEnd is what logging out and deleting the account have in common: nothing of the account stays on this machine.
func (m *Model) sessionEnd(reason string) tea.Cmd {
	m.over = true
	user, forget, store := m.user, m.c.ForgetSession, m.store
	m.store = nil // Close has nothing to write: it would come back
	return m.ordered(func() tea.Msg {
		if forget != nil {
			if err := forget(user); err != nil {
				reason += " The stored token could not be removed: " + common.Line(err.Error())
			}
		}
		if store != nil {
			if err := store.Erase(); err != nil {
				reason += " What was kept on disk could not be removed: " + common.Line(err.Error())
			}
		}
		return common.LoggedOutMsg{User: user, Reason: reason}
	})
}
