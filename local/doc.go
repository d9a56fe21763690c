// Package local starts a whole cluster on this machine and looks after it: one child process of the parley binary per
// node, on loopback. It is what `parley up`, `parley demo` and `parley bench` stand on.
//
// How it flows:
//
//	c, err := local.Start(local.Options{Dir: dir, Nodes: 5, BasePort: 50051})
//	        lock the directory, read or write DIR/cluster.json, check the ports, start `parley serve` for every node
//	err = c.WaitReady(ctx)      every node serves, or the first that ended says why
//	c.Nodes(), c.Addresses()    for whoever prints or dials them
//	exit := <-c.Exits()         a node that ended by itself; it is reported, never restarted
//	c.Kill("n2"), c.Restart("n2"), c.Pause("n2"), c.Resume("n2")
//	c.Stop()                    SIGTERM to all at once, and SIGKILL to those that take too long
//
// Invariants:
//
//  1. No node outlives its starter. Stop ends all of them; where the kernel can do it (Linux), a starter that was
//     killed takes its nodes along.
//  2. A directory is used by one starter at a time; a second one is refused before it starts anything.
//  3. A directory keeps the names and addresses of its first start: they are in the replicated state as well.
//  4. A node is in a process group of its own: ^C reaches the starter alone, and the starter tells the nodes once.
//  5. Secrets in the environment (PARLEY_PASSWORD, PARLEY_TOKEN) are not handed on to nodes.
package local
