// Package connect is the first page: log in or create an account, beside the state of the nodes. Errors stand in place, next
// to what caused them; nothing that was typed is lost by one.
package connect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

// The smallest terminal the page is drawn in.
const (
	MinWidth  = 40
	MinHeight = 8
)

// The contract's limits of the fields.
const (
	maxUser     = 32
	maxDisplay  = 64
	minPassword = 8
	maxPassword = 1024
	minCode     = 16
	maxCode     = 64
)

// probeEvery is how often the way to each node is measured: often enough to watch a node come up.
const probeEvery = 2 * time.Second

// Model is the page.
type Model struct {
	c      *common.Common
	ctx    context.Context
	cancel context.CancelFunc
	w, h   int

	create bool
	fields []field
	at     int
	busy   bool
	notice string
	err    string
	code   bool                     // the cluster asked for an invite code
	took   map[string]time.Duration // the last measured way to each address

	// A creation whose answer got lost is asked again with the same request id, as long as the form says the same.
	requestID string
	requested string
}

type field struct {
	label string
	hint  string
	in    textinput.Model
	on    func(create bool) bool
}

const (
	userField = iota
	displayField
	passwordField
	againField
	codeField
)

// doneMsg is the end of an attempt.
type doneMsg struct {
	user    string
	created bool // the account was made, whatever came after
	warning string
	err     error
}

// New makes the page. notice says why we are here, when there is a reason.
func New(ctx context.Context, c *common.Common, user, notice string) *Model {
	ctx, cancel := context.WithCancel(ctx)
	m := &Model{c: c, ctx: ctx, cancel: cancel, notice: notice}
	always := func(bool) bool { return true }
	creating := func(create bool) bool { return create }
	m.fields = []field{
		{"User name", "a to z, 0 to 9, . _ -", dialog.Input(c, false, maxUser), always},
		{"Shown as", "optional", dialog.Input(c, false, maxDisplay), creating},
		{"Password", "", dialog.Input(c, true, maxPassword), always},
		{"Once more", "", dialog.Input(c, true, maxPassword), creating},
		{"Invite code", "an operator gives it out", dialog.Input(c, false, maxCode), func(create bool) bool { return create && m.code }},
	}
	m.fields[userField].in.SetValue(user)
	if user != "" {
		m.at = passwordField
	}
	m.fields[m.at].in.Focus()
	return m
}

// probedMsg is one measurement of the way to each node that answers; probeMsg is the time for the next.
type (
	probedMsg struct {
		to    *Model
		trips []common.RoundTrip
	}
	probeMsg struct{ to *Model }
)

// Init begins to look at the nodes.
func (m *Model) Init() tea.Cmd { return m.probe() }

func (m *Model) probe() tea.Cmd {
	me, ok := m.c.Backend.(common.Measurer)
	if !ok {
		return nil
	}
	parent := m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		return probedMsg{m, me.Measure(ctx)}
	}
}

func (m *Model) onProbed(trips []common.RoundTrip) tea.Cmd {
	m.took = make(map[string]time.Duration, len(trips))
	for _, t := range trips {
		m.took[t.Address] = t.Took
	}
	return tea.Tick(probeEvery, func(time.Time) tea.Msg { return probeMsg{m} })
}

// Close ends an attempt under way.
func (m *Model) Close() { m.cancel() }

// Title is the terminal's title.
func (m *Model) Title() string { return "parley" }

// SetSize sets the terminal's size.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	for i := range m.fields {
		m.fields[i].in.SetWidth(max(6, min(34, w-18)))
	}
}

// Update applies one event. It never blocks.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case doneMsg:
		return m.onDone(msg)
	case probedMsg:
		if msg.to == m {
			return m.onProbed(msg.trips)
		}
	case probeMsg:
		if msg.to == m {
			return m.probe()
		}
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return m.edit(msg)
	}
	return nil
}

func (m *Model) onKey(msg tea.KeyPressMsg) tea.Cmd {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Quit, k.Interrupt):
		return tea.Quit
	case key.Matches(msg, k.Redraw):
		return tea.ClearScreen
	case key.Matches(msg, k.Suspend):
		return tea.Suspend
	case key.Matches(msg, k.Reconnect):
		be, ctx := m.c.Backend, m.ctx
		return func() tea.Msg { be.Reconnect(ctx); return nil }
	case m.busy:
		return nil
	case key.Matches(msg, k.SwitchForm):
		m.create, m.err, m.notice = !m.create, "", ""
		return m.focus(userField)
	case key.Matches(msg, k.Accept):
		if next := m.next(m.at, 1); next > m.at {
			return m.focus(next)
		}
		return m.submit()
	case key.Matches(msg, k.NextField):
		return m.focus(m.next(m.at, 1))
	case key.Matches(msg, k.PrevField):
		return m.focus(m.next(m.at, -1))
	}
	return m.edit(msg)
}

func (m *Model) edit(msg tea.Msg) tea.Cmd {
	if m.busy {
		return nil
	}
	m.err = ""
	var cmd tea.Cmd
	m.fields[m.at].in, cmd = m.fields[m.at].in.Update(msg)
	return cmd
}

// next is the following visible field, round and round.
func (m *Model) next(from, step int) int {
	for i := 1; i <= len(m.fields); i++ {
		j := (from + i*step + 2*len(m.fields)) % len(m.fields)
		if m.fields[j].on(m.create) {
			return j
		}
	}
	return from
}

func (m *Model) focus(i int) tea.Cmd {
	m.fields[m.at].in.Blur()
	m.at = i
	return m.fields[i].in.Focus()
}

// submit checks what can be checked here and asks the cluster for the rest.
func (m *Model) submit() tea.Cmd {
	user := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(m.fields[userField].in.Value(), "@")))
	display := strings.TrimSpace(m.fields[displayField].in.Value())
	password := m.fields[passwordField].in.Value()
	code := strings.TrimSpace(m.fields[codeField].in.Value())
	wrong := func(i int, text string) tea.Cmd {
		m.err = text
		return m.focus(i)
	}
	switch {
	case user == "":
		return wrong(userField, "type a user name")
	case strings.Trim(user, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "":
		return wrong(userField, "a user name has only a to z, 0 to 9 and . _ -")
	case password == "":
		return wrong(passwordField, "type the password")
	case m.create && len(password) < minPassword:
		return wrong(passwordField, fmt.Sprintf("a password has at least %d characters", minPassword))
	case m.create && m.fields[againField].in.Value() != password:
		return wrong(againField, "the two passwords differ")
	case m.create && m.code && len(code) < minCode:
		return wrong(codeField, fmt.Sprintf("an invite code has %d to %d characters", minCode, maxCode))
	}
	if !m.code {
		code = ""
	}
	m.busy, m.err = true, ""
	if form := strings.Join([]string{user, display, password, code}, "\x00"); form != m.requested {
		m.requested, m.requestID = form, m.c.NewID()
	}
	return m.attempt(m.create, user, display, password, code)
}

func (m *Model) attempt(create bool, user, display, password, code string) tea.Cmd {
	be, parent, label, id, save := m.c.Backend, m.ctx, m.c.Label, m.requestID, m.c.SaveSession
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, 2*common.WriteTimeout)
		defer cancel()
		done := doneMsg{user: user}
		if create {
			req := &parleyv1.CreateUserRequest{RequestId: id, Username: user, DisplayName: display, Password: password, InviteCode: code}
			if _, err := be.CreateUser(ctx, req); err != nil {
				done.err = err
				return done
			}
			done.created = true
		}
		if _, err := be.Login(ctx, user, password, label); err != nil {
			done.err = err
			return done
		}
		if save != nil {
			if err := save(user, be.Token()); err != nil {
				done.warning = "the session is not stored, the next start asks again: " + common.Line(err.Error())
			}
		}
		return done
	}
}

func (m *Model) onDone(msg doneMsg) tea.Cmd {
	m.busy = false
	if msg.err == nil {
		user, warning := msg.user, msg.warning
		return func() tea.Msg { return common.LoggedInMsg{User: user, Warning: warning} }
	}
	f := m.c.Backend.Explain(msg.err)
	m.err = f.Error()
	if msg.created {
		m.create = false
		m.err = "the account is made, logging in did not work: " + f.Error()
	}
	if f.Outcome == common.Unknown {
		m.err = f.Text + " · Enter tries again, as the same request"
	}
	if m.create && f.Invite {
		m.code = true
		return m.focus(codeField)
	}
	return m.focus(passwordField)
}
