package main

import (
	"strings"

	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

// presenceJSON is one line of presence, and of tail --presence, where event tells it from a message.
type presenceJSON struct {
	Event        string `json:"event,omitempty"`
	Username     string `json:"username"`
	Presence     string `json:"presence,omitempty"`
	Conversation string `json:"conversation,omitempty"`
}

func newPresence(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "presence NAME...",
		Short: "Tell who is there: active, away or offline",
		Long: `Tell who is there, as the node that is asked knows it; that is seconds old. Offline is who follows messages with no
client, active who said so within the last minute.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > pageSize {
				return usageError("%d names: give at most %d", len(args), pageSize)
			}
			names := make([]string, len(args))
			for i, arg := range args {
				names[i] = strings.TrimPrefix(arg, "@")
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.ListPresence(cmd.Context(), &parleyv1.ListPresenceRequest{Usernames: names})
			if err != nil {
				return err
			}
			missing := ""
			for _, p := range resp.GetPeople() {
				if p.GetPresence() == parleyv1.Presence_PRESENCE_UNSPECIFIED {
					missing = p.GetUsername()
					continue
				}
				if err := a.printPresence("", p); err != nil {
					return err
				}
			}
			if missing != "" {
				return &failure{code: exitNotFound, message: "there is no user " + sanitizeLine(missing) + ": see parley users"}
			}
			return nil
		},
	}
}

func (a *app) printPresence(event string, p *parleyv1.PresenceChange) error {
	presence := presenceName(p.GetPresence())
	switch {
	case a.json():
		return a.printJSON(presenceJSON{Event: event, Username: p.GetUsername(), Presence: presence})
	case event != "":
		return a.printf("%s is %s\n", sanitizeLine(p.GetUsername()), presence)
	}
	return a.printf("%-32s  %s\n", sanitizeLine(p.GetUsername()), presence)
}

// printSoft prints a frame of presence, or of typing in a conversation; in all where to is empty.
func (a *app) printSoft(f *parleyv1.SubscribeResponse, to string) error {
	if p := f.GetPresence(); p != nil {
		return a.printPresence("presence", p)
	}
	t := f.GetTyping()
	if t == nil || to != "" && t.GetConversation() != to {
		return nil
	}
	if a.json() {
		return a.printJSON(presenceJSON{Event: "typing", Username: t.GetUsername(), Conversation: t.GetConversation()})
	}
	return a.printf("%s types in %s\n", sanitizeLine(t.GetUsername()), sanitizeLine(t.GetConversation()))
}

func presenceName(p parleyv1.Presence) string {
	switch p {
	case parleyv1.Presence_PRESENCE_ACTIVE:
		return "active"
	case parleyv1.Presence_PRESENCE_AWAY:
		return "away"
	}
	return "offline"
}
