package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"parley/tui/common"
	"parley/tui/pages/chat"
	"parley/tui/pages/connect"
	"parley/tui/styles"
)

// page is one screen.
type page interface {
	Init() tea.Cmd
	Update(tea.Msg) tea.Cmd
	View() (string, *tea.Cursor)
	SetSize(w, h int)
	Title() string
	Close()
}

// app is the root model. Its pointer is the model: pages are not copied.
type app struct {
	c       *common.Common
	ctx     context.Context
	open    string
	page    page
	links   <-chan common.Link
	w, h    int
	dark    bool
	profile colorprofile.Profile
	focused bool
}

// linkMsg is one state from the client library.
type linkMsg struct {
	link common.Link
	ok   bool
}

func newApp(ctx context.Context, c *common.Common, user, open string) *app {
	a := &app{c: c, ctx: ctx, open: open, dark: true, focused: true}
	c.Focused, c.Mouse = true, c.Settings.Mouse
	c.Link = c.Backend.Link()
	a.links = c.Backend.Links()
	a.restyle()
	if len(c.Backend.Token()) > 0 {
		m := chat.New(ctx, c, user, open)
		m.Warn(problems(c))
		a.page = m
	} else {
		a.page = connect.New(ctx, c, user, "")
	}
	return a
}

// problems is what is said of the settings at the start: the first sentence, and where the others are.
func problems(c *common.Common) string {
	switch n := len(c.Problems); n {
	case 0:
		return ""
	case 1:
		return c.Problems[0]
	default:
		return fmt.Sprintf("%s (and %d more: /settings)", c.Problems[0], n-1)
	}
}

// Init starts what runs for the whole time.
func (a *app) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, a.waitLink(), a.page.Init())
}

func (a *app) waitLink() tea.Cmd {
	links, ctx := a.links, a.ctx
	return func() tea.Msg {
		select {
		case l, ok := <-links:
			return linkMsg{l, ok}
		case <-ctx.Done():
			return nil
		}
	}
}

// Update handles what concerns every page and passes the rest on.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
		a.page.SetSize(a.w, a.h)
		return a, a.page.Update(msg)
	case tea.FocusMsg:
		a.c.Focused = true
	case tea.BlurMsg:
		a.c.Focused = false
	case tea.KeyPressMsg, tea.PasteMsg, tea.MouseClickMsg:
		a.c.Focused = true // whoever types is here, whatever a multiplexer said
	case tea.BackgroundColorMsg:
		a.dark = msg.IsDark()
		return a, a.restyle()
	case tea.ColorProfileMsg:
		a.profile = msg.Profile
		return a, a.restyle()
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value.IsSet() || msg.Value == ansi.ModeReset) {
			a.c.Widths.Grapheme = true // the renderer turns the mode on when the terminal knows it
			return a, a.page.Update(common.ThemeMsg{})
		}
	case common.SettingsMsg:
		if a.c.Settings.Mouse != msg.Old.Mouse {
			a.c.Mouse = a.c.Settings.Mouse
		}
		return a, tea.Batch(a.restyle(), a.page.Update(msg))
	case linkMsg:
		if !msg.ok {
			return a, nil
		}
		old := a.c.Link
		a.c.Link = keep(old, msg.link)
		return a, tea.Batch(a.page.Update(common.LinkMsg{Old: old, New: a.c.Link}), a.waitLink())
	case enteredMsg:
		if msg.page == a.page {
			return a, a.page.Init()
		}
		return a, nil
	case common.LoggedInMsg:
		m := chat.New(a.ctx, a.c, msg.User, a.open)
		m.Warn(problems(a.c))
		if msg.Warning != "" {
			m.Warn(msg.Warning)
		}
		return a, a.enter(m)
	case common.LoggedOutMsg:
		return a, a.enter(connect.New(a.ctx, a.c, msg.User, msg.Reason))
	}
	return a, a.page.Update(msg)
}

// keep carries over the news of the library what the pages alone know.
func keep(old, now common.Link) common.Link {
	now.Sync, now.Barred = old.Sync, old.Barred
	if now.Node == old.Node {
		now.RTT = old.RTT
	}
	return now
}

// enteredMsg says that the page before has let go of its files.
type enteredMsg struct{ page page }

// enter changes the page. The new one begins when the old one has closed: it may want the same file.
func (a *app) enter(p page) tea.Cmd {
	old := a.page
	a.page = p
	a.c.Link.Barred = common.Open // the next session has not been refused yet
	p.SetSize(a.w, a.h)
	return func() tea.Msg {
		old.Close()
		return enteredMsg{p}
	}
}

func (a *app) restyle() tea.Cmd {
	a.c.Styles = styles.Named(a.c.Settings.Theme, a.dark, a.profile)
	if a.page == nil {
		return nil
	}
	return a.page.Update(common.ThemeMsg{})
}

// View draws the page and says what the terminal is to do beside it.
func (a *app) View() tea.View {
	var v tea.View
	if a.w > 0 && a.h > 0 {
		v.Content, v.Cursor = a.page.View()
	}
	v.AltScreen, v.ReportFocus = true, true
	v.Content, v.WindowTitle = a.c.Draw(v.Content), a.c.Draw(a.page.Title())
	v.BackgroundColor, v.ForegroundColor = a.c.Styles.Background, a.c.Styles.Foreground
	v.ProgramStatus = a.programStatus()
	if a.c.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// programStatus is the state for the terminal that shows what its programs do (OSC 7501): at rest while messages go out,
// working while the client helps itself, blocked where only a person can.
func (a *app) programStatus() *tea.ProgramStatus {
	s := a.c.Link.State()
	ps := &tea.ProgramStatus{State: tea.ProgramStateWorking, App: "parley", Title: s.Word(), Message: s.Meaning()}
	switch {
	case s == common.StateAuth:
		ps.State, ps.Kind = tea.ProgramStateBlocked, tea.ProgramStatusKindAuth
	case s == common.StateVersion || s == common.StateOffline:
		ps.State = tea.ProgramStateError
	case s == common.StateSyncing:
		if total := a.c.Link.Sync.Total; total > 0 {
			ps.HasProgress, ps.Progress = true, int(100*a.c.Link.Sync.Done/total)
		}
	case s.Sends():
		ps.State = tea.ProgramStateIdle
	}
	return ps
}
