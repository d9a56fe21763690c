package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// tailQuery is what `tail` was asked for.
type tailQuery struct {
	// to is a conversation; empty for all.
	to, from         string
	count            int
	presence, events bool
}

func newTail(a *app) *cobra.Command {
	var q tailQuery
	c := &cobra.Command{
		Use:   "tail [TO]",
		Short: "Follow messages as they come, over fail-overs, without gap or duplicate",
		Long: `Print messages as they come, of one conversation or of all, until ^C. Nothing is marked as read.
--from continues after the cursor of an earlier line of send, read or tail: nothing in between is missing.

Lines that begin with * tell what else happens: edits, deletions, reactions, pins, who joins and leaves, and what becomes of a
room. With -o json only messages are printed, unless --events: then every other change is an object with "event" in it, also
read marks and mute levels that were set elsewhere.
--presence also prints who comes, goes and types; such lines have no cursor and may be missing.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				name, err := conversationName(args[0])
				if err != nil {
					return err
				}
				q.to = foldName(name)
			}
			if q.count < 0 {
				return usageError("--count %d: give a number of messages", q.count)
			}
			return a.tail(cmd.Context(), q)
		},
	}
	f := c.Flags()
	f.StringVar(&q.from, "from", "", "continue after this `CURSOR`")
	f.IntVar(&q.count, "count", 0, "end after this many messages; 0 follows until ^C")
	f.BoolVar(&q.events, "events", false, "with -o json, also print every change that is no message")
	f.BoolVar(&q.presence, "presence", false, "also print who comes, goes and types")
	return c
}

// tail ends with ctx, after count messages, or with the session.
func (a *app) tail(ctx context.Context, q tailQuery) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if strings.HasPrefix(q.to, "#") {
		if q.to, err = roomNow(ctx, c, q.to); err != nil {
			return err
		}
	}
	sub := c.Subscribe(ctx, q.from)
	defer sub.Close()
	for printed := 0; q.count == 0 || printed < q.count; {
		frame, err := sub.Next(ctx)
		if ctx.Err() != nil {
			return nil // ^C is how one ends it
		}
		if err != nil {
			return err
		}
		if r := frame.GetReset_(); r != nil {
			a.warn("messages may be missing here, look with parley read: " + r.GetReason())
			continue
		}
		if q.presence {
			if err := a.printSoft(frame, q.to); err != nil {
				return err
			}
		}
		m := frame.GetEvent().GetMessage()
		if m == nil {
			if r := frame.GetEvent().GetRoomChanged(); q.to != "" && r.GetOldName() == q.to {
				q.to = r.GetRoom().GetName() // it goes on under its new name
			}
			if err := a.printEvent(frame.GetEvent(), q.to, q.events); err != nil {
				return err
			}
			continue
		}
		if q.to != "" && m.GetConversation() != q.to {
			continue
		}
		if m.GetCursor() == "" {
			m.Cursor = frame.GetEvent().GetCursor()
		}
		if err := a.printMessage(m, nil); err != nil {
			return err
		}
		printed++
	}
	return nil
}

// roomNow finds what a room is called now: under an earlier name nothing of it would ever come. It refuses one that the caller
// cannot read, but only when a quorum says so; who follows without a quorum is let through.
func roomNow(ctx context.Context, c *client.Client, name string) (string, error) {
	for _, local := range []bool{true, false} {
		resp, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: name, Limit: 1, Consistency: consistency(local),
		})
		switch code := status.Code(err); {
		case err == nil && len(resp.GetMessages()) > 0:
			return resp.GetMessages()[0].GetConversation(), nil
		case code != codes.NotFound && code != codes.PermissionDenied:
			return name, nil
		case !local:
			return "", err
		}
	}
	return name, nil
}
