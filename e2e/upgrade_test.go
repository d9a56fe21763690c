package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
	"parley/store"
)

// TestRollingUpgrade upgrades a cluster from the last program of cluster version 1 to today's, one node after the other,
// under load. While both run side by side it kills and moves leaders on either side and goes back once. The cluster version
// stays 1 until the last node was upgraded, then rises by itself. A node that goes back is refused with words that help, does no
// harm, and comes back with the right program (P1, P2, P6): its log has today's format since its first start.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	u := &upgrade{T: t, old: cluster.BuildAt(t, v1Commit)}
	u.c = cluster.Start(t, cluster.Options{Binary: u.old, Nodes: 3})
	l := load.Start(t, u.c, load.Options{Pause: upgradePause})
	l.AwaitAcked(100)

	// One of three: leaders of both kinds, killed, and followers of both kinds.
	leader := u.c.Leader()
	first := u.c.Others(leader)[0]
	u.change(first, binary)
	l.AwaitAcked(50)
	u.wantVersion(1, first)
	for _, lead := range []*cluster.Node{first, leader} {
		u.transfer(lead)
		l.AwaitAcked(50)
		u.refused(first)
		lead.Kill()
		l.AwaitAcked(50)
		lead.Start()
		u.c.AwaitServing(lead)
		follower := u.c.Others(u.c.Leader())[0]
		follower.Kill()
		l.AwaitAcked(50)
		follower.Start()
		u.c.AwaitServing(follower)
		load.VerifyHashes(t, u.c)
	}

	u.noWayBack(first, l)

	// Two of three, under a new leader and an old follower, then under an old leader.
	second := u.c.Others(first)[0]
	third := u.c.Others(first, second)[0]
	u.change(second, binary)
	u.transfer(second)
	l.AwaitAcked(50)
	u.transfer(third)
	l.AwaitAcked(50)
	u.wantVersion(1, first, second)
	u.refused(first, second)
	load.VerifyHashes(t, u.c)

	// The last one.
	u.change(third, binary)
	awaitVersion(t, u.c, store.MaxClusterVersion)
	l.AwaitAcked(50)
	load.VerifyHashes(t, u.c)

	back := u.c.Others(u.c.Leader())[0]
	u.noWayBack(back, l)
	u.transfer(back)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}

// TestUpgradeToRooms upgrades a cluster from the last program of cluster version 2 to today's, one node after the other, under
// load and with each node as leader for a while. Before the last one there is no room to be made, through any node, and the
// first one goes back once; after it every node makes rooms, and serves those of the others. An old program is then refused.
func TestUpgradeToRooms(t *testing.T) {
	t.Parallel()
	u := &upgrade{T: t, old: cluster.BuildAt(t, v2Commit)}
	u.c = cluster.Start(t, cluster.Options{Binary: u.old, Nodes: 3})
	l := load.Start(t, u.c, load.Options{Pause: upgradePause})
	ann := load.Account(t, u.c.Addresses(0), "ann").Token()
	awaitVersion(t, u.c, 2)
	l.AwaitAcked(50)
	first, second, third := u.c.Nodes[0], u.c.Nodes[1], u.c.Nodes[2]
	for _, program := range []string{binary, u.old, binary} {
		u.change(first, program)
		l.AwaitAcked(50)
	}
	u.noRooms(ann, first)
	u.transfer(first)
	l.AwaitAcked(50)
	u.noRooms(ann, first)
	u.change(second, binary)
	u.transfer(third)
	l.AwaitAcked(50)
	u.noRooms(ann, first, second)
	load.VerifyHashes(t, u.c)

	u.change(third, binary)
	awaitVersion(t, u.c, store.MaxClusterVersion)
	for _, n := range u.c.Nodes {
		u.makeRoom(ann, n)
	}
	l.AwaitAcked(50)
	load.VerifyHashes(t, u.c)

	if _, code := second.Terminate(); code != 0 {
		t.Errorf("%s: exit code %d after SIGTERM", second.Name, code)
	}
	second.Use(u.old)
	second.Start()
	if code := second.AwaitExit(cluster.Patience); code <= 0 {
		t.Errorf("%s: want an error as exit code, got %d", second.Name, code)
	}
	if err := second.Logged("upgrade this node"); err != nil {
		t.Error(err)
	}
	second.Use(binary)
	second.Start()
	u.c.AwaitServing(second)
	u.makeRoom(ann, second)
	l.Stop()
	l.Verify()
}

// upgrade is a cluster on its way from one program to another.
type upgrade struct {
	*testing.T
	c    *cluster.Cluster
	old  string
	made []string // the rooms
}

// change stops a node as an operator does and starts it with another program.
func (u *upgrade) change(n *cluster.Node, program string) {
	u.Helper()
	if _, code := n.Terminate(); code != 0 {
		u.Errorf("%s: exit code %d after SIGTERM", n.Name, code)
	}
	n.Use(program)
	n.Start()
	u.c.AwaitServing(n)
}

// noWayBack starts the old program on a directory that today's has had, and today's again.
func (u *upgrade) noWayBack(n *cluster.Node, l *load.Load) {
	u.Helper()
	if _, code := n.Terminate(); code != 0 {
		u.Errorf("%s: exit code %d after SIGTERM", n.Name, code)
	}
	n.Use(u.old)
	n.Start()
	if code := n.AwaitExit(cluster.Patience); code <= 0 {
		u.Errorf("%s: want an error as exit code, got %d", n.Name, code)
	}
	for _, want := range []string{"unknown file format 2", "run the version that wrote it"} {
		if err := n.Logged(want); err != nil {
			u.Error(err)
		}
	}
	l.AwaitAcked(50)
	n.Use(binary)
	n.Start()
	u.c.AwaitServing(n)
}

// transfer moves leadership to a node.
func (u *upgrade) transfer(to *cluster.Node) {
	u.Helper()
	cluster.Await(u, cluster.Patience, to.Name+" to lead", func() error {
		if u.c.Leader() == to {
			return nil
		}
		out, err := exec.Command(binary, "cluster", "transfer", to.Name, "--data", to.Dir).CombinedOutput()
		if err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
		return nil
	})
}

// wantVersion holds nodes of today's program to a cluster version; the old one does not tell.
func (u *upgrade) wantVersion(version uint32, nodes ...*cluster.Node) {
	u.Helper()
	for _, n := range nodes {
		st, err := u.c.Status(n)
		if err != nil {
			u.Fatal(err)
		}
		if st.GetClusterVersion() != version {
			u.Fatalf("%s is at cluster version %d, want %d", n.Name, st.GetClusterVersion(), version)
		}
	}
}

// refused tries a command of cluster version 2 on every node while the cluster is at 1. Nodes of today's program say what to
// do; the old program has no such operation. No node stops over it.
func (u *upgrade) refused(today ...*cluster.Node) {
	u.Helper()
	for _, n := range u.c.Nodes {
		out, err := exec.Command(binary, "cluster", "remove", "n9", "--data", n.Dir).CombinedOutput()
		want := "upgrade every node"
		if !slices.Contains(today, n) {
			want = "unknown method ChangeMembers"
		}
		if err == nil || !strings.Contains(string(out), want) {
			u.Errorf("a command of cluster version 2 through %s: %v, %s; want %q in it", n.Name, err, out, want)
		}
	}
	u.c.AwaitServing(u.c.Nodes...)
}

// noRooms tries to make a room through every node while the cluster is below cluster version 3. Nodes of today's program say
// why not; the old program has no such operation.
func (u *upgrade) noRooms(token []byte, today ...*cluster.Node) {
	u.Helper()
	u.wantVersion(2, today...)
	for _, n := range u.c.Nodes {
		err := u.direct(n, token, func(ctx context.Context, chat parleyv1.ChatServiceClient) error {
			_, err := chat.CreateRoom(ctx, &parleyv1.CreateRoomRequest{RequestId: newID(u.T), Room: "#early"})
			return err
		})
		if !slices.Contains(today, n) {
			if status.Code(err) != codes.Unimplemented {
				u.Errorf("%s of the old program makes a room: want UNIMPLEMENTED, got %v", n.Name, err)
			}
			continue
		}
		if why := reason(err); why != "CLUSTER_VERSION_TOO_LOW" {
			u.Errorf("%s makes a room at cluster version 2: want CLUSTER_VERSION_TOO_LOW, got %q (%v)", n.Name, why, err)
		}
	}
	u.c.AwaitServing(u.c.Nodes...)
}

// makeRoom makes a room through a node and talks there; every node shows that.
func (u *upgrade) makeRoom(token []byte, n *cluster.Node) {
	u.Helper()
	room := fmt.Sprintf("#%s-%d", n.Name, len(u.made))
	err := u.direct(n, token, func(ctx context.Context, chat parleyv1.ChatServiceClient) error {
		if _, err := chat.CreateRoom(ctx, &parleyv1.CreateRoomRequest{RequestId: newID(u.T), Room: room}); err != nil {
			return err
		}
		sent, err := chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: newID(u.T), Conversation: room, Text: "helo"})
		if err != nil {
			return err
		}
		_, err = chat.EditMessage(ctx, &parleyv1.EditMessageRequest{RequestId: newID(u.T), Id: sent.GetId(), Text: "hello"})
		return err
	})
	if err != nil {
		u.Fatalf("a room through %s: %v", n.Name, err)
	}
	u.made = append(u.made, room)
	for _, other := range u.c.Nodes {
		for _, room := range u.made {
			err := u.direct(other, token, func(ctx context.Context, chat parleyv1.ChatServiceClient) error {
				read, err := chat.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: room})
				if ms := read.GetMessages(); err == nil && (len(ms) != 1 || ms[0].GetText() != "hello" || ms[0].GetEdits() != 1) {
					err = fmt.Errorf("want the one edited message, got %v", ms)
				}
				return err
			})
			if err != nil {
				u.Errorf("%s through %s: %v", room, other.Name, err)
			}
		}
	}
}

// direct calls one node, and no other.
func (u *upgrade) direct(n *cluster.Node, token []byte, call func(context.Context, parleyv1.ChatServiceClient) error) error {
	d, err := n.Direct(token)
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
	defer cancel()
	return call(ctx, d.Chat)
}

// reason is the machine-readable cause of an error.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// TestProgramOfThePast starts today's program, made to know cluster version 1 only, on the directory of a node that has
// version 2 behind it: it says at every start what to do, leaves everything as it is, and the right program goes on.
func TestProgramOfThePast(t *testing.T) {
	t.Parallel()
	past := cluster.BuildPatched(t, cluster.Patch{File: "store/version.go", Constant: "MaxClusterVersion", Value: "1"})
	c := start(t, 3)
	l := load.Start(t, c, load.Options{Pause: upgradePause})
	awaitVersion(t, c, store.MaxClusterVersion)
	l.AwaitAcked(50)
	n := c.Others(c.Leader())[0]
	n.Terminate()
	n.Use(past)
	for range 2 {
		n.Start()
		if code := n.AwaitExit(cluster.Patience); code <= 0 {
			t.Errorf("%s: want an error as exit code, got %d", n.Name, code)
		}
		for _, want := range []string{fmt.Sprintf("version %d", store.MaxClusterVersion), "upgrade this node", "nothing is lost"} {
			if err := n.Logged(want); err != nil {
				t.Error(err)
			}
		}
		l.AwaitAcked(50)
	}
	n.Use(binary)
	n.Start()
	c.AwaitServing(n)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}
