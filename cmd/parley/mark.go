package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

func newMark(a *app) *cobra.Command {
	var all bool
	var from uint64
	c := &cobra.Command{
		Use:   "mark TO [SEQ]",
		Short: "Say up to where a conversation is read; it goes back too",
		Long: `Say up to which seq a conversation is read: what is above it is unread then, and 0 makes everything unread.
--all marks what is there as read; --unread-from makes a message, and all after it, unread.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := conversationName(args[0])
			if err != nil {
				return err
			}
			ways := len(args) - 1
			if all {
				ways++
			}
			if from != 0 {
				ways++
			}
			if ways != 1 {
				return usageError("say up to where: give SEQ, --all, or --unread-from ID")
			}
			seq := uint64(0)
			if len(args) == 2 {
				if seq, err = strconv.ParseUint(args[1], 10, 64); err != nil {
					return usageError("%q is no seq: read -o json prints them", args[1])
				}
			}
			return a.with(func(c *client.Client) error {
				if all {
					return a.markAll(cmd, c, to)
				}
				if from != 0 {
					if seq, err = seqBefore(cmd, c, to, from); err != nil {
						return err
					}
				}
				if _, err := c.SetReadMark(cmd.Context(), &parleyv1.SetReadMarkRequest{Conversation: to, Seq: seq}); err != nil {
					return err
				}
				return a.printMarked(to, seq)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "everything that is there")
	c.Flags().Uint64Var(&from, "unread-from", 0, "everything before the message with this `ID`")
	return c
}

// markAll marks up to the newest message that the caller sees, and never back: another session may be further.
func (a *app) markAll(cmd *cobra.Command, c *client.Client, to string) error {
	resp, err := c.ReadMessages(cmd.Context(), &parleyv1.ReadMessagesRequest{Conversation: to, Limit: 1})
	if err != nil {
		return err
	}
	if len(resp.GetMessages()) == 0 {
		return a.printMarked(to, 0)
	}
	seq := resp.GetMessages()[0].GetSeq()
	_, err = c.MarkRead(cmd.Context(), &parleyv1.MarkReadRequest{Ranges: []*parleyv1.ReadRange{{
		Conversation: to, FromSeq: 1, ToSeq: seq,
	}}})
	if err != nil {
		return err
	}
	return a.printMarked(to, seq)
}

// seqBefore is the seq before a message of the conversation.
func seqBefore(cmd *cobra.Command, c *client.Client, to string, id uint64) (uint64, error) {
	m, err := c.GetMessage(cmd.Context(), &parleyv1.GetMessageRequest{Id: id})
	if err != nil {
		return 0, err
	}
	if conv := m.GetMessage().GetConversation(); conv != foldName(to) {
		return 0, usageError("message %d is in %s, not in %s", id, conv, foldName(to))
	}
	return m.GetMessage().GetSeq() - 1, nil
}

func (a *app) printMarked(to string, seq uint64) error {
	return a.printDone(fmt.Sprintf("%s is read up to seq %d", sanitizeLine(to), seq),
		map[string]any{"conversation": foldName(to), "read_seq": seq})
}

// mutes are the levels by their names on the command line: what is muted.
var mutes = map[string]parleyv1.Mute{
	"none":     parleyv1.Mute_MUTE_UNSPECIFIED,
	"mentions": parleyv1.Mute_MUTE_MENTIONS,
	"all":      parleyv1.Mute_MUTE_ALL,
}

func muteName(m parleyv1.Mute) string {
	if m == parleyv1.Mute_MUTE_UNSPECIFIED {
		return "none"
	}
	return strings.ToLower(strings.TrimPrefix(m.String(), "MUTE_"))
}

func newMute(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mute TO [mentions|all|none]",
		Short: "Say what of a conversation calls for attention: mentions only, nothing (all is muted), or everything",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := conversationName(args[0])
			if err != nil {
				return err
			}
			level := "all"
			if len(args) == 2 {
				level = args[1]
			}
			mute, ok := mutes[level]
			if !ok {
				return usageError("%q is no level: choose mentions, all or none", level)
			}
			return a.with(func(c *client.Client) error {
				if _, err := c.SetMute(cmd.Context(), &parleyv1.SetMuteRequest{Conversation: to, Mute: mute}); err != nil {
					return err
				}
				words := map[string]string{
					"none": "every message of %s counts", "mentions": "of %s only mentions count", "all": "%s is muted",
				}[level]
				return a.printDone(fmt.Sprintf(words, sanitizeLine(to)), map[string]any{"conversation": foldName(to), "mute": level})
			})
		},
	}
}
