package sim

import "time"

const (
	// calmTime is the end of a run, without faults: everything must come to its end within it.
	calmTime = 15 * time.Second
	// quietTime is the end of the calm time, in which clients begin nothing new.
	quietTime = 6 * time.Second
	// MinTime is the shortest run: some time for faults before the calm.
	MinTime = calmTime + 5*time.Second
	// settleTime is how long before the end something was applied that everybody must have.
	settleTime = 2 * time.Second

	// wallStart is the wall clock at the beginning, Unix milliseconds.
	wallStart = 1_700_000_000_000
	// maxSkew bounds how far a node's wall clock jumps; below the month after which request ids expire.
	maxSkew = 24 * time.Hour

	// callTimeout is how long a client waits for an answer before it asks another node.
	callTimeout = 1500 * time.Millisecond
	// handOnTimeout is how long a follower waits for the leader's answer, as a broken stream would tell it.
	handOnTimeout = time.Second
	// page is how many messages a client reads at once.
	page = 20
	// hashInterval is how often a state hash is fixed.
	hashInterval = 1500 * time.Millisecond
)
