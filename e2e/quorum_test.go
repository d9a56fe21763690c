package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// TestMinority leaves one node of three: it says at once that it has no quorum and that a write was not applied, serves
// local reads and says how old they are, and serves again when a majority is back (P7).
func TestMinority(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	l := load.Start(t, c, load.Options{Each: 100})
	l.Wait()
	a, b := newPerson(t, "mi.a", c.Addresses(0)), newPerson(t, "mi.b", c.Addresses(0))
	a.send("@mi.b", "before")
	left := c.Others(c.Leader())[0]
	wantApplied(t, c, left)
	for _, n := range c.Others(left) {
		n.Kill()
	}
	cluster.Await(t, cluster.Patience, "the node to notice that it is alone", func() error {
		st, err := c.Status(left)
		if err == nil && st.GetQuorum() {
			err = fmt.Errorf("it says that it has a quorum")
		}
		return err
	})

	a.through(left).exits(exitNotApplied, "send", "@mi.b", "refused")
	b.through(left).exits(exitNotApplied, "users")
	rs := parseRows(t, b.through(left).ok("read", "@mi.a", "--local", "--peek", "-o", "json"))
	wantTexts(t, "a local read without a quorum", rs, "before")
	if len(rs) == 1 && rs[0].AgeMS == nil {
		t.Errorf("a local read must say how old it is: want age_ms, got %+v", rs[0])
	}
	var st struct {
		Leader *string `json:"leader"`
		Quorum bool    `json:"quorum"`
	}
	if out := a.through(left).ok("cluster", "status", "-o", "json"); json.Unmarshal([]byte(out), &st) != nil ||
		st.Quorum || st.Leader != nil {
		t.Errorf("cluster status: want quorum false and leader null, got %s", out)
	}

	// The node itself says so without trying for long, and the client library after it has looked for a better node.
	asked := time.Now()
	wantNotApplied(t, left, l.Token())
	t.Logf("the node said that it has no quorum after %s", time.Since(asked).Round(time.Millisecond))
	cl := load.Dial(t, client.Options{Servers: []string{left.Address}, Token: l.Token()})
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	asked = time.Now()
	_, err := cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@hub.s1", Text: "refused"})
	if !client.IsNotApplied(err) {
		t.Errorf("a send without a quorum: want not applied, got %v", err)
	}
	t.Logf("the client library said so after %s", time.Since(asked).Round(time.Millisecond))

	for _, n := range c.Others(left) {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	a.through(left).send("@mi.b", "after")
	for _, n := range c.Nodes {
		wantTexts(t, "what was refused is nowhere, through "+n.Name, b.through(n).rows("read", "@mi.a", "--peek"), "before", "after")
	}
	l.Verify()
}

// TestFollowerReadsWithoutLeaderPort closes the leader's client port: its clients move, and the other nodes serve
// linearizable reads and writes, because they reach the leader on its peer port (P3).
func TestFollowerReadsWithoutLeaderPort(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Binary: binary, Nodes: 3, Fronts: true})
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	leader := c.Leader()
	leader.Front.Close()
	l.AwaitAcked(200)
	a := newPerson(t, "fr.a", []string{c.Others(leader)[0].Address})
	for i := range 10 {
		want := a.through(c.Others(leader)[i%2]).send("@fr.a", fmt.Sprintf("f%d", i))
		rs := a.through(c.Others(leader)[(i+1)%2]).rows("read", "@fr.a", "--limit", "1")
		if len(rs) != 1 || rs[0].ID != want.ID {
			t.Errorf("read through one follower what was sent through the other: want id %d, got %+v", want.ID, rs)
		}
	}
	for _, n := range c.Others(leader) {
		if st, err := c.Status(n); err != nil || st.GetLeader() != leader.Name {
			t.Errorf("%s: want %s to lead still, got %q (%v)", n.Name, leader.Name, st.GetLeader(), err)
		}
	}
	if err := leader.Front.Open(); err != nil {
		t.Fatal(err)
	}
	l.Stop()
	l.Verify()
}

// wantNotApplied sends through the node, which must refuse with UNAVAILABLE and say that the write was not applied.
func wantNotApplied(t *testing.T, n *cluster.Node, token []byte) {
	t.Helper()
	d, err := n.Direct(token)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
	defer cancel()
	_, err = d.Chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: newID(t), Conversation: "@hub.s1", Text: "refused"})
	applied := ""
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			applied = info.GetMetadata()["applied"]
		}
	}
	if status.Code(err) != codes.Unavailable || applied != "no" {
		t.Errorf("%s without a quorum: want UNAVAILABLE with applied=no, got %v with applied=%q", n.Name, err, applied)
	}
}

// wantApplied waits until the node has applied what the leader had committed when it was called.
func wantApplied(t *testing.T, c *cluster.Cluster, n *cluster.Node) {
	t.Helper()
	st, err := c.Status(c.Leader())
	if err != nil {
		t.Fatal(err)
	}
	cluster.Await(t, cluster.Patience, n.Name+" to apply what is committed", func() error {
		own, err := c.Status(n)
		if err == nil && own.GetApplied() < st.GetCommitted() {
			err = fmt.Errorf("%d of %d", own.GetApplied(), st.GetCommitted())
		}
		return err
	})
}
