package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/proto/internalv1"
)

// The naive model of rooms: lists, looked at whole. What somebody may become is in TestMembershipRules; here the ranks are taken
// from the state, held to each other, and all that follows from them is computed again.
type roomModel struct {
	users   []string
	deleted map[string]bool
	rooms   []*modelRoom
	msgs    map[uint64]*roomMsg // by id
}

type modelRoom struct {
	name              string
	private, archived bool
	rank              map[string]internalv1.Membership
	read              map[string]int // of members: the read mark
	msgs              []*roomMsg
}

type roomMsg struct {
	id          uint64
	seq         int
	room        *modelRoom
	from, text  string
	deleted     bool
	hidden      map[string]bool
	mentions    map[string]bool
	mentionsAll bool
}

func (m *roomModel) gone(x *roomMsg) bool { return x.deleted || m.deleted[x.from] }

func (m *roomModel) unread(x *roomMsg, viewer string) bool {
	return x.from != viewer && x.seq > x.room.read[viewer] && !m.gone(x) && !x.hidden[viewer]
}

func (m *roomModel) line(x *roomMsg, viewer string) string {
	text, flag := x.text, ""
	if m.gone(x) {
		text = "(deleted)"
	}
	if m.unread(x, viewer) {
		flag = " new"
	}
	return fmt.Sprintf("%s %d %s: %s%s", x.room.name, x.seq, x.from, text, flag)
}

// TestRoomModel compares rooms with the naive model under random operations: who is where, what each reads, unread and mention
// counts, marks to and fro, deletions by authors and moderators, deleted accounts, with flushes between.
func TestRoomModel(t *testing.T) {
	seeds, steps := uint64(8), 500
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { runRoomModel(t, seed, steps) })
	}
}

func runRoomModel(t *testing.T, seed uint64, steps int) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	s, _ := memStore(t, Options{OverlayBytes: 8 << 10})
	r := newRig(t, s)
	m := &roomModel{
		users: []string{"ann", "bob", "cat", "dan", "eve"}, deleted: make(map[string]bool), msgs: make(map[uint64]*roomMsg),
	}
	r.chatters(m.users...)
	for i, name := range []string{"#a", "#b", "#c"} {
		r.ok(r.createRoomCmd("ann", name, i == 1))
		m.rooms = append(m.rooms, &modelRoom{
			name: name, private: i == 1, rank: make(map[string]internalv1.Membership), read: make(map[string]int),
		})
		m.ranks(r)
		for _, n := range m.users[1:4] {
			r.ok(r.rankCmd("ann", name, n, rankInvited))
			r.join(n, name)
		}
	}
	m.ranks(r)
	alive := slices.Clone(m.users)
	for step := range steps {
		room, by := m.rooms[rnd.IntN(len(m.rooms))], alive[rnd.IntN(len(alive))]
		switch n := rnd.IntN(100); {
		case n < 50:
			m.send(r, rnd, room, by)
		case n < 62:
			who := m.users[rnd.IntN(len(m.users))]
			if rnd.IntN(2) == 0 {
				who = ""
			}
			r.do(r.rankCmd(by, room.name, who, internalv1.Membership(rnd.IntN(6))))
		case n < 74:
			m.mark(r, rnd, room, by)
		case n < 86:
			m.remove(r, rnd, by)
		case n < 88:
			archived := rnd.IntN(3) == 0
			if f := r.do(r.updateRoomCmd(by, room.name, archive(archived))).GetRefusal(); f == nil {
				room.archived = archived
			}
		case n < 94:
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		case n < 95 && len(alive) > 3 && step > steps/2:
			r.ok(r.deleteUserCmd(by, 1))
			m.deleted[by] = true
			alive = slices.DeleteFunc(alive, func(u string) bool { return u == by })
		default:
			r.ok(eraseCmd())
		}
		m.ranks(r)
		m.compare(t, r, rnd, alive[rnd.IntN(len(alive))], step)
		if t.Failed() {
			t.FailNow()
		}
	}
	r.eraseAll()
	m.ranks(r)
	for _, u := range alive {
		m.compare(t, r, rnd, u, steps)
	}
	finalHash(t, s)
}

// ranks takes over who is what, and holds it to the room's own counts.
func (m *roomModel) ranks(r *rig) {
	r.t.Helper()
	for _, room := range m.rooms {
		members, owners, living := 0, 0, 0
		for _, u := range m.users {
			was, now := room.rank[u], r.rankOf(room.name, u)
			room.rank[u] = now
			switch {
			case now < rankMember:
				delete(room.read, u)
				continue
			case was < rankMember:
				room.read[u] = len(room.msgs)
			}
			members++
			if now == rankOwner {
				owners++
			}
			if !m.deleted[u] {
				living++
			}
		}
		v := r.view()
		c, err := v.openRoom(0, roomNumber(r, v, room.name))
		v.Close()
		if err != nil {
			r.t.Fatal(err)
		}
		if int(c.GetMembers()) != members || int(c.GetOwners()) != owners || living > 0 && owners == 0 {
			r.t.Fatalf("%s counts %d members, %d owners; there are %d, %d, of whom %d are not deleted", room.name,
				c.GetMembers(), c.GetOwners(), members, owners, living)
		}
		if members == 0 {
			room.archived = true
		}
	}
}

func roomNumber(r *rig, v *View, room string) uint64 {
	r.t.Helper()
	id, err := v.roomID(room[1:])
	if err != nil || id == 0 {
		r.t.Fatal(room, id, err)
	}
	return id
}

// absent is why a room cannot be written to or read by who is no member.
func (x *modelRoom) absent(by string) internalv1.Reason {
	switch {
	case x.private && x.rank[by] < rankInvited:
		return internalv1.Reason_REASON_CONVERSATION_NOT_FOUND
	case x.rank[by] < rankMember:
		return internalv1.Reason_REASON_NOT_A_MEMBER
	}
	return 0
}

func (m *roomModel) send(r *rig, rnd *rand.Rand, room *modelRoom, by string) {
	r.t.Helper()
	x := &roomMsg{room: room, from: by, text: fmt.Sprint("m", r.index), hidden: map[string]bool{}, mentions: map[string]bool{}}
	switch rnd.IntN(4) {
	case 0:
		whom := m.users[rnd.IntN(len(m.users))]
		x.text += " @" + whom + "!"
		x.mentions[whom] = whom != by && room.rank[whom] >= rankMember && !m.deleted[whom]
	case 1:
		x.text, x.mentionsAll = x.text+" @room", true
	}
	cmd := r.sendCmd(by, room.name, x.text)
	if why := room.absent(by); why != 0 {
		r.refused(cmd, why)
		return
	} else if room.archived {
		r.refused(cmd, internalv1.Reason_REASON_ROOM_ARCHIVED)
		return
	}
	sent := r.ok(cmd).GetSend()
	x.id, x.seq = sent.GetId(), len(room.msgs)+1
	if int(sent.GetSeq()) != x.seq {
		r.t.Fatalf("sent as %v, want seq %d", sent, x.seq)
	}
	if room.read[by] == len(room.msgs) {
		room.read[by]++
	}
	room.msgs = append(room.msgs, x)
	m.msgs[x.id] = x
}

// mark moves a read mark: by a range only forward, by itself anywhere.
func (m *roomModel) mark(r *rig, rnd *rand.Rand, room *modelRoom, by string) {
	r.t.Helper()
	seq, forward := rnd.IntN(len(room.msgs)+2), rnd.IntN(2) == 0
	cmd := r.readMarkCmd(by, room.name, uint64(seq))
	if forward {
		seq = max(seq, 1)
		cmd = r.markCmd(by, room.name, 1, uint64(seq))
	}
	if why := room.absent(by); why != 0 {
		r.refused(cmd, why)
		return
	}
	r.ok(cmd)
	seq = min(seq, len(room.msgs))
	if !forward || seq > room.read[by] {
		room.read[by] = seq
	}
}

// remove deletes a message for everyone, or hides it.
func (m *roomModel) remove(r *rig, rnd *rand.Rand, by string) {
	r.t.Helper()
	if len(m.msgs) == 0 {
		return
	}
	x := m.msgs[1+rnd.Uint64N(uint64(len(m.msgs)))]
	cmd := r.deleteCmd(by, x.id)
	switch rank := x.room.rank[by]; {
	case rank < rankMember, x.from != by && x.hidden[by]:
		r.refused(cmd, internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	case x.from == by, rank >= rankModerator:
		r.ok(cmd)
		x.deleted = true
	default:
		r.ok(cmd)
		x.hidden[by] = true
	}
}

func (m *roomModel) compare(t *testing.T, r *rig, rnd *rand.Rand, viewer string, step int) {
	t.Helper()
	for _, room := range m.rooms {
		q := MessageQuery{Conversation: room.name, Limit: 1 + rnd.IntN(9), OnlyUnread: rnd.IntN(2) == 0, OnlyMentions: rnd.IntN(4) == 0}
		if rnd.IntN(3) == 0 {
			q.AfterID = rnd.Uint64N(uint64(len(m.msgs) + 1))
		}
		var want []string
		unread, mentions := 0, 0
		for _, x := range room.msgs {
			named := x.mentionsAll || x.mentions[viewer]
			if m.unread(x, viewer) {
				unread++
				if named {
					mentions++
				}
			}
			if x.hidden[viewer] || x.id <= q.AfterID || q.OnlyUnread && !m.unread(x, viewer) ||
				q.OnlyMentions && (!named || m.gone(x)) {
				continue
			}
			want = append(want, m.line(x, viewer))
		}
		if q.OnlyUnread || q.AfterID > 0 {
			want = want[:min(len(want), q.Limit)]
		} else {
			want = want[max(0, len(want)-q.Limit):]
		}
		switch room.absent(viewer) {
		case internalv1.Reason_REASON_CONVERSATION_NOT_FOUND:
			if got := r.page(viewer, q) + r.roomOf(viewer, room.name); got != ErrNotFound.Error()+ErrNotFound.Error() {
				t.Errorf("step %d: %s, who is %v of %s, meets %q", step, viewer, room.rank[viewer], room.name, got)
			}
			continue
		case internalv1.Reason_REASON_NOT_A_MEMBER:
			if got := r.page(viewer, q); got != ErrNotMember.Error() {
				t.Errorf("step %d: %s, who is %v of %s, reads %q", step, viewer, room.rank[viewer], room.name, got)
			}
			continue
		}
		if got := r.read(viewer, q); !slices.Equal(got, want) {
			t.Errorf("step %d: %s reads %+v:\n got %q\nwant %q", step, viewer, q, got, want)
		}
		c := r.conversationOf(viewer, room.name)
		if int(c.GetUnread()) != unread || int(c.GetMentions()) != mentions || int(c.GetReadSeq()) != room.read[viewer] ||
			int(c.GetLastSeq()) != len(room.msgs) {
			t.Errorf("step %d: %s has of %s %v; want read up to %d of %d, %d unread, %d mentions", step, viewer, room.name, c,
				room.read[viewer], len(room.msgs), unread, mentions)
		}
		var members []string
		for _, u := range m.users {
			if room.rank[u] >= rankMember && !m.deleted[u] {
				members = append(members, u+" "+strings.ToLower(strings.TrimPrefix(room.rank[u].String(), "MEMBERSHIP_")))
			}
		}
		if got := r.members(viewer, room.name, rankNone); got != strings.Join(members, ", ") {
			t.Errorf("step %d: %s has %q, want %q", step, room.name, got, members)
		}
	}
	for _, mine := range []bool{false, true} {
		var want []string
		for _, room := range m.rooms {
			if room.rank[viewer] >= rankInvited || !mine && !room.private {
				want = append(want, room.name)
			}
		}
		if got := r.rooms(viewer, "", mine); got != strings.Join(want, " ") {
			t.Errorf("step %d: %s lists %q, want %q, mine %v", step, viewer, got, want, mine)
		}
	}
}
