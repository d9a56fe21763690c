package demo

import "time"

const (
	// DefaultPace is the pause before a line: fast enough that something moves while a node dies, slow enough to be read.
	DefaultPace = 4 * time.Second
	// againAfter is the pause before a line without an acknowledgement is tried again.
	againAfter = 500 * time.Millisecond
	// countEvery is how often the messages are counted.
	countEvery = time.Second
	// callTimeout bounds one try of a send or a read. The client library looks for another node meanwhile.
	callTimeout = 5 * time.Second
	// reviveTimeout bounds how long a revived node may take until it serves.
	reviveTimeout = 30 * time.Second
	// page is the API's limit of one read.
	page = 1000
	// maxCues bounds the remarks that wait to be said: more were made about nodes than anybody wants to read.
	maxCues = 4
	// maxAnswers is how often the bots answer the person in the room; after that they are a nuisance.
	maxAnswers = 3
)
