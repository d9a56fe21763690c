// Package switcher is the screen that goes somewhere: to a conversation, to a room that one is not in, to a person, and after a
// ">" to a command. What is typed is matched loosely: its letters in their order, or a pattern with * and ?. The conversations
// are there at once; people and rooms come from the cluster a moment after the last key.
package switcher

import (
	"context"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

const (
	// maxFound bounds what the cluster is asked for of each kind; more letters find more.
	maxFound = 100
	// maxQuery bounds what can be typed: a name has 32 characters.
	maxQuery = 64
	// askAfter lets a person type before the cluster is asked.
	askAfter = 120 * time.Millisecond
)

// Item is one row to pick. Its texts are clean.
type Item struct {
	Name     string // "@bob", "#room", "/topic [text]"
	Note     string // drawn last, because it may be any text
	Unread   uint64
	Mentions uint32
	Dim      bool    // muted, archived, deleted
	Do       tea.Msg // what Enter does; nil: nothing, it is only shown
	create   bool
}

// Options are what the page knows.
type Options struct {
	User          string
	Query         string // to begin with
	Conversations []Item // the most recent first
	Commands      []Item
}

// Model is the open screen.
type Model struct {
	c      *common.Common
	ctx    context.Context
	o      Options
	in     textinput.Model
	people []Item
	rooms  []Item
	more   bool   // the cluster has more than it was asked for
	about  string // the query that people and rooms answer
	status string
	asked  int // number of the last question; older answers are dropped
	at     int
	w, h   int

	shown  []Item // what matches now; see refresh
	listed bool
}

var _ common.Overlay = (*Model)(nil)

// New opens with what the page knows.
func New(ctx context.Context, c *common.Common, o Options) *Model {
	m := &Model{c: c, ctx: ctx, o: o, in: dialog.Input(c, false, maxQuery), status: "asking…"}
	m.in.Placeholder = "name, pattern with * and ?, or > for a command"
	m.in.SetValue(o.Query)
	m.in.CursorEnd()
	m.in.Focus()
	m.refresh()
	return m
}

// askMsg comes a moment after the last key.
type askMsg struct {
	to     *Model
	number int
}

// foundMsg is the cluster's answer.
type foundMsg struct {
	to     *Model
	number int
	query  string
	people *parleyv1.ListUsersResponse
	rooms  *parleyv1.ListRoomsResponse
	local  bool
	err    error
}

// Init asks for the first people and rooms.
func (m *Model) Init() tea.Cmd { return m.ask() }

// Full leaves the sidebar where it is.
func (m *Model) Full() bool { return false }

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.in.SetWidth(max(4, w-6))
}

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case askMsg:
		if msg.to == m && msg.number == m.asked {
			return false, m.ask()
		}
	case foundMsg:
		return false, m.onFound(msg)
	case common.ChangedMsg:
		return false, m.ask()
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return false, m.edit(msg)
	case tea.MouseClickMsg:
		return m.onClick(msg)
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.move(-1)
		} else {
			m.move(1)
		}
	}
	return false, nil
}

// onClick goes to what is under the mouse: as a menu does.
func (m *Model) onClick(msg tea.MouseClickMsg) (bool, tea.Cmd) {
	i := m.from() + msg.Y - headRows
	if msg.Y < headRows || msg.Y >= headRows+m.room() || i >= len(m.shown) {
		return false, nil
	}
	m.at = i
	return m.pick()
}

func (m *Model) move(n int) { m.at = max(0, min(m.at+n, len(m.shown)-1)) }

func (m *Model) onKey(msg tea.KeyPressMsg) (bool, tea.Cmd) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Escape, k.People, k.Interrupt):
		return true, nil
	case key.Matches(msg, k.Accept):
		return m.pick()
	case msg.String() == "up" || key.Matches(msg, k.PrevConversation):
		m.move(-1)
	case msg.String() == "down" || key.Matches(msg, k.NextConversation, k.NextField):
		m.move(1)
	case key.Matches(msg, k.PageUp):
		m.move(-max(1, m.room()-1))
	case key.Matches(msg, k.PageDown):
		m.move(max(1, m.room()-1))
	default:
		return false, m.edit(msg)
	}
	return false, nil
}

func (m *Model) pick() (bool, tea.Cmd) {
	if m.at >= len(m.shown) || m.shown[m.at].Do == nil {
		return false, nil
	}
	do := m.shown[m.at].Do
	_, opens := do.(common.OpenMsg) // which closes everything by itself, when it comes: no key is typed into another's draft
	return !opens, common.Send(do)
}

// edit gives a key or a paste to the field and asks anew when it changed something.
func (m *Model) edit(msg tea.Msg) tea.Cmd {
	before := m.in.Value()
	m.in, _ = m.in.Update(msg)
	if m.in.Value() == before {
		return nil
	}
	m.at = 0
	m.refresh()
	m.asked++
	n := m.asked
	return tea.Tick(askAfter, func(time.Time) tea.Msg { return askMsg{m, n} })
}

// ask gets people and rooms for what is typed.
func (m *Model) ask() tea.Cmd {
	m.asked++
	q := parse(m.in.Value())
	if q.commands {
		return nil
	}
	be, ctx, link, number, text := m.c.Backend, m.ctx, m.c.Link, m.asked, m.in.Value()
	return func() tea.Msg {
		out := foundMsg{to: m, number: number, query: text}
		if !q.onlyRooms {
			out.people, out.local, out.err = common.Either(ctx, link,
				func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListUsersResponse, error) {
					return be.ListUsers(ctx, &parleyv1.ListUsersRequest{Pattern: q.glob(), PageSize: maxFound, Consistency: c})
				}, be.Explain)
		}
		if !q.onlyPeople && out.err == nil {
			var local bool
			out.rooms, local, out.err = common.Either(ctx, link,
				func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomsResponse, error) {
					return be.ListRooms(ctx, &parleyv1.ListRoomsRequest{Pattern: q.glob(), PageSize: maxFound, Consistency: c})
				}, be.Explain)
			out.local = out.local || local
		}
		return out
	}
}

func (m *Model) onFound(msg foundMsg) tea.Cmd {
	if msg.to != m || msg.number != m.asked {
		return nil
	}
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		m.status = "✗ " + f.Error()
		return nil
	}
	m.people, m.rooms, m.about, m.listed = nil, nil, msg.query, true
	for _, u := range msg.people.GetUsers() {
		m.people = append(m.people, m.person(u))
	}
	for _, r := range msg.rooms.GetRooms() {
		m.rooms = append(m.rooms, found(r))
	}
	m.more = msg.people.GetNextPageToken() != "" || msg.rooms.GetNextPageToken() != ""
	m.status = ""
	if msg.local {
		m.status = "read from one node alone"
	}
	m.refresh()
	return nil
}

func (m *Model) person(u *parleyv1.User) Item {
	it := Item{Name: "@" + common.Line(u.GetUsername())}
	if d := common.Line(u.GetDisplayName()); d != u.GetUsername() {
		it.Note = d
	}
	switch {
	case u.GetDeleted():
		it.Note, it.Dim = "account deleted", true
		return it
	case u.GetUsername() == m.o.User:
		it.Note = "you: notes to yourself"
	case u.GetBot():
		it.Note = "bot"
	}
	it.Do = common.OpenMsg{Conversation: it.Name}
	return it
}

func found(r *parleyv1.Room) Item {
	it := Item{Name: common.Line(r.GetName()), Note: "Enter joins", Dim: r.GetArchived(), Do: common.RunMsg{Line: "/join " + r.GetName()}}
	if r.GetMembership() == parleyv1.Membership_MEMBERSHIP_INVITED {
		it.Note = "you are invited · Enter joins"
	}
	if t := common.Line(r.GetTopic()); t != "" {
		it.Note += " · " + t
	}
	return it
}
