package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

func newBot(a *app) *cobra.Command {
	return group("bot", "Make and delete bots, which write for programs", newBotCreate(a), newBotDelete(a))
}

func newBotCreate(a *app) *cobra.Command {
	var to, displayName, tokenFile string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a bot and a token that can only send to one conversation, and print the token",
		Long: `Make a bot of your own, where there is none of the name, and a token that can do nothing but send to one
conversation: a room that you may invite to, which the bot joins, or your own @name. The token is shown this once; it lives for
ten years, or until the bot gets another for the same conversation by the same command, or is deleted.

  parley bot create alerts --to '#ops' --token-file alerts.token
  parley hook --to '#ops' --token-file alerts.token`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conversation, err := conversationName(to)
			if err != nil {
				return usageError("--to: %s", err.Error())
			}
			if tokenFile != "" {
				if _, err := os.Lstat(tokenFile); !errors.Is(err, fs.ErrNotExist) {
					return usageError("--token-file %s: is there already; remove it or name another", tokenFile)
				}
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			token := client.NewToken()
			resp, err := c.CreateBot(cmd.Context(), &parleyv1.CreateBotRequest{
				Username: args[0], DisplayName: displayName, Conversation: conversation, Token: token,
			})
			if err != nil {
				return err
			}
			shown := encodeToken(token)
			if tokenFile != "" {
				if err := os.WriteFile(tokenFile, []byte(shown+"\n"), 0o600); err != nil {
					return &failure{code: exitFailed, message: "the bot is made, but its token could not be kept: " + err.Error(),
						hint: "run it again with another --token-file"}
				}
				shown = ""
			}
			name := resp.GetUser().GetUsername()
			if a.json() {
				return a.printJSON(struct {
					Username     string `json:"username"`
					Conversation string `json:"conversation"`
					Token        string `json:"token,omitempty"`
				}{name, conversation, shown})
			}
			if shown == "" {
				shown = sanitizeLine(name)
			}
			return a.printf("%s\n", shown)
		},
	}
	c.Flags().StringVar(&to, "to", "", "the only conversation that the token can send to, `@you or #room`")
	c.Flags().StringVar(&displayName, "display-name", "", "the name that others see")
	c.Flags().StringVar(&tokenFile, "token-file", "", "write the token to this new file, which only you can read, and not to stdout")
	_ = c.MarkFlagRequired("to")
	return c
}

func newBotDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a bot of your own: its tokens end, what it sent is erased, its name stays reserved",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			name := foldName(args[0])
			if _, err := c.DeleteBot(cmd.Context(), &parleyv1.DeleteBotRequest{Username: name}); err != nil {
				return err
			}
			return a.printDone(sanitizeLine(name)+" is deleted", map[string]any{"username": name, "deleted": true})
		},
	}
}
