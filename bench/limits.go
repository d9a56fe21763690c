package bench

import "time"

const (
	// DefaultSenders are accounts that log in and connect. A login costs a password hash, about 45 ms of a core.
	DefaultSenders = 64
	// DefaultConversations spread the load over as many orders.
	DefaultConversations = 100
	// DefaultSize is a usual chat message, in bytes.
	DefaultSize = 100
	// MinSize holds a message's own label.
	MinSize = 64
	// MaxSize is the largest message that the service takes.
	MaxSize = 8192
	// MaxSenders bounds the connections: each sender may have one to every node, and a node takes 1,024 of one address.
	MaxSenders = 512
	// MaxConversations bounds the accounts, of which there are a little more than twice as many.
	MaxConversations = 10_000
	// MaxUsers bounds the accounts that only exist.
	MaxUsers = 1_000_000
	// MaxCallers bounds the goroutines that send.
	MaxCallers = 4096
	// MaxRate is far above what a cluster takes; the pacer can begin so many in a second.
	MaxRate = 200_000
	// MaxRoom bounds the members of a measured room: each is a login, and a stream of this process.
	MaxRoom = 9_999
	// DefaultRoomRate is how many messages a second go to a room where no rate is given: a lively one.
	DefaultRoomRate = 10
	// DefaultMessages are made for a measurement of reads and searches in a long conversation: some seconds of sends.
	DefaultMessages = 20_000
	// MaxMessages bounds them.
	MaxMessages = 10_000_000
	// MaxIdle bounds the subscriptions of an idle measurement.
	MaxIdle = 50_000

	// streamsPerAccount is how many subscriptions of one account a node takes.
	streamsPerAccount = 16
	// streamsPerClient shares one connection: below the 1,024 streams that a node takes on one.
	streamsPerClient = 500
	// maxPins bounds the clients that stay on one node; three for each sender are needed at most, and some for subscribers.
	maxPins = 4096

	// maxBacklog is how many operations may be due and not begun. What is due then is missed.
	maxBacklog = 16_384
	// lateAfter is how much later than due an operation may begin without being counted as late.
	lateAfter = time.Millisecond
	// maxNap bounds one sleep of the pacer, so that it sees the end of a run.
	maxNap = 50 * time.Millisecond

	// setupParallel is how many passwords are checked at once; servers hash two at a time each.
	setupParallel = 6
	// importBatch is what one import takes, importParallel how many are under way.
	importBatch    = 100
	importParallel = 4
	// historyParallel is how many sends of a history are under way, historyWords its vocabulary.
	historyParallel = 256
	historyWords    = 50_000
	// indexWait is how long the nodes may take to bring their search indexes up to date.
	indexWait = 10 * time.Minute
	// connectParallel is how many clients connect at once.
	connectParallel = 32
	// verifyPage is what one read asks for; the API's most.
	verifyPage = 1000
	// readLimit is what a measured read asks for: a client's first screen.
	readLimit = 50
	// maxLoggedFailures keeps a failing run readable.
	maxLoggedFailures = 10
	// deliverWait is how long deliveries may lag behind the last acknowledgement before they count as lost.
	deliverWait = 15 * time.Second
	// standWait is how long subscriptions may take to stand.
	standWait = time.Minute
	// settleWait bounds the wait for a leader and a restarted node between two fail-overs.
	settleWait = 30 * time.Second
	// failoverLoad is how long callers send undisturbed before the next kill.
	failoverLoad = 400 * time.Millisecond
	// failoverWait is how long a kill may go without an acknowledged write before the run is given up.
	failoverWait = 30 * time.Second
)
