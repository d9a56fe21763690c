package soft

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

const (
	offline = parleyv1.Presence_PRESENCE_OFFLINE
	away    = parleyv1.Presence_PRESENCE_AWAY
	active  = parleyv1.Presence_PRESENCE_ACTIVE
)

// mesh is some nodes, the links between them and one clock. What the nodes tell arrives at once where no link is cut.
type mesh struct {
	t      *testing.T
	now    time.Time
	nodes  []*State
	cut    map[[2]int]bool // from, to
	told   []map[uint64]parleyv1.Presence
	typing [][]Typing
	frames []int // told by each node
}

func newMesh(t *testing.T, n int) *mesh {
	m := &mesh{t: t, now: time.Unix(1_000_000, 0), cut: map[[2]int]bool{}, typing: make([][]Typing, n), frames: make([]int, n)}
	for range n {
		m.nodes = append(m.nodes, New(func() time.Time { return m.now }))
		m.told = append(m.told, map[uint64]parleyv1.Presence{})
	}
	m.pass(0)
	return m
}

// pass lets time pass, and has every node do what is due at each moment where something is.
func (m *mesh) pass(d time.Duration) {
	m.t.Helper()
	end := m.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 100_000 {
			m.t.Fatal("the nodes find no rest")
		}
		wait := time.Hour
		for i, s := range m.nodes {
			if s != nil {
				wait = min(wait, m.step(i))
			}
		}
		if wait > 0 && m.now.Add(wait).After(end) {
			m.now = end
			return
		}
		m.now = m.now.Add(wait)
	}
}

func (m *mesh) step(i int) time.Duration {
	s := m.nodes[i]
	d := s.Step()
	for _, c := range d.Changes {
		m.told[i][c.Account] = c.Presence
	}
	m.typing[i] = append(m.typing[i], d.Typing...)
	if d.Frame == nil {
		select {
		case <-s.wake:
			return 0
		default:
			return d.Wait
		}
	}
	m.frames[i]++
	for j, to := range m.nodes {
		if j != i && to != nil && !m.cut[[2]int{i, j}] {
			to.Frame(uint64(i+1), d.Frame)
		}
	}
	return 0
}

func (m *mesh) partition(i int, cut bool) {
	for j := range m.nodes {
		m.cut[[2]int{i, j}], m.cut[[2]int{j, i}] = cut, cut
	}
}

// want checks what a node knows of an account, and that it has told it.
func (m *mesh) want(node int, id uint64, p parleyv1.Presence) {
	m.t.Helper()
	if got := m.nodes[node].Presence(id); got != p {
		m.t.Errorf("node %d knows account %d as %v, expected %v", node+1, id, got, p)
	}
	if got := max(m.told[node][id], offline); got != p {
		m.t.Errorf("node %d told of account %d as %v, expected %v", node+1, id, got, p)
	}
}

func (m *mesh) wantAll(id uint64, p parleyv1.Presence) {
	m.t.Helper()
	for i, s := range m.nodes {
		if s != nil {
			m.want(i, id, p)
		}
	}
}

// A stream makes its account AWAY everywhere within a second; being active lasts a minute from when it was last said, to
// whichever node; the end of the last stream is told when it has lingered.
func TestPresenceIsKnownEverywhere(t *testing.T) {
	m := newMesh(t, 3)
	first, second := m.nodes[0].Follow(7), m.nodes[1].Follow(7)
	m.pass(time.Second)
	m.wantAll(7, away)
	m.nodes[2].SetActive(7, "session", true)
	m.pass(time.Second)
	m.wantAll(7, active)
	m.pass(50 * time.Second)
	m.nodes[2].SetActive(7, "session", true)
	m.pass(50 * time.Second)
	m.wantAll(7, active)
	m.pass(11 * time.Second)
	m.wantAll(7, away)
	m.nodes[0].SetActive(7, "session", true)
	m.nodes[0].SetActive(7, "another", false)
	m.pass(time.Second)
	m.wantAll(7, active)
	m.nodes[0].SetActive(7, "session", false)
	m.pass(time.Second)
	m.wantAll(7, away)
	first.Close()
	m.pass(Linger + time.Second)
	m.wantAll(7, away)
	second.Close()
	m.pass(Linger - time.Second)
	m.wantAll(7, away)
	m.pass(2 * time.Second)
	m.wantAll(7, offline)
	m.nodes[0].SetActive(8, "session", true)
	m.pass(time.Second)
	m.wantAll(8, offline) // it said so, but no stream is there
	m.pass(2 * time.Minute)
	for i, s := range m.nodes {
		if len(s.own)+len(s.doubt)+len(s.news)+len(s.told) != 0 {
			t.Errorf("node %d remembers somebody who is gone: %v %v %v %v", i+1, s.own, s.doubt, s.news, s.told)
		}
	}
}

// A client that moves to another node within Linger neither comes nor goes, whether its stream ended or its node died.
func TestAMoveIsNotToldOf(t *testing.T) {
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprintf("dies=%v", dies), func(t *testing.T) {
			m := newMesh(t, 3)
			f := m.nodes[0].Follow(7)
			m.pass(time.Second)
			m.told[1], m.told[2] = map[uint64]parleyv1.Presence{}, map[uint64]parleyv1.Presence{}
			if dies {
				m.nodes[0] = nil
				m.nodes[1].Down(1)
				m.nodes[2].Down(1)
			} else {
				f.Close()
			}
			m.pass(2 * time.Second)
			m.nodes[1].Follow(7)
			m.pass(time.Minute)
			for i := 1; i < 3; i++ {
				if p := m.nodes[i].Presence(7); len(m.told[i]) != 0 || p != away {
					t.Errorf("node %d told %v and knows %v, expected nothing told and AWAY", i+1, m.told[i], p)
				}
			}
		})
	}
}

// Who was on a node that died is forgotten when the node is: Linger after its link broke, or when nothing of it came for
// Expiry; and nobody before.
func TestADeadNodeIsForgotten(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken bool
		after  time.Duration
	}{{"link known to be down", true, Linger}, {"silence", false, Expiry}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMesh(t, 3)
			m.nodes[0].Follow(7)
			m.nodes[1].Follow(8)
			m.pass(time.Second)
			m.nodes[0].Up(2) // everything is told right now
			m.pass(time.Second)
			m.nodes[0] = nil
			if c.broken {
				m.nodes[1].Down(1)
				m.nodes[2].Down(1)
			}
			m.pass(c.after - 2*time.Second)
			m.wantAll(7, away)
			m.pass(4 * time.Second)
			m.wantAll(7, offline)
			m.wantAll(8, away)
			if n := len(m.nodes[2].nodes); n != 1 {
				t.Errorf("node 3 remembers %d nodes, expected 1", n)
			}
		})
	}
}

// A partition is what it looks like from each side; when it is over, both know within a heartbeat what they missed.
func TestAPartition(t *testing.T) {
	m := newMesh(t, 3)
	f := m.nodes[0].Follow(7)
	m.nodes[1].Follow(8)
	m.pass(time.Second)
	m.partition(0, true)
	m.pass(Expiry + 2*time.Second)
	m.want(0, 7, away)
	m.want(0, 8, offline)
	m.want(1, 7, offline)
	m.want(2, 7, offline)
	m.want(2, 8, away)
	f.Close()
	m.nodes[0].Follow(9)
	m.pass(Linger + 2*time.Second)
	m.partition(0, false)
	m.pass(Heartbeat + time.Second)
	m.wantAll(7, offline)
	m.wantAll(8, away)
	m.wantAll(9, away)
}

// A change that was lost is made good by the next full frame, at once when a link comes up.
func TestALostFrameIsMadeGood(t *testing.T) {
	m := newMesh(t, 2)
	f := m.nodes[0].Follow(7)
	m.pass(time.Second)
	m.partition(0, true)
	f.Close()
	m.nodes[0].Follow(8)
	m.pass(Linger + 2*time.Second)
	m.want(1, 7, away)
	m.partition(0, false)
	m.nodes[0].Up(2)
	m.pass(time.Second)
	m.wantAll(7, offline)
	m.wantAll(8, away)
}

// However much happens, a node sends a few frames a second, each of a bounded size, and when nothing happens a heartbeat.
func TestTrafficIsBounded(t *testing.T) {
	m := newMesh(t, 2)
	m.pass(time.Minute)
	if n := m.frames[0]; n > 4 {
		t.Errorf("an idle node sent %d frames in a minute, expected a heartbeat each %v", n, Heartbeat)
	}
	m.frames[0] = 0
	for i := range 10_000 {
		f := m.nodes[0].Follow(uint64(i))
		m.nodes[0].SetActive(uint64(i), "s", true)
		m.nodes[0].Type(Typing{uint64(i % 100), uint64(i)})
		if i%2 == 0 {
			f.Close()
		}
		if i%100 == 0 {
			m.pass(10 * time.Millisecond)
		}
	}
	m.pass(time.Second)
	if n, most := m.frames[0], int(2*time.Second/frameGap)+1; n > most {
		t.Errorf("%d frames in two seconds, expected at most %d", n, most)
	}
	if n := len(m.typing[1]); n == 0 || n > 3*maxTyping {
		t.Errorf("node 2 would tell of typing %d times in two seconds, expected some and at most %d", n, 3*maxTyping)
	}
	s := New(func() time.Time { return m.now })
	for i := range uint64(2 * MaxAccounts) {
		s.SetActive(1<<34+i, "s", true)
	}
	for i := range uint64(MaxAccounts) {
		s.Follow(1<<33 + i)
	}
	if d := s.Step(); len(d.Frame) > 256<<10 || len(d.Changes) > maxChanges {
		t.Errorf("a full frame has %d bytes, and %d changes are told at once", len(d.Frame), len(d.Changes))
	}
}

// A frame that says more than a node may tell, or is not one, is dropped whole; so is a node too many.
func TestBadFramesAreDropped(t *testing.T) {
	s := New(func() time.Time { return time.Unix(1_000_000, 0) })
	many, err := proto.Marshal(&internalv1.SoftFrame{Full: true, Active: make([]uint64, maxHeard+1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{many, []byte("no frame")} {
		if s.Frame(1, b); len(s.nodes) != 0 {
			t.Errorf("a bad frame of %d bytes was taken", len(b))
		}
	}
	for i := range uint64(2 * maxNodes) {
		s.Frame(i, nil)
	}
	if len(s.nodes) != maxNodes {
		t.Errorf("%d nodes are remembered, expected %d", len(s.nodes), maxNodes)
	}
}

// Typing goes to every node and is gone; the same is told once in a while, and a busy conversation does not hush the others.
func TestTyping(t *testing.T) {
	m := newMesh(t, 2)
	for range 10 {
		m.nodes[0].Type(Typing{1, 7})
		m.pass(100 * time.Millisecond)
	}
	for i := range m.nodes {
		if !slices.Equal(m.typing[i], []Typing{{1, 7}}) {
			t.Errorf("node %d tells %v, expected it once", i+1, m.typing[i])
		}
		m.typing[i] = nil
	}
	m.pass(time.Minute)
	for id := range uint64(50) {
		m.nodes[0].Type(Typing{1, id})
	}
	m.nodes[0].Type(Typing{2, 8})
	m.pass(900 * time.Millisecond)
	for i := range m.nodes {
		if n := len(m.typing[i]); n != maxTypingIn+1 || !slices.Contains(m.typing[i], Typing{2, 8}) {
			t.Errorf("node %d tells %v, expected %d of conversation 1 and one of 2", i+1, m.typing[i], maxTypingIn)
		}
	}
	m.pass(time.Minute)
	if n := len(m.nodes[1].typing.wait); n != 0 {
		t.Errorf("%d typings are kept", n)
	}
}

// A stream that takes nothing keeps a bounded number of frames, the newest; every stream of an account gets them.
func TestMailbox(t *testing.T) {
	s := New(func() time.Time { return time.Unix(1_000_000, 0) })
	slow, quick := s.Follow(7), s.Follow(7)
	woken := 0
	quick.Arm(func() { woken++ })
	for range maxMailbox + 1 {
		s.Tell(7, &parleyv1.SubscribeResponse{})
	}
	last := &parleyv1.SubscribeResponse{}
	s.Tell(7, last)
	s.Tell(8, last)
	if got := slow.Take(); len(got) != maxMailbox || got[maxMailbox-1] != last {
		t.Errorf("%d frames wait, expected the newest %d", len(got), maxMailbox)
	}
	if woken != maxMailbox+2 {
		t.Errorf("woken %d times for %d frames", woken, maxMailbox+2)
	}
	quick.Arm(func() { woken = -1 })
	if woken != -1 {
		t.Error("arming a stream that has something to take does not wake it")
	}
	quick.Close()
	s.Tell(7, last)
	if got := slow.Take(); len(got) != 1 {
		t.Errorf("after another stream closed %d frames came, expected 1", len(got))
	}
	slow.Close()
	if s.Follows(7) {
		t.Error("a closed stream follows")
	}
}
