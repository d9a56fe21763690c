// Package bench is the load generator behind `parley bench`: real accounts, real sessions, real conversations, through
// api/client, against a cluster with its default settings. Authentication, deduplication and durability are all on.
//
// How it flows:
//
//	b, err := bench.New(ctx, bench.Options{Servers: addrs})   accounts, logins, one client for each sender
//	r, err := b.Send(ctx, 64)       64 callers, each sends and waits for the answer, over and over
//	r, err := b.Room(ctx, 1000), b.ReadDeep(ctx, 1), b.Search(ctx, 1)      the last two in a long conversation (history.go)
//	r, err := b.Read(ctx, 64, bench.ReadScreen), b.Deliver(ctx, 16), b.Fanout(ctx, 48), b.Idle(ctx, 1000), b.Failover(ctx, 16, 20)
//	b.Close()
//
// Each caller is an account of its own and works through its conversations in turn (plan.go). With a rate, beginnings come from
// a clock instead (pace.go). What was acknowledged is kept as one bit for each message and one sum for each conversation
// (ledger.go), and before a Result is handed out everything is read back from two nodes (verify.go); so memory does not grow
// with the length of a run but by a bit for each operation. meter.go looks at the processes and at the term.
//
// Invariants:
//
//  1. No figure without a check: a Result of an operation that writes is returned only after every acknowledged message was
//     found exactly once, with its text, at its seq and id, in its sender's order, on two nodes, and the state hashes agreed.
//     One of deliveries also needs every stream to have brought every message once, with no gap between seqs.
//  2. A latency is what a caller waited for one operation, retries and fail-overs included; a failed operation counts as an
//     error and never as a latency.
//  3. With a rate, a latency counts from when the operation was due, also when the caller was not free then; what never began is
//     counted as missed. So a slow answer cannot hide those that waited behind it.
//  4. Warm-up is run, checked and not counted.
//  5. Deliveries are timed by the clock of this one process: the message carries when its send was due and when it began.
//  6. A measurement during which the term rose says so.
//
// Callers share nothing that they write: each has its log, its histogram and its client. Only a rate makes them share a queue,
// and Options.Connections has their clients share connections.
package bench
