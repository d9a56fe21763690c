// Package raftlog is the durable half of one node's Raft: the log entries, the hard state, the compaction point and
// the node's identity, in one bbolt file (raft.db).
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
// A bbolt commit costs two fdatasyncs and cannot safely cost fewer. Three rules keep the number of commits down: all
// that is queued goes into one transaction; a hard state in which only Commit moved is remembered in memory and
// written by the next transaction, because Raft does not need Commit to be durable; deletions of compacted entries
// have no transaction of their own but ride in later appends, CompactBatch at a time.
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
//  8. No damaged byte is returned. Each value has a CRC32C over key and value; the page structure that bbolt itself
//     does not checksum is walked before bbolt trusts it; the tail record says where the log ends, so that a page
//     that lost its last entries is noticed. Damage is a *DamageError.
//
// # The file
//
// Bucket "log": key = index, 8 bytes big-endian (byte order is index order, so appends touch the right-most leaf
// only); value = CRC32C, 4 bytes big-endian, then the marshalled raftpb.Entry. Bucket "meta": "format", "identity",
// "hardstate", "compacted", "tail", each value with the same CRC32C in front. All five exist from Create on: one that
// is missing is damage. The meta bucket is kept small enough to be stored inline in bbolt's root page, so that it
// costs no page of its own.
//
// bbolt keeps two meta pages and falls back to the older one when the newer is invalid. For a Raft log that would
// mean to forget an acknowledged write or a vote without a word. A meta page is 80 bytes at the start of a sector,
// and sectors are written whole or not at all, so that an invalid one is no trace of a power cut but damage: Open
// refuses it.
//
// The file is sparse and grows 64 MiB at a time. Keep it off ext4 with the feature fast_commit on Linux before 5.10.94,
// 5.15.27 or 5.17, which can lose data (bbolt#562).
//
// # The seam
//
// Everything above bbolt is written against Disk, three methods. MemDisk implements it in memory for tests: its
// durable state can be copied at any moment, which is what a power cut leaves, and a commit can be made to fail, with
// or without having taken effect.
package raftlog
