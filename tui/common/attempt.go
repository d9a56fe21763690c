package common

import (
	"context"
	"time"
)

// Attempt is one try of a send, as the client library tells it. Its strings are clean.
type Attempt struct {
	Node    string // its name, or its address where that is not known; empty when no node took it
	Address string
	Began   time.Time
	Took    time.Duration
	OK      bool
	Outcome Outcome // of a try without a result
	Why     string  // the same in words
}

type attemptsKey struct{}

// WithAttempts has note told of every try of the calls made with the context. It is called on the goroutine of the call.
func WithAttempts(ctx context.Context, note func(Attempt)) context.Context {
	return context.WithValue(ctx, attemptsKey{}, note)
}

// Attempts is what WithAttempts put into the context, or nil.
func Attempts(ctx context.Context) func(Attempt) {
	note, _ := ctx.Value(attemptsKey{}).(func(Attempt))
	return note
}
