package peer

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Messages of one lane arrive whole and in order, in both directions at once, over many frames.
func TestDeliveryInOrder(t *testing.T) {
	one, two := newNode(), newNode()
	pair(t, one, two)
	const n = 3000
	data := make([]byte, 700)
	_, _ = rand.Read(data)
	for i := uint64(1); i <= n; i++ {
		m := appendMessage(1, 2, i, 0)
		m.Entries[0].Data = append(slices.Clone(data), byte(i))
		for !one.t.link(2).lanes.push(m) { // Send would drop; this test wants them all
			two.await(t, "progress", func(e []any) bool { return len(e) > int(i)-maxAppendMessages })
		}
		one.t.link(2).lanes.signal()
		two.t.Send(message(2, 1, i))
	}
	got := two.await(t, "all appends", func(e []any) bool { return len(e) == n })
	for i, e := range got {
		m := e.(*raftpb.Message)
		if m.GetIndex() != uint64(i+1) || len(m.Entries) != 1 || len(m.Entries[0].Data) != 701 ||
			m.Entries[0].Data[700] != byte(i+1) || string(m.Entries[0].Data[:700]) != string(data) {
			t.Fatalf("message %d of %d is %v", i+1, n, m)
		}
	}
	back := one.await(t, "all heartbeats", func(e []any) bool { return len(e) == n })
	for i, e := range back {
		if m := e.(*raftpb.Message); m.GetIndex() != uint64(i+1) {
			t.Fatalf("heartbeat %d has index %d", i+1, m.GetIndex())
		}
	}
	s, r := one.t.Stats()[2], two.t.Stats()[1]
	if s.MessagesSent != n || s.FramesSent > n || s.BytesSent < n*701 || s.Dropped != 0 || !s.Up {
		t.Errorf("the sender counted %+v", s)
	}
	if r.MessagesReceived < n-maxFrameMessages || r.BytesReceived == 0 {
		t.Errorf("the receiver counted %+v", r)
	}
}

// Control messages overtake appends; a message that is too large is dropped and does not break the link.
func TestLanesAndOversize(t *testing.T) {
	one, two := newNode(), newNode()
	pair(t, one, two)
	l := one.t.link(2)
	// Filled by hand, so that the writer sees all of them at once.
	l.lanes.mu.Lock()
	l.lanes.append.push(appendMessage(1, 2, 1, MaxMessageBytes))
	l.lanes.append.push(appendMessage(1, 2, 2, 10))
	l.lanes.control.push(message(1, 2, 3))
	l.lanes.mu.Unlock()
	one.t.Send(message(1, 2, 4))
	got := two.await(t, "three messages", func(e []any) bool { return len(e) == 3 })
	var order []uint64
	for _, e := range got {
		order = append(order, e.(*raftpb.Message).GetIndex())
	}
	if !slices.Equal(order, []uint64{3, 4, 2}) {
		t.Errorf("messages came as %v, expected the control messages 3 and 4 before append 2, and 1 dropped", order)
	}
	if id := wait(t, "a report", one.lost); id != 2 {
		t.Errorf("peer %d was reported, expected 2", id)
	}
	if s := one.t.Stats()[2]; s.Dropped != 1 || s.LinkUps != 1 {
		t.Errorf("counted %+v, expected 1 dropped and 1 link-up", s)
	}
}

// A peer that takes nothing fills its own queue and nothing else: Send returns, what does not fit is dropped and
// reported, another peer is served, and the stuck stream is cut after the write time-out.
func TestStuckPeerBlocksNobody(t *testing.T) {
	release := make(chan struct{})
	stuck, fine, one := newNode(), newNode(), newNode()
	stuck.step = func(*raftpb.Message) { <-release }
	l2, l3 := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	stuck.start(t, identity(2), l2, nil)
	fine.start(t, identity(3), l3, nil)
	t.Cleanup(func() { close(release) })
	one.start(t, identity(1), nil, map[uint64]string{2: l2.Addr().String(), 3: l3.Addr().String()},
		func(_ *Options, p *patience) { p.write = 300 * time.Millisecond })
	wait(t, "a link", one.ups)
	wait(t, "the other link", one.ups)

	began := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range uint64(200) {
			one.t.Send(appendMessage(1, 2, i, 512<<10)) // 100 MiB: more than windows and queue hold
		}
		one.t.Send(message(1, 3, 77))
	}()
	wait(t, "Send to return while the peer is stuck", sent)
	fine.await(t, "the message to the other peer", func(e []any) bool { return len(e) == 1 })
	if s := one.t.Stats()[2]; s.Dropped == 0 {
		t.Errorf("nothing was dropped: %+v", s)
	}
	if id := wait(t, "a report", one.lost); id != 2 {
		t.Errorf("peer %d was reported, expected 2", id)
	}
	if id := wait(t, "the stuck link to be cut and made again", one.ups); id != 2 {
		t.Errorf("link %d came up, expected 2", id)
	}
	if s := one.t.Stats(); s[2].Stalls == 0 || s[3].Stalls != 0 {
		t.Errorf("stalls are %d and %d, expected only the first", s[2].Stalls, s[3].Stalls)
	}
	// Reports are coalesced.
	for range 1000 {
		one.t.link(2).drop(1)
	}
	if n, most := len(one.lost), int(time.Since(began)/unreachableInterval)+1; n > most {
		t.Errorf("%d reports in %v, expected at most %d", n, time.Since(began), most)
	}
}

// What Send gets while the link is down is dropped and reported, and nothing stale arrives when it comes up.
func TestDownLinkDropsAndReports(t *testing.T) {
	lis := listen(t, "127.0.0.1:0")
	addr := lis.Addr().String()
	lis.Close()
	one := newNode().start(t, identity(1), nil, map[uint64]string{2: addr})
	one.t.Send(message(1, 2, 1))
	wait(t, "a report", one.lost)
	if one.t.Reachable(2) {
		t.Error("a peer that never was is reachable")
	}
	two := newNode().start(t, identity(2), listen(t, addr), nil)
	wait(t, "the link", one.ups)
	one.t.Send(message(1, 2, 2))
	got := two.await(t, "a message", func(e []any) bool { return len(e) > 0 })
	if m := got[0].(*raftpb.Message); m.GetIndex() != 2 {
		t.Errorf("message %d came first, expected 2", m.GetIndex())
	}
	if !one.t.Reachable(2) || one.t.LastHeard(2).IsZero() {
		t.Errorf("reachable %v, last heard %v after the link came up", one.t.Reachable(2), one.t.LastHeard(2))
	}
}

// LinkDown comes once, after the last Step, when the peer's process ends.
func TestLinkDownAfterKill(t *testing.T) {
	one, two := newNode(), newNode()
	pair(t, one, two)
	for i := range uint64(50) {
		two.t.Send(message(2, 1, i))
	}
	one.await(t, "all messages", func(e []any) bool { return len(e) == 50 })
	two.stop()
	got := one.await(t, "LinkDown", func(e []any) bool { _, ok := e[len(e)-1].(down); return ok })
	if len(got) != 51 || got[50] != (down{2, 10}) {
		t.Errorf("the last events are %v of %d, expected the end of peer 2's boot 10 as the 51st", got[50:], len(got))
	}
}

// A cut wire is LinkDown at the acceptor and a drop at the sender; both get over it at once.
func TestCutWireIsMended(t *testing.T) {
	two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	wire := newProxy(t, two.addr)
	one := newNode().start(t, identity(1), nil, map[uint64]string{2: wire.addr()})
	wait(t, "the link", one.ups)
	one.t.Send(message(1, 2, 1))
	two.await(t, "the message", func(e []any) bool { return len(e) == 1 })
	wire.cut()
	two.await(t, "LinkDown", func(e []any) bool { return len(e) == 2 && e[1] == down{1, 10} })
	wait(t, "a report", one.lost)
	wait(t, "the link again", one.ups)
	one.t.Send(message(1, 2, 2))
	two.await(t, "a message over the new link", func(e []any) bool {
		return len(e) == 3 && e[2].(*raftpb.Message).GetIndex() == 2
	})
}

// rawRaft opens a raft stream by hand, with any hello.
func rawRaft(
	t *testing.T, n *fakeNode, addr string, hello *internalv1.Identity, to uint64,
) internalv1.PeerService_RaftClient {
	t.Helper()
	cc, err := n.t.dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	t.Cleanup(cancel)
	stream, err := internalv1.NewPeerServiceClient(cc).Raft(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&internalv1.RaftRequest{Hello: hello, To: to}); err != nil {
		t.Fatal(err)
	}
	return stream
}

// greeted is rawRaft with an acceptor that accepts.
func greeted(t *testing.T, n *fakeNode, addr string, hello *internalv1.Identity) internalv1.PeerService_RaftClient {
	t.Helper()
	stream := rawRaft(t, n, addr, hello, 2)
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("the hello was not accepted: %v", err)
	}
	return stream
}

// A message that says it is from someone else, for someone else, or that may not come this way, is dropped and ends the
// stream.
func TestForeignMessageEndsStream(t *testing.T) {
	snap := message(1, 2, 1)
	snap.Type = raftpb.MsgSnap.Enum()
	hup, prop := message(1, 2, 1), message(1, 2, 1)
	hup.Type, prop.Type = raftpb.MsgHup.Enum(), raftpb.MsgProp.Enum()
	marshal := func(m *raftpb.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name string
		raw  []byte
		code codes.Code
	}{
		{"from another node", marshal(message(3, 2, 1)), codes.PermissionDenied},
		{"to another node", marshal(message(1, 3, 1)), codes.PermissionDenied},
		{"snapshot without a file", marshal(snap), codes.InvalidArgument},
		{"local to its node", marshal(hup), codes.InvalidArgument},
		{"proposal", marshal(prop), codes.InvalidArgument},
		{"not a message", []byte{0xff}, codes.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
			stream := greeted(t, two, two.addr, identity(1))
			ok := marshal(message(1, 2, 5))
			if err := stream.Send(&internalv1.RaftRequest{Messages: [][]byte{ok, c.raw, ok}}); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); status.Code(err) != c.code {
				t.Errorf("the stream ended with %v, expected %v", err, c.code)
			}
			got := two.await(t, "LinkDown", func(e []any) bool { return len(e) == 2 })
			if m, ok := got[0].(*raftpb.Message); !ok || m.GetIndex() != 5 || got[1] != (down{1, 10}) {
				t.Errorf("events %v, expected the good message before it and LinkDown", got)
			}
		})
	}
}

// A newer stream of the same process replaces the older one without LinkDown; one of a later start comes after the
// LinkDown of the earlier start, and never before its last Step.
func TestNewerStreamReplaces(t *testing.T) {
	two := newNode()
	entered, release := make(chan struct{}), make(chan struct{})
	two.step = func(m *raftpb.Message) {
		if m.GetIndex() == 2 {
			close(entered)
			<-release
		}
	}
	two.start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	send := func(s internalv1.PeerService_RaftClient, index uint64) {
		t.Helper()
		b, _ := proto.Marshal(message(1, 2, index))
		if err := s.Send(&internalv1.RaftRequest{Messages: [][]byte{b}}); err != nil {
			t.Fatal(err)
		}
	}
	first := greeted(t, two, two.addr, identity(1))
	send(first, 1)
	two.await(t, "message 1", func(e []any) bool { return len(e) == 1 })

	second := greeted(t, two, two.addr, identity(1))
	if _, err := first.Recv(); status.Code(err) != codes.Aborted {
		t.Errorf("the replaced stream ended with %v, expected Aborted", err)
	}
	send(second, 2)
	wait(t, "Step of message 2", entered)

	later := identity(1)
	later.Boot, later.BootNonce = 11, []byte{11}
	third := greeted(t, two, two.addr, later)
	send(third, 3)
	if _, err := second.Recv(); status.Code(err) != codes.Aborted {
		t.Errorf("the replaced stream ended with %v, expected Aborted", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	for range 50 { // time for message 3 to be where it would overtake, if it could
		_, _ = two.t.HelloAddr(ctx, two.addr)
	}
	close(release) // message 2 was on its way in when the third stream came: it is before message 3 all the same
	got := two.await(t, "message 3", func(e []any) bool { return len(e) == 4 })
	index := func(i int) uint64 { return got[i].(*raftpb.Message).GetIndex() }
	if index(0) != 1 || index(1) != 2 || got[2] != (down{1, 10}) || index(3) != 3 {
		t.Errorf("events %v, expected messages 1 and 2, the end of boot 10, message 3", got)
	}
}

// A peer set that changes closes, makes and moves links.
func TestSetPeers(t *testing.T) {
	one := newNode().start(t, identity(1), nil, nil)
	two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	one.t.Send(message(1, 2, 1)) // to nobody: no panic, no report
	one.t.SetPeers(map[uint64]string{1: "127.0.0.1:1", 2: two.addr})
	wait(t, "the link", one.ups)
	if s := one.t.Stats(); len(s) != 1 {
		t.Errorf("%d links, expected none to oneself", len(s))
	}
	one.t.SetPeers(map[uint64]string{2: two.addr})
	one.t.Send(message(1, 2, 2))
	two.await(t, "a message over the link that stayed", func(e []any) bool { return len(e) == 1 })

	wire := newProxy(t, two.addr)
	one.t.SetPeers(map[uint64]string{2: wire.addr()})
	wait(t, "the link at the new address", one.ups)
	one.t.Send(message(1, 2, 3))
	two.await(t, "a message at the new address", func(e []any) bool {
		m, ok := e[len(e)-1].(*raftpb.Message)
		return ok && m.GetIndex() == 3
	})
	if s := one.t.Stats()[2]; s.LinkUps != 2 || s.MessagesSent != 2 {
		t.Errorf("counted %+v, expected the counters to outlive the address", s)
	}
	one.t.SetPeers(nil)
	two.await(t, "LinkDown", func(e []any) bool { _, ok := e[len(e)-1].(down); return ok })
	if one.t.Reachable(2) || !one.t.LastHeard(2).IsZero() {
		t.Error("a removed peer is still known")
	}
}

// Nothing but hellos goes before the cluster id is known; then the link comes up by itself.
func TestStreamsWaitForCluster(t *testing.T) {
	self1, self2 := identity(1), identity(2)
	self1.ClusterId, self2.ClusterId = nil, nil
	two := newNode().start(t, self2, listen(t, "127.0.0.1:0"), nil)
	one := newNode().start(t, self1, nil, map[uint64]string{2: two.addr})
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	if resp, err := one.t.Hello(ctx, 2); err != nil || resp.Refused != "" || len(resp.Identity.ClusterId) > 0 {
		t.Fatalf("hello before the cluster: %v, %v", resp, err)
	}
	one.t.SetClusterID(cluster)
	one.t.SetClusterID(cluster) // the same again is nothing
	stream := rawRaft(t, one, two.addr, identity(1), 2)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("a stream before the cluster ended with %v, expected Unavailable", err)
	}
	two.t.SetClusterID(cluster)
	wait(t, "the link", one.ups)
	if len(one.refused) > 0 {
		t.Errorf("refused: %v", <-one.refused)
	}
}

// A peer that comes back and says hello is dialled at once, on a new connection that has no gap to wait out.
func TestHelloEndsTheGap(t *testing.T) {
	l2 := listen(t, "127.0.0.1:0")
	addr := l2.Addr().String()
	l2.Close()
	one := newNode().start(t, identity(1), listen(t, "127.0.0.1:0"), map[uint64]string{2: addr})
	before := one.t.link(2).conn.Load()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	for one.t.link(2).conn.Load() == before { // a hello that meets a dial in progress changes nothing
		if ctx.Err() != nil {
			t.Fatalf("the connection is %v and was not replaced", before.GetState())
		}
		if _, err := rawRaft(t, one, one.addr, identity(2), 1).Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if s := before.GetState(); s != connectivity.Shutdown {
		t.Errorf("the replaced connection is %v, expected it closed", s)
	}
	newNode().start(t, identity(2), listen(t, addr), nil)
	wait(t, "the link", one.ups)
}
