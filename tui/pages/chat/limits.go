package chat

import "time"

const (
	// pageSize is what opening a conversation loads; a screen has fewer rows.
	pageSize = 50
	// olderWithin is how near to the oldest loaded entry the next page is asked for: about a screen.
	olderWithin = 20
	// maxPage is the server's limit of one page; opening a conversation with many unread messages loads up to it.
	maxPage = 1000
	// maxLoaded bounds the messages kept of one conversation; the oldest go while the reader follows the tail.
	maxLoaded = 10_000
	// maxNotices bounds the rows that the client itself wrote into one conversation.
	maxNotices = 50
	// maxConversations bounds one page of the sidebar's list.
	maxConversations = 1000
	// maxFrames is how many stream frames one Update takes; more wait in the channel, then in the connection.
	maxFrames = 256
	// keptMessages is what the disk keeps of one conversation.
	keptMessages = 500
	// maxMarkRanges is the contract's limit of one MarkRead.
	maxMarkRanges = 100
	// maxDelete is the contract's limit of one DeleteMessages.
	maxDelete = 100
	// maxPeople is one page of the lists of rooms and people.
	maxPeople = 100
	// maxAtOnce bounds the people whom one command invites or puts out.
	maxAtOnce = 20
	// maxTypists bounds the people who type at one time; more are not told apart by anybody.
	maxTypists = 50
	// maxMembers is the contract's limit of a room's members.
	maxMembers = 10_000
	// maxOverlays bounds the screens that stand on each other; details of a result of a search are three.
	maxOverlays = 8
	// maxActions bounds what is done to messages and has no outcome yet.
	maxActions = 100
	// maxTrails bounds the own messages whose delivery is remembered, maxAttempts what is kept of one.
	maxTrails, maxAttempts = 500, 40
	// maxFresh bounds the messages that wait to be read anew; more are corrected when their page is read the next time.
	maxFresh = 200
	// freshAtOnce bounds how many of them are read in one go.
	freshAtOnce = 20
	// leadRunes is how much of a thread's first message stands over its replies.
	leadRunes = 60
	// barMargin is what the status bar has beside the word and a flash: spaces, and the hint of the help.
	barMargin = 14
	// maxBanner bounds the rows of the banner that stands in for the composer.
	maxBanner = 4
	// defaultUnread is how many unread messages /unread shows without a number.
	defaultUnread = 20

	// maxSuggestions is how many candidates are drawn at once, maxCompletions how many are found.
	maxSuggestions = 8
	maxCompletions = 50
	// recentAuthors is how far back in a conversation a name counts as one of those who speak there.
	recentAuthors = 200
	// pasteLines and pasteBytes are from where on a paste is asked about.
	pasteLines = 5
	pasteBytes = 1024
	// maxEditedBytes bounds what is read back from $EDITOR: eight messages, so that a text too long can be cut and not lost.
	maxEditedBytes = 64 << 10

	// retryAfter is the pause before a read or a mark is tried again.
	retryAfter = time.Second
	// saveAfter gathers changes into one write to the disk; a draft loses no more than this in a crash.
	saveAfter = 2 * time.Second
	// closeWithin is how long leaving waits for the outbox to be on disk: a slow disk, not a dead one.
	closeWithin = 2 * time.Second
	// keptAfter is how long a node may take to tell the conversations before those of the disk are opened.
	keptAfter = 300 * time.Millisecond
	// markAfter gathers what a reader scrolls past into one MarkRead.
	markAfter = 150 * time.Millisecond
	// askAfter lets a person type before a completion asks the cluster.
	askAfter = 120 * time.Millisecond
	// doubtFor is how long after a page was read, or the stream began, an event may tell what the page has counted already.
	doubtFor = 5 * time.Second
	// freshAfter gathers the events of one message into one reading of it.
	freshAfter = 200 * time.Millisecond
	// probeEvery is how often the round trip to our node is measured.
	probeEvery = 5 * time.Second
	// sameEvent is how long after a move the news of a new leader belongs to it: two of the library's looks at the cluster.
	sameEvent = 5 * time.Second
	// collapse is how short a change may be to leave no row of its own in the timeline.
	collapse = time.Second
	// flashFor is how long an answer stays in the status bar; the next key takes it away after flashAtLeast.
	flashFor     = 8 * time.Second
	flashAtLeast = 1500 * time.Millisecond
	// typingFor is how long the contract lets a Typing hold; typingEvery is how often it is said again, twice in that time.
	typingFor   = 6 * time.Second
	typingEvery = 3 * time.Second
	// activeEvery is how often a client that is used says so: twice in the minute after which the cluster calls it away.
	activeEvery = 25 * time.Second
	// idleFor is how long no key may have come before the page asks something by itself: an answer must not be a typed letter.
	idleFor = 2 * time.Second
	// quitWithin is how fast ^C must come twice.
	quitWithin = 2 * time.Second

	// sidebarWidth and clusterWidth are the terminal widths from which the sidebar and its cluster pane are shown.
	sidebarWidth = 60
	clusterWidth = 80
	// MinWidth and MinHeight are the smallest terminal the page is drawn in.
	MinWidth  = 40
	MinHeight = 8
)
