package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
)

// exportQuery is what `export` was asked for.
type exportQuery struct {
	conversation string
	format       string
	to           string
	after        uint64
	local        bool
}

// exportJSON tells what was written to a file.
type exportJSON struct {
	Conversation string `json:"conversation"`
	File         string `json:"file"`
	Messages     int    `json:"messages"`
	// LastID is what --after goes on from; 0 when there was no message.
	LastID uint64 `json:"last_id"`
}

func newExport(a *app) *cobra.Command {
	var q exportQuery
	c := &cobra.Command{
		Use:   "export TO",
		Short: "Write a whole conversation as JSON lines or Markdown, oldest message first",
		Long: `Write all messages of the conversation with @user or of '#room' that you can see, oldest first; nothing is marked as read.
A line of jsonl is a line of parley read -o json. Without --to they go to stdout.

--to writes a file that only you can read, and that appears under its name when it is whole; one that exists is not replaced.
--after ID goes on after a message: with the last id of an earlier export the new one has what came since, or what was missing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.conversation, err = conversationName(args[0]); err != nil {
				return err
			}
			if q.format != "jsonl" && q.format != "markdown" {
				return usageError("--format %s: choose jsonl or markdown", q.format)
			}
			if q.to != "" {
				if err := mustNotExist(q.to); err != nil {
					return err
				}
			}
			return a.with(func(c *client.Client) error {
				if q.to == "" {
					_, err := a.export(cmd.Context(), c, q, a.out)
					return err
				}
				return a.exportFile(cmd.Context(), c, q)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&q.format, "format", "jsonl", "jsonl or markdown")
	f.StringVar(&q.to, "to", "", "write to this `FILE`")
	f.Uint64Var(&q.after, "after", 0, "only messages newer than the one with this `ID`")
	addLocalFlag(c, &q.local)
	return c
}

// exportFile writes beside the file and moves it into place when it is whole and on disk.
func (a *app) exportFile(ctx context.Context, c *client.Client, q exportQuery) (err error) {
	dir := filepath.Dir(q.to)
	f, err := os.CreateTemp(dir, "."+filepath.Base(q.to)+".*.part") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	done, err := a.export(ctx, c, q, f)
	if err != nil {
		return err
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = mustNotExist(q.to); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), q.to); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return a.printDone(fmt.Sprintf("wrote %d messages to %s; the last one is %d", done.Messages, sanitizeLine(q.to), done.LastID), done)
}

// export writes page by page. What it could not finish on stdout it says how to go on with.
func (a *app) export(ctx context.Context, c *client.Client, q exportQuery, to io.Writer) (exportJSON, error) {
	done := exportJSON{Conversation: foldName(q.conversation), File: q.to, LastID: q.after}
	w := bufio.NewWriter(to)
	write := writeJSONL
	if q.format == "markdown" {
		write = (&markdown{name: done.Conversation}).write
	}
	walk := readQuery{conversation: q.conversation, since: time.Unix(0, 0), after: q.after, local: q.local}
	for {
		resp, err := c.ReadMessages(ctx, walk.request(pageSize))
		if err == nil {
			for _, m := range resp.GetMessages() {
				if err = write(w, m); err != nil {
					break
				}
			}
			err = errors.Join(err, w.Flush())
		}
		if err != nil {
			if q.to == "" && done.LastID != 0 {
				a.warn(fmt.Sprintf("the export broke off: go on with --after %d", done.LastID))
			}
			return done, err
		}
		if n := len(resp.GetMessages()); n > 0 {
			done.Messages += n
			done.LastID = resp.GetMessages()[n-1].GetId()
			walk.after = done.LastID
		}
		if !resp.GetMore() || len(resp.GetMessages()) == 0 {
			return done, nil
		}
	}
}
