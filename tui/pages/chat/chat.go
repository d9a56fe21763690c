package chat

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/composer"
	"parley/tui/components/dialog"
	"parley/tui/components/helpview"
	"parley/tui/notify"
	"parley/tui/screens/demo"
)

// Model is the main page of one logged-in user.
type Model struct {
	c      *common.Common
	ctx    context.Context // ends with the page; every command runs under it
	cancel context.CancelFunc
	user   string
	open   string // the conversation to begin with
	w, h   int

	paneX, areaH, timelineH int // see resize

	conversations map[string]*conversation
	order         []*conversation // as the sidebar shows them
	lastRank      int             // see sort
	cur           *conversation
	last          string // the conversation that was open before
	from          string // the one that the jumps to unread ones began in

	composer *composer.Model
	dialog   *dialog.Model
	help     *helpview.Model
	demo     *demo.Model      // of `parley demo`, else nil
	overlays []common.Overlay // the last one is in front

	pasted  string // a long paste that is asked about
	prefix  bool   // ^X was pressed: ^E is next
	names   names
	keeping keeping

	renamed map[string]string // rooms: from every former name that was met to the present one
	soft    soft
	stale   []string // accounts whose presence is to be asked for
	reopen  bool     // the open conversation is to be read from the start: one joined it

	lists                               int // counts the lists that were asked for
	listed, listing, listAgain, recount bool
	epoch                               int // counts resets
	stream                              int // counts subscriptions
	feed                                *frames
	cursor                              string
	asOf                                time.Time // when what is shown was current; zero: now
	move                                *move
	leader                              string // the last one known
	node                                string // the last one that served us, by name
	rows                                int
	rtt                                 string
	markTimer                           map[string]bool

	onMessages
	calls calls
	told
	flash     string
	flashBad  bool
	flashEnd  time.Time
	ticking   bool
	pressed   time.Time // the last ^C
	demoShown bool
	clicked   click
	over      bool // the session ended

	store     common.Store  // nil without one, and until it is open
	lastWrite chan struct{} // closed when the newest write to the outbox is done; see ordered
	storing   bool          // it is being opened
	saving    bool
	cluster   string    // the one that the outbox is for; empty until a node or the disk told
	lastOrder uint64    // of the outbox
	settled   []string  // request ids to take off the disk
	keptAt    time.Time // how old the list from the disk is
	lastKey   time.Time
}

// New makes the page. Close must be called when it is left.
func New(ctx context.Context, c *common.Common, user, open string) *Model {
	ctx, cancel := context.WithCancel(ctx)
	m := &Model{
		c: c, ctx: ctx, cancel: cancel, user: user, open: open,
		leader: c.Link.Leader, node: c.Link.Node,
		conversations: map[string]*conversation{}, markTimer: map[string]bool{}, renamed: map[string]string{},
		told: told{heard: map[string]uint64{}, down: downs{}},
	}
	m.composer = composer.New(c)
	m.calls.by = notify.New(os.Getenv)
	m.c.Link.Barred = common.Open
	m.syncBegin()
	m.noteDowns(c.Link)
	m.composer.SetSource(m.candidates)
	return m
}

// Init starts everything that runs while the page is shown.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.openStore(), m.loadList(), m.probe(false), m.startDemo(), m.askTerminal())
}

// Close ends the page's commands and its stream, and writes what the disk lacks. It is called once, after the last Update, and
// does file I/O.
func (m *Model) Close() {
	m.cancel()
	if m.store == nil {
		return
	}
	if m.lastWrite != nil {
		select {
		case <-m.lastWrite:
		case <-time.After(closeWithin):
		}
	}
	if ids := m.settled; len(ids) > 0 {
		_ = m.store.Drop(ids...) // they have their outcome: at worst they are tried once more under ids that the cluster knows
	}
	_ = m.store.Save(m.changes()) // nobody is left to be told
	_ = m.store.Close()
}

// conversation finds one or makes it.
func (m *Model) conversation(name string) *conversation {
	if to := m.renamed[name]; to != "" {
		name = to
	}
	v := m.conversations[name]
	if v == nil {
		v = newConversation(m.c, name)
		v.tl.Me = m.user
		v.settled = &m.settled
		m.conversations[name] = v
		m.order = append(m.order, v)
		m.resize()
	}
	return v
}

// sort keeps rooms before people, and each where it is: a list that moves under the eye, and under alt+1…9, cannot be used
// without looking. What is new to the list comes first in its part, the most recently active one on top.
func (m *Model) sort() {
	fresh := slices.DeleteFunc(slices.Clone(m.order), func(v *conversation) bool { return v.rank != 0 })
	slices.SortStableFunc(fresh, func(a, b *conversation) int {
		if a.lastID == 0 || b.lastID == 0 {
			return cmp.Compare(b.lastID, a.lastID) // just opened and empty: the newest
		}
		return cmp.Compare(a.lastID, b.lastID)
	})
	for _, v := range fresh {
		m.lastRank--
		v.rank = m.lastRank
	}
	slices.SortFunc(m.order, func(a, b *conversation) int {
		return cmp.Or(cmp.Compare(part(a), part(b)), cmp.Compare(a.rank, b.rank))
	})
}

// part tells rooms from people.
func part(v *conversation) int {
	if strings.HasPrefix(v.name, "#") {
		return 0
	}
	return 1
}

// openFirst opens what was asked for, else what has unread messages, else the newest.
func (m *Model) openFirst() tea.Cmd {
	if m.cur != nil {
		return nil
	}
	if m.open != "" {
		return m.show(m.open)
	}
	in := m.joined()
	from := slices.DeleteFunc(slices.Clone(in), func(v *conversation) bool { return v.count() == 0 })
	if len(from) == 0 {
		from = in
	}
	if len(from) > 0 {
		newest := slices.MaxFunc(from, func(a, b *conversation) int { return cmp.Compare(a.lastID, b.lastID) })
		return m.show(newest.name)
	}
	return nil
}

// joined are the conversations that may be opened without being asked for. An invitation is not one: opening it asks whether to
// join, and the next key, meant for something else, would answer.
func (m *Model) joined() []*conversation {
	return slices.DeleteFunc(slices.Clone(m.order), func(v *conversation) bool { return v.invited() })
}

// show opens a conversation; the draft of the one before stays with it.
func (m *Model) show(name string) tea.Cmd {
	v := m.conversation(name)
	if v == m.cur {
		return nil
	}
	if old := m.cur; old != nil {
		old.draft = m.composer.Value()
		old.tl.StopSelect()
		old.hold = false
		m.reactbar = nil
		if old.onlyOn {
			m.leaveUnread(old)
		}
		if old.count() == 0 {
			old.tl.SetUnread("")
		}
	}
	if m.cur != nil {
		m.last = m.cur.name
	}
	m.cur = v
	m.composer.SetValue(v.draft)
	m.resize()
	m.sort()
	v.rebuild()
	if v.invited() {
		m.askJoin(v)
		return nil
	}
	if !v.loaded {
		return tea.Batch(m.loadKept(v), m.load(v, newestPage, 0))
	}
	if v.tl.UnreadKey() != "" && v.tl.Following() {
		v.tl.ShowUnread()
	}
	return nil
}

// noSuch closes a conversation with somebody who does not exist.
func (m *Model) noSuch(v *conversation, f common.Failure) tea.Cmd {
	if len(v.out) == 0 && v.lastID == 0 {
		delete(m.conversations, v.name)
		m.order = slices.DeleteFunc(m.order, func(o *conversation) bool { return o == v })
		if m.cur == v {
			m.cur = nil
			m.composer.SetValue(v.draft)
			m.fail(v.name + ": " + f.Text)
			if in := m.joined(); len(in) > 0 {
				return m.show(in[0].name)
			}
			return nil
		}
	}
	v.loaded = true // as much as there will be of it
	v.rebuild()
	m.fail(v.name + ": " + f.Text)
	return nil
}

// step opens the next or previous conversation of the sidebar.
func (m *Model) step(n int) tea.Cmd {
	if len(m.order) == 0 {
		return nil
	}
	i := slices.Index(m.order, m.cur)
	return m.show(m.order[(i+n+len(m.order))%len(m.order)].name)
}

func (m *Model) unread() (n uint64) {
	for _, v := range m.conversations {
		n += v.count()
	}
	return n
}

func (m *Model) waiting() (n int) {
	for _, v := range m.conversations {
		n += v.waiting()
	}
	return n
}

// overlay reports whether something covers the timeline.
func (m *Model) overlay() bool { return m.help != nil || len(m.overlays) > 0 }

// tell answers in the status bar; fail does so for what did not work.
func (m *Model) tell(s string) { m.setFlash(s, false) }
func (m *Model) fail(s string) { m.setFlash(s, true) }

func (m *Model) setFlash(s string, bad bool) {
	m.flash, m.flashBad, m.flashEnd = common.Line(s), bad, m.c.Now().Add(flashFor)
}

// Warn shows something that went wrong on the way here; an empty text is nothing.
func (m *Model) Warn(s string) {
	if s != "" {
		m.fail(s)
	}
}

// Draft is what stands in the composer.
func (m *Model) Draft() string { return m.composer.Value() }
