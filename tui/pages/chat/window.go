package chat

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// window is the around view: a run of messages somewhere in the history, without a gap in it, that grows at both ends as the
// reader comes near them. When it reaches what is loaded of the newest messages the two become one. While it is on, nothing is
// marked as read, live messages go to the newest ones behind it, and the pill counts what is below.
type window struct {
	before, after bool // there are more
	loading       bool
	number        int // of the window; answers for an older one are dropped
}

// windowMsg is a part of a window.
type windowMsg struct {
	conversation string
	number       int
	epoch        int
	part         windowPart
	id           uint64 // the message in its middle
	last         uint64 // the newest seq that was known when it was asked for
	resp         *parleyv1.ReadMessagesResponse
	err          error
}

type windowPart int

const (
	windowAround windowPart = iota
	windowOlder
	windowNewer
)

// windowed reports whether the timeline shows a window and not the newest messages.
func (v *conversation) windowed() bool { return v.onlyOn && v.view == aroundView }

// openAt opens a conversation at a message.
func (m *Model) openAt(name string, id uint64) tea.Cmd {
	cmd := m.goTo(name)
	v := m.conversation(name)
	if id == 0 || v != m.cur || v.invited() {
		return cmd
	}
	if i := slices.IndexFunc(v.msgs, func(e *timeline.Entry) bool { return e.ID == id }); v.loaded && i >= 0 {
		if v.onlyOn {
			m.leaveUnread(v)
		}
		v.tl.Select(v.msgs[i].Key)
		return cmd
	}
	return tea.Batch(cmd, m.readWindow(v, windowAround, &parleyv1.ReadMessagesRequest{AroundId: id}, id))
}

// readWindow asks for a part. Around makes a new window of it.
func (m *Model) readWindow(v *conversation, part windowPart, req *parleyv1.ReadMessagesRequest, id uint64) tea.Cmd {
	if part == windowAround {
		v.win.number++
	}
	v.win.loading = true
	req.Conversation, req.Limit = v.name, pageSize
	msg := windowMsg{conversation: v.name, number: v.win.number, epoch: m.epoch, part: part, id: id, last: v.lastSeq}
	be, ctx, link := m.c.Backend, m.ctx, m.c.Link
	return func() tea.Msg {
		msg.resp, _, msg.err = common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
			req.Consistency = c
			return be.ReadMessages(ctx, req)
		}, be.Explain)
		return msg
	}
}

func (m *Model) onWindow(msg windowMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	if msg.number != v.win.number || msg.epoch != m.epoch {
		return nil
	}
	v.win.loading = false
	if msg.err != nil {
		if msg.part != windowAround {
			v.win.before, v.win.after = v.win.before && msg.part != windowOlder, v.win.after && msg.part != windowNewer
		}
		return m.readFailed("cannot go there", msg.err)
	}
	if v != m.cur || msg.part != windowAround && !v.windowed() {
		return nil
	}
	es := make([]*timeline.Entry, 0, len(msg.resp.GetMessages()))
	for _, pm := range msg.resp.GetMessages() {
		es = append(es, m.shared(v, pm))
	}
	more := msg.resp.GetMore()
	switch msg.part {
	case windowAround:
		v.onlyOn, v.only, v.view, v.root, v.cut = true, es, aroundView, 0, false
		v.win.before, v.win.after = msg.resp.GetMoreBefore(), more
		v.tl.SetUnread("")
	case windowOlder:
		v.only, v.win.before = append(es, v.only...), more
	case windowNewer:
		v.tl.Hold()
		v.only, v.win.after = append(v.only, es...), more || v.lastSeq > msg.last && len(es) > 0
	}
	m.boundWindow(v, msg.part)
	cmd := m.lead(v, es)
	joined := m.joinWindow(v)
	v.rebuild()
	if msg.part == windowAround {
		if i := slices.IndexFunc(es, func(e *timeline.Entry) bool { return e.ID == msg.id }); i >= 0 {
			v.tl.Home()
			v.tl.Select(es[i].Key)
		}
	}
	if joined && msg.part == windowNewer {
		m.tell("these are the newest messages")
	}
	return cmd
}

// boundWindow forgets what is far from where the reader is.
func (m *Model) boundWindow(v *conversation, part windowPart) {
	n := len(v.only) - maxLoaded
	switch {
	case n <= 0:
	case part == windowOlder:
		v.only, v.win.after = v.only[:maxLoaded], true
	default:
		v.only, v.win.before = slices.Delete(v.only, 0, n), true
	}
}

// joinWindow makes one of the window and the newest messages when there is nothing between them. It reports whether it did.
func (m *Model) joinWindow(v *conversation) bool {
	if !v.loaded || len(v.only) == 0 {
		return false
	}
	last := v.only[len(v.only)-1]
	if v.win.after && (len(v.msgs) == 0 || last.Seq+1 < v.msgs[0].Seq) {
		return false
	}
	var older []*timeline.Entry
	for _, e := range v.only {
		if len(v.msgs) == 0 || e.Seq < v.msgs[0].Seq {
			older = append(older, e)
		}
	}
	v.msgs = append(older, v.msgs...)
	if len(older) > 0 {
		v.more = v.win.before
	}
	v.onlyOn, v.only = false, nil
	v.tl.Hold()
	return true
}

// growWindow asks for the next part when the reader comes near an end: called after every Update.
func (m *Model) growWindow() tea.Cmd {
	v := m.cur
	if v == nil || !v.windowed() || v.win.loading || len(v.only) == 0 || m.overlay() {
		return nil
	}
	shown := v.tl.Shown()
	if len(shown) == 0 {
		return nil
	}
	near := func(at int, want *timeline.Entry) bool {
		return at >= 0 && at < len(v.only) && v.only[at].Seq >= want.Seq
	}
	switch {
	case v.win.after && v.only[max(0, len(v.only)-olderWithin)].Seq <= shown[len(shown)-1].Seq:
		return m.readWindow(v, windowNewer, &parleyv1.ReadMessagesRequest{AfterId: v.only[len(v.only)-1].ID}, 0)
	case v.win.before && near(min(olderWithin, len(v.only)-1), shown[0]):
		return m.readWindow(v, windowOlder, &parleyv1.ReadMessagesRequest{BeforeId: v.only[0].ID}, 0)
	}
	return nil
}

// pill is the row below the timeline; ok is false when there is nothing below.
func (m *Model) pill(v *conversation) (text string, ok bool) {
	if shown := v.tl.Shown(); v.windowed() && len(shown) > 0 {
		below := v.lastSeq - min(v.lastSeq, shown[len(shown)-1].Seq)
		return fmt.Sprintf("↓ %d newer below · End", below), true
	}
	return v.tl.Pill(v.below), !v.tl.Following()
}

// cmdGoto goes to a day, a moment, a seq of this conversation, or the id of any message.
func (m *Model) cmdGoto(args string) tea.Cmd {
	v := m.cur
	if v == nil {
		m.fail("no conversation is open: ^K goes to one")
		return nil
	}
	if id, ok := strings.CutPrefix(args, "id:"); ok {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil || n == 0 {
			m.fail("/goto id:N: the id of a message")
			return nil
		}
		return m.gotoID(n)
	}
	if n, err := strconv.ParseUint(args, 10, 64); err == nil && n > 0 {
		return m.gotoSeq(v, n)
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "15:04"} {
		at, err := time.ParseInLocation(layout, args, m.c.Zone)
		if err != nil {
			continue
		}
		if layout == "15:04" {
			now := m.c.Now().In(m.c.Zone)
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, m.c.Zone)
		}
		return m.find(v.name, func(ctx context.Context, be common.Backend) (*parleyv1.Message, error) {
			resp, err := be.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: v.name, Limit: 1, FromTime: timestamppb.New(at)})
			if len(resp.GetMessages()) == 0 {
				return nil, err
			}
			return resp.GetMessages()[0], err
		})
	}
	m.fail("/goto 2026-01-31, 14:05, the seq of a message, or id:N")
	return nil
}

func (m *Model) gotoID(id uint64) tea.Cmd {
	return m.find("", func(ctx context.Context, be common.Backend) (*parleyv1.Message, error) {
		resp, err := be.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: id})
		return resp.GetMessage(), err
	})
}

// gotoSeq finds the id of a seq: ids ascend with it, so half of what is left is ruled out by each look.
func (m *Model) gotoSeq(v *conversation, seq uint64) tea.Cmd {
	if e := v.bySeq(seq); e != nil {
		return m.openAt(v.name, e.ID)
	}
	name, high := v.name, v.lastID
	return m.find(name, func(ctx context.Context, be common.Backend) (*parleyv1.Message, error) {
		var found *parleyv1.Message
		for low := uint64(0); low+1 < high; { // an AfterId of 0 is none
			mid := low + (high-low)/2
			resp, err := be.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: name, Limit: 1, AfterId: mid})
			if err != nil {
				return nil, err
			}
			if got := resp.GetMessages(); len(got) == 0 || got[0].GetSeq() >= seq {
				if high = mid; len(got) > 0 {
					found = got[0]
				}
			} else {
				low = got[0].GetId()
			}
		}
		if found.GetSeq() != seq { // it may be the very first
			resp, err := be.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: name, Limit: 1, FromTime: timestamppb.New(time.Unix(0, 0))})
			if len(resp.GetMessages()) > 0 && resp.GetMessages()[0].GetSeq() >= seq && err == nil {
				found = resp.GetMessages()[0]
			}
			return found, err
		}
		return found, nil
	})
}

// find opens the place of the message that look finds.
func (m *Model) find(name string, look func(context.Context, common.Backend) (*parleyv1.Message, error)) tea.Cmd {
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		pm, err := look(ctx, be)
		switch {
		case err != nil:
			return common.FailedMsg{What: "cannot go there", Err: err}
		case pm == nil:
			return common.TellMsg{Text: "nothing is there or after it", Bad: true}
		case name == "":
			name = pm.GetConversation()
		}
		return common.OpenMsg{Conversation: name, MessageID: pm.GetId()}
	}
}
