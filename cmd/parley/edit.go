package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

func newEdit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "edit ID [TEXT|-]",
		Short: "Replace the text of an own message; `parley show` tells the earlier ones",
		Long: `Replace the text of an own message. Who may read it sees that it was edited, and with parley show the earlier texts.
Without TEXT, or with -, the text is all of stdin without the newline at its end.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := messageID(args[0])
			if err != nil {
				return err
			}
			text, err := a.messageText(args[1:])
			if err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				resp, err := c.EditMessage(cmd.Context(), &parleyv1.EditMessageRequest{Id: id, Text: text})
				if err != nil {
					return err
				}
				return a.printDone(fmt.Sprintf("edited %d", id), toMessageJSON(resp.GetMessage(), nil))
			})
		},
	}
}

func newReact(a *app) *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use: "react ID EMOJI", Short: "React to a message with an emoji, or take that back", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			say := func(id uint64) string { return fmt.Sprintf("reacted to %d with %s", id, sanitizeLine(args[1])) }
			if remove {
				say = func(id uint64) string { return fmt.Sprintf("took back %s from %d", sanitizeLine(args[1]), id) }
			}
			return a.annotate(cmd, args[0], say, map[string]any{"emoji": args[1]}, &parleyv1.AnnotateRequest{
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, Value: args[1], Present: !remove,
			})
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "take the reaction back")
	return c
}

func newPin(a *app) *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use:   "pin ID",
		Short: "Pin a message, or unpin it: in rooms their moderators, else both sides",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			say := func(id uint64) string { return fmt.Sprintf("pinned %d", id) }
			if remove {
				say = func(id uint64) string { return fmt.Sprintf("unpinned %d", id) }
			}
			return a.annotate(cmd, args[0], say, map[string]any{}, &parleyv1.AnnotateRequest{
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, Present: !remove,
			})
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "unpin it")
	return c
}

// annotate sets or takes back a reaction or a pin. id and present are added to what is printed as JSON.
func (a *app) annotate(cmd *cobra.Command, id string, say func(uint64) string, object map[string]any,
	r *parleyv1.AnnotateRequest,
) (err error) {
	if r.Id, err = messageID(id); err != nil {
		return err
	}
	return a.with(func(c *client.Client) error {
		if _, err := c.Annotate(cmd.Context(), r); err != nil {
			return err
		}
		object["id"], object["present"] = r.Id, r.Present
		return a.printDone(say(r.Id), object)
	})
}
