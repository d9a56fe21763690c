package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// searchQuery is what `search` was asked for.
type searchQuery struct {
	query string
	best  bool
	limit int
	local bool
}

func newSearch(a *app) *cobra.Command {
	var q searchQuery
	var in, from []string
	c := &cobra.Command{
		Use:   "search WORDS...",
		Short: "Find messages in all conversations, the newest first",
		Long: `Find messages among all that you may read, the newest first. All words must be in a message, in any case and order:

  word      the word itself; word* for all that begin so
  "a b"     words that follow each other: '"disk full"' in a shell
  from:bob  in:@bob  in:#ops  after:2026-01-31  before:2026-02-28T12:00:00Z
  -word     must not be there, and so with all the others; put -- in front of the first

A day begins and ends in UTC: after: begins with it, before: ends ahead of it. Of several from: one must hold, and of several in:.
Nothing is marked as read.`,
		Example: `  parley search deploy failed from:alice
  parley search --in '#ops' --best '"disk full"'
  parley search -- deploy -staging after:2026-01-31`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, to := range in {
				name, err := conversationName(to)
				if err != nil {
					return err
				}
				args = append(args, "in:"+name)
			}
			for _, name := range from {
				args = append(args, "from:"+name)
			}
			if q.query = strings.Join(args, " "); q.query == "" {
				return usageError("name some words to look for, such as: parley search deploy failed")
			}
			if q.limit < 1 || q.limit > maxReadLimit {
				return usageError("--limit %d: choose 1 to %d", q.limit, maxReadLimit)
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			return a.search(cmd.Context(), c, q)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&in, "in", nil, "only in the conversation with `@user`, or of '#room'")
	f.StringArrayVar(&from, "from", nil, "only what this `USER` wrote")
	f.BoolVar(&q.best, "best", false, "what fits best first, of the newest ones that fit")
	f.IntVar(&q.limit, "limit", defaultSearchLimit, "how many at most")
	addLocalFlag(c, &q.local)
	return c
}

// search prints page by page. Some pages are short, or empty, and not the last.
func (a *app) search(ctx context.Context, c *client.Client, q searchQuery) error {
	r := &parleyv1.SearchMessagesRequest{Query: q.query, Consistency: consistency(q.local)}
	if q.best {
		r.Order = parleyv1.SearchOrder_SEARCH_ORDER_BEST
	}
	warned := false
	for missing := q.limit; missing > 0; {
		r.PageSize = uint32(min(missing, maxSearchPage))
		resp, err := c.SearchMessages(ctx, r)
		if err != nil {
			return err
		}
		for _, m := range resp.GetMessages() {
			if err := a.printMessage(m, ageOf(q.local, resp.GetReadInfo())); err != nil {
				return err
			}
		}
		if resp.GetBehind() && !warned {
			warned = true
			a.warn("the search index of " + resp.GetReadInfo().GetNode() + " is behind: messages may be missing; search again in a while")
		}
		missing -= len(resp.GetMessages())
		if r.PageToken = resp.GetNextPageToken(); r.PageToken == "" {
			return nil
		}
	}
	return nil
}
