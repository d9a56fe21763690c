package chat

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/notify"
)

// calls are the messages of one batch that a person is to be called for.
type calls struct {
	by   *notify.Notifier
	last notify.Note // the one that matters most
	rank int
}

// consider takes a new message of another before it is applied to the screen. Of a batch the most pressing one is told.
func (m *Model) consider(v *conversation, pm *parleyv1.Message) {
	e := notify.Event{
		Own: pm.GetSender() == m.user, Read: !pm.GetUnread() || pm.GetDeleted(), Direct: !isRoom(v.name), Mention: pm.GetMentionsMe(),
		Mute: muteOf(v.mute), Focused: m.c.Focused, Shown: v == m.cur && !m.overlay() && v.tl.Following(),
	}
	if !notify.Wanted(e) {
		return
	}
	rank, kind := 1, "message"
	switch {
	case e.Mention:
		rank, kind = 3, "mention"
	case e.Direct:
		rank, kind = 2, "direct"
	}
	if rank < m.calls.rank {
		return
	}
	m.calls.rank = rank
	m.calls.last = notify.Note{
		Conversation: common.Line(v.name), Sender: common.Line(pm.GetSender()), Text: common.Line(pm.GetText()), Kind: kind,
	}
}

// call makes the call that the batch deserves.
func (m *Model) call() tea.Cmd {
	if m.calls.rank == 0 {
		return nil
	}
	note := m.calls.last
	m.calls.rank, m.calls.last = 0, notify.Note{}
	raw, command := m.calls.by.Call(m.c.Now(), m.c.Settings.Notify, note)
	switch {
	case raw != "":
		return tea.Raw(raw)
	case !command || m.c.Settings.NotifyCommand == "":
		return nil
	}
	by, ctx, line := m.calls.by, m.ctx, m.c.Settings.NotifyCommand
	return func() tea.Msg {
		if err := by.Run(ctx, line, note); err != nil && ctx.Err() == nil {
			return common.TellMsg{Text: err.Error(), Bad: true}
		}
		return nil
	}
}

// askTerminal asks which notifications the terminal knows; the answer comes as a message.
func (m *Model) askTerminal() tea.Cmd {
	if q := m.calls.by.Query(); q != "" && m.c.Settings.Notify == "auto" {
		return tea.Raw(q)
	}
	return nil
}

func muteOf(l parleyv1.Mute) notify.Mute {
	switch l {
	case parleyv1.Mute_MUTE_ALL:
		return notify.Nothing
	case parleyv1.Mute_MUTE_MENTIONS:
		return notify.MentionsOnly
	}
	return notify.Everything
}

// Title is the terminal's title: "(@1 +4) #general — parley", mentions and what else is unread, without what is muted.
func (m *Model) Title() string {
	t := "parley"
	if m.cur != nil {
		t = common.Line(m.cur.name) + " — parley"
	}
	var mentions, others uint64
	for _, v := range m.conversations {
		n := v.count()
		at := min(uint64(v.mentions), n)
		if v.mute == parleyv1.Mute_MUTE_ALL {
			continue
		}
		mentions += at
		if v.mute != parleyv1.Mute_MUTE_MENTIONS {
			others += n - at
		}
	}
	var parts []string
	if mentions > 0 {
		parts = append(parts, fmt.Sprintf("@%d", mentions))
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("+%d", others))
	}
	if len(parts) > 0 {
		t = "(" + strings.Join(parts, " ") + ") " + t
	}
	return t
}
