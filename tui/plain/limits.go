package plain

import "time"

const (
	// maxCalls bounds what a person has under way beside messages: more than anybody types while a node is looked for.
	maxCalls = 16
	// maxConversations is one page of the list of conversations, and all that is known of them at the start.
	maxConversations = 1000
	// maxFrames is how many frames of the subscription wait for the loop; more wait in the connection.
	maxFrames = 256
	// maxHeld bounds what comes live while a page of the same conversation is read; what is beyond is read with /read.
	maxHeld = 1000
	// maxPage is the contract's limit of one page.
	maxPage = 1000
	// maxList bounds lists of people, rooms and found messages: more is not listened to.
	maxList = 50
	// maxPaste bounds a paste that waits for its answer, in lines: a message has 8 KiB.
	maxPaste = 500
	// maxLineBytes bounds a line of a pipe: far above a message, which the cluster judges.
	maxLineBytes = 64 << 10
	// maxMarkRanges is the contract's limit of one MarkRead.
	maxMarkRanges = 100
	// openLines is how much of a conversation is written when it is opened and nothing in it is unread; with unread messages it is
	// those, up to openUnread, and contextLines before them.
	openLines    = 10
	openUnread   = 100
	contextLines = 3
	// defaultUnread is /unread without a number.
	defaultUnread = 20

	// retryAfter is the pause before a message without a verdict is tried again; a link that becomes ready cuts it short.
	retryAfter = time.Second
	// tellAfter is how long a message is under way before that is said, and a link is lost before that is: what is over sooner is
	// one line at its end.
	tellAfter = time.Second
	// keptAfter is how long a node may take to tell the conversations before what is kept on disk is written.
	keptAfter = 2 * time.Second
	// markAfter gathers what is written into one MarkRead.
	markAfter = 150 * time.Millisecond
	// tickEvery is how often the loop looks at the clock.
	tickEvery = 100 * time.Millisecond
	// quitWithin is how fast ^C must come twice.
	quitWithin = 2 * time.Second
)
