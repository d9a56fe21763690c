package soft

import "time"

const (
	// Heartbeat is how often a node tells all that it knows. It makes good what was lost.
	Heartbeat = 20 * time.Second
	// Expiry is how long a node that tells nothing is believed: three lost heartbeats, and some for a slow link.
	Expiry = 65 * time.Second
	// ActiveFor is how long an account is ACTIVE after it was said.
	ActiveFor = time.Minute
	// TypingFor is how long typing holds, by the contract. Nothing here waits for its end: who is told lets it fade.
	TypingFor = 6 * time.Second
	// Linger is how long a stream that ended, or a node whose link broke, still counts. A client that lost its node is on
	// another in a second or two.
	Linger = 5 * time.Second

	// frameGap is the least time between two frames to the other nodes: 4 a second.
	frameGap = 250 * time.Millisecond
	// tellGap is the least time between two rounds of telling the streams of this node who came and went, maxChanges how many
	// accounts a round tells of: a node that dies with 3,000 accounts is told of in 8 s. Each costs a look at whom it concerns.
	tellGap    = 250 * time.Millisecond
	maxChanges = 100
	// sweepGap is the least time between two looks at all that may be over.
	sweepGap = time.Second

	// MaxAccounts bounds the accounts whose streams a node serves, above what the services take, and those that said to be
	// active to it while another node has their stream. Of each a full frame has the number: five bytes at the most.
	MaxAccounts = 20_000
	// maxHeard bounds the accounts that are remembered of another node, and that one frame tells of.
	maxHeard = 2 * MaxAccounts
	// maxNodes bounds the nodes that are remembered: more than there are members.
	maxNodes = 64
	// maxTypingFrame bounds the typing in one frame; what is more is dropped.
	maxTypingFrame = 256
	// maxTyping bounds the typing that waits to be told here, and is told in a second; maxTypingIn that of one conversation
	// in a second. A room where everybody types tells of a few.
	maxTyping   = 100
	maxTypingIn = 5
	// typingGap is how long the same typing is not told again: it holds for longer.
	typingGap = 2 * time.Second
	// maxMailbox bounds the frames that wait for one stream; the oldest goes first.
	maxMailbox = 256
)
