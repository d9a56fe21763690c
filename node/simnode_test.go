package node

import (
	"crypto/sha256"
	"encoding/binary"
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
	self         *internalv1.Identity

	up      bool
	core    *core
	log     *raftlog.Log
	store   *store.Store
	appends []*pb.Message
	applies []applyWork
	files   map[uint64]string        // received store files by index
	known   map[uint64]*helloVerdict // identities of peers, decided when they said hello
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
	var err error
	n.log, err = raftlog.OpenDisk(n.logDisk, raftlog.Options{})
	must(t, err)
	n.store, err = store.OpenDisk(n.stDisk, store.Options{Manual: true})
	must(t, err)
	must(t, reconcile(n.log, n.store.Flushed()))
	id := n.log.Identity()
	id.Boot++
	must(t, n.log.SetIdentity(id))
	nonce := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", id.Name, id.Boot, n.c.now))
	n.self = &internalv1.Identity{
		Id: id.ID, Name: id.Name, ClusterId: id.ClusterID, Incarnation: id.Incarnation, Boot: id.Boot, BootNonce: nonce[:16],
	}
	n.core, err = newCore(coreConfig{
		id: n.id, boot: id.Boot, storage: storage{Log: n.log, flushed: n.store.Flushed}, applied: n.store.Flushed().Index,
		logger: discard{},
	})
	must(t, err)
	n.up, n.appends, n.applies, n.files, n.known = true, nil, nil, map[uint64]string{}, map[uint64]*helloVerdict{}
	for _, other := range n.c.nodes {
		if other.up && other.id != n.id {
			other.known[n.id], n.known[other.id] = other.judge(n), n.judge(other)
		}
	}
}

// judge is the production check of an identity.
func (n *simNode) judge(other *simNode) *helloVerdict {
	err := checkMember(n.store.Members(), other.self)
	return &helloVerdict{refused: err}
}

// crash loses everything that is not durable.
func (n *simNode) crash() {
	n.up = false
	n.logDisk, n.stDisk = n.logDisk.Clone(), n.stDisk.Clone()
	n.core, n.log, n.store = nil, nil, nil
}

// ready carries out one output as far as no disk is concerned.
func (n *simNode) ready() {
	n.core.advance(n.c.now, n.c.wall)
	out := n.core.ready()
	if out.changed {
		n.c.logf("%d: %v at term %d, leader %d", n.id, n.core.state, n.core.term, n.core.lead)
	}
	for _, m := range out.messages {
		n.send(m)
	}
	n.appends = append(n.appends, out.appends...)
	n.applies = append(n.applies, out.applies...)
	for _, f := range out.failed {
		f.p.done(outcome{err: f.err})
	}
	for _, h := range out.handOns {
		n.handOn(h)
	}
	for _, r := range out.readable {
		r.done(r.err)
	}
	for _, m := range out.snapshots {
		n.sendFile(m)
	}
	for _, p := range out.probes {
		n.probe(p)
	}
}

func (n *simNode) send(m *pb.Message) { n.c.net = append(n.c.net, m) }

// handOn is the hand-on stream: it reaches a leader that is up at once.
func (n *simNode) handOn(h handOn) {
	p, leader := h.p, n.c.nodes[h.leader]
	if leader == nil || !leader.up {
		p.done(outcome{err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}})
		return
	}
	n.c.logf("%d: handed on to %d", n.id, leader.id)
	n.c.stirred = true
	leader.core.propose(&proposal{cmd: p.cmd, handedOn: true, done: p.done})
}

// probe is peer.Transport.Gone: a process that is not there refuses to be dialled.
func (n *simNode) probe(p probe) {
	other := n.c.nodes[p.peer]
	gone := !other.up || other.self.GetBoot() != p.boot
	n.c.logf("%d: redial of %d: gone=%v", n.id, p.peer, gone)
	if gone {
		n.core.peerGone(p.peer, p.term)
	}
}

// sendFile is the snapshot stream.
func (n *simNode) sendFile(m *pb.Message) {
	path := n.c.temp()
	mark, _, err := n.store.Spool(path)
	must(n.c.t, err)
	cs, err := parseConfState(mark.ConfState)
	must(n.c.t, err)
	m = proto.Clone(m).(*pb.Message)
	m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: &mark.Index, Term: &mark.Term, ConfState: cs}}
	n.c.files[m] = path
	n.send(m)
}

func (c *simCluster) temp() string {
	c.temps++
	return filepath.Join(c.t.TempDir(), fmt.Sprintf("%d.tmp", c.temps))
}

// fsync carries out the queued appends in one transaction, as persist does.
func (n *simNode) fsync() {
	for ms := n.appends; len(ms) > 0; {
		batch, rest := splitAtSnapshot(ms)
		if sn := batch[0].GetSnapshot(); sn.GetMetadata().GetIndex() != 0 {
			if n.install(batch[0]); !n.up {
				return
			}
		} else {
			must(n.c.t, n.log.Append(mergeAppends(batch)))
		}
		n.core.appendDone(len(batch))
		for _, m := range responses(batch) {
			if m.GetTo() == n.id {
				n.core.step(m)
			} else {
				n.send(m)
			}
		}
		ms = rest
	}
	n.appends = nil
}

func (n *simNode) install(m *pb.Message) {
	n.apply()
	meta := m.GetSnapshot().GetMetadata()
	path, ok := n.files[meta.GetIndex()]
	if !ok {
		n.c.t.Fatalf("node %d has no file for index %d", n.id, meta.GetIndex())
	}
	_, err := n.store.Install(path)
	must(n.c.t, err)
	if n.dieInInstall {
		n.c.logf("%d: died between the store and the log", n.id)
		n.dieInInstall = false
		n.crash()
		return
	}
	n.core.appliedTo(meta.GetIndex())
	hs := n.log.HardState()
	if m.Term != nil {
		hs = &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
	}
	must(n.c.t, n.log.Reset(meta.GetIndex(), meta.GetTerm(), hs))
	n.c.logf("%d: installed a snapshot at index %d", n.id, meta.GetIndex())
}

// apply carries out the queued applies, as the apply worker does.
func (n *simNode) apply() {
	if len(n.applies) == 0 {
		return
	}
	works := n.applies
	n.applies = nil
	a := &applier{sm: n.store, confChange: n.core.applyConfChange}
	must(n.c.t, a.apply(works))
	n.core.appliedTo(lastIndex(works))
	for _, w := range works {
		for _, m := range w.m.GetResponses() {
			n.core.step(m)
		}
	}
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
		if path, ok := c.files[m]; ok {
			to.files[m.GetSnapshot().GetMetadata().GetIndex()] = path
			if from := c.nodes[m.GetFrom()]; from.up {
				from.core.snapshotSent(m.GetTo(), true)
			}
		}
		c.logf("%s", c.describe(m))
		to.core.step(m)
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

type discard struct{}

func (discard) Debug(...any)              {}
func (discard) Debugf(string, ...any)     {}
func (discard) Info(...any)               {}
func (discard) Infof(string, ...any)      {}
func (discard) Warning(...any)            {}
func (discard) Warningf(string, ...any)   {}
func (discard) Error(...any)              {}
func (discard) Errorf(string, ...any)     {}
func (discard) Fatal(v ...any)            { panic(fmt.Sprint(v...)) }
func (discard) Fatalf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }
func (discard) Panic(v ...any)            { panic(fmt.Sprint(v...)) }
func (discard) Panicf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
