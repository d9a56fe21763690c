package main

import "time"

const (
	// pairs is how many conversations of two writers each are judged by porcupine; hotWriters share the one that is not.
	pairs      = 5
	hotWriters = 10
	// roomWriters is how many of the room's members write there.
	roomWriters = 4
	// writePause is the mean time between two sends of a writer unless --pause says another, readPause between two reads of a reader. With the numbers
	// above that is some 200 messages and as many reads a second: load enough for every race, and not the machine's limit, so
	// that fail-over is the cluster's and not the queue's.
	writePause = 100 * time.Millisecond
	readPause  = 150 * time.Millisecond
	// readersOfPair keeps a conversation within what porcupine can judge: five callers with its two writers.
	readersOfPair = 3

	// Of a hundred sends, so many give up early, and so many are sent again after they were acknowledged.
	impatientPercent = 10
	againPercent     = 3
	// A send that gives up early does so between these. One in eight waits up to maxWaiting, which is longer than a node waits
	// for a leader before it says that it can not serve.
	minImpatience, maxImpatience = 20 * time.Millisecond, 600 * time.Millisecond
	maxWaiting                   = 4 * time.Second

	// callTimeout bounds one call of the client library; the writer then calls again with the same request id.
	callTimeout = 10 * time.Second
	// ackPatience bounds one send in all: longer than every fault that is left standing.
	ackPatience = 2 * time.Minute
	// readTimeout bounds a read: one that a fault holds up for longer tells nothing more.
	readTimeout = 4 * time.Second
	// stubbornTimeout is longer than any pause of a process.
	stubbornTimeout = maxPause + 4*time.Second
	// setupTimeout bounds the creation of an account.
	setupTimeout = 60 * time.Second
	// pageSize is the most that one ReadMessages may ask for.
	pageSize = 1000
	// healPatience bounds how long a healed cluster may need until every node serves, and streamPatience until a stream has
	// shown everything.
	healPatience   = 90 * time.Second
	streamPatience = 60 * time.Second
	// slowVerification is what is told of a part of the verification that takes longer.
	slowVerification = 5 * time.Second
	// modelPatience bounds porcupine on one conversation of one round; more is a failure to verify.
	modelPatience = 60 * time.Second

	// roundTime is how long the cluster is hurt before it is verified; it bounds the memory of a run of any length.
	roundTime = 4 * time.Minute
	// retainEntries is the log that is kept for who lags: at the load above, a few seconds.
	retainEntries = "200"
	// calm begins every round: no fault, so that an election in it is one that nothing explains.
	calm = 3 * time.Second
	// minGap and maxGap lie between two faults that are drawn; they may overlap. pollFree is the gap when one found no place.
	minGap, maxGap = 50 * time.Millisecond, 1200 * time.Millisecond
	pollFree       = 20 * time.Millisecond
	// hotPinned of the hot conversation's writers stay with one node each, so that it tells them what it can not do. The nodes
	// they are pinned to are never removed.
	hotPinned = 4
	pins      = 2
	// maxExtra bounds the members beyond those that the cluster began with.
	maxExtra = 2
	// maxDown is how long a killed node stays away, minPause and maxPause how long one is stopped.
	maxDown            = 3 * time.Second
	minPause, maxPause = 100 * time.Millisecond, 8 * time.Second
	// minCut and maxCut are how long links are hurt: below and above the election timeout.
	minCut, maxCut = 300 * time.Millisecond, 5 * time.Second
	// diskBytes is the size of a disk that is filled: a run's data, and room for the file that a snapshot is copied to.
	diskBytes = 1 << 30
	// lastError is how long a node may take to notice the last failure of its disk: a write that failed before the disk was
	// healed is told when its goroutine gets a core, and a torture leaves none free.
	lastError = 2 * time.Second
	// wholePatience is how long a fault that is measured waits for a whole cluster before another one is drawn.
	wholePatience = 20 * time.Second
	// logTailBytes is how much of the log of a node that ended by itself is printed.
	logTailBytes = 3 << 10
	// maxComplaints bounds what a run prints about one check.
	maxComplaints = 10
)
