package common

import (
	"context"
	"time"
)

// Demo is the throwaway cluster of `parley demo`, for the panel that hurts it. Its methods are safe for concurrent use; those
// that take a context may block.
type Demo interface {
	// States is one channel with what is so after every change, the newest only; it has one reader.
	States() <-chan DemoState
	// Kill ends a node with SIGKILL, Pause stops it with SIGSTOP: it keeps its connections and answers nothing.
	Kill(ctx context.Context, node string) error
	Pause(ctx context.Context, node string) error
	// Revive starts a node that ended, on its own data, or lets a paused one go on.
	Revive(ctx context.Context, node string) error
}

// DemoState is the demo at one moment.
type DemoState struct {
	Nodes []DemoNode
	// Sent is how many messages of the bots were acknowledged, Found how many of those a linearizable read showed since, Lost
	// how many it should have shown and did not, Twice how many were stored that nobody sent.
	Sent, Found, Lost, Twice int
	// Counted is when the last such read was answered; zero before the first.
	Counted time.Time
}

// DemoNode is one process of the demo.
type DemoNode struct {
	Name  string
	PID   int
	Phase DemoPhase
}

// DemoPhase is what its starter knows of a node.
type DemoPhase int

// The phases of a node's process.
const (
	DemoRunning DemoPhase = iota
	DemoStarting
	DemoPaused
	DemoDead
)
