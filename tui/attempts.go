package tui

import (
	"context"

	"parley/api/client"
	"parley/proto/parleyv1"
	"parley/tui/common"
)

// SendMessage is the client library's, with its tries told to who asked for them.
func (l live) SendMessage(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	note := common.Attempts(ctx)
	if note == nil {
		return l.Client.SendMessage(ctx, r)
	}
	return l.Client.SendMessage(client.WithTrace(ctx, func(a client.Attempt) { note(attempt(a)) }), r)
}

// attempt is a try as the pages show it.
func attempt(a client.Attempt) common.Attempt {
	out := common.Attempt{
		Node: common.Line(a.Node), Address: common.Line(a.Address), Began: a.Began, Took: a.Took, OK: a.Outcome == 0, Why: common.Line(plain(a.Message)),
	}
	if out.Node == "" {
		out.Node = out.Address
	}
	switch a.Outcome {
	case client.NotApplied:
		out.Outcome = common.NotApplied
	case client.Unknown:
		out.Outcome = common.Unknown
	}
	return out
}
