package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// readQuery is what `read` was asked for.
type readQuery struct {
	conversation string
	unread       bool
	limit        int
	before       uint64
	peek         bool
	local        bool
}

func newRead(a *app) *cobra.Command {
	var q readQuery
	c := &cobra.Command{
		Use:   "read [TO]",
		Short: "Print messages, oldest first, and mark them as read",
		Long: `Print the newest messages, oldest first: of the conversation with @user, of '#room', or of all conversations.
With --unread the oldest unread ones. What was written to stdout is marked as read, unless --peek.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				to, err := conversationName(args[0])
				if err != nil {
					return err
				}
				q.conversation = to
			}
			if q.limit < 1 || q.limit > maxReadLimit {
				return usageError("--limit %d: choose 1 to %d", q.limit, maxReadLimit)
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			return a.read(cmd.Context(), c, q)
		},
	}
	f := c.Flags()
	f.BoolVar(&q.unread, "unread", false, "only unread messages, the oldest ones")
	f.IntVar(&q.limit, "limit", defaultReadLimit, "how many at most")
	f.Uint64Var(&q.before, "before", 0, "only messages older than the one with this `ID`")
	f.BoolVar(&q.peek, "peek", false, "mark nothing as read")
	addLocalFlag(c, &q.local)
	return c
}

func (a *app) read(ctx context.Context, c *client.Client, q readQuery) error {
	if q.unread {
		return a.readUnread(ctx, c, q)
	}
	return a.readNewest(ctx, c, q)
}

// readNewest collects the newest messages page by page, from the newest back, then prints them.
func (a *app) readNewest(ctx context.Context, c *client.Client, q readQuery) error {
	var pages []*parleyv1.ReadMessagesResponse
	before := q.before
	for missing := q.limit; missing > 0; {
		resp, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: q.conversation, Limit: uint32(min(missing, pageSize)), BeforeId: before,
			Consistency: consistency(q.local),
		})
		if err != nil {
			return err
		}
		msgs := resp.GetMessages()
		if len(msgs) == 0 {
			break
		}
		pages = append(pages, resp)
		missing -= len(msgs)
		before = msgs[0].GetId()
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

// readUnread prints and marks page by page, from the oldest on: what is marked before the next page is asked for does not
// shift it, because the next page begins after an id.
func (a *app) readUnread(ctx context.Context, c *client.Client, q readQuery) error {
	after := uint64(0)
	for missing := q.limit; missing > 0; {
		resp, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: q.conversation, OnlyUnread: true, Limit: uint32(min(missing, pageSize)), BeforeId: q.before,
			AfterId: after, Consistency: consistency(q.local),
		})
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
		after = msgs[len(msgs)-1].GetId()
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
	if !q.peek {
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
