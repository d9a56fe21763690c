package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// simCluster is a cluster in one goroutine: the production core, log and store over disks in memory, with queues where
// production has goroutines. A transcript moves it step by step.
type simCluster struct {
	t     *testing.T
	nodes map[uint64]*simNode
	size  uint64
	net   []*pb.Message
	files map[*pb.Message]string // the store file that travels with a MsgSnap
	out   strings.Builder
	now   time.Duration
	wall  int64
	reqs  int
	temps int
	// A hand-on moved something since stabilize last looked.
	stirred bool
	// Request ids by key.
	keyTimes map[string][]byte
}

// simNode is one node: what is durable outlives a crash, the rest does not.
type simNode struct {
	c       *simCluster
	id      uint64
	logDisk *raftlog.MemDisk
	stDisk  *store.MemDisk
	// A copy of the directory, for copyback.
	dieInInstall bool
	copyLog      *raftlog.MemDisk
	copyStore    *store.MemDisk

	// What a start opened; nil while the node is down.
	*Stepper
	up    bool
	self  *internalv1.Identity     // of the last start, which peers remember
	known map[uint64]*helloVerdict // identities of peers, decided when they said hello
}

// helloVerdict is what a node decided about a peer's identity.
type helloVerdict struct{ refused error }

var simClusterID = []byte("transcript-test!")

func newSimCluster(t *testing.T, size int) *simCluster {
	c := &simCluster{
		t: t, nodes: map[uint64]*simNode{}, size: uint64(size), files: map[*pb.Message]string{}, wall: 1_700_000_000_000,
	}
	for id := uint64(1); id <= c.size; id++ {
		c.nodes[id] = c.birth(id, "first")
	}
	for id := uint64(1); id <= c.size; id++ {
		c.nodes[id].start()
	}
	return c
}

// birth makes the disks of a first member, as formed does.
func (c *simCluster) birth(id uint64, incarnation string) *simNode {
	conf := new(pb.ConfState)
	for id := uint64(1); id <= c.size; id++ {
		conf.Voters = append(conf.Voters, id)
	}
	cs, err := proto.Marshal(conf)
	must(c.t, err)
	name := fmt.Sprintf("n%d", id)
	inc := sha256.Sum256([]byte(name + incarnation))
	n := &simNode{c: c, id: id}
	n.logDisk = raftlog.NewMemDisk(raftlog.Identity{ID: id, Name: name, ClusterID: simClusterID, Incarnation: inc[:16]})
	n.stDisk = store.NewMemDisk(simClusterID, store.Mark{Index: 1, Term: 1, ConfState: cs})
	log, err := raftlog.OpenDisk(n.logDisk, raftlog.Options{})
	must(c.t, err)
	must(c.t, log.Reset(1, 1, &pb.HardState{Term: proto.Uint64(1), Commit: proto.Uint64(1)}))
	must(c.t, log.Close())

	return n
}

// start opens what is durable, counts the start and says hello to everybody that is up.
func (n *simNode) start() {
	t := n.c.t
	nonce := sha256.Sum256(fmt.Appendf(nil, "%d %d %v", n.id, n.logDisk.Commits(), n.c.now))
	st, err := OpenStepper(StepperConfig{Log: n.logDisk, Store: n.stDisk, Nonce: nonce[:16]})
	must(t, err)
	n.Stepper, n.self, n.up, n.known = st, st.Self(), true, map[uint64]*helloVerdict{}
	for _, other := range n.c.nodes {
		if other.up && other.id != n.id {
			other.known[n.id], n.known[other.id] = other.judge(n), n.judge(other)
		}
	}
}

// judge is the production check of an identity.
func (n *simNode) judge(other *simNode) *helloVerdict {
	return &helloVerdict{refused: n.Accepts(other.self)}
}

// crash loses everything that is not durable.
func (n *simNode) crash() {
	n.up = false
	n.logDisk, n.stDisk = n.logDisk.Clone(), n.stDisk.Clone()
	n.Stepper = nil
}

// ready carries out one output as far as no disk is concerned.
func (n *simNode) ready() {
	n.core.advance(n.c.now, n.c.wall)
	out := n.Ready()
	if out.Changed {
		n.c.logf("%d: %v at term %d, leader %d", n.id, n.core.state, n.core.term, n.core.lead)
	}
	for _, m := range out.Messages {
		n.send(m)
	}
	for _, h := range out.HandOns {
		n.handOn(h)
	}
	for _, m := range out.Snapshots {
		n.sendFile(m)
	}
	for _, p := range out.Probes {
		n.probe(p)
	}
}

func (n *simNode) send(m *pb.Message) { n.c.net = append(n.c.net, m) }

// handOn is the hand-on stream: it reaches a leader that is up at once.
func (n *simNode) handOn(h HandOn) {
	leader := n.c.nodes[h.Leader]
	if leader == nil || !leader.up {
		h.Done(Answer{Err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}})
		return
	}
	n.c.logf("%d: handed on to %d", n.id, leader.id)
	n.c.stirred = true
	leader.Propose(h.Command, true, h.Done)
}

// probe is peer.Transport.Gone: a process that is not there refuses to be dialled.
func (n *simNode) probe(p Probe) {
	other := n.c.nodes[p.Peer]
	gone := !other.up || other.self.GetBoot() != p.Boot
	n.c.logf("%d: redial of %d: gone=%v", n.id, p.Peer, gone)
	if gone {
		n.PeerGone(p.Peer, p.Term)
	}
}

// sendFile is the snapshot stream.
func (n *simNode) sendFile(m *pb.Message) {
	path := n.c.temp()
	m, err := n.Spool(m, path)
	must(n.c.t, err)
	n.c.files[m] = path
	n.send(m)
}

func (c *simCluster) temp() string {
	c.temps++
	return filepath.Join(c.t.TempDir(), fmt.Sprintf("%d.tmp", c.temps))
}

// errDoomed is the death between the two steps of a snapshot install.
var errDoomed = errors.New("doomed")

// fsync carries out the queued appends.
func (n *simNode) fsync() {
	for len(n.appends) > 0 {
		sn := n.appends[0].GetSnapshot().GetMetadata().GetIndex()
		if sn != 0 && n.dieInInstall {
			n.logDisk.OnCommit(func(*raftlog.Tx) (bool, error) { return false, errDoomed })
		}
		said, _, err := n.Persist()
		if errors.Is(err, errDoomed) {
			n.c.logf("%d: died between the store and the log", n.id)
			n.dieInInstall = false
			n.crash()
			return
		}
		must(n.c.t, err)
		if sn != 0 {
			n.c.logf("%d: installed a snapshot at index %d", n.id, sn)
		}
		for _, m := range said {
			n.send(m)
		}
	}
}

// apply carries out the queued applies.
func (n *simNode) apply() {
	_, err := n.Apply()
	must(n.c.t, err)
}

// deliver gives the network's messages to their targets, but for those that are dropped, and reports what was lost.
func (c *simCluster) deliver(lost func(*pb.Message) bool) {
	net := c.net
	c.net = nil
	for _, m := range net {
		to := c.nodes[m.GetTo()]
		switch {
		case lost(m) || !to.up:
			c.logf("lost %s", c.describe(m))
			c.undelivered(m)
			continue
		case to.known[m.GetFrom()].refused != nil || c.nodes[m.GetFrom()].up && c.nodes[m.GetFrom()].known[to.id].refused != nil:
			c.logf("refused %s", c.describe(m))
			continue
		}
		if c.files[m] != "" {
			if from := c.nodes[m.GetFrom()]; from.up {
				from.core.snapshotSent(m.GetTo(), true)
			}
		}
		c.logf("%s", c.describe(m))
		if path, ok := c.files[m]; ok {
			to.ReceiveFile(m, path)
		} else {
			to.Receive(m)
		}
	}
}

// undelivered tells the sender what its transport would notice.
func (c *simCluster) undelivered(m *pb.Message) {
	from := c.nodes[m.GetFrom()]
	if !from.up {
		return
	}
	if m.GetType() == pb.MsgSnap {
		from.core.snapshotSent(m.GetTo(), false)
	}
	from.core.unreachable(m.GetTo())
}

func (c *simCluster) logf(format string, args ...any) { fmt.Fprintf(&c.out, format+"\n", args...) }

// describe is raft's own short form, with commands instead of bytes.
func (c *simCluster) describe(m *pb.Message) string {
	return strings.TrimRight(raft.DescribeMessage(m, func(data []byte) string {
		if len(data) == 0 {
			return "(empty)"
		}
		if len(data) == 8 { // the context of a read
			return fmt.Sprintf("round %d of start %d", uint32(binary.BigEndian.Uint64(data)), binary.BigEndian.Uint32(data))
		}
		_, cmds, err := parseEnvelope(data)
		must(c.t, err)
		var words []string
		for _, b := range cmds {
			cmd := new(internalv1.Command)
			must(c.t, proto.Unmarshal(b, cmd))
			words = append(words, commandWords(cmd))
		}
		return strings.Join(words, ", ")
	}), "\n")
}

func commandWords(cmd *internalv1.Command) string {
	switch b := cmd.GetBody().(type) {
	case *internalv1.Command_CreateUser:
		return "create " + b.CreateUser.GetUsername()
	case *internalv1.Command_Login:
		return "login " + b.Login.GetUsername()
	case *internalv1.Command_SendMessage:
		return fmt.Sprintf("send %s %q", b.SendMessage.GetConversation(), b.SendMessage.GetText())
	case *internalv1.Command_AnnounceMember:
		return fmt.Sprintf("announce n%d boot %d", b.AnnounceMember.GetId(), b.AnnounceMember.GetBoot())
	default:
		return fmt.Sprintf("%T", b)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
