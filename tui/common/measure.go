package common

import (
	"context"
	"time"
)

// Measurer is a Backend that can measure the way to each node; the cluster screen asks for it while it is open.
type Measurer interface {
	// Measure asks every node that is connected for nothing, and tells how long that took. It may block until ctx ends.
	Measure(ctx context.Context) []RoundTrip
}

// RoundTrip is one measurement.
type RoundTrip struct {
	Node    string // empty until the node told its name
	Address string
	Took    time.Duration
}

// Connector is a Backend that can be told of more addresses.
type Connector interface {
	// Connect adds addresses of the cluster's nodes, "host:port", to those that are tried. It does not wait for them.
	Connect(addresses ...string) error
}
