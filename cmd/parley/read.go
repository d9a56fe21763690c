package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

func newRead(a *app) *cobra.Command {
	var q readQuery
	var since string
	c := &cobra.Command{
		Use:   "read [TO]",
		Short: "Print messages, oldest first, and mark them as read",
		Long: `Print the newest messages, oldest first: of the conversation with @user, of '#room', or of all conversations.
With --unread the oldest unread ones. What was written to stdout is marked as read, unless --peek; in a room so is all before it.

To look into the past of one conversation, which marks nothing: --around ID prints a window around a message, --since TIME the
oldest messages from a moment on, --thread ID the replies to a message. TIME is 2026-01-31, "2026-01-31 14:05", RFC 3339, or how
long ago, such as 90m, 12h or 3d.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				if q.conversation, err = conversationName(args[0]); err != nil {
					return err
				}
			}
			if since != "" {
				if q.since, err = parseMoment(since, time.Now()); err != nil {
					return usageError("--since %s", err)
				}
			}
			if err := q.check(); err != nil {
				return err
			}
			return a.with(func(c *client.Client) error { return a.read(cmd.Context(), c, q) })
		},
	}
	f := c.Flags()
	f.BoolVar(&q.unread, "unread", false, "only unread messages, the oldest ones")
	f.IntVar(&q.limit, "limit", defaultReadLimit, "how many at most")
	f.Uint64Var(&q.before, "before", 0, "only messages older than the one with this `ID`")
	f.Uint64Var(&q.around, "around", 0, "a window around the message with this `ID`")
	f.StringVar(&since, "since", "", "the oldest messages from this `TIME` on")
	f.Uint64Var(&q.thread, "thread", 0, "only the replies to the message with this `ID`, the oldest ones")
	f.BoolVar(&q.peek, "peek", false, "mark nothing as read")
	addLocalFlag(c, &q.local)
	return c
}

func (a *app) read(ctx context.Context, c *client.Client, q readQuery) error {
	switch {
	case q.around != 0:
		resp, err := c.ReadMessages(ctx, q.request(q.limit))
		if err != nil {
			return err
		}
		return a.printPage(ctx, c, q, resp)
	case q.forward():
		return a.readForward(ctx, c, q)
	}
	return a.readNewest(ctx, c, q)
}

// readNewest collects the newest messages page by page, from the newest back, then prints them.
func (a *app) readNewest(ctx context.Context, c *client.Client, q readQuery) error {
	var pages []*parleyv1.ReadMessagesResponse
	for missing := q.limit; missing > 0; {
		resp, err := c.ReadMessages(ctx, q.request(missing))
		if err != nil {
			return err
		}
		msgs := resp.GetMessages()
		if len(msgs) == 0 {
			break
		}
		pages = append(pages, resp)
		missing -= len(msgs)
		q.before = msgs[0].GetId()
		if !resp.GetMore() {
			break
		}
	}
	slices.Reverse(pages)
	for _, p := range pages {
		if err := a.printPage(ctx, c, q, p); err != nil {
			return err
		}
	}
	return nil
}

// readForward prints and marks page by page, from the oldest on: what is marked before the next page is asked for does not
// shift it, because the next page begins after an id.
func (a *app) readForward(ctx context.Context, c *client.Client, q readQuery) error {
	for missing := q.limit; missing > 0; {
		resp, err := c.ReadMessages(ctx, q.request(missing))
		if err != nil {
			return err
		}
		msgs := resp.GetMessages()
		if len(msgs) == 0 {
			return nil
		}
		if err := a.printPage(ctx, c, q, resp); err != nil {
			return err
		}
		missing -= len(msgs)
		q.after = msgs[len(msgs)-1].GetId()
		if !resp.GetMore() {
			return nil
		}
	}
	return nil
}

// printPage writes the messages and then marks those that were written, also when the output broke off.
func (a *app) printPage(ctx context.Context, c *client.Client, q readQuery, page *parleyv1.ReadMessagesResponse) error {
	age := ageOf(q.local, page.GetReadInfo())
	msgs := page.GetMessages()
	written := 0
	var outErr error
	for _, m := range msgs {
		if outErr = a.printMessage(m, age); outErr != nil {
			break
		}
		written++
	}
	if !q.looksBack() {
		a.mark(ctx, c, q, msgs[:written])
	}
	return outErr
}

// mark marks what was written. A failure is a warning: the messages were read, and will be unread once more.
func (a *app) mark(ctx context.Context, c *client.Client, q readQuery, msgs []*parleyv1.Message) {
	ranges := readRanges(msgs)
	if len(ranges) == 0 {
		return
	}
	if q.local {
		// Whoever reads from one node alone may have no quorum, and should not wait long to hear that nothing was marked.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(localMarkTimeout, a.flags.timeout))
		defer cancel()
	}
	for part := range slices.Chunk(ranges, maxRanges) {
		_, err := c.MarkRead(ctx, &parleyv1.MarkReadRequest{Ranges: part})
		switch {
		case err == nil:
		case client.IsUnknown(err):
			a.warn("these messages may not be marked as read: " + err.Error())
			return
		default:
			a.warn("nothing was marked as read: " + err.Error())
			return
		}
	}
}

// readRanges are the runs to mark: in each conversation from the first to the last message that was written, if any of them
// was unread. Nothing unread lies between two messages of a page that is not on the page: a page is a run of the
// conversation, or of its unread messages, without what the reader cannot see.
func readRanges(msgs []*parleyv1.Message) []*parleyv1.ReadRange {
	byName := make(map[string]*parleyv1.ReadRange)
	var ranges []*parleyv1.ReadRange
	unread := make(map[string]bool)
	for _, m := range msgs {
		r := byName[m.GetConversation()]
		if r == nil {
			r = &parleyv1.ReadRange{Conversation: m.GetConversation(), FromSeq: m.GetSeq(), ToSeq: m.GetSeq()}
			byName[m.GetConversation()] = r
			ranges = append(ranges, r)
		}
		r.FromSeq = min(r.FromSeq, m.GetSeq())
		r.ToSeq = max(r.ToSeq, m.GetSeq())
		if m.GetUnread() {
			unread[m.GetConversation()] = true
		}
	}
	return slices.DeleteFunc(ranges, func(r *parleyv1.ReadRange) bool { return !unread[r.GetConversation()] })
}
