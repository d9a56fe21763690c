package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/proto/internalv1"
)

// The naive model: everything in slices, every question answered by looking at all of it.
type model struct {
	users   []string
	deleted map[string]bool
	msgs    []*modelMsg // by id
}

type modelMsg struct {
	id, seq  uint64
	from, to string
	text     string
	deleted  bool
	hidden   map[string]bool
	read     map[string]bool
	atMS     int64
	thread   *modelMsg // that it is a reply in
	replies  int
	pinned   bool
	removed  bool // by retention
}

func (m *model) conv(a, b string) (out []*modelMsg) {
	for _, x := range m.msgs {
		if x.from == a && x.to == b || x.from == b && x.to == a {
			out = append(out, x)
		}
	}
	return out
}

func (m *model) gone(x *modelMsg) bool { return x.deleted || m.deleted[x.from] }

func (m *model) unread(x *modelMsg, viewer string) bool {
	return !x.removed && x.from != viewer && !m.gone(x) && !x.hidden[viewer] && !x.read[viewer]
}

func (m *model) line(x *modelMsg, viewer string) string {
	other := x.from
	if viewer == x.from {
		other = x.to
	}
	text, flag := x.text, ""
	if m.gone(x) {
		text = "(deleted)"
	}
	if m.unread(x, viewer) {
		flag = " new"
	}
	return fmt.Sprintf("@%s %d %s: %s%s", other, x.seq, x.from, text, flag)
}

// query answers a MessageQuery.
func (m *model) query(viewer string, q MessageQuery) (lines []string, more bool) {
	var in []*modelMsg
	for _, x := range m.msgs {
		if x.from != viewer && x.to != viewer || x.hidden[viewer] || x.removed {
			continue
		}
		if q.Conversation != "" {
			with := q.Conversation[1:]
			if !(x.from == with && x.to == viewer || x.to == with && x.from == viewer) {
				continue
			}
		}
		if q.AfterID > 0 && x.id <= q.AfterID || q.BeforeID > 0 && x.id >= q.BeforeID {
			continue
		}
		if q.OnlyUnread && !m.unread(x, viewer) || x.atMS < q.FromMS || q.OnlyPinned && (!x.pinned || m.gone(x)) ||
			q.ThreadID > 0 && (x.thread == nil || x.thread.id != q.ThreadID) {
			continue
		}
		in = append(in, x)
	}
	if len(in) > q.Limit {
		more = true
		if q.OnlyUnread || q.AfterID > 0 || q.FromMS > 0 {
			in = in[:q.Limit]
		} else {
			in = in[len(in)-q.Limit:]
		}
	}
	for _, x := range in {
		lines = append(lines, m.line(x, viewer))
	}
	return lines, more
}

// TestModel compares the store with the naive model under random operations: reads in every direction, unread counts,
// conversations and their order, read marks to and fro, replies, edits, pins, deletions of messages and accounts, with
// flushes between; and with days that pass, after which messages are removed. Most seeds run in memory, where they are cheap;
// some on a file, which is closed and opened again in the middle.
func TestModel(t *testing.T) {
	seeds, onFile, steps := uint64(8), uint64(2), 600
	if testing.Short() {
		seeds, onFile = 2, 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { runModel(t, modelInMemory, seed, steps, false) })
		t.Run(fmt.Sprintf("retain/seed=%d", seed), func(t *testing.T) { runModel(t, modelInMemory, seed, steps, true) })
	}
	for seed := seeds; seed < seeds+onFile; seed++ {
		t.Run(fmt.Sprintf("file/seed=%d", seed), func(t *testing.T) { runModel(t, modelOnFile, seed, steps, false) })
		t.Run(fmt.Sprintf("file/retain/seed=%d", seed), func(t *testing.T) { runModel(t, modelOnFile, seed, steps, true) })
	}
}

// modelOptions make a store flush often.
var modelOptions = Options{Manual: true, OverlayBytes: 8 << 10}

func modelInMemory(t *testing.T) (s *Store, again func() *Store) {
	s, _ = memStore(t, modelOptions)
	return s, func() *Store { return s }
}

// modelOnFile also returns what closes the file and opens it again.
func modelOnFile(t *testing.T) (s *Store, again func() *Store) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := Create(path, testCluster, Mark{Index: 1, Term: 1}); err != nil {
		t.Fatal(err)
	}
	open := func() *Store {
		s, err := Open(path, modelOptions)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s = open()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, func() *Store {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open()
		return s
	}
}

// runModel runs one seed.
func runModel(t *testing.T, open func(t *testing.T) (*Store, func() *Store), seed uint64, steps int, retain bool) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	s, again := open(t)
	r := newRig(t, s)
	m := &model{users: []string{"ann", "bob", "cat", "dan"}, deleted: make(map[string]bool)}
	r.people(m.users...)
	r.ok(raise(MaxClusterVersion))
	if retain {
		r.ok(r.retainCmd(1))
	}
	alive := slices.Clone(m.users)
	pick := func() string { return alive[rnd.IntN(len(alive))] }
	for step := range steps {
		from, to := pick(), m.users[rnd.IntN(len(m.users))]
		if retain && rnd.IntN(25) == 0 {
			r.pass(time.Duration(rnd.IntN(12)) * time.Hour)
		}
		if retain && rnd.IntN(10) == 0 {
			m.retain(t, r)
		}
		switch n := rnd.IntN(100); {
		case n < 50:
			text := fmt.Sprintf("m%d", step)
			cmd := r.sendCmd(from, "@"+to, text)
			var thread *modelMsg
			if c := m.conv(from, to); n < 15 && len(c) > 0 {
				var ok bool
				on := c[len(c)-1-rnd.IntN(min(len(c), 9))]
				cmd = r.postCmd(from, "@"+to, text, on.id)
				if thread, ok = m.threadOf(on, from); !ok && !m.deleted[to] {
					r.refused(cmd, internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
					break
				}
			}
			res := r.do(cmd)
			if m.deleted[to] {
				if res.GetRefusal().GetReason() != internalv1.Reason_REASON_USER_DELETED {
					t.Fatalf("step %d: a send to a deleted account: %v", step, res)
				}
				break
			}
			x := &modelMsg{
				id: uint64(len(m.msgs) + 1), seq: uint64(len(m.conv(from, to)) + 1), from: from, to: to, text: text,
				hidden: map[string]bool{}, read: map[string]bool{}, atMS: r.nowMS, thread: thread,
			}
			m.msgs = append(m.msgs, x)
			if thread != nil {
				thread.replies++
			}
			if got := res.GetSend(); got.GetId() != x.id || got.GetSeq() != x.seq {
				t.Fatalf("step %d: sent as %v, want id %d, seq %d", step, got, x.id, x.seq)
			}
		case n < 55:
			c := m.conv(from, to)
			if len(c) == 0 {
				break
			}
			seq := rnd.IntN(len(c) + 2)
			r.ok(r.readMarkCmd(from, "@"+to, uint64(seq)))
			for i, x := range c {
				x.read[from] = i < seq || x.removed
			}
		case n < 62:
			m.mark(r, rnd, from)
		case n < 75:
			c := m.conv(from, to)
			if len(c) == 0 {
				break
			}
			lo := 1 + rnd.IntN(len(c))
			hi := lo + rnd.IntN(4)
			r.ok(r.markCmd(from, "@"+to, uint64(lo), uint64(hi)))
			for _, x := range c[lo-1 : min(hi, len(c))] {
				x.read[from] = true
			}
		case n < 90:
			if len(m.msgs) == 0 {
				break
			}
			x := m.msgs[rnd.IntN(len(m.msgs))]
			cmd := r.deleteCmd(from, x.id)
			if x.from != from && x.to != from || x.hidden[from] || x.removed {
				r.refused(cmd, internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
				break
			}
			r.ok(cmd)
			if x.from == from {
				x.deleted, x.pinned = true, false
			} else {
				x.hidden[from] = true
			}
		case n < 95:
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(4) == 0 {
				s = again()
				r.s = s
			}
		case n < 96 && len(alive) > 2 && step > steps/2:
			r.ok(r.deleteUserCmd(from, 1))
			m.deleted[from] = true
			alive = slices.DeleteFunc(alive, func(u string) bool { return u == from })
		default:
			r.ok(eraseCmd())
		}
		viewer := pick()
		compareModel(t, r, m, viewer, step, rnd)
	}
	if n := m.removed(); retain && n < steps/20 {
		t.Errorf("%d of %d messages were removed: the test is to remove many", n, len(m.msgs))
	}
	finalHash(t, s)
}

func (m *model) removed() (n int) {
	for _, x := range m.msgs {
		if x.removed {
			n++
		}
	}
	return n
}

// retain has one RetainSlice applied, and takes over how far it came: no message that is young enough was removed, and none
// that is too old is left at the end of a pass.
func (m *model) retain(t *testing.T, r *rig) {
	t.Helper()
	due := r.s.Work().Retain
	r.ok(retainCmd())
	v := r.view()
	defer v.Close()
	g, err := load[internalv1.GlobalsRecord](&v.layers, keyGlobals(v.key()))
	if err != nil {
		t.Fatal(err)
	}
	cutoff := g.GetClockMs() - dayMS
	for i, a := range m.users {
		for _, b := range m.users[i:] {
			all := m.conv(a, b)
			if len(all) == 0 {
				continue
			}
			conv, err := v.direct(uint64(1+slices.Index(m.users, a)), uint64(1+slices.Index(m.users, b)))
			if err != nil {
				t.Fatal(err)
			}
			c, err := v.conversation(conv)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range all {
				old, removed := x.atMS < cutoff, x.seq < c.GetFirstSeq()
				switch {
				case removed && !x.removed && !(old && due):
					t.Fatalf("seq %d of @%s and @%s was removed, but is young enough, or nothing was due", x.seq, a, b)
				case !removed && old && due && g.GetRetainNext() == 0:
					t.Fatalf("seq %d of @%s and @%s is left after a pass", x.seq, a, b)
				}
				x.removed = removed
			}
		}
	}
}

// threadOf is the first message of the thread that a reply to a message belongs to; false when it may not be replied to.
func (m *model) threadOf(on *modelMsg, by string) (*modelMsg, bool) {
	switch {
	case on.hidden[by], on.removed, m.gone(on) && on.replies == 0:
		return nil, false
	case on.thread != nil && !on.thread.removed:
		return on.thread, true
	}
	return on, true
}

// seenBy lists what a member of a conversation sees of it; nothing of all conversations together.
func (m *model) seenBy(viewer, conversation string) []*modelMsg {
	if conversation == "" {
		return nil
	}
	return slices.DeleteFunc(m.conv(viewer, conversation[1:]), func(x *modelMsg) bool { return x.hidden[viewer] || x.removed })
}

// mark edits, pins or unpins a message.
func (m *model) mark(r *rig, rnd *rand.Rand, by string) {
	if len(m.msgs) == 0 {
		return
	}
	x := m.msgs[rnd.IntN(len(m.msgs))]
	cmd, set := r.pinCmd(by, x.id, !x.pinned), func() { x.pinned = !x.pinned }
	if rnd.IntN(2) == 0 {
		text := fmt.Sprintf("edit %d", r.index)
		cmd, set = r.editCmd(by, x.id, text), func() { x.text = text }
	}
	switch {
	case x.from != by && x.to != by, x.hidden[by], x.removed, m.gone(x):
		r.refused(cmd, internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	case cmd.GetEditMessage() != nil && x.from != by:
		r.refused(cmd, internalv1.Reason_REASON_NOT_ALLOWED)
	case cmd.GetAnnotate().GetPresent() && m.pins(x.from, x.to) == MaxPins:
		r.refused(cmd, internalv1.Reason_REASON_LIMIT_REACHED)
	default:
		r.ok(cmd)
		set()
	}
}

func (m *model) pins(a, b string) (n int) {
	for _, x := range m.conv(a, b) {
		if x.pinned && !x.removed {
			n++
		}
	}
	return n
}
