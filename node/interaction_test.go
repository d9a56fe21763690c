package node

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/cockroachdb/datadriven"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// TestInteraction plays the transcripts in testdata. Each opens with the failure it guards against. After a change that is
// meant, `go test ./node -run TestInteraction -rewrite` writes what happens now; the diff is the review.
//
// Commands:
//
//	cluster N                          N formed nodes
//	campaign N, tick N count=C         raft's timer, or C ticks of the clock
//	wait N ms=M                        the clock alone: the timers of a quick campaign
//	user N NAME                        propose an account and a session through node N
//	send N FROM TO [id=K]              propose the message below through node N; the same id is the same request
//	read N                             ask node N for a read index
//	ready N...                         let core act
//	fsync N..., apply N..., flush N... the workers' turns
//	deliver [drop=N] [from=N]          one round of the network; drop: to or from N, from: only from N
//	stabilize [drop=N]                 all of the above until nothing moves; drop cuts N off
//	crash N, restart N                 lose what is not durable; come back
//	doom N                             N will die in its next snapshot install, between the store and the log
//	wipe N, copy N, copyback N         an empty directory under the old id; keep a copy of N's directory; put it back
//	linkdown N peer=P                  the incoming stream of P's process ended at N; a redial tells whether it is gone
//	transfer N to=T                    hand leadership over
//	announce N...                      propose the member record of this start
//	housekeep N...                     the housekeeper's turn: announcements, cluster version, membership
//	members N [add=NAME] [replaces=NAME] [remove=NAME] [and=NAME]   propose a change of members
//	join N through=L                   record node N's new directory through L; it is started with restart
//	conf                               raft's configuration on each node
//	compact N                          drop the log up to the flushed index
//	history N WHO PEER, status, hash   look
func TestInteraction(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		cryptotest.SetGlobalRandom(t, 1) // raft's election jitter
		var c *simCluster
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "cluster" {
				c = newSimCluster(t, int(argN(t, d, 0)))
				return "ok"
			}
			c.t = t
			c.out.Reset()
			c.run(d)
			if c.out.Len() == 0 {
				return "ok"
			}
			return c.out.String()
		})
	})
}

func argN(t *testing.T, d *datadriven.TestData, i int) uint64 {
	t.Helper()
	if len(d.CmdArgs) <= i {
		d.Fatalf(t, "%s needs %d arguments", d.Cmd, i+1)
	}
	n, err := strconv.ParseUint(d.CmdArgs[i].Key, 10, 64)
	if err != nil {
		d.Fatalf(t, "%s: %v", d.Cmd, err)
	}
	return n
}

func option(t *testing.T, d *datadriven.TestData, name string) (n uint64, ok bool) {
	t.Helper()
	if !d.HasArg(name) {
		return 0, false
	}
	d.ScanArgs(t, name, &n)
	return n, true
}

func (c *simCluster) run(d *datadriven.TestData) {
	t := c.t
	node := func() *simNode { return c.nodes[argN(t, d, 0)] }
	each := func(f func(*simNode)) {
		for i := range d.CmdArgs {
			f(c.nodes[argN(t, d, i)])
		}
	}
	lost := func(*pb.Message) bool { return false }
	if cut, ok := option(t, d, "drop"); ok {
		lost = func(m *pb.Message) bool { return m.GetTo() == cut || m.GetFrom() == cut }
	}
	switch d.Cmd {
	case "campaign":
		must(t, node().core.rn.Campaign())
	case "tick":
		count, _ := option(t, d, "count")
		for range max(count, 1) {
			c.now += TickInterval
			c.wall += TickInterval.Milliseconds()
			node().core.advance(c.now, c.wall)
			node().core.doTick()
		}
	case "wait":
		ms, _ := option(t, d, "ms")
		c.now += time.Duration(ms) * time.Millisecond
		node().core.advance(c.now, c.wall)
	case "user":
		c.user(node(), d.CmdArgs[1].Key)
	case "send":
		c.send(node(), d)
	case "read":
		n := node()
		n.core.read(&readWait{readers: 1, done: func(err *Error) {
			if err != nil {
				c.logf("%d: read failed: %v", n.id, err)
				return
			}
			c.logf("%d: readable at applied %d", n.id, n.core.applied)
		}})
	case "ready":
		each(func(n *simNode) { n.ready() })
	case "fsync":
		each(func(n *simNode) { n.fsync() })
	case "apply":
		each(func(n *simNode) { n.apply() })
	case "flush":
		each(func(n *simNode) { must(t, n.store.Flush()) })
	case "deliver":
		if from, ok := option(t, d, "from"); ok {
			c.deliverFrom(from, lost)
		} else {
			c.deliver(lost)
		}
	case "stabilize":
		c.stabilize(lost)
	case "crash":
		node().crash()
	case "doom":
		node().dieInInstall = true
	case "restart":
		node().start()
		for _, id := range c.ids() {
			for from, v := range c.nodes[id].known {
				if v.refused != nil && c.nodes[id].up {
					c.logf("%d refuses %d: %v", id, from, v.refused)
				}
			}
		}
	case "wipe":
		n := node()
		n.up = false
		fresh := c.birth(n.id, "wiped")
		n.logDisk, n.stDisk = fresh.logDisk, fresh.stDisk
	case "copy":
		n := node()
		n.copyLog, n.copyStore = n.logDisk.Clone(), n.stDisk.Clone()
	case "copyback":
		n := node()
		n.up = false
		n.logDisk, n.stDisk = n.copyLog, n.copyStore
	case "linkdown":
		p, _ := option(t, d, "peer")
		node().core.linkDown(p, c.nodes[p].self.GetBoot())
		node().ready()
	case "transfer":
		to, _ := option(t, d, "to")
		node().core.transferLeader(to)
	case "announce":
		each(func(n *simNode) { c.propose(n, "announce", announcement(n.self)) })
	case "housekeep":
		each(func(n *simNode) { n.core.advance(c.now, c.wall); n.Housekeep() })
	case "members":
		c.changeMembers(node(), d)
	case "join":
		through, _ := option(t, d, "through")
		c.join(argN(t, d, 0), c.nodes[through])
	case "conf":
		c.confs()
	case "compact":
		node().log.Compact(node().store.Flushed().Index)
	case "history":
		c.history(node(), d.CmdArgs[1].Key, d.CmdArgs[2].Key)
	case "status":
		c.status()
	case "hash":
		c.hashes()
	default:
		d.Fatalf(t, "unknown command %q", d.Cmd)
	}
}

func (c *simCluster) ids() []uint64 {
	ids := make([]uint64, c.size)
	for i := range ids {
		ids[i] = uint64(i) + 1
	}
	return ids
}

// stabilize turns every wheel until nothing moves. Only what users would see is told.
func (c *simCluster) stabilize(lost func(*pb.Message) bool) {
	for moved := true; moved; {
		moved = len(c.net) > 0
		told := c.out.String()
		c.deliver(lost)
		c.out.Reset()
		c.out.WriteString(told)
		c.stirred = false
		for _, id := range c.ids() {
			n := c.nodes[id]
			if !n.up {
				continue
			}
			n.ready()
			moved = moved || len(n.appends) > 0 || len(n.applies) > 0 || len(c.net) > 0
			if n.fsync(); !n.up {
				continue
			}
			n.apply()
			n.ready()
		}
		moved = moved || c.stirred
	}
}

// deliverFrom is deliver for one sender; the others' messages stay in the network.
func (c *simCluster) deliverFrom(from uint64, lost func(*pb.Message) bool) {
	var stay, through []*pb.Message
	for _, m := range c.net {
		if m.GetFrom() == from {
			through = append(through, m)
		} else {
			stay = append(stay, m)
		}
	}
	c.net = through
	c.deliver(lost)
	c.net = append(c.net, stay...)
}

func token(name string) []byte {
	sum := sha256.Sum256([]byte("token of " + name))
	return sum[:]
}

// request is a version 7 UUID of the simulated time; the same key gives the same id.
func (c *simCluster) request(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	id := sum[:16]
	for i := range 6 {
		id[i] = byte(c.wall >> (8 * (5 - i)))
	}
	if c.keyTimes == nil {
		c.keyTimes = map[string][]byte{}
	}
	if first, ok := c.keyTimes[key]; ok {
		return first
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	c.keyTimes[key] = id
	return id
}

func (c *simCluster) propose(n *simNode, what string, cmd *internalv1.Command) {
	b, err := proto.Marshal(cmd)
	must(c.t, err)
	n.core.propose(&proposal{cmd: b, done: func(o outcome) {
		if o.err != nil {
			c.logf("%d: %s: %v", n.id, what, o.err)
			return
		}
		if o.leader != 0 {
			c.t.Fatal("a proposal was handed on twice")
		}
		res := new(internalv1.Result)
		must(c.t, proto.Unmarshal(o.data, res))
		switch r := res.GetOutcome().(type) {
		case *internalv1.Result_Refusal:
			c.logf("%d: %s: refused: %s", n.id, what, r.Refusal.GetReason())
		case *internalv1.Result_Send:
			c.logf("%d: %s: committed at index %d: id %d seq %d", n.id, what, o.index, r.Send.GetId(), r.Send.GetSeq())
		default:
			c.logf("%d: %s: committed at index %d", n.id, what, o.index)
		}
	}})
}

func (c *simCluster) user(n *simNode, name string) {
	c.propose(n, "create "+name, &internalv1.Command{
		RequestId: c.request("create " + name),
		Body: &internalv1.Command_CreateUser{CreateUser: &internalv1.CreateUser{
			Username: name, DisplayName: name, PasswordPhc: "$argon2id$test",
		}},
	})
	c.propose(n, "login "+name, &internalv1.Command{
		RequestId: c.request("login " + name),
		Body: &internalv1.Command_Login{Login: &internalv1.Login{
			Username: name, TokenSha256: token(name), CredentialGeneration: 1, Client: "transcript",
		}},
	})
}

func (c *simCluster) send(n *simNode, d *datadriven.TestData) {
	from, to := d.CmdArgs[1].Key, d.CmdArgs[2].Key
	c.reqs++
	key := fmt.Sprint(c.reqs)
	if d.HasArg("id") {
		d.ScanArgs(c.t, "id", &key)
	}
	text := strings.TrimSpace(d.Input)
	c.propose(n, fmt.Sprintf("send %q", text), &internalv1.Command{
		RequestId: c.request("send " + key), Session: token(from),
		Body: &internalv1.Command_SendMessage{SendMessage: &internalv1.SendMessage{Conversation: "@" + to, Text: text}},
	})
}

func (c *simCluster) history(n *simNode, who, with string) {
	v, err := n.store.View()
	must(c.t, err)
	defer v.Close()
	s, err := v.Session(token(who))
	must(c.t, err)
	page, err := v.Messages(s, store.MessageQuery{Conversation: "@" + with, Limit: 100})
	must(c.t, err)
	for _, m := range page.Messages {
		c.logf("%d %s: %s", m.GetSeq(), m.GetSender(), m.GetText())
	}
}

// changeMembers proposes a change with the names that are given.
func (c *simCluster) changeMembers(n *simNode, d *datadriven.TestData) {
	name := func(key string) (s string) {
		if d.HasArg(key) {
			d.ScanArgs(c.t, key, &s)
		}
		return s
	}
	b := &internalv1.ChangeMembers{FromAdminSocket: true}
	if add := name("add"); add != "" {
		b.Add = append(b.Add, &internalv1.ChangeMembers_Add{Name: add, PeerAddress: add + ":1", Replaces: name("replaces")})
	}
	for _, key := range []string{"remove", "and"} {
		if gone := name(key); gone != "" {
			b.Remove = append(b.Remove, gone)
		}
	}
	c.reqs++
	c.propose(n, "change members", &internalv1.Command{
		RequestId: c.request(fmt.Sprint("members ", c.reqs)), Body: &internalv1.Command_ChangeMembers{ChangeMembers: b},
	})
}

// join makes the directory of a machine that was added, as serve --join does, and has it recorded.
func (c *simCluster) join(id uint64, through *simNode) {
	name := fmt.Sprintf("n%d", id)
	inc := sha256.Sum256([]byte(name + "joined"))
	n := &simNode{c: c, id: id}
	n.logDisk = raftlog.NewMemDisk(raftlog.Identity{ID: id, Name: name, ClusterID: simClusterID, Incarnation: inc[:16], Boot: 1})
	n.stDisk = store.NewMemDisk(simClusterID, store.Mark{})
	c.nodes[id], c.size = n, max(c.size, id)
	c.propose(through, "join "+name, announcement(&internalv1.Identity{
		Id: id, Name: name, Incarnation: inc[:16], Boot: 1, BootNonce: []byte("first"), MaxClusterVersion: MaxClusterVersion,
	}))
}

func (c *simCluster) confs() {
	for _, id := range c.ids() {
		if n := c.nodes[id]; n.up {
			conf := n.core.conf()
			c.logf("%d: voters %v outgoing %v learners %v", id, conf.GetVoters(), conf.GetVotersOutgoing(), conf.GetLearners())
		}
	}
}

func (c *simCluster) status() {
	for _, id := range c.ids() {
		n := c.nodes[id]
		if !n.up {
			c.logf("%d: down", id)
			continue
		}
		first, _ := n.log.FirstIndex()
		last, _ := n.log.LastIndex()
		c.logf("%d: %v term %d leader %d log [%d,%d] applied %d flushed %d", id, n.core.state, n.core.term, n.core.lead,
			first, last, n.store.Applied(), n.store.Flushed().Index)
	}
}

// hashes flushes the nodes that are up, recomputes their state hashes from the records, and compares.
func (c *simCluster) hashes() {
	seen := map[string][]string{}
	for _, id := range c.ids() {
		if n := c.nodes[id]; n.up {
			must(c.t, n.store.Flush())
			m, recorded, computed, err := n.store.RecomputeHash()
			must(c.t, err)
			if !bytes.Equal(recorded, computed) {
				c.t.Fatalf("node %d recorded hash %x at index %d, its records give %x", id, recorded, m.Index, computed)
			}
			key := fmt.Sprintf("%d %x", m.Index, computed)
			seen[key] = append(seen[key], fmt.Sprint(id))
		}
	}
	if len(seen) == 1 {
		c.logf("equal")
		return
	}
	c.t.Fatalf("state differs: %v", seen)
}
