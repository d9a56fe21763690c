package e2e

import (
	"testing"

	"parley/e2e/cluster"
)

// TestDeliveryWithoutTimers builds a parley in which every interval that could hide a delivery by polling is an hour, and
// delivers with it: a message reaches its receiver because Apply pushes it, not because somebody looks now and then. What is
// left is raft's tick.
func TestDeliveryWithoutTimers(t *testing.T) {
	t.Parallel()
	slow := cluster.BuildPatched(t,
		cluster.Patch{File: "store/limits.go", Constant: "FlushInterval", Value: "time.Hour"},
		cluster.Patch{File: "api/limits.go", Constant: "heartbeatAfter", Value: "time.Hour"},
	)
	c := cluster.Start(t, cluster.Options{Binary: slow, Nodes: 3})
	t.Logf("with every interval an hour, from acknowledgement to stream: %s", deliver(t, c))
}
