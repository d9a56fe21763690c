package node

import "time"

const (
	// TickInterval is the logical clock's step. Short, so that a stopped leader is replaced in about a second.
	TickInterval = 50 * time.Millisecond
	// ElectionTicks is the silence after which a follower campaigns, randomised by raft to [10, 20) ticks.
	ElectionTicks = 10
	// HeartbeatTicks is how often a leader is heard.
	HeartbeatTicks = 1

	// MaxCommandBytes bounds one command: the 64 KiB a client may send, with room for what the edge adds.
	MaxCommandBytes = 96 << 10
	// maxEntryBytes bounds one entry; several commands share it. Small enough that a message to a peer, which holds at
	// least one entry, stays far below the transport's frame limit.
	maxEntryBytes = 256 << 10
	// maxEntryCommands bounds the time that one entry keeps the apply worker busy.
	maxEntryCommands = 512

	// maxQueuedProposals bounds what waits to be given to raft; above it callers are told to come back.
	maxQueuedProposals = 16384
	// maxQueuedProposalBytes is the same bound in memory.
	maxQueuedProposalBytes = 32 << 20
	// maxInflightProposals bounds the waiters of what raft has accepted.
	maxInflightProposals = 65536
	// maxHandOns bounds how often a follower hands one command on: to the leader, and again when that one is just
	// giving leadership away.
	maxHandOns = 4
	// handOnPause is the most that lies between two of them: a heartbeat, with which a successor is heard.
	handOnPause = TickInterval
	// handOnGrace is how long a leader that was replaced may still answer what was handed to it. One that died ends its link,
	// and that its calls; one that gave leadership away answers in its next turns, which on a busy machine have taken 100 ms and
	// more; one that hangs costs its callers this time.
	handOnGrace = 300 * time.Millisecond
	// maxWaitingReads bounds the readers that wait for a read index or for Apply.
	maxWaitingReads = 65536
	// maxInboxMessages makes a peer's stream wait when the loop cannot keep up; gRPC flow control does the rest.
	maxInboxMessages = 4096

	// holdTicks is how long proposals and reads wait for a leader while an election may be under way: two election
	// timeouts. A node that has had no leader for longer says so at once.
	holdTicks = 2 * ElectionTicks
	// readRetryTicks is when an unanswered ReadIndex round is asked again, with a fresh context.
	readRetryTicks = 4
	// stuckDiskTicks is the age of the oldest unanswered append at which a leader gives leadership away.
	stuckDiskTicks = 2 * ElectionTicks

	// quickCampaignStagger keeps voters of different rank from splitting the vote. It need not cover more than the usual
	// difference between two nodes' noticing: of two that ask at the same time one yields.
	quickCampaignStagger = 5 * time.Millisecond
	// quickCampaignGap, times the voters, is when a campaign without an answer is tried again.
	quickCampaignGap = 10 * time.Millisecond
	// heldPreVoteTicks is how long a pre-vote waits for this node to notice the leader's death. A busy kernel takes up to
	// 100 ms to close a dead process's sockets; an older candidate has long campaigned again.
	heldPreVoteTicks = 4
	// maxHeldPreVotes bounds the candidates whose pre-votes wait: more than store.MaxVoters.
	maxHeldPreVotes = 16
	// quickVotePatience is what a candidate that won its pre-vote gives the votes, and a voter its candidate: an fsync on each
	// side, on a busy machine.
	quickVotePatience = 150 * time.Millisecond
	// quickCampaignTries bounds the quick campaigns; after them the election timeout decides.
	quickCampaignTries = 5

	// maxRaftMessageBytes bounds the entries in one MsgApp.
	maxRaftMessageBytes = 512 << 10
	// maxInflightMessages and maxInflightBytes bound what is on the way to one follower.
	maxInflightMessages = 256
	maxInflightBytes    = 8 << 20
	// maxUncommittedBytes bounds a leader's uncommitted tail; above it raft drops proposals.
	maxUncommittedBytes = 64 << 20
	// maxApplyingBytes bounds what is handed to the apply worker and not yet applied.
	maxApplyingBytes = 4 << 20

	// DefaultRetainEntries and retainBytes bound the log kept behind the flushed index for followers that lag: beyond
	// it they get the store file.
	DefaultRetainEntries = 10_000
	retainBytes          = 16 << 20
	// holdBytes is the log that a leader keeps for a live follower that wants it: one that lags, or gets the store file.
	holdBytes = 64 << 20
	// maxUnflushedLogBytes is the log above the store's flushed index at which a follower drops MsgApp and a leader answers
	// "overloaded", until the store has flushed: a slow disk bounds the log instead of the memory.
	maxUnflushedLogBytes = 64 << 20

	// maxPromotionLag is how many entries a learner may be behind the commit index when it becomes a voter: what is on its
	// way under load, and no more, for from then on commits may wait for it.
	maxPromotionLag = 256
	// busyInterval is how often the leader looks at a membership that is being changed, and goes on with work that is left.
	busyInterval = 100 * time.Millisecond
	// membersWait bounds how long a change of members is waited for, within one try of a client, and membersPoll how often it is looked at.
	membersWait = 5 * time.Second
	membersPoll = 20 * time.Millisecond
	// joinTimeout bounds one question of a joining node.
	joinTimeout = 5 * time.Second
	// joinRetry is how often a joining node asks again while nobody can answer.
	joinRetry = 300 * time.Millisecond

	// ScrubInterval is how often a node reads all of its two files: bit rot that nobody reads is found within a day.
	ScrubInterval = 24 * time.Hour
	// scrubSpread bounds how long after the start the first scrub begins, of files that were too large to be read at the start.
	scrubSpread = 5 * time.Minute
	// scrubRetry is when a scrub that could not be made is tried again.
	scrubRetry = 10 * time.Minute
	// HashMarkInterval is how often the leader fixes an index at which all members compare their state; only when something
	// was applied since.
	HashMarkInterval = 10 * time.Minute
	// compareTimeout bounds how long a member waits for the others' state hashes.
	compareTimeout = 30 * time.Second
	// healRetry is when the peers are asked again for a store file when none had one to give, and when a file for which there was
	// no room is sent again; doubled up to maxFileRetry each time.
	healRetry    = time.Second
	maxFileRetry = 30 * time.Second
	// MaxSnapshotSends bounds the store files that are streamed out at the same time.
	MaxSnapshotSends = 2
	// MaxBackups bounds the copies of the store that are made for backups at the same time: each takes as much space as the
	// store.
	MaxBackups = 1
	// snapshotSendTimeout bounds one transfer as a whole; a stalled one ends much earlier.
	snapshotSendTimeout = 10 * time.Minute

	// gracefulTransferTimeout bounds how long a stopping leader waits for its successor.
	gracefulTransferTimeout = 2 * time.Second
	// peerAskTimeout bounds a question to one peer.
	peerAskTimeout = 500 * time.Millisecond
	// statusAskTimeout bounds one for a status page. A peer that hangs takes all of it from every answer, and clients learn from
	// the answer who leads after that peer: it fits a round trip around the world, and stays below what clients wait.
	statusAskTimeout = 300 * time.Millisecond
	// workTurn bounds how long the housekeeper erases and expires before it looks after everything else again.
	workTurn = 200 * time.Millisecond
	// maxClockOffset is how far a leader's clock may be off the quorum's median before it gives leadership away.
	maxClockOffset = 2 * time.Second
	// minFreeDiskBytes is the free space below which a leader takes only commands that add nothing.
	minFreeDiskBytes = 64 << 20
)
