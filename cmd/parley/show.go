package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// shownJSON is one message with all that is known of it.
type shownJSON struct {
	messageJSON
	Earlier     []earlierJSON    `json:"earlier"`
	Annotations []annotationJSON `json:"annotations"`
}

type earlierJSON struct {
	Text  string `json:"text"`
	Until string `json:"until"`
}

type annotationJSON struct {
	// Kind is reaction or pin.
	Kind     string `json:"kind"`
	Emoji    string `json:"emoji,omitempty"`
	Username string `json:"username"`
	Time     string `json:"time"`
}

func annotationName(k parleyv1.AnnotationKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "ANNOTATION_KIND_"))
}

func newShow(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show one message: its earlier texts, who reacted, who pinned it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := messageID(args[0])
			if err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				m, err := c.GetMessage(cmd.Context(), &parleyv1.GetMessageRequest{Id: id, Consistency: consistency(localRead)})
				if err != nil {
					return err
				}
				if !a.json() {
					return a.printf("%s", shownLines(m))
				}
				return a.printJSON(toShownJSON(m, ageOf(localRead, m.GetReadInfo())))
			})
		},
	}
	addLocalFlag(c, &localRead)
	return c
}

func toShownJSON(m *parleyv1.GetMessageResponse, age *uint64) shownJSON {
	j := shownJSON{messageJSON: toMessageJSON(m.GetMessage(), age), Earlier: []earlierJSON{}, Annotations: []annotationJSON{}}
	for _, e := range m.GetEarlier() {
		j.Earlier = append(j.Earlier, earlierJSON{Text: e.GetText(), Until: rfc3339(e.GetUntil())})
	}
	for _, x := range m.GetAnnotations() {
		j.Annotations = append(j.Annotations, annotationJSON{
			Kind: annotationName(x.GetKind()), Emoji: x.GetValue(), Username: x.GetUsername(), Time: rfc3339(x.GetTime()),
		})
	}
	return j
}

// shownLines is a message for people, the earlier texts and the reactions below it.
func shownLines(m *parleyv1.GetMessageResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", messageLine(m.GetMessage()))
	for _, e := range m.GetEarlier() {
		fmt.Fprintf(&b, "  until %s: %s\n", clockTime(e.GetUntil()), indentLines(sanitize(e.GetText())))
	}
	for _, x := range m.GetAnnotations() {
		what := sanitizeLine(x.GetValue())
		if x.GetKind() == parleyv1.AnnotationKind_ANNOTATION_KIND_PIN {
			what = "pinned"
		}
		fmt.Fprintf(&b, "  %s by %s, %s\n", what, sanitizeLine(x.GetUsername()), clockTime(x.GetTime()))
	}
	return b.String()
}

func newThread(a *app) *cobra.Command {
	var q readQuery
	c := &cobra.Command{
		Use:   "thread ID",
		Short: "Print a thread: the message that began it, and the replies; ID is any of them",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := messageID(args[0])
			if err != nil {
				return err
			}
			if err := q.checkLimit(); err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				ctx := cmd.Context()
				first, err := c.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: id, Consistency: consistency(q.local)})
				if err != nil {
					return err
				}
				if root := first.GetMessage().GetThreadId(); root != 0 {
					first, err = c.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: root, Consistency: consistency(q.local)})
					if err != nil {
						return err
					}
				}
				if err := a.printMessage(first.GetMessage(), ageOf(q.local, first.GetReadInfo())); err != nil {
					return err
				}
				q.conversation, q.thread = first.GetMessage().GetConversation(), first.GetMessage().GetId()
				return a.read(ctx, c, q)
			})
		},
	}
	c.Flags().IntVar(&q.limit, "limit", maxReadLimit, "how many replies at most, the oldest")
	addLocalFlag(c, &q.local)
	return c
}

func newPins(a *app) *cobra.Command {
	q := readQuery{pinned: true, limit: pageSize}
	c := &cobra.Command{
		Use: "pins TO", Short: "Print the pinned messages of a conversation, oldest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.conversation, err = conversationName(args[0]); err != nil {
				return err
			}
			return a.with(func(c *client.Client) error { return a.read(cmd.Context(), c, q) })
		},
	}
	addLocalFlag(c, &q.local)
	return c
}

func newMentions(a *app) *cobra.Command {
	q := readQuery{mentions: true}
	c := &cobra.Command{
		Use:   "mentions [TO]",
		Short: "Print messages of rooms that mention you, by @name or @room; nothing is marked as read",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				if q.conversation, err = conversationName(args[0]); err != nil {
					return err
				}
			}
			if err := q.checkLimit(); err != nil {
				return err
			}
			return a.with(func(c *client.Client) error { return a.read(cmd.Context(), c, q) })
		},
	}
	f := c.Flags()
	f.BoolVar(&q.unread, "unread", false, "only unread ones, the oldest")
	f.IntVar(&q.limit, "limit", defaultReadLimit, "how many at most")
	f.Uint64Var(&q.before, "before", 0, "only messages older than the one with this `ID`")
	addLocalFlag(c, &q.local)
	return c
}
