package raftlog

import "time"

const (
	// CompactBatch is how many compacted entries must have gathered before an append transaction deletes them. Fewer at
	// a time would be told in every frame, to no use: only whole segments are freed.
	CompactBatch = 1024

	// MaxNameBytes bounds Identity.Name. Every frame carries it, with the rest of the meta bucket.
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

	// segmentBytes is the size of a segment: a few seconds of the heaviest load, and little enough that preparing one, or
	// reading it when it is damaged, takes no time. A commit that is larger gets a segment of its own size.
	segmentBytes = 16 << 20

	// firstSegmentBytes is the size of a new log's first segment, so that a node starts without writing megabytes of zeros.
	firstSegmentBytes = 1 << 20

	// sizeUnit is what a larger segment's size is a multiple of.
	sizeUnit = 64 << 10

	// zeroBytes is how much of a new segment is written at once.
	zeroBytes = 256 << 10

	// prepareBytes is how much space is left in the last segment when the next one is prepared: at 50 MB/s, a hundred
	// milliseconds. Half of a segment that is smaller.
	prepareBytes = 6 << 20

	// mmapBytes is address space reserved for the map of the file, not memory. The retained log is far smaller, so a
	// remap, which waits for readers, does not happen.
	mmapBytes = 1 << 30

	// allocBytes is how far the file grows at once: growing costs a truncate and a full fsync.
	allocBytes = 64 << 20

	// lockTimeout is how long Open waits for another process to let go of the file.
	lockTimeout = time.Second

	// lockRetry is how often it tries in that time.
	lockRetry = 10 * time.Millisecond
)
