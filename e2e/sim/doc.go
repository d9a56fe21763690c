// Package sim runs a whole cluster in one goroutine, under a clock, a network and disks of its own, and tries to break it.
//
// What runs is the production code: node.Stepper is the core, the log, the applier and the state machine of a real node. What
// is simulated is what surrounds them:
//
//	time     a queue of events; nothing happens between two of them, and no wall clock is read
//	network  drops, repeats, reorders and delays; cuts in one direction or both, around one node or through a bridge
//	disks    raftlog.MemDisk and store.MemDisk: a commit is kept whole or lost whole, as a power cut decides
//	crashes  before and after a save, in the middle of sending, before and after Apply and a flush, at each step of a
//	         snapshot install
//	clients  retry under the same request id, on any node, and lose answers
//
// One seed decides everything, so that a run can be had again, bit for bit: Result.Trace is a hash of every event. What is
// held against the cluster, all the time:
//
//  1. One leader per term.
//  2. One entry per index, on every node, for ever; applied strictly in order.
//  3. An acknowledged write is on the disks of a majority at the moment of its acknowledgement.
//  4. A request takes effect once; a retry after the acknowledgement gets the first answer.
//  5. Every conversation has seq 1, 2, 3 ... with one message at each, on every node and in every read.
//  6. A linearizable read shows what was acknowledged, or shown to anybody, before it began.
//  7. A stream that is resumed on any node shows every message once, in order.
//  8. Equal state hash at equal index.
//  9. When the faults end, every request ends and every node catches up.
//  10. Rooms are what the log says: a register, which shares no code with the store, works out from the entries alone who is in
//     a room and what is said in it, and every answer has to be the register's, refusals with their reason. So a send that the
//     log has after its sender was put out is never acknowledged.
//  11. Who is not in a room is shown nothing of it; who is sees every message with the text of that index, nothing of a deleted
//     one, and the number of unread messages that a recount finds.
//  12. A stream tells a room's events only between a join and the end of that membership, and every message in between; one that
//     stays open on a node, as well as one that is resumed on another.
//
// Raft's election jitter reads crypto/rand; Run replaces its reader, so two Runs must not go on at the same time in one
// process. `go run ./e2e/simulate` runs many seeds in several processes.
package sim
