// Package e2e proves Parley's promises on real processes: the released binary, real disks, real sockets, kill -9.
//
// Every scenario has the same shape:
//
//	c := start(t, 3)                    processes of `parley serve` on loopback, each with its own data directory
//	l := load.Start(...)                writers on all nodes; each retries a send under its request id until it is acked
//	c.Leader().Kill()                   the fault
//	l.Stop()                            every writer's last send is acked
//	verify(t, c, l)                     the promises, read back through each node by itself
//
// What verify holds against the cluster, whatever the scenario did:
//
//  1. Every acknowledged message is there, with the id, seq and text of its acknowledgement (P1).
//  2. No message is there twice, however often it was sent under its request id (P2).
//  3. Every conversation has seq 1, 2, 3 ... and ascending ids, and each writer's messages in the order it sent them (P4).
//  4. Every running node gives the same answer when it alone is asked, linearizably (P3).
//  5. A subscriber that lived through the faults saw exactly that history, in that order (P4).
//  6. The nodes' state hashes at one applied index are equal (P6).
//
// Conditions are awaited with a deadline, never slept for. Times are printed, never asserted: a slow machine is not a
// broken promise. A failing scenario prints what was expected, what came, the nodes' logs and the command that replays it.
//
// Upgrades have two tests of their own: TestOldDirectories opens what earlier releases left behind (testdata/vN), and
// TestRollingUpgrade runs two programs side by side, the older one built from the history.
//
// Package cluster starts and steers the processes, and package load writes and remembers what was acknowledged. The program in
// torture hurts a cluster at random, through a network of its own (package network), records every operation and has package
// check judge the histories: three minutes of it belong to every CI run, an hour to a release. The program in soak measures
// memory and restart time with a million messages.
package e2e
