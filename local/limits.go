package local

import "time"

const (
	// DefaultNodes survives two failures at once.
	DefaultNodes = 5
	// MaxNodes is the largest cluster that makes sense: each node more makes every write wait for a larger majority.
	MaxNodes = 9
	// DefaultBasePort is the client port of the first node.
	DefaultBasePort = 50051
	// PeerPortOffset is what a node's peer port lies above its client port when ports are counted from a base.
	PeerPortOffset = 1000

	// stopTimeout is how long a node may drain before it is killed; a healthy one needs well under a second.
	stopTimeout = 10 * time.Second
	// readyPoll is how often a starting node is asked whether it serves.
	readyPoll = 20 * time.Millisecond
	// readyCallTimeout bounds one such question, so that a hung node cannot hold up the wait.
	readyCallTimeout = time.Second

	// busyPatience is how long a port may be in use before that is an error, asked every busyPoll.
	busyPatience = 300 * time.Millisecond
	busyPoll     = 10 * time.Millisecond

	// maxLogBytes is the size at which a node's log is set aside when the node starts; one older log is kept.
	maxLogBytes = 16 << 20
	// logTailBytes is how much of a node's log is looked at for the line that says why it ended.
	logTailBytes = 8 << 10

	// freePortLow and freePortHigh bound the ports chosen when none were asked for. They lie below the range from which
	// Linux takes outgoing ports, so that no connection takes a killed node's port before it is back.
	freePortLow  = 12000
	freePortHigh = 30000
	// freePortTries bounds the search; a machine where this many random ports are taken has another problem.
	freePortTries = 500
)
