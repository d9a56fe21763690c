package raftlog

import "time"

const (
	// CompactBatch is how many compacted entries must have gathered before an append transaction deletes them. Fewer at
	// a time would leave half-empty leaves behind, whose merging rewrites neighbours: at 1024 whole leaves go.
	CompactBatch = 1024

	// MaxNameBytes bounds Identity.Name. The meta bucket stays below a quarter of a page and therefore inline.
	MaxNameBytes = 128

	// identityBytes is the length of a cluster id and of an incarnation: 128 random bits.
	identityBytes = 16

	// maxMetaValueBytes bounds one value of the meta bucket, for the same reason as MaxNameBytes.
	maxMetaValueBytes = 512

	// maxScratchBytes is how large an encoding buffer may stay between two appends. An ordinary batch is far below; a
	// rare large one should not be held in memory for ever.
	maxScratchBytes = 4 << 20

	// maxDeadEntries and maxDeadBytes bound what compaction may leave unreachable in the entry slice before it is
	// copied to let it go. Copying on each compaction would cost more than it frees.
	maxDeadEntries = 8192
	maxDeadBytes   = 2 << 20

	// mmapBytes is address space reserved for the map of the file, not memory. The retained log is far smaller, so a
	// remap, which waits for readers, does not happen.
	mmapBytes = 1 << 30

	// allocBytes is how far the file grows at once: growing costs a truncate and a full fsync.
	allocBytes = 64 << 20

	// lockTimeout is how long Open waits for another process to let go of the file.
	lockTimeout = time.Second
)
