package e2e

import "time"

const (
	// kills is how often the leader is killed under load.
	kills = 20
	// lagMessages is what a node misses before it must catch up by snapshot.
	lagMessages = 10_000
	// callTimeout bounds one call of a scenario that is expected to succeed.
	callTimeout = 20 * time.Second
	// cliTimeout bounds one run of the binary as a command.
	cliTimeout = 60 * time.Second
	// upgradePause is between two sends of a writer while a cluster is upgraded: what is tested is not speed.
	upgradePause = 5 * time.Millisecond
)
