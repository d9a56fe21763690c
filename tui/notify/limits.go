package notify

import "time"

const (
	// maxTitle and maxBody are runes of what a desktop shows in one bubble; terminals cut long sequences in half.
	maxTitle = 60
	maxBody  = 200
	// atLeast is the time between two calls: a busy room is one ring, not an alarm. What came meanwhile is counted in the next.
	atLeast = 2 * time.Second
	// commandWithin bounds a command of the person's; it is killed then.
	commandWithin = 10 * time.Second
	// maxCommands bounds those that run at once; more are not started.
	maxCommands = 2
)
