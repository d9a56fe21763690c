// Package search finds messages. Each node keeps an index of its own beside the replicated state, in files that may be removed
// at any time: they are made again from the state.
//
// How it flows:
//
//	store.Apply -> publish -> Tap: a word, and the conversations with edits         (never waits)
//	indexer:  View.FeedMessages above the last id, View.FeedEdits -> memory
//	          16,384 messages -> a segment, a file that never changes
//	merger:   four segments of a size -> one
//	Search:   ParseQuery -> lists of ids, newest first, met -> each message read from a View as the caller -> words compared
//
// The lists say only where to look: which messages have a word, are in a conversation, are an author's. They hold no positions
// and no texts. So a phrase is looked for in the text, and what was deleted, hidden or is another's is dropped when it is read.
// Words of a deleted message stay in the files until a merge comes by, or until a quarter of a segment is gone.
//
// Invariants:
//
//  1. No message is shown that a read of the same view would not show to the same caller, whatever the index holds.
//  2. No answer, no token and no order depends on what the caller may not read; time taken may.
//  3. A segment says how far the index is complete with it, and from where it follows the one before. What is not whole by its
//     checksum, or follows nothing, is removed and its messages are indexed again.
//  4. Nothing here holds up Apply, and background work takes a quarter of one core at most. A search that wants to see all waits for
//     the indexer, a moment, and says so when that was not enough.
//  5. Memory is bounded: what is not in a segment yet, the first word of each block of a dictionary, and 56 bytes for 64 messages.
package search
