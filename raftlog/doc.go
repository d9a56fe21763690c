// Package raftlog is the durable half of one node's Raft: the log entries, the hard state, the compaction point and
// the node's identity, in one directory of segments (raft/).
//
// # How it flows
//
//	log, err := raftlog.Open(path, raftlog.Options{FlushedIndex: f, FlushedTerm: t})  // one scan: disk -> RAM
//	...
//	append worker:                                   raft's loop:
//	  b := drain()       // many MsgStorageAppend       log.Entries(lo, hi, max)  // RAM only
//	  log.Append(b)      // one transaction             log.Term(i)
//	  deliver(responses) // what waited for the disk    log.Compact(flushed)      // RAM now, disk later
//
// The disk is read once, by Open. From then on it is only written. All retained entries live in memory as well, in
// one immutable view behind one atomic pointer: readers take the pointer and never wait for a transaction. A
// transaction is committed first and published second, so that nothing is ever read that a power cut could take back.
//
// A commit is one frame: one write and one fdatasync of space that was written before, see frame.go. Two rules keep the number
// of commits down: all that is queued goes into one transaction; a hard state in which only Commit moved is remembered in memory
// and written by the next transaction, because Raft does not need Commit to be durable. Deletions of compacted entries ride in
// later appends, CompactBatch at a time; a segment of which nothing is left is used again.
//
// # Invariants
//
// They hold in memory and on the disk at every moment between two calls. check verifies them, tests call it.
//
//  1. Entries are contiguous: exactly the indexes (compacted, last]. Each entry's key is its index.
//  2. Terms never fall along the log, and the first entry's term is at least the compaction point's.
//  3. compacted <= HardState.Commit <= last. The last entry's term is at most HardState.Term.
//  4. HardState.Term never falls, a vote is never changed within its term, Commit never falls, a committed entry is
//     never overwritten by one of another term, nothing at or below the compaction point is written again.
//  5. A transaction is whole or absent: entries, the deletion of a diverged tail, hard state, compaction point and
//     tail record are one transaction. The compaction point is durable no later than the keys below it disappear.
//  6. When Append, Reset or SetIdentity returns nil, what it was given survives a power cut (but see the commit rule
//     above). When it returns an error, the log refuses every further write: after a failed fsync the page cache
//     cannot be trusted, so the only way on is to stop the process and Open again.
//  7. The memory equals the disk, save for what the next transaction carries: Commit, and a compaction point that
//     moved.
//  8. No damaged byte is returned. Each value has a CRC32C over key and value, each frame one over its table, which holds
//     the values' CRCs; commit numbers have no gap; the mark and the tail record say where the log ends. Damage is a
//     *DamageError.
//
// # The directory
//
// "0000000000000001.wal" and so on: the segments, with frames one after the other. What follows the last frame, and what is in a
// segment after the last frame's, is older or torn and means nothing. "mark": the last commit that was acknowledged, see mark.go.
// "lock": locked by the process that has the log open. Why so: docs/decisions/0006.
//
// A record's key in the log bucket is the index, 8 bytes big-endian; its value is a CRC32C, 4 bytes big-endian, then the marshalled
// raftpb.Entry. The meta bucket has "format", "identity", "hardstate", "compacted", "tail", each value with the same CRC32C in
// front. All five exist from Create on: one that is missing is damage.
//
// Earlier releases kept the same records in one bbolt file, raft.db. Open reads it, writes a directory, and removes it, see
// migrate.go.
//
// # The seam
//
// Everything above the files is written against Disk, four methods. MemDisk implements it in memory for tests: its
// durable state can be copied at any moment, which is what a power cut leaves, and a commit can be made to fail, with
// or without having taken effect.
package raftlog
