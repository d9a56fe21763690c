// Package node replicates a state machine with Raft (go.etcd.io/raft/v3) over a durable log.
//
// The heart is core: it has no goroutine, clock, disk or network. It takes inputs and collects outputs, and the same code
// runs in production, in the transcript tests (testdata/*.txt) and in the simulator (e2e/sim), which drive it through
// Stepper. In production few goroutines live around it:
//
//	loop            owns core; turns what arrived into inputs, and hands every output to who carries it out
//	append worker   the only writer of raftlog; one commit for all the appends that are queued (group commit)
//	apply worker    the only writer of the store; answers the waiters of what it applied
//	peer writers    one per peer, in package peer
//	snapshot sender one per peer that needs a store file, at most MaxSnapshotSends
//	health watch    stops the node when its files or its state are not what they should be
//	scrubber        reads both files as a whole, once a day
//	housekeeper     proposes what a leader owes the cluster: announcements, erasure and expiry slices
//	                makes the configuration follow the member records (membership.go), and the peers' addresses theirs
//	seeds           says hello at the addresses of --join until each has answered
//
// The write path, from Propose to its answer:
//
//	Propose -> inbox -> loop: one raft proposal for all that is queued -> Ready
//	  -> MsgApp to the peers, at the same time as MsgStorageAppend to the append worker (one fsynced tx)
//	  -> a quorum has it -> MsgStorageApply to the apply worker -> store.Apply in memory -> waiter
//
// On a follower, Propose gives the command to the transport, which shares a frame among all that wait, and the leader's inbox
// takes a frame as one. While a leader writes entries that no quorum has yet, commands gather in its inbox for the next entry
// without waking the loop: under load an entry holds as many commands as callers send in the time of one write.
//
// Backup copies the store for operators. Restore and Recover work on directories that no node has open: they make the two
// files of a new cluster's only voter beside the old ones and move them into place (reborn.go).
//
// Invariants:
//
//  1. RawNode is touched by one goroutine, and that goroutine never waits for a disk, the network or Apply.
//  2. A message that promises something about the disk leaves only after the disk has it: it travels as a response of the
//     MsgStorageAppend that it waits for.
//  3. compacted <= flushed <= applied <= committed, and applied <= last durable.
//  4. Every accepted proposal ends exactly once: with a result, as not applied, or as unknown. "Not applied" is said only
//     when the command was never given to raft or raft dropped it.
//  5. A read is answered from a state at or above the commit index that a quorum confirmed after the read began.
//  6. A peer's silence alone never starts an election before the election timeout; a refused redial does.
//  7. No command above the replicated cluster version is handed on or given to raft (version.go).
package node
