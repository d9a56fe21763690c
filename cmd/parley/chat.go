package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"parley/tui"
)

func newChat(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "chat [TO]",
		Short: "The terminal client (what parley does without a command)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.chat(cmd.Context())
			}
			to, err := conversationName(args[0])
			if err != nil {
				return err
			}
			return a.openChat(cmd.Context(), to)
		},
	}
	a.addChatFlags(c)
	return c
}

// addChatFlags adds what `parley` and `parley chat` both take.
func (a *app) addChatFlags(c *cobra.Command) {
	c.Flags().BoolVar(&a.chatFlags.plain, "plain", false,
		"no screen: a line for each event, for screen readers, dumb terminals and pipes; else PARLEY_PLAIN=1, or where there is no screen")
	c.Flags().StringVar(&a.chatFlags.theme, "theme", "",
		"colours: auto, dark, light, high-contrast, mono, terminal; else as in config.toml")
	c.Flags().BoolVar(&a.chatFlags.ascii, "ascii", false, "draw with ASCII signs alone; else as in config.toml")
	c.Flags().BoolVar(&a.chatFlags.vim, "vim", false, "vim keys in the composer; else as in config.toml")
	a.addKeyringFlag(c)
}

// addKeyringFlag adds what every command takes that keeps a token.
func (a *app) addKeyringFlag(c *cobra.Command) {
	f := c.Flags().VarPF(&a.chatFlags.keyring, "keyring", "",
		"keep the session's token in the system's keyring, not in a file; else PARLEY_KEYRING=1, or as it was kept last")
	f.NoOptDefVal = "true"
}

// choice is a flag that can be on, off, or not given.
type choice string

func (c *choice) String() string { return string(*c) }
func (c *choice) Type() string   { return "bool" }

func (c *choice) Set(s string) error {
	on, err := strconv.ParseBool(s)
	*c = choice(strconv.FormatBool(on))
	return err
}

// chatFlags are those of the terminal client.
type chatFlags struct {
	plain, ascii, vim bool
	theme             string
	keyring           choice
}

func (a *app) chat(ctx context.Context) error { return a.openChat(ctx, "") }

// openChat opens the client, logged in when there is a token; else it asks for a name and a password itself.
func (a *app) openChat(ctx context.Context, to string) error {
	token, user, err := a.token()
	if a.plain() {
		return a.openPlain(ctx, token, user, to, err)
	}
	var f *failure
	if err != nil && (!errors.As(err, &f) || f.code != exitAuth) {
		return err
	}
	if err != nil {
		token, user = nil, foldName(a.flags.user)
	}
	return a.runChat(ctx, chatOptions{token: token, user: user, open: to})
}

type chatOptions struct {
	token []byte
	user  string
	open  string
}

func (a *app) runChat(ctx context.Context, o chatOptions) error {
	st, err := a.state()
	if err != nil {
		return err
	}
	settings, keys, dir, problems, err := a.settings()
	if err != nil {
		return err
	}
	c, err := a.dialWith(o.token)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	err = tui.Run(ctx, tui.Options{
		Client: c, Servers: a.flags.servers, User: o.user, Open: o.open, Version: version(), Demo: a.panel,
		StateDir:    string(st),
		SaveSession: a.saver(st), ForgetSession: st.forget,
		Settings: &settings, Keys: &keys, SaveSetting: dir.SaveSetting, SaveKeys: dir.SaveKeys, Problems: problems,
	})
	switch {
	case errors.Is(err, tui.ErrNoTerminal):
		return usageError("%s", err.Error())
	case errors.Is(err, context.Canceled):
		return nil
	}
	return err
}
