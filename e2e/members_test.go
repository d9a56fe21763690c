package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// TestJoin grows a cluster under load: the new node gets the state as a snapshot, becomes a voter by itself, and has all of
// what was acknowledged. A second machine under its name is refused.
func TestJoin(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	n4 := c.Join("n4")
	c.Change(c.Nodes[0], "add", n4.Name, n4.PeerAddress)
	n4.Start()
	c.AwaitVoters(c.Nodes[1], "n1", "n2", "n3", "n4")
	l.AwaitAcked(50)

	impostor := c.Join("n4")
	c.Forget(impostor)
	impostor.Dir, impostor.LogPath = t.TempDir(), filepath.Join(t.TempDir(), "impostor.log")
	impostor.Redirect("--data", impostor.Dir)
	impostor.Start()
	if code := impostor.AwaitExit(cluster.Patience); code != 1 {
		t.Errorf("a second machine under the name n4 ended with code %d, want 1", code)
	}
	awaitLog(t, impostor, "has another data directory")
	l.Stop()
	l.Verify()
}

// TestReplaceDead replaces a killed node by a new machine while writes go on: the dead one leaves in the step in which the
// new one becomes a voter, and when it comes back it is told that it was removed.
func TestReplaceDead(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	dead := c.Nodes[2]
	dead.Kill()
	l.AwaitAcked(50)
	n4 := c.Join("n4")
	c.Change(c.Nodes[0], "add", n4.Name, n4.PeerAddress, "--replace", dead.Name)
	n4.Start()
	c.AwaitVoters(c.Nodes[0], "n1", "n2", "n4")
	c.Forget(dead)
	l.AwaitAcked(50)
	dead.Start()
	if code := dead.AwaitExit(cluster.Patience); code != 1 {
		t.Errorf("a removed node ended with code %d, want 1", code)
	}
	awaitLog(t, dead, "was removed from this cluster")
	if note, err := os.ReadFile(filepath.Join(dead.Dir, "refused.txt")); err != nil || !strings.Contains(string(note), "removed") {
		t.Errorf("refused.txt of the removed node: %q, %v", note, err)
	}
	l.Stop()
	l.Verify()
}

// TestRemoveLeader takes the leader out under load: it hands leadership over first, its process ends by itself with a clear
// word, and no acknowledged write is lost.
func TestRemoveLeader(t *testing.T) {
	c := start(t, 4)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	leader := c.Leader()
	c.Change(leader, "remove", leader.Name)
	if code := leader.AwaitExit(cluster.Patience); code != 1 {
		t.Errorf("the removed leader ended with code %d, want 1", code)
	}
	awaitLog(t, leader, "was removed from this cluster")
	c.Forget(leader)
	left := namesOf(c.Nodes)
	c.AwaitVoters(c.Nodes[0], left...)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}

// TestChangeSeveral goes from three machines to three others in one declared step, under load, with the leader among those
// that leave. A client that was told of one address only goes on through the new ones.
func TestChangeSeveral(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	probe := newProbe(t, c, "several.probe")
	probe.aim(c.Leader())
	old := slices.Clone(c.Nodes)
	args := []string{"change"}
	var fresh []*cluster.Node
	for i, name := range []string{"n4", "n5", "n6"} {
		n := c.Join(name)
		fresh = append(fresh, n)
		args = append(args, "--add", name+"="+n.PeerAddress, "--replace", fmt.Sprintf("%s=%s", name, old[i].Name))
	}
	c.Change(old[0], args...)
	for _, n := range fresh {
		n.Start()
	}
	for _, n := range old {
		if code := n.AwaitExit(cluster.Patience); code != 1 {
			t.Errorf("%s ended with code %d, want 1", n.Name, code)
		}
		c.Forget(n)
	}
	c.AwaitVoters(fresh[0], "n4", "n5", "n6")
	l.AwaitAcked(50)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if _, err := probe.cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@several.probe", Text: "still here"}); err != nil {
		t.Errorf("the client that knew one address, now gone: %v; %+v", err, probe.cl.State())
	}
	l.Stop()
	l.Verify()
}

// TestMove restarts a node on other addresses: its peers and the clients find it there.
func TestMove(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	n := c.Nodes[1]
	if _, code := n.Terminate(); code != 0 {
		t.Fatalf("a graceful stop ended with code %d", code)
	}
	c.Move(n)
	n.Start()
	c.AwaitServing(n)
	cluster.Await(t, cluster.Patience, "the others to tell the new addresses", func() error {
		ms, err := c.Members(c.Nodes[0])
		if err != nil {
			return err
		}
		for _, m := range ms {
			if m.Name == n.Name && (m.Address != n.Address || m.PeerAddress != n.PeerAddress || !m.Reachable) {
				return fmt.Errorf("%+v", m)
			}
		}
		return nil
	})
	c.Nodes[2].Kill() // so that every write needs the moved one
	l.AwaitAcked(50)
	c.Nodes[2].Start()
	l.Stop()
	l.Verify()
}

// TestStrand refuses at once what would leave fewer reachable voters than a majority, and does what is safe.
func TestStrand(t *testing.T) {
	c := start(t, 3)
	c.Nodes[2].Kill()
	l := c.LeaderAmong(c.Nodes[0], c.Nodes[1])
	cluster.Await(t, cluster.Patience, "the dead node to be known", func() error {
		_, err := c.Command(l, "remove", c.Others(l, c.Nodes[2])[0].Name)
		if err == nil {
			t.Fatal("a live node of the last two was removed")
		}
		if !strings.Contains(err.Error(), "no majority") {
			return err
		}
		return nil
	})
	c.Change(l, "remove", "n3")
	c.AwaitVoters(l, "n1", "n2")
}

func awaitLog(t *testing.T, n *cluster.Node, text string) {
	t.Helper()
	cluster.Await(t, cluster.Patience, n.Name+" to say why it ends", func() error { return n.Logged(text) })
}

func namesOf(nodes []*cluster.Node) (names []string) {
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}
