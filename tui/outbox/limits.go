package outbox

import "time"

const (
	// MaxWaiting bounds the messages of one conversation that wait for a verdict.
	MaxWaiting = 200
	// StaleAfter is how long a message may wait before a person is asked whether it is still to be sent.
	StaleAfter = 10 * time.Minute
	// AgeAfter is when a waiting message says how long it waits.
	AgeAfter = 10 * time.Second
	// RetryAfter is the pause before a message without a verdict is tried again; a link that becomes ready cuts it short.
	RetryAfter = time.Second
)
