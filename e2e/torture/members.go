package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// operator is the account that changes members.
type operator struct {
	cl *client.Client
	// last numbers the nodes that join.
	last int
}

// operatorName is its account.
const operatorName = "operator"

func newOperator(t cluster.TB, c *cluster.Cluster) *operator {
	o := &operator{cl: load.Account(t, c.Addresses(0), operatorName)}
	cluster.Await(t, cluster.Patience, "the first operator", func() error {
		_, err := c.Command(c.All()[0], "operator", operatorName)
		return err
	})
	return o
}

// change carries out a change, whatever happens meanwhile. The error is a refusal, or that there was no answer for too long.
func (o *operator) change(r *parleyv1.ChangeMembersRequest) error {
	r.RequestId = client.NewRequestID()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		_, err := o.cl.ChangeMembers(ctx, r)
		cancel()
		if err == nil || client.OutcomeOf(err) == client.Refused {
			return err
		}
		if time.Since(began) > ackPatience {
			return fmt.Errorf("no answer in %s: %w", ackPatience, err)
		}
	}
}

// members tells the role of every member, and what is pending for it.
func (o *operator) members() (map[string]*parleyv1.Member, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	st, err := o.cl.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return nil, err
	}
	if !st.GetQuorum() {
		return nil, fmt.Errorf("%s has no quorum", st.GetNode())
	}
	ms := map[string]*parleyv1.Member{}
	for _, m := range st.GetMembers() {
		ms[m.GetName()] = m
	}
	return ms, nil
}

// settled waits until exactly these nodes are members, and all of them voters.
func (o *operator) settled(nodes []*cluster.Node) error {
	return cluster.Poll(healPatience, func() error {
		ms, err := o.members()
		if err != nil {
			return err
		}
		for _, n := range nodes {
			m := ms[n.Name]
			if m.GetRole() != parleyv1.MemberRole_MEMBER_ROLE_VOTER || m.GetPending() != "" {
				return fmt.Errorf("%s is %s, pending %q", n.Name, m.GetRole(), m.GetPending())
			}
			delete(ms, n.Name)
		}
		for name := range ms {
			return fmt.Errorf("%s is a member still", name)
		}
		return nil
	})
}

// memberFaults change who belongs to the cluster, while the other faults go on. One change at a time is under way.
func memberFaults() []kind {
	const lock = "members"
	return []kind{
		{name: "member: add", weight: 8, lock: lock, when: (*nemesis).mayGrow, do: addMember},
		{name: "member: remove", weight: 8, lock: lock, nodes: 1, leaves: true, when: (*nemesis).mayShrink, do: removeMember},
		{
			name: "member: remove leader", weight: 4, lock: lock, nodes: 1, leader: true, leaves: true,
			when: (*nemesis).mayShrink, do: removeMember,
		},
		{name: "member: replace dead", weight: 3, lock: lock, nodes: 1, leaves: true, do: replaceMember},
	}
}

// mayLeave spares the nodes that some writers are pinned to.
func (n *nemesis) mayLeave(node *cluster.Node) bool {
	return !slices.ContainsFunc(n.party.pins, func(name string) bool { return name == node.Name })
}

func (n *nemesis) mayGrow() bool { return len(n.members()) < n.size+maxExtra }

func (n *nemesis) mayShrink() bool { return len(n.members()) > n.size }

// join makes a member of a new node, in another's place if one is given.
func (n *nemesis) join(replaces string) *cluster.Node {
	n.operator.last++
	n.mu.Lock()
	node := n.c.Join(fmt.Sprintf("m%d", n.operator.last))
	n.busy[node] = true // nobody hurts it before it runs
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.busy, node)
		n.mu.Unlock()
	}()
	err := n.operator.change(&parleyv1.ChangeMembersRequest{Add: []*parleyv1.AddMember{
		{Name: node.Name, PeerAddress: node.PeerAddress, Replaces: replaces},
	}})
	if err != nil {
		n.c.Forget(node)
		n.unchanged(fmt.Sprintf("add %s in place of %q", node.Name, replaces), err)
		return nil
	}
	n.count(&n.totals.Members)
	node.Start()
	return node
}

// unchanged takes a refusal for what it is: the cluster keeps its quorum. Anything else fails the run.
func (n *nemesis) unchanged(what string, err error) {
	if strings.Contains(err.Error(), "would be reachable") {
		n.mu.Lock()
		n.counts["refused: "+strings.Fields(what)[0]]++
		n.mu.Unlock()
		return
	}
	n.tb.Errorf("%s: %v", what, err)
}

// awaitMember waits until a member votes, and fails the run if it does not come to that.
func (n *nemesis) awaitMember(node *cluster.Node) {
	err := cluster.Poll(ackPatience, func() error {
		ms, err := n.operator.members()
		if err == nil && ms[node.Name].GetRole() != parleyv1.MemberRole_MEMBER_ROLE_VOTER {
			err = fmt.Errorf("it is %s, pending %q", ms[node.Name].GetRole(), ms[node.Name].GetPending())
		}
		return err
	})
	if err != nil {
		n.tb.Errorf("%s does not become a voter in %s: %v", node.Name, ackPatience, err)
	}
}

// awaitGone waits until a member has left, and ends its process.
func (n *nemesis) awaitGone(node *cluster.Node) {
	err := cluster.Poll(ackPatience, func() error {
		ms, err := n.operator.members()
		if m, there := ms[node.Name]; err == nil && there {
			err = fmt.Errorf("it is %s, pending %q", m.GetRole(), m.GetPending())
		}
		return err
	})
	if err != nil {
		n.tb.Errorf("%s does not leave in %s: %v", node.Name, ackPatience, err)
	}
	n.c.Forget(node)
	node.End()
}

func addMember(n *nemesis, _ []*cluster.Node, _ *rand.Rand) {
	if node := n.join(""); node != nil {
		n.awaitMember(node)
	}
}

// removeMember takes a member out, alive or dead.
func removeMember(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
	dead := r.IntN(3) == 0
	if dead {
		n.kill(nodes[0])
	}
	err := n.operator.change(&parleyv1.ChangeMembersRequest{Remove: []string{nodes[0].Name}})
	if err != nil {
		n.unchanged("remove "+nodes[0].Name, err)
		if dead {
			nodes[0].Start()
		}
		return
	}
	n.count(&n.totals.Members)
	n.awaitGone(nodes[0])
}

// replaceMember has a new node take the place of one that died for good.
func replaceMember(n *nemesis, nodes []*cluster.Node, _ *rand.Rand) {
	n.kill(nodes[0])
	node := n.join(nodes[0].Name)
	if node == nil {
		nodes[0].Start()
		return
	}
	n.count(&n.totals.Members)
	n.awaitMember(node)
	n.awaitGone(nodes[0])
}
