package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

const (
	// nodes is the size of the cluster.
	nodes = 3
	// maxAcks bounds how many messages are acknowledged between the start of a node and the next cut.
	maxAcks = 150
	// selfStop is how long a node whose disk is gone may take to end by itself before it is ended.
	selfStop = 5 * time.Second
	// recoverPatience bounds how long a cut cluster may take until it serves.
	recoverPatience = 60 * time.Second
)

// lab is a cluster whose nodes have a disk each.
type lab struct {
	t     cluster.TB
	c     *cluster.Cluster
	disks []*disk
	// failing counts the nodes that saw their disk fail, stopped those of them that ended by themselves.
	failing, stopped int
}

func newLab(t cluster.TB, binary string) *lab {
	root := t.TempDir()
	c := cluster.New(t, cluster.Options{Binary: binary, Nodes: nodes, Dir: root})
	l := &lab{t: t, c: c}
	for _, n := range c.Nodes {
		d, err := newDisk(filepath.Join(root, n.Name+".img"), n.Dir)
		if err != nil {
			t.Fatalf("%v", err)
		}
		l.disks = append(l.disks, d)
		n.Start()
	}
	t.Cleanup(l.close)
	c.AwaitServing(c.Nodes...)
	return l
}

// close ends the nodes and unmounts their disks, so that the directory can be removed.
func (l *lab) close() {
	for _, n := range l.c.Nodes {
		l.end(n)
	}
	for _, d := range l.disks {
		if err := d.detach(); err != nil {
			l.t.Logf("unmount %s: %v", d.mount, err)
		}
	}
}

// kind is a way to cut.
type kind struct {
	name  string
	nodes int
}

var kinds = []kind{{"one node", 1}, {"a majority", nodes/2 + 1}, {"all at once", nodes}}

// cut cuts the power of some nodes at the same time and brings them back. It returns how long the cluster then took until
// every node served.
func (l *lab) cut(k kind, w *load.Load, r *rand.Rand) (time.Duration, error) {
	w.AwaitAcked(1 + r.IntN(maxAcks))
	down := r.Perm(nodes)[:k.nodes]
	// The one half are stopped dead in what they do, the other half see their disk fail under them.
	frozen := r.IntN(2) == 0
	var errs []error
	for _, i := range down {
		if frozen {
			l.signal(l.c.Nodes[i], syscall.SIGSTOP)
		}
	}
	for _, i := range down {
		errs = append(errs, l.disks[i].cut())
	}
	for _, i := range down {
		if !frozen {
			l.awaitStop(l.c.Nodes[i])
		}
		l.end(l.c.Nodes[i])
	}
	for _, i := range down {
		errs = append(errs, l.disks[i].detach())
	}
	if len(down) <= (nodes-1)/2 && r.IntN(2) == 0 {
		w.AwaitAcked(1 + r.IntN(maxAcks)) // the others go on without it
	}
	for _, i := range down {
		errs = append(errs, l.disks[i].attach())
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	from := time.Now()
	for _, i := range r.Perm(nodes) {
		if _, ok := l.c.Nodes[i].Running(); !ok {
			l.c.Nodes[i].Start()
		}
	}
	for _, n := range l.c.Nodes {
		err := cluster.Poll(recoverPatience, func() error {
			if _, ok := n.Running(); !ok {
				return nil // judged below: it will not come back
			}
			return n.Serving()
		})
		if err != nil {
			return 0, &notBack{err}
		}
		if _, ok := n.Running(); !ok {
			return 0, &notBack{fmt.Errorf("%s does not start: %s", n.Name, lastLine(n.LastStart()))}
		}
	}
	return time.Since(from), nil
}

// notBack says that a node did not come back after a cut: the product's failure, not the lab's.
type notBack struct{ err error }

func (e *notBack) Error() string { return e.err.Error() }

// awaitStop gives a node whose disk is gone some time to end by itself; one that has nothing to write may go on.
func (l *lab) awaitStop(n *cluster.Node) {
	l.failing++
	err := cluster.Poll(selfStop, func() error {
		if _, ok := n.Running(); ok {
			return cluster.ErrNotYet
		}
		return nil
	})
	if err == nil {
		l.stopped++
	}
}

// end ends a process, which may end by itself at the same moment.
func (l *lab) end(n *cluster.Node) {
	l.signal(n, syscall.SIGKILL)
	n.AwaitExit(cluster.Patience)
}

func (l *lab) signal(n *cluster.Node, s syscall.Signal) {
	if pid, ok := n.Running(); ok {
		_ = syscall.Kill(pid, s) // it may have ended a moment ago
	}
}
