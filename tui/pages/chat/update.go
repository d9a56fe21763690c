package chat

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"parley/tui/common"
	outboxscreen "parley/tui/screens/outbox"
)

// tickMsg redraws what depends on the clock: ages, a flash that ends.
type tickMsg struct{}

// tickEvery is often enough for ages to be true; calmEvery is for who asked that nothing moves by itself.
const (
	tickEvery = 500 * time.Millisecond
	calmEvery = 10 * time.Second
)

// Update applies one event. It never blocks.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	cmds := []tea.Cmd{m.dispatch(msg)}
	if m.recount {
		m.recount = false
		cmds = append(cmds, m.loadList())
	}
	if m.reopen && m.cur != nil {
		m.reopen = false
		cmds = append(cmds, m.load(m.cur, newestPage, 0))
	}
	cmds = append(cmds, m.watchPeople(), m.growWindow())
	if _, ok := msg.(tea.KeyPressMsg); ok {
		cmds = append(cmds, m.atKeyboard(), m.askNames())
	}
	m.resize()
	cmds = append(cmds, m.dropSettled(), m.askStale(), m.markShown(), m.saveLater(), m.tick())
	return tea.Batch(cmds...)
}

func (m *Model) dispatch(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return m.onPaste(msg)
	case tea.MouseWheelMsg:
		return m.onWheel(msg)
	case tea.MouseClickMsg:
		return m.onClick(msg)
	case common.LinkMsg:
		return tea.Batch(m.onLink(msg), m.toOverlays(msg))
	case common.ThemeMsg:
		m.composer.Restyle()
		return m.toOverlays(msg)
	case common.SettingsMsg:
		return m.onSettings(msg)
	case editedMsg:
		m.onEdited(msg)
	case askNamesMsg:
		return m.onAskNames(msg)
	case namesMsg:
		m.onNames(msg)
	case keptMsg:
		return m.onKept(msg)
	case listedMsg:
		return m.onListed(msg)
	case reloadMsg:
		return m.loadList()
	case pageMsg:
		return m.onPage(msg)
	case whoMsg:
		return m.onWho(msg)
	case probeMsg:
		return m.probe(false)
	case framesMsg:
		return m.onFrames(msg)
	case refollowMsg:
		if msg.epoch == m.stream {
			return m.follow(m.cursor)
		}
	case storedMsg:
		return m.onStored(msg)
	case queuedMsg:
		return m.onQueued(msg)
	case keptPageMsg:
		return m.onKeptPage(msg)
	case openKeptMsg:
		if m.listed || m.cur != nil {
			return nil
		}
		return m.openFirst()
	case saveMsg:
		return m.onSave()
	case savedMsg:
		return m.onSaved(msg)
	case outboxscreen.ActMsg:
		return m.onOutbox(msg)
	case sentMsg:
		m.noteOutcome(msg.id, msg.err)
		return m.onSent(msg)
	case retryMsg:
		return m.pump(m.conversation(msg.conversation))
	case markMsg:
		return m.onMark(msg)
	case markedMsg:
		return m.onMarked(msg)
	case remarkMsg:
		return m.mark(msg.conversation, msg.batch)
	case accountDeletedMsg:
		return m.onAccountDeleted(msg)
	case loggedOutMsg:
		return m.onLoggedOut(msg)
	case windowMsg:
		return m.onWindow(msg)
	case membersMsg:
		return m.onMembers(msg)
	case presenceMsg:
		m.onPresence(msg)
	case saidMsg: // nothing depends on it
	case invitationsMsg:
		m.onInvitations(msg)
	case doneMsg:
		return m.onDone(msg)
	case viewMsg:
		return m.onView(msg)
	case mentionMsg:
		return m.onMention(msg)
	case actionMsg:
		return m.onAction(msg)
	case reactMsg:
		return m.tryAction(msg.action)
	case freshMsg:
		return m.onFresh(msg)
	case askFreshMsg:
		return m.readFresh()
	case uv.UnknownOscEvent:
		m.calls.by.Answer(string(msg))
	case tickMsg:
		m.onTick()
		return m.toOverlays(msg)
	default:
		if cmd, ok := m.onOverlayMsg(msg); ok {
			return cmd
		}
		if cmd, ok := m.onDemoMsg(msg); ok {
			return cmd
		}
		return m.toOverlays(msg)
	}
	return nil
}

// tick runs only while something on screen depends on the clock.
func (m *Model) tick() tea.Cmd {
	if m.ticking || !m.c.Link.State().Moves() && m.waiting() == 0 && m.flash == "" && len(m.actions) == 0 && len(m.soft.typing) == 0 {
		return nil
	}
	m.ticking = true
	every := tickEvery
	if m.c.Settings.ReducedMotion {
		every = calmEvery
	}
	return tea.Tick(every, func(time.Time) tea.Msg { return tickMsg{} })
}

func (m *Model) onTick() {
	m.ticking = false
	m.soft.forget(m.c.Now())
	m.restateActions()
	if m.flash != "" && m.c.Now().After(m.flashEnd) {
		m.flash = ""
	}
	if v := m.cur; v != nil && len(v.out) > 0 {
		m.restate(v)
		v.rebuild()
	}
}

func (m *Model) scrollDown(n int) {
	m.cur.tl.ScrollBy(n)
	if m.cur.tl.Following() {
		m.cur.below = 0
	}
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
