// Command torture hurts a cluster of real nodes for as long as it is told, in ways drawn from a seed, while clients write,
// read and follow on all of them, in direct conversations and in a room that they all are members of, and then judges everything
// that the clients were told.
//
//	task torture -- --time 3m --seed 7 --nodes 5        or: go run ./e2e/torture --time 3m
//
// It works in rounds: hurt, heal, wait until every node serves, let every writer have its last send acknowledged, and hold
// every node, every stream and every state hash to the recorded histories (package check). A round's end bounds the memory,
// so a run may take hours; --slice and --out record a long run piece by piece.
//
// It prints a table, and one JSON object to stdout. It exits with 1 when anything was lost, doubled, reordered, answered
// against the order or not verified, when a node ended by itself or did not come back; then it keeps the nodes' logs and
// prints the command with the seed. The seed fixes which faults are drawn and their order; their timing is the machine's.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/network"
)

// options are the flags.
type options struct {
	duration time.Duration
	seed     uint64
	nodes    int
	slice    int
	out      string
	binary   string
	faults   string
	pause    time.Duration
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "time", 3*time.Minute, "how long to hurt the cluster")
	flag.Uint64Var(&o.seed, "seed", 0, "which faults; 0 draws one")
	flag.IntVar(&o.nodes, "nodes", 5, "how many nodes")
	flag.IntVar(&o.slice, "slice", 0, "the number of this slice of a longer run, for the record")
	flag.StringVar(&o.out, "out", "", "a file to append the result to, as one line of JSON")
	flag.StringVar(&o.binary, "binary", "", "the parley to run; built from this checkout when empty")
	flag.StringVar(&o.faults, "faults", "", "only the faults whose names match this regular expression; none: only the load, to "+
		"see elections that nothing explains")
	flag.DurationVar(&o.pause, "pause", writePause, "the mean pause between two sends of a writer; 0 is as fast as it goes")
	flag.Parse()
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	t := cluster.NewProgram("torture", o.command())
	if o.binary = cmp.Or(o.binary, os.Getenv(binaryVariable)); o.binary == "" {
		o.binary = build(t)
	}
	inside, code, err := network.Enter(binaryVariable + "=" + o.binary)
	switch {
	case inside && err != nil:
		t.Fatalf("%v", err)
	case inside || err != nil:
		run(t, o, inside, err)
	case code != 0:
		t.Errorf("exit %d", code)
	}
	t.End()
}

// command is what runs this again.
func (o options) command() string {
	c := fmt.Sprintf("go run ./e2e/torture --time %s --seed %d --nodes %d", o.duration, o.seed, o.nodes)
	if o.faults != "" {
		c += fmt.Sprintf(" --faults '%s'", o.faults)
	}
	if o.pause != writePause {
		c += fmt.Sprintf(" --pause %s", o.pause)
	}
	return c
}

// run hurts and judges. inside tells that it may make networks and mounts; if not, why.
func run(t *cluster.Program, o options, inside bool, why error) {
	t.Logf("replay: %s", t.Replay())
	root, err := os.MkdirTemp("", "parley-torture-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the nodes' logs and data are kept in %s", root)
		} else {
			os.RemoveAll(root)
		}
	})
	l, err := newLab(root, inside, why)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c := cluster.Start(t, cluster.Options{
		Binary: o.binary, Nodes: o.nodes, Dir: root, Place: l.place(t, (o.nodes-1)/2), Flags: l.flags(),
	})
	p := newParty(t, c, o)
	n, err := newNemesis(t, c, p, l, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r := &report{options: o, began: time.Now()}
	for end := time.Now().Add(o.duration); time.Now().Before(end); {
		hurt := min(roundTime, time.Until(end))
		r.rounds++
		p.start()
		n.hurt(hurt)
		if !n.heal() {
			r.findings.Unverified++ // what its writers wait for may never come
			break
		}
		p.quiet()
		n.measure(r)
		from := time.Now()
		f := p.verify()
		for _, complaint := range f.Complaints[:min(len(f.Complaints), maxComplaints)] {
			t.Errorf("round %d: %s", r.rounds, complaint)
		}
		r.findings.Add(f)
		t.Logf("round %d: %s of faults, %d acked so far, verified in %s, clean: %t",
			r.rounds, hurt.Round(time.Second), p.tally.acked, time.Since(from).Round(time.Millisecond), f.Clean())
		if !f.Clean() {
			break
		}
	}
	r.finish(p, n)
	if err := r.print(t); err != nil {
		t.Errorf("%v", err)
	}
	if !r.clean() {
		t.Errorf("red; replay: %s", t.Replay())
	}
}

// build builds a parley that keeps little of its log: who was away comes back through a snapshot.
func build(t *cluster.Program) string {
	return cluster.BuildPatched(t, cluster.Patch{File: "node/limits.go", Constant: "DefaultRetainEntries", Value: retainEntries})
}
