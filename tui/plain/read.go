package plain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// marks are what was written of a conversation and is to be marked as read.
type marks struct {
	todo map[uint64]bool
	busy bool
	due  time.Time
}

func (k *marks) init() { k.todo = map[uint64]bool{} }

// mark gathers a message that was written.
func (s *session) mark(v *conversation, m *parleyv1.Message) {
	if !m.GetUnread() || m.GetDeleted() {
		return
	}
	v.unread -= min(v.unread, 1)
	if m.GetMentionsMe() {
		v.mention -= min(v.mention, 1)
	}
	v.marks.todo[m.GetSeq()] = true
	if v.marks.due.IsZero() {
		v.marks.due = s.o.Now().Add(markAfter)
	}
}

// marking reports whether something that was written is not marked yet.
func (s *session) marking() bool {
	for _, v := range s.conversations {
		if v.marks.busy || len(v.marks.todo) > 0 {
			return true
		}
	}
	return false
}

// markDue tells the cluster what was gathered.
func (s *session) markDue(v *conversation, now time.Time) {
	k := &v.marks
	if k.busy || len(k.todo) == 0 || now.Before(k.due) {
		return
	}
	seqs := make([]uint64, 0, len(k.todo))
	for q := range k.todo {
		seqs = append(seqs, q)
	}
	slices.Sort(seqs)
	var ranges []*parleyv1.ReadRange
	for _, q := range seqs {
		n := len(ranges)
		if n > 0 && ranges[n-1].ToSeq == q-1 {
			ranges[n-1].ToSeq = q
		} else if n == maxMarkRanges {
			break
		} else {
			ranges = append(ranges, &parleyv1.ReadRange{Conversation: v.name, FromSeq: q, ToSeq: q})
		}
		delete(k.todo, q)
	}
	k.busy, k.due = true, time.Time{}
	s.markRanges(v, ranges)
}

// markRanges repeats one request until the cluster took it.
func (s *session) markRanges(v *conversation, ranges []*parleyv1.ReadRange) {
	req := &parleyv1.MarkReadRequest{RequestId: s.o.NewID(), Ranges: ranges}
	s.call(func(ctx context.Context) func() {
		f, err := s.insist(ctx, nil, func(ctx context.Context) error {
			_, err := s.be.MarkRead(ctx, req)
			return err
		})
		return func() {
			v.marks.busy = false
			if err != nil && f.Auth {
				s.sessionOver(f)
			}
		}
	})
}

// insist makes one write, with one request id, until it has an outcome or ctx ends. told hears once that it takes longer.
func (s *session) insist(parent context.Context, told func(common.Failure), write func(context.Context) error) (f common.Failure, err error) {
	doubt := false
	for {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		err = write(ctx)
		cancel()
		if err == nil || parent.Err() != nil {
			return f, err
		}
		f = s.be.Explain(err)
		doubt = doubt || f.Outcome == common.Unknown
		if f.Auth || f.Outcome == common.Refused {
			return f, err
		}
		if told != nil {
			told(f)
			told = nil
		}
		pause(parent, retryAfter)
	}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// open makes a conversation the one that lines go to, and writes what is new in it.
func (s *session) open(name string) {
	v := s.conversation(name)
	s.cur = v
	s.prompt()
	limit := openLines
	if v.unread > 0 {
		limit = int(min(v.unread, openUnread)) + contextLines
	}
	if !s.listed && s.keptDue.IsZero() { // no node told anything yet
		s.readKept(v)
	}
	s.page(v, "", &parleyv1.ReadMessagesRequest{Conversation: name, Limit: uint32(limit)}, v.shown)
}

func (s *session) prompt() {
	if s.cur != nil {
		s.con.Prompt(common.Line(s.cur.name) + "> ")
	}
}

// page reads messages and writes those after seq above, and what is unread. head is said before them.
func (s *session) page(v *conversation, head string, req *parleyv1.ReadMessagesRequest, above uint64) {
	if v.loading {
		return
	}
	v.loading = true
	link := s.link
	s.ask(func(ctx context.Context) func() {
		resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
			req.Consistency = c
			return s.be.ReadMessages(ctx, req)
		}, s.be.Explain)
		whole := !req.GetOnlyUnread() && req.GetThreadId() == 0 // nothing is left out between its messages
		return func() { s.onPage(v, head, above, whole, resp, local, err) }
	})
}

func (s *session) onPage(v *conversation, head string, above uint64, whole bool, resp *parleyv1.ReadMessagesResponse, local bool, err error) {
	v.loading = false
	if err != nil {
		f := s.be.Explain(err)
		s.fail("cannot read "+v.name, err)
		if f.NotFound && v.lastID == 0 && len(v.out) == 0 && s.cur == v && s.con.Interactive() {
			delete(s.conversations, v.name)
			s.cur = nil
		}
	}
	if local && err == nil {
		s.say("link: this was read from one node alone, %s ago", common.Age(age(resp.GetReadInfo())))
	}
	var ms []*parleyv1.Message
	for _, m := range resp.GetMessages() {
		news := m.GetSeq() > above && (above == 0 || !v.ahead[m.GetSeq()])
		if news || m.GetUnread() { // one that was written in passing is written again where it is read
			ms = append(ms, m)
		}
	}
	if err == nil {
		if head == "" {
			head = v.name + ": " + several(len(ms), "message", "messages")
			if v.unread > 0 {
				head += fmt.Sprintf(", %d unread", v.unread)
			}
			if resp.GetMore() && above == 0 {
				head += ", /read N shows more"
			}
		}
		s.say("%s", head)
	}
	for _, m := range ms {
		if i := v.find(m.GetRequestId()); i >= 0 && m.GetRequestId() != "" {
			s.committed(v, i, m.GetTime().AsTime(), m.GetId(), m.GetSeq())
			continue
		}
		s.show(m, unreadNote(m)...)
		v.wrote(m.GetSeq())
		s.mark(v, m)
	}
	if n := len(resp.GetMessages()); n > 0 && whole {
		v.note(resp.GetMessages()[n-1])
		v.wroteTo(resp.GetMessages()[n-1].GetSeq())
	}
	held := v.held
	v.held = nil
	for _, m := range held {
		if v.written(m.GetSeq()) {
			v.wroteTo(m.GetSeq())
		} else {
			s.live(v, m)
		}
	}
	s.pump(v)
}

func unreadNote(m *parleyv1.Message) []string {
	if m.GetUnread() {
		return []string{"unread"}
	}
	return nil
}

// tellUnread says where something is unread, the open conversation only when asked.
func (s *session) tellUnread(open bool) {
	var parts []string
	for _, v := range s.sorted() {
		if v.unread == 0 || v == s.cur && !open || v.mute == parleyv1.Mute_MUTE_ALL {
			continue
		}
		p := fmt.Sprintf("%s %d", v.name, v.unread)
		if v.mention > 0 {
			p += fmt.Sprintf(" (%s)", several(int(v.mention), "mention", "mentions"))
		}
		parts = append(parts, p)
		if len(parts) == maxList {
			break
		}
	}
	if len(parts) == 0 {
		s.say("unread: nothing%s", map[bool]string{false: " elsewhere"}[open || s.cur == nil])
		return
	}
	s.say("unread: %s", strings.Join(parts, ", "))
}

func age(info *parleyv1.ReadInfo) time.Duration {
	return time.Duration(info.GetAgeMs()) * time.Millisecond
}

func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (s *session) cmdSearch(query string) {
	if query == "" {
		s.say("error: /search words")
		return
	}
	link := s.link
	s.ask(func(ctx context.Context) func() {
		resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.SearchMessagesResponse, error) {
			return s.be.SearchMessages(ctx, &parleyv1.SearchMessagesRequest{Query: query, PageSize: maxList, Consistency: c})
		}, s.be.Explain)
		return func() {
			if err != nil {
				s.fail("not searched", err)
				return
			}
			words := "search: " + several(len(resp.GetMessages()), "message", "messages")
			if resp.GetNextPageToken() != "" {
				words += ", there are more: narrow it"
			}
			if local {
				words += ", read from one node alone"
			}
			s.say("%s", words)
			for _, m := range resp.GetMessages() {
				s.show(m, "id "+strconv.FormatUint(m.GetId(), 10))
			}
		}
	})
}
