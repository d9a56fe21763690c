package api

import "time"

// Sizes of a request. The store checks the ones that touch state again; here they give the caller a named field.
const (
	// maxRequestBytes is the client port's frame limit: a full message with its frame is under 9 KiB, a full MarkRead
	// (100 ranges) under 16 KiB.
	maxRequestBytes = 64 << 10
	// streamWindowBytes and connWindowBytes are what a client may send ahead of the node's reading: a few of the largest frames
	// on one stream, some of all. Fixed, because gRPC measures the connection otherwise: a ping with most requests.
	streamWindowBytes = 4 * maxRequestBytes
	connWindowBytes   = 1 << 20
	// maxHeaderBytes bounds the metadata of one call; a token is 43 characters.
	maxHeaderBytes = 16 << 10
	// maxReplyBytes keeps a page under the 4 MiB that gRPC clients take by default: 1,000 messages of 8 KiB would not fit.
	maxReplyBytes = 2 << 20

	// backupChunkBytes is one frame of a backup: far below what gRPC clients take, large enough to cost little.
	backupChunkBytes = 256 << 10

	maxTextBytes        = 8 << 10
	maxUsernameChars    = 32
	maxDisplayNameChars = 64
	maxStatusChars      = 128
	maxClientChars      = 64
	minPasswordBytes    = 8
	// maxPasswordBytes bounds what is hashed for a stranger.
	maxPasswordBytes  = 1 << 10
	tokenBytes        = 32
	maxPatternBytes   = 128
	maxPageTokenBytes = 256
	maxCursorBytes    = 256
	maxSessionIDBytes = 64
	// minInviteCodeChars make a code that nobody guesses: 16 random ones of 64 are 96 bits.
	minInviteCodeChars = 16
	maxInviteCodeChars = 64
	maxInviteIDBytes   = 64
	defaultInviteUses  = 1
	defaultInviteDays  = 7
	maxTopicBytes      = 512
	maxReactionBytes   = 32
	maxRetainDays      = 3650

	maxPage              = 1000
	defaultUsersPage     = 100
	defaultMessagesPage  = 50
	defaultConversations = 100
	defaultAuditPage     = 100
	defaultRoomsPage     = 100
	defaultSearchPage    = 20
	// maxSearches are under way on one node at a time, the others wait: a search is milliseconds of a processor, and sends go first.
	maxSearches = 2
	// maxImport accounts at most fill 53 KiB, under maxRequestBytes, when each has the longest names and hash.
	maxImport = 100
	// maxImportPHCBytes holds a salt and a tag of 64 bytes each; the usual ones need 97.
	maxImportPHCBytes = 256
	// maxImports are under way on one node at a time: the others wait. Together they queue far fewer commands than a node takes.
	maxImports = 4
	// maxRanges and maxIDs keep one command far below the 1,000 keys that one may write.
	maxRanges = 100
	maxIDs    = 100
)

// Passwords: argon2id at OWASP's floor, 45 ms and 19 MiB a hash on the reference machine.
const (
	argonMemoryKiB = 19 << 10
	argonTime      = 2
	argonThreads   = 1
	argonSaltBytes = 16
	argonTagBytes  = 32
	// maxHashes bounds memory and leaves a core for everything else: about 45 logins a second on two cores.
	maxHashes = 2
	// maxHashWaiters bounds the queue for them to about six seconds; above it a caller is told to come back.
	maxHashWaiters = 256
	// minImportSaltBytes and minImportTagBytes are what RFC 9106 recommends and what is enough for passwords.
	minImportSaltBytes = 16
	minImportTagBytes  = 16
	// maxImportWork is what checking an imported hash may cost, m times t: 16 of our own, about 0.7 s.
	maxImportWork = 16 * argonMemoryKiB * argonTime
	// The most that a stored PHC string may ask for; ours ask for much less.
	maxArgonMemoryKiB = 256 << 10
	maxArgonTime      = 16
	maxArgonThreads   = 8
)

// Guessing passwords. Only failures count. The counts are this node's own and not replicated: n nodes allow n times as
// many. Sessions that exist are not touched, so a stranger who fails on purpose locks nobody out of a running client.
const (
	accountFailureBurst = 10
	// One more try every 12 s: 5 a minute for one account.
	accountFailuresPerSecond = 1.0 / 12
	// An address may be an office or a test machine with many people, so it gets more.
	addressFailureBurst      = 60
	addressFailuresPerSecond = 1.0
	// maxBuckets bounds the memory of each of the two tables to about 1 MiB; the least recently used goes first.
	maxBuckets = 8192
)

// Connections, calls and streams.
const (
	// maxConnections bounds the client port; each costs about 100 KiB at the most.
	maxConnections = 4096
	// maxConnectionsPerAddress keeps one address from taking them all. Large: a load generator or an office behind one
	// address is legitimate.
	maxConnectionsPerAddress = 1024
	// maxConcurrentStreams is per connection: 256 callers that share one, with room, and not gRPC's default of no bound.
	maxConcurrentStreams = 1024
	// maxCalls bounds the unary calls and the sends of streams under way on this node, and with maxRequestBytes their memory.
	maxCalls = 8192
	// maxStreamsPerAccount: a person has a few terminals, and a client that moved may hold a dead stream for a while.
	maxStreamsPerAccount = 16
	// maxSubscribers bounds all subscriptions of this node; each has one goroutine and one page of events, about 20 KiB while
	// nothing happens.
	maxSubscribers = 16_384
	// maxSendStreams bounds the streams of sends; each has two goroutines. Every client that sends has one on its node.
	maxSendStreams = maxConnections
	// maxSendStreamsPerAccount is larger than that of subscriptions: scripts send for one account from many processes. A
	// client that is refused one makes a unary call.
	maxSendStreamsPerAccount = 256
	// maxSendsPerFrame bounds what one frame of sends asks for; maxRequestBytes bounds its size.
	maxSendsPerFrame = 256
	// maxSendsInFlight is how many sends of one stream may be under way or have an unwritten answer before the node stops
	// reading the stream. One client has as many callers at the most.
	maxSendsInFlight = 1024
	// maxRequestIDBytes holds every text form of a UUID, of 45 bytes at most. A longer id is not echoed on a stream.
	maxRequestIDBytes = 64
	// maxUnwrittenResults is how many answers may wait for a client that does not read before the node stops reading the stream.
	maxUnwrittenResults = 256
	// maxResultsPerFrame bounds a frame of answers to some 100 KiB.
	maxResultsPerFrame = 256
	// maxPublicStreams bounds the streams that need no session: every client connection holds one health watch, and tools
	// use reflection. Counted apart from the subscriptions, so that strangers cannot take the users' places.
	maxPublicStreams = 2 * maxConnections
	// maxPublicStreamsPerAddress keeps one address from taking them all.
	maxPublicStreamsPerAddress = 2 * maxConnectionsPerAddress

	// What an account may say of its presence and of its typing on this node. Clients say each a few times a minute.
	presencesPerSecond = 0.5
	presenceBurst      = 10
	typingsPerSecond   = 1
	typingBurst        = 5

	connectionTimeout = 10 * time.Second
	// keepaliveMinTime is what clients may ping at most; api/client pings no faster.
	keepaliveMinTime = 5 * time.Second
	// keepaliveTime and keepaliveTimeout find a client whose machine vanished.
	keepaliveTime    = 20 * time.Second
	keepaliveTimeout = 10 * time.Second
	// defaultCallTimeout bounds a unary call whose client set no deadline.
	defaultCallTimeout = 30 * time.Second
)

// Waits inside a call.
const (
	// confirmTimeout bounds the question to the quorum whether a session that this node does not know exists, when the
	// caller asked for a local answer.
	confirmTimeout = 500 * time.Millisecond
	// statusTimeout bounds Status: it must answer when peers do not.
	statusTimeout = 500 * time.Millisecond
	// heartbeatAfter is the silence after which a stream says that the node is alive.
	heartbeatAfter = time.Second
)

// Log lines about failed calls: enough to see what is wrong, whatever the number of callers that retry.
const (
	failureLogsPerSecond = 10
	failureLogsBurst     = 20
)
