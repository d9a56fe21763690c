package load

import "time"

const (
	// sendTimeout bounds one call of the client library; the writer then calls again with the same request id.
	sendTimeout = 10 * time.Second
	// ackPatience bounds how long one message may take in all: longer than any fault that a scenario leaves standing.
	ackPatience = 90 * time.Second
	// readTimeout bounds one page of a verification.
	readTimeout = 20 * time.Second
	// pageSize is the most that one ReadMessages may ask for.
	pageSize = 1000
	// streamPatience bounds how long a stream may need for a whole history.
	streamPatience = 60 * time.Second
	// setupTimeout bounds the creation of one account: two password hashes, and elections that a test may begin with.
	setupTimeout = 30 * time.Second
	// maxComplaints bounds how many differences one comparison prints; the first ones tell the story.
	maxComplaints = 10
)
