package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newTail(a *app) *cobra.Command {
	var from string
	var count int
	var presence bool
	c := &cobra.Command{
		Use:   "tail [TO]",
		Short: "Follow messages as they come, over fail-overs, without gap or duplicate",
		Long: `Print messages as they come, of one conversation or of all, until ^C. Nothing is marked as read.
--from continues after the cursor of an earlier line of send, read or tail: nothing in between is missing.
--presence also prints who comes, goes and types; such lines have no cursor and may be missing.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := ""
			if len(args) == 1 {
				name, err := conversationName(args[0])
				if err != nil {
					return err
				}
				to = foldName(name)
			}
			if count < 0 {
				return usageError("--count %d: give a number of messages", count)
			}
			return a.tail(cmd.Context(), to, from, count, presence)
		},
	}
	c.Flags().StringVar(&from, "from", "", "continue after this `CURSOR`")
	c.Flags().IntVar(&count, "count", 0, "end after this many messages; 0 follows until ^C")
	c.Flags().BoolVar(&presence, "presence", false, "also print who comes, goes and types")
	return c
}

// tail ends with ctx, after count messages, or with the session.
func (a *app) tail(ctx context.Context, to, from string, count int, presence bool) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	sub := c.Subscribe(ctx, from)
	defer sub.Close()
	for printed := 0; count == 0 || printed < count; {
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
		if presence {
			if err := a.printSoft(frame, to); err != nil {
				return err
			}
		}
		m := frame.GetEvent().GetMessage()
		if m == nil || (to != "" && m.GetConversation() != to) {
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
