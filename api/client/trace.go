package client

import (
	"context"
	"errors"
	"time"
)

// Attempt is one try of a call: where it went and what became of it.
type Attempt struct {
	Node    string // its name; empty while that is not known
	Address string // empty when no node took it
	Began   time.Time
	Took    time.Duration
	// Outcome is 0 for a try that had a result.
	Outcome Outcome
	Reason  string // the server's, such as NO_QUORUM
	Message string // why there was no result, in a line
}

type traceKey struct{}

// WithTrace has note told of every try of the calls made with the context, each as it ends, on the goroutine of the caller. A
// call without a trace costs nothing for it.
func WithTrace(ctx context.Context, note func(Attempt)) context.Context {
	return context.WithValue(ctx, traceKey{}, note)
}

// tryFunc makes one try and judges its error.
type tryFunc = func(context.Context) (addr string, v verdict, err error)

// traced is a try that is told to the context's trace, or the try itself where there is none.
func (c *Client) traced(ctx context.Context, try tryFunc) tryFunc {
	note, ok := ctx.Value(traceKey{}).(func(Attempt))
	if !ok {
		return try
	}
	return func(ctx context.Context) (string, verdict, error) {
		began := time.Now()
		addr, v, err := try(ctx)
		if errors.Is(err, errNoSlot) { // nothing was tried
			return addr, v, err
		}
		a := Attempt{Address: addr, Began: began, Took: time.Since(began)}
		for _, m := range c.pool.getState().Members {
			if m.Address == addr && addr != "" {
				a.Node = m.Name
			}
		}
		if err != nil {
			a.Outcome, a.Reason, a.Message = v.outcome, v.reason, v.message
		}
		note(a)
		return addr, v, err
	}
}
