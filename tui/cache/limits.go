package cache

const (
	// MaxMessages is what is kept of one conversation: several screens to scroll in while no node answers.
	MaxMessages = 500
	// maxConversations bounds the histories; those of the least recently active conversations go first.
	maxConversations = 1000
	// MaxOutbox bounds what waits over all conversations: text of a day without a node, and 8 MiB at most.
	MaxOutbox = 1000
	// maxDraftBytes bounds one draft; the composer ends at 16 KiB.
	maxDraftBytes = 64 << 10
	// maxSlots bounds the clients of one account that keep an outbox at a time; one more runs without.
	maxSlots = 8
	// maxDamaged bounds the files that were set aside; the oldest go.
	maxDamaged = 4
	// maxRanges bounds the untold read marks of one conversation; the rest is read again.
	maxRanges = 1000
)
