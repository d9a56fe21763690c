// Package bench is the load generator behind `parley bench`: real accounts, real sessions, real conversations, through
// api/client, against a cluster with its default settings. Authentication, deduplication and durability are all on.
//
// How it flows:
//
//	b, err := bench.New(ctx, bench.Options{Servers: addrs})   accounts, logins, one client for each sender
//	r, err := b.Send(ctx, 64)       64 callers, each sends and waits for the answer, over and over
//	r, err := b.Read(ctx, 64, false), b.Deliver(ctx, 16), b.Failover(ctx, 16, 20)
//	b.Close()
//
// A caller works through the conversations in turn, so that neither one account nor one conversation is special. What was
// acknowledged is kept (conversation, seq, id, who and which), and before a Result is handed out everything is read back
// from two nodes (verify.go).
//
// Invariants:
//
//  1. No figure without a check: a Result of an operation that writes is returned only after every acknowledged message was
//     found exactly once, with its text, at its seq and id, on two nodes, and the state hashes agreed.
//  2. A latency is what a caller waited for one operation, retries and fail-overs included; a failed operation counts as an
//     error and never as a latency.
//  3. Warm-up is run, checked and not counted.
//  4. Deliveries are timed by the clock of this one process: the message carries when its send began.
package bench
