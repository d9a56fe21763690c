package cluster

import "time"

const (
	// Patience is how long a condition may take that a healthy cluster meets in a second or two. It is generous because
	// the machine may be busy with other tests, and it is not a promise.
	Patience = 60 * time.Second
	// pollInterval is short against what is measured and long against the cost of a probe.
	pollInterval = 10 * time.Millisecond
	// probeTimeout bounds one question to one node, which may be paused.
	probeTimeout = 2 * time.Second
	// stopTimeout bounds a graceful stop; it is longer than the product's own bound on handing over and draining.
	stopTimeout = 30 * time.Second
	// buildTimeout bounds the build of the binary, dependencies included, on a busy machine.
	buildTimeout = 8 * time.Minute
	// logTailBytes is how much of each node's log a failure prints.
	logTailBytes = 6 << 10

	// Ports are drawn from here: above what services use, below the ephemeral range of Linux (32768) and macOS (49152).
	minPort = 15_000
	maxPort = 32_000
	// portTries bounds the draws for one free port.
	portTries = 1000
)
