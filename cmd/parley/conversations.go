package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// conversationJSON is one conversation; part of the contract with scripts.
type conversationJSON struct {
	Conversation string `json:"conversation"`
	LastSeq      uint64 `json:"last_seq"`
	ReadSeq      uint64 `json:"read_seq"`
	Unread       uint64 `json:"unread"`
	// Mentions are counted up to 100.
	Mentions uint32 `json:"mentions"`
	// Mute is what is muted: none, mentions (all but those), or all.
	Mute        string       `json:"mute"`
	LastMessage *messageJSON `json:"last_message,omitempty"`
	Room        *roomJSON    `json:"room,omitempty"`
	AgeMS       *uint64      `json:"age_ms,omitempty"`
}

func newConversations(a *app) *cobra.Command {
	var unread, localRead bool
	c := &cobra.Command{
		Use:   "conversations",
		Short: "List conversations, the most recently active first, with what is unread",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(func(c *client.Client) error {
				for page := ""; ; {
					resp, err := c.ListConversations(cmd.Context(), &parleyv1.ListConversationsRequest{
						PageSize: pageSize, PageToken: page, Consistency: consistency(localRead),
					})
					if err != nil {
						return err
					}
					for _, conv := range resp.GetConversations() {
						if unread && conv.GetUnread() == 0 {
							continue
						}
						if err := a.printConversation(conv, ageOf(localRead, resp.GetReadInfo())); err != nil {
							return err
						}
					}
					if page = resp.GetNextPageToken(); page == "" {
						return nil
					}
				}
			})
		},
	}
	c.Flags().BoolVar(&unread, "unread", false, "only those with unread messages")
	addLocalFlag(c, &localRead)
	return c
}

func (a *app) printConversation(c *parleyv1.Conversation, age *uint64) error {
	if !a.json() {
		return a.printf("%s\n", conversationLine(c))
	}
	j := conversationJSON{
		Conversation: c.GetName(), LastSeq: c.GetLastSeq(), ReadSeq: c.GetReadSeq(), Unread: c.GetUnread(),
		Mentions: c.GetMentions(), Mute: muteName(c.GetMute()), AgeMS: age,
	}
	if m := c.GetLastMessage(); m != nil {
		last := toMessageJSON(m, nil)
		j.LastMessage = &last
	}
	if r := c.GetRoom(); r != nil {
		room := toRoomJSON(r)
		j.Room = &room
	}
	return a.printJSON(j)
}

// conversationLine is a conversation for people: name, unread messages, what of them mentions the reader, the newest message.
func conversationLine(c *parleyv1.Conversation) string {
	unread := "-"
	if n := c.GetUnread(); n > 0 {
		unread = fmt.Sprint(n)
	}
	if n := c.GetMentions(); n > 0 {
		unread += fmt.Sprintf(" @%d", n)
	}
	line := fmt.Sprintf("%-24s %9s  ", sanitizeLine(c.GetName()), unread)
	if c.GetMute() != parleyv1.Mute_MUTE_UNSPECIFIED {
		line += "(muted: " + map[string]string{"mentions": "all but mentions", "all": "all"}[muteName(c.GetMute())] + ") "
	}
	if m := c.GetLastMessage(); m != nil {
		text := sanitizeLine(m.GetText())
		if m.GetDeleted() {
			text = "(deleted)"
		}
		line += clockTime(m.GetTime()) + "  " + sanitizeLine(m.GetSender()) + ": " + text
	}
	return strings.TrimRight(line, " ")
}
