package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
	"parley/tui/cache"
	"parley/tui/common"
	"parley/tui/outbox"
)

func newOutbox(a *app) *cobra.Command {
	return group("outbox", "What the terminal client has not sent yet",
		&cobra.Command{
			Use:   "list",
			Short: "List the messages that wait, or were rejected",
			Long: `List the messages in the outbox of the terminal client, without a node: those that wait, those whose outcome is
unknown, and those that the cluster rejected. A client that runs holds its outbox; use F4 there.`,
			Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.withOutbox(a.listOutbox) },
		},
		&cobra.Command{
			Use:   "flush",
			Short: "Send what waits, in order, each message once",
			Long: `Send the messages of the outbox in the order they were written, under the request ids that they got then: one that
arrived before is not sent twice. Rejected ones and those written for another cluster stay. A conversation whose message has
no verdict is left there, so that no message overtakes another.`,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withOutbox(func(all []boxed) error { return a.flushOutbox(cmd.Context(), all) })
			},
		},
		&cobra.Command{
			Use:   "drop N|all",
			Short: "Give up a message of the outbox, by its number in the list",
			Args:  cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return a.withOutbox(func(all []boxed) error { return a.dropOutbox(all, args[0]) })
			},
		},
	)
}

// boxed is a message and the file that holds it.
type boxed struct {
	*outbox.Message
	store *cache.Cache
}

// withOutbox opens every file of the account that no client holds, and closes them.
func (a *app) withOutbox(do func([]boxed) error) (err error) {
	st, err := a.state()
	if err != nil {
		return err
	}
	user := foldName(a.flags.user)
	if user == "" {
		if user, err = st.current(); err != nil {
			return &failure{code: exitAuth, message: "nobody logged in here", hint: "say whose outbox: --user NAME"}
		}
	}
	if !userNameForm.MatchString(user) {
		return usageError("%q is not an account name", user)
	}
	var all []boxed
	for _, path := range cache.Files(filepath.Join(string(st), "cache"), user) {
		c, err := cache.OpenFile(path, time.Now())
		if errors.Is(err, cache.ErrBusy) {
			a.warn("a running client of " + user + " holds " + filepath.Base(path) + ": use F4 there")
			continue
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.Close()) }()
		saved, err := c.Load()
		if err != nil {
			return err
		}
		for _, note := range saved.Notes {
			a.warn(note)
		}
		for _, o := range saved.Outbox {
			all = append(all, boxed{outbox.Restored(o, ""), c})
		}
	}
	return do(all)
}

func (a *app) listOutbox(all []boxed) error {
	for i, b := range all {
		word := b.State().Word()
		if a.json() {
			if err := a.printJSON(struct {
				N            int    `json:"n"`
				State        string `json:"state"`
				Conversation string `json:"conversation"`
				Text         string `json:"text"`
				RequestID    string `json:"request_id"`
				Written      string `json:"written"`
				Why          string `json:"why,omitempty"`
			}{i + 1, word, b.Conversation, b.Text, b.ID, b.Written.UTC().Format("2006-01-02T15:04:05.000Z07:00"), b.Why}); err != nil {
				return err
			}
			continue
		}
		why := ""
		if b.Why != "" {
			why = " (" + sanitizeLine(b.Why) + ")"
		}
		if err := a.printf("%3d  %s  %-15s  %s  %s%s\n", i+1, b.Written.In(time.Local).Format("2006-01-02 15:04:05"), word,
			sanitizeLine(b.Conversation), sanitizeLine(b.Text), why); err != nil {
			return err
		}
	}
	return nil
}

// flushOutbox returns the failure of the first message that could not be sent, after all that could were.
func (a *app) flushOutbox(ctx context.Context, all []boxed) error {
	if len(all) == 0 {
		return nil
	}
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	status, err := c.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return err
	}
	var first error
	held := map[string]bool{}
	for _, b := range all {
		b.Judge(status.GetClusterId())
		switch {
		case b.Rejected || held[b.Conversation]:
			continue
		case b.Foreign:
			a.warn("to " + b.Conversation + ": written for another cluster, left alone")
			continue
		}
		done, err := a.flushOne(ctx, c, b)
		if err != nil && first == nil {
			first = err
		}
		held[b.Conversation] = !done
	}
	return first
}

// flushOne gives one message to the cluster. done is false when it has no verdict.
func (a *app) flushOne(ctx context.Context, c *client.Client, b boxed) (done bool, err error) {
	b.Begin()
	if err := b.store.Put(b.Outgoing); err != nil {
		return false, err
	}
	resp, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{
		RequestId: b.ID, Conversation: b.Conversation, Text: b.Text, ReplyTo: b.ReplyTo,
	})
	if err == nil {
		if err := b.store.Drop(b.ID); err != nil {
			return true, err
		}
		return true, a.printf("%d\n", resp.GetId())
	}
	var e *client.Error
	if !errors.As(err, &e) {
		return false, err
	}
	f := common.Failure{Outcome: common.Refused, Text: sanitizeLine(e.Message), Hint: sanitizeLine(e.Hint)}
	switch {
	case e.Outcome == client.Unknown:
		f.Outcome = common.Unknown
	case e.Outcome == client.NotApplied:
		f.Outcome = common.NotApplied
	case client.IsUnauthenticated(e):
		return false, err
	}
	b.Failed(f)
	return b.Rejected, errors.Join(err, b.store.Put(b.Outgoing))
}

func (a *app) dropOutbox(all []boxed, which string) error {
	n, err := strconv.Atoi(which)
	if which != "all" && (err != nil || n < 1 || n > len(all)) {
		return &failure{code: exitNotFound, message: fmt.Sprintf("no message %s in the outbox", sanitizeLine(which)), hint: "run: parley outbox list"}
	}
	for i, b := range all {
		if which == "all" || i+1 == n {
			if err := b.store.Drop(b.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
