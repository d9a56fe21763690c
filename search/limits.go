package search

import "time"

// Bounds on a query.
const (
	// MaxQueryBytes bounds a query: more than anybody types.
	MaxQueryBytes = 1_024
	// maxQueryParts bounds its words and filters: each is a list to walk.
	maxQueryParts = 32
	// MaxPage bounds the messages of a page.
	MaxPage = 100
	// maxNameBytes is the longest name of a user or a room.
	maxNameBytes = 32
	// maxWordBytes bounds a word: longer ones are keys and hashes, of which the beginning says enough. Words are compared as
	// they are cut, in a message and in a query.
	maxWordBytes = 64
	// maxScoredCount bounds how often a word counts in one message.
	maxScoredCount = 8
	// scoreUnit is how finely scores are told apart.
	scoreUnit = 10_000
)

// Bounds on the work of a query.
const (
	// maxLooked bounds the messages that one page reads from the state to see whether they match. Only phrases of common words
	// and conversations with very many deleted messages meet it; the page then ends early and says where to go on. Some 20 ms.
	maxLooked = 4_000
	// maxBest is how many of the newest matches the best are chosen from.
	maxBest = 2_000
	// maxPrefixWords bounds the words that a prefix stands for. One of more is looked for in all that the caller may read.
	maxPrefixWords = 128
	// maxListed is how many conversations are looked for by their lists of messages: a few milliseconds to open. Who has more is
	// party to much of everything: then each message that has the words is asked for its conversation.
	maxListed = 512
	// contextSteps is how many steps a walk makes between two looks at whether it is still wanted.
	contextSteps = 4_096
	// waitIndexed is how long a search waits for the index to catch up.
	waitIndexed = 2 * time.Second
)

// Bounds on the index.
const (
	// memoryDocs is how many messages are gathered in memory before they become a segment, memoryBytes about how much memory.
	memoryDocs  = 16_384
	memoryBytes = 8 << 20
	// fanIn is how many segments of a size are merged into one: a message is rewritten once for each power of it, and a query
	// walks up to fanIn-1 segments of each size.
	fanIn = 4
	// maxSegmentDocs ends the merging: a merge holds the longest list of a segment in memory, 8 bytes a message.
	maxSegmentDocs = 2_000_000
	// checkGoneDocs is the size from which a merge asks the state which messages are gone, and forgets their words.
	checkGoneDocs = 4 * memoryDocs
	// sampleGone is how many messages of the oldest segment are looked at now and then; when more than a quarter of them are
	// gone it is written anew.
	sampleGone = 64
	// blockIDs is how many ids of a list are skipped or read together.
	blockIDs = 128
	// blockDocs is the same of a segment's table: few, for most searches look single messages up. A block costs 56 bytes of memory.
	blockDocs = 64
	// dictBytes is about how long a block of the dictionary is; the first word of each stays in memory.
	dictBytes = 4 << 10
	// windowBytes is how much of a long list is read at once.
	windowBytes = 16 << 10
)

// Bounds on the work of the indexer and the merger, which share the machine with the node.
const (
	// feedBatch is how many messages are read in one view of the state: a millisecond or two.
	feedBatch = 500
	// editBatch and changedBatch are events and conversations looked at in one view.
	editBatch    = 500
	changedBatch = 2_000
	// goneBatch is how many ids are asked for in one view.
	goneBatch = 500
	// lazyInterval is how long new messages wait to be indexed while nobody searches: many cost little more than one.
	lazyInterval = 100 * time.Millisecond
	// workTurn is how long the indexer or the merger works before it rests restFactor times as long: a quarter of one core at most,
	// which indexes more than a cluster takes. Three nodes that make their indexes on two cores doubled the time of a send at a half.
	workTurn   = 5 * time.Millisecond
	restFactor = 3
	// retryInterval is the pause after an error of the disk.
	retryInterval = 10 * time.Second
)
