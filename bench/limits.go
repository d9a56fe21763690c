package bench

import "time"

const (
	// DefaultSenders are accounts and connections. Making one costs two password hashes, about 90 ms of a core.
	DefaultSenders = 64
	// DefaultConversations spread the load over as many orders.
	DefaultConversations = 100
	// DefaultSize is a usual chat message, in bytes.
	DefaultSize = 100
	// MinSize holds a message's own label.
	MinSize = 64
	// MaxSize is the largest message that the service takes.
	MaxSize = 8192
	// MinSenders lets each account have two different partners.
	MinSenders = 8
	// MaxSenders bounds the connections: each sender has one to every node.
	MaxSenders = 512
	// MaxCallers bounds the goroutines that send.
	MaxCallers = 4096

	// setupParallel is how many accounts are made at once; servers hash two passwords at a time each.
	setupParallel = 6
	// verifyPage is what one read asks for; the API's most.
	verifyPage = 1000
	// readLimit is what a measured read asks for: a client's first screen.
	readLimit = 50
	// deliverWait is how long deliveries may lag behind the last acknowledgement before they count as lost.
	deliverWait = 15 * time.Second
	// settleWait bounds the wait for a leader and a restarted node between two fail-overs.
	settleWait = 30 * time.Second
	// failoverLoad is how long callers send undisturbed before the next kill.
	failoverLoad = 400 * time.Millisecond
	// failoverWait is how long a kill may go without an acknowledged write before the run is given up.
	failoverWait = 30 * time.Second
)
