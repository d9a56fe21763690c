package store

import "time"

// Bounds on what people write. The edge checks the same ones first; Apply has the last word.
const (
	// MaxMessageBytes bounds a message: a long paragraph, far below what one raft entry carries.
	MaxMessageBytes = 8 << 10
	// MaxUsernameBytes bounds a user name, whose characters are all ASCII.
	MaxUsernameBytes = 32
	// MaxDisplayNameRunes bounds a display name: it has to fit a line of a terminal.
	MaxDisplayNameRunes = 64
	// MaxClientRunes bounds what a client calls itself in a login.
	MaxClientRunes = 64
	// MaxPHCBytes bounds a password hash in PHC form; argon2id needs about 100.
	MaxPHCBytes = 512
	// MaxMarkRanges bounds the ranges of one MarkRead.
	MaxMarkRanges = 100
	// MaxDeleteIDs bounds the ids of one DeleteMessages.
	MaxDeleteIDs = 100
	// MaxSessions bounds the live sessions of an account; one more login ends the oldest. Low enough that a change of
	// password ends all of them within MaxCommandKeys.
	MaxSessions = 100
	// MaxConversations bounds the conversations of an account: a read that merges all of them stays within a view's life.
	MaxConversations = 10_000
	// MaxMembers bounds the replicated member records: node ids are never reused, so replaced nodes add up.
	MaxMembers = 1_000
	// MaxMemberChanges bounds the members that one ChangeMembers names.
	MaxMemberChanges = 16
	// MaxVoters bounds the voters: each write waits for a majority of them, and more than nine protect nobody better.
	MaxVoters = 9
	// MaxLiveMembers bounds voters and learners together.
	MaxLiveMembers = 32
	// MaxTombstones bounds the records of removed members that are kept, so that they can be told why they are refused.
	MaxTombstones = 64
	// MaxMemberNameBytes bounds the name of a member that is added.
	MaxMemberNameBytes = 32
	// MaxRoomNameBytes bounds a room's name, without its #.
	MaxRoomNameBytes = 32
	// MaxTopicBytes bounds a room's topic, one line.
	MaxTopicBytes = 512
	// MaxRoomMembers bounds the members of a room, the invited and banned ones not counted.
	MaxRoomMembers = 10_000
	// MaxMentions bounds the members that one message of a room mentions by name: a key each. More are plain text.
	MaxMentions = 50
	// MaxMentionCount is where the count of unread mentions ends.
	MaxMentionCount = 100
	// MaxReactionBytes bounds a reaction: the longest emoji sequences of Unicode have about so many.
	MaxReactionBytes = 32
	// MaxReactionValues bounds the different reactions on a message, MaxReactions all of them.
	MaxReactionValues = 20
	MaxReactions      = 1_000
	// MaxPins bounds the pinned messages of a conversation.
	MaxPins = 100
	// MaxEdits bounds the edits of a message.
	MaxEdits = 100
	// MaxStatusRunes bounds what an account says of itself.
	MaxStatusRunes = 128
	// MaxBlocks bounds the accounts that one blocks.
	MaxBlocks = 1_000
	// MaxInvites bounds the invite codes in force; MaxInviteUses and MaxInviteDays what one admits.
	MaxInvites    = 1_000
	MaxInviteUses = 1_000
	MaxInviteDays = 365
	// MaxBots bounds the bots of an account.
	MaxBots = 100
	// MaxRetainDays bounds how long messages are kept, where they are not kept for ever.
	MaxRetainDays = 3_650
	// MaxAudit bounds the audit entries that are kept.
	MaxAudit = 10_000
	// MaxReadRanges bounds the read ranges above a watermark. Each costs a few bytes in a record that is written often.
	MaxReadRanges = 128
)

// Bounds on what one command does.
const (
	// MaxCommandKeys bounds the keys that one command writes (DESIGN section 3).
	MaxCommandKeys = 1_000
	// MaxCommandWriteBytes bounds the bytes that one command writes.
	MaxCommandWriteBytes = 1 << 20
	// MaxDeadScan bounds the deleted messages that one command counts to keep an unread count exact. Only a
	// conversation with more deletions than this in one run meets it, and then the command is refused, not wrong.
	MaxDeadScan = 20_000
	// EraseMessages bounds the texts that one EraseSlice clears.
	EraseMessages = 500
	// EraseScan bounds the messages that one EraseSlice looks at: the other side's are between them.
	EraseScan = 5_000
	// EraseEvents bounds the conversations whose members one EraseSlice tells; two keys each.
	EraseEvents = 250
	// eraseRoomCost is what taking an account out of a room costs of EraseEvents: up to fourteen keys. vacateScan is how many
	// records of a room are looked at for one more.
	eraseRoomCost = 5
	vacateScan    = 100
	// SweepKeys bounds the earlier texts and reactions of placeholders that one EraseSlice removes.
	SweepKeys = 900
	// RetainMessages bounds the messages that one RetainSlice removes, RetainConversations those that it looks at.
	RetainMessages      = 100
	RetainConversations = 200
	// ExpireItems bounds what one ExpireSlice removes; at most three keys each.
	ExpireItems = 300
)

// Times of the state clock, in milliseconds.
const (
	// SessionLifeMS is how long a session lives from its login.
	SessionLifeMS = 90 * dayMS
	// BotTokenLifeMS is how long a bot's token lives: it stands in files that nobody looks at, and is ended by who made it.
	BotTokenLifeMS = 3_650 * dayMS
	// AnswerLifeMS is how long the answer to a request with a version 7 UUID is kept, unless it is a message.
	AnswerLifeMS = 30 * dayMS
	// MaxClockStepMS is how far one entry may move the clock: a leader with a wrong clock cannot expire everything.
	MaxClockStepMS = int64(time.Hour / time.Millisecond)

	dayMS = int64(24 * time.Hour / time.Millisecond)
)

// Bounds on memory and files.
const (
	// OverlayBytes is how much is gathered in memory before it is flushed; at most two overlays live. A flush rewrites every
	// page that it touches, mostly the last one of each conversation's and account's keys, so a larger one writes less for
	// each message: BenchmarkOverlayBytes. Memory grows by several times what is added here.
	OverlayBytes = 8 << 20
	// FlushInterval is how long a change waits for its flush at the most: about as long as a busy node takes to fill an overlay.
	// It bounds what a restart replays, some tenth of a second's work; nothing that anybody can see depends on it.
	FlushInterval = time.Second
	// CheckBytes is the largest file that is verified as a whole before it is opened: about a second. A larger one would keep
	// a node away for too long, and is verified while it serves.
	CheckBytes = 256 << 20
	// initialMmapBytes is address space, not memory: the file grows into it without a remap, which would wait for every
	// reader.
	initialMmapBytes = 4 << 30
	// fileGrowBytes is the step in which the file grows; each costs an extra fsync.
	fileGrowBytes = 32 << 20
	// copyBatchBytes is what Copy puts into one commit: enough that the commits cost little, far below what a machine has.
	copyBatchBytes = 4 << 20
	// leafFill is how full bbolt leaves a page that it splits. Nearly all inserts append within a prefix, so the left
	// page is never touched again.
	leafFill = 0.9
	// nodeBytes and versionBytes are what a key and a value cost in an overlay beyond themselves.
	nodeBytes    = 56
	versionBytes = 24
	// chunkBytes is the step in which an overlay takes memory for keys and values.
	chunkBytes = 64 << 10
	// slabPieces is how many of an overlay's nodes, and of its versions, are allocated together.
	slabPieces = 256
	// maxHeight bounds the levels of an overlay's list: 8^8 keys are more than an overlay holds.
	maxHeight = 8
	// hintSlots is how many places an overlay's writer remembers: several times what a second writes to, so that few
	// share one.
	hintSlots = 8_192
	// hintSteps is how far from a remembered place the writer looks.
	hintSteps = 4
	// repliesBytes is the step in which Apply takes memory for the answers to messages: about forty.
	repliesBytes = 4 << 10
	// maxEmitted bounds the memory for events that Apply keeps from one publish to the next.
	maxEmitted = 1_024
	// MaxHashMarks bounds the recorded state hashes that are kept.
	MaxHashMarks = 64
	// maxCached bounds each of two generations of each cache of decoded records.
	maxCached = 8_192
	// maxKept bounds the decoded records that views share, and maxKeptBytes each of them as it is stored: about 4 MiB in all.
	maxKept      = 8_192
	maxKeptBytes = 512
	// maxIdleReads bounds the reads of the disk that are kept between two views: as many as are open at one time on a machine
	// of many cores, for a view lives as long as a look-up.
	maxIdleReads = 64
)

// Bounds on reads and streams.
const (
	// MaxPage bounds what one read returns.
	MaxPage = 1_000
	// maxUserScan bounds the names that one Users call looks at; the page then ends early, with a token.
	maxUserScan = 100_000
	// maxHiddenWalk bounds the messages that Conversations walks back over to find one that is not hidden.
	maxHiddenWalk = 200
	// MaxWatchBatch bounds what one Next returns.
	MaxWatchBatch = 256
	// maxWatchQueue bounds the events that wait for one reader; a slower one falls back to reading the index.
	maxWatchQueue = 1_024
	// MaxWatchers bounds the readers of one node.
	MaxWatchers = 50_000
	// MaxSessionWatches bounds the watches over sessions: one a stream of sends.
	MaxSessionWatches = 50_000
	// maxCursorAhead is how many entries a cursor may be ahead of this node: it may come from a faster one. Beyond it
	// the cursor is taken for one of another history.
	maxCursorAhead = 1_000_000
	// FeedBytes is how much text one read for an index returns, and a message more: a millisecond's work.
	FeedBytes = 256 << 10
	// maxTapped bounds the conversations that a tap remembers: more were edited than a second's work brings, and all are looked at.
	maxTapped = 1_024
	// MaxCircle bounds the accounts that a presence concerns, MaxCircleConversations the conversations that are looked at for it,
	// and MaxCircleRoom the members of a room where people are shown who is there: in a larger one it would be noise, and cost
	// each change of one a look at all.
	MaxCircle              = 1_000
	MaxCircleConversations = 1_000
	MaxCircleRoom          = 200
	// MaxTypingMembers bounds the members of a room where typing is shown.
	MaxTypingMembers = 1_000
	// maxHashWaiters bounds the callers that wait in HashAt.
	maxHashWaiters = 1_024
)

const (
	// spoolPieceBytes is how much of a store file is copied at once.
	spoolPieceBytes = 1 << 20
	// checkContextRecords is how many records a verification reads between two looks at whether it is still wanted.
	checkContextRecords = 1024
)
