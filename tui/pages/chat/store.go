package chat

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/outbox"
)

// storedMsg is the end of opening the store.
type storedMsg struct {
	page  *Model // which asked for it
	store common.Store
	saved common.Saved
	err   error
}

// queuedMsg is the end of putting a message on disk.
type queuedMsg struct {
	conversation, id string
	tried            bool // the copy on disk says so
	err              error
}

// openStore opens what outlives the page. The list is asked for at the same time: a node is as fast as the disk.
func (m *Model) openStore() tea.Cmd {
	open, user, page, ctx := m.c.OpenStore, m.user, m, m.ctx
	if open == nil {
		return nil
	}
	m.storing = true
	return func() tea.Msg {
		store, err := open(user)
		if err != nil {
			return storedMsg{page: page, err: err}
		}
		if ctx.Err() != nil { // the page was left; the log-in form that came after it knows nothing of stores
			_ = store.Close()
			return nil
		}
		saved, err := store.Load()
		return storedMsg{page, store, saved, err}
	}
}

// onStored takes over what was on disk: the outbox goes on where it stopped, under the same ids.
func (m *Model) onStored(msg storedMsg) tea.Cmd {
	if msg.page != m { // that page was left meanwhile
		return func() tea.Msg {
			if msg.store != nil {
				_ = msg.store.Close() // nothing was written
			}
			return nil
		}
	}
	m.storing, m.store = false, msg.store
	if msg.err != nil {
		m.fail("nothing is kept on disk: " + msg.err.Error())
		for _, v := range m.conversations {
			for _, o := range v.out {
				o.Saved = true
			}
		}
		return m.pumpAll()
	}
	s := msg.saved
	if len(s.Notes) > 0 {
		m.fail(strings.Join(s.Notes, " · "))
	}
	var cmds []tea.Cmd
	m.restoreList(s)
	cmds = append(cmds, m.meet(s.Cluster))
	for _, o := range s.Outbox {
		m.lastOrder = max(m.lastOrder, o.Order)
	}
	written := map[*conversation][]*outgoing{} // by now, before we knew what was there
	for _, v := range m.conversations {
		written[v], v.out = v.out, nil
	}
	for _, o := range s.Outbox {
		v := m.conversation(o.Conversation)
		v.out = append(v.out, m.newOutgoing(outbox.Restored(o, m.cluster)))
	}
	for v, outs := range written {
		for _, o := range outs {
			m.lastOrder++
			o.Order, o.Cluster = m.lastOrder, m.cluster
			v.out = append(v.out, o)
			cmds = append(cmds, m.keep(v, o))
		}
	}
	for _, v := range m.conversations {
		m.restate(v)
		v.rebuild()
	}
	m.sort()
	return tea.Batch(append(cmds, m.showKept(), m.pumpAll())...)
}

// meet notes with which cluster we speak. What waits for another stays, and is not sent by itself; what was kept of its
// history goes.
func (m *Model) meet(kept string) tea.Cmd {
	if m.storing {
		return nil // onStored comes here
	}
	now := m.c.Link.ClusterID
	if m.cluster == "" {
		m.cluster = kept
	}
	if now == "" || now == m.cluster {
		return nil
	}
	other := m.cluster != ""
	m.cluster = now
	for _, v := range m.conversations {
		for _, o := range v.out {
			o.Judge(now)
		}
		if other {
			v.forget()
		}
		m.restate(v)
		v.rebuild()
	}
	if other {
		m.fail("this is another cluster than before: what waited for that one is in the outbox (F4) and is not sent by itself")
	}
	store := m.store
	if store == nil {
		return nil
	}
	return func() tea.Msg {
		if err := store.SetCluster(now); err != nil {
			return common.TellMsg{Text: err.Error(), Bad: true}
		}
		return nil
	}
}

// keep puts a message on disk. One that will be tried at once is written as tried, which saves the second write.
func (m *Model) keep(v *conversation, o *outgoing) tea.Cmd {
	if m.storing {
		return nil // onStored comes here
	}
	if o.Saved = m.store == nil; o.Saved {
		return nil
	}
	first := !slices.ContainsFunc(v.out, func(w *outgoing) bool { return w != o && w.Waiting() && !w.Foreign })
	store, msg, name := m.store, o.Outgoing, v.name
	msg.Tried = first && m.ready()
	return m.ordered(func() tea.Msg { return queuedMsg{name, msg.ID, msg.Tried, store.Put(msg)} })
}

func (m *Model) onQueued(msg queuedMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	o := v.find(msg.id)
	if o == nil {
		return nil
	}
	o.Saved, o.marked = true, msg.tried && msg.err == nil
	if msg.err != nil { // better sent than not: the person knows
		m.fail("not on disk, and lost if this program ends before it is sent: " + msg.err.Error())
	}
	cmd := m.pump(v)
	m.restate(v)
	v.rebuild()
	return cmd
}

// rewrite brings the copy on disk up to date, for the next start.
func (m *Model) rewrite(o *outgoing) tea.Cmd {
	store, msg := m.store, o.Outgoing
	if store == nil || !o.Saved {
		return nil
	}
	o.marked = msg.Tried
	return m.ordered(func() tea.Msg {
		if err := store.Put(msg); err != nil {
			return common.TellMsg{Text: err.Error(), Bad: true}
		}
		return nil
	})
}

// dropSettled takes what has its outcome out of the outbox. A crash before that costs one more try with an id that the
// cluster knows.
func (m *Model) dropSettled() tea.Cmd {
	ids, store := m.settled, m.store
	if m.settled = nil; len(ids) == 0 || store == nil {
		return nil
	}
	return m.ordered(func() tea.Msg {
		if err := store.Drop(ids...); err != nil {
			return common.TellMsg{Text: err.Error(), Bad: true}
		}
		return nil
	})
}

// ordered makes a command of a write to the outbox that waits for the ones before it: commands run side by side, and a Drop
// that overtook the Put of the same message would leave it there.
func (m *Model) ordered(write func() tea.Msg) tea.Cmd {
	before, done := m.lastWrite, make(chan struct{})
	m.lastWrite = done
	return func() tea.Msg {
		if before != nil {
			<-before
		}
		defer close(done)
		return write()
	}
}

// openKeptMsg opens a conversation from the disk when no node told the list in time.
type openKeptMsg struct{}

// showKept shows what is kept on disk, soon, unless a node is faster.
func (m *Model) showKept() tea.Cmd {
	if m.listed {
		return nil
	}
	if m.cur != nil {
		return m.loadKept(m.cur)
	}
	return tea.Tick(keptAfter, func(time.Time) tea.Msg { return openKeptMsg{} })
}
