package main

import (
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
)

// newRoot builds the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "parley",
		Short: "A chat that keeps talking while its machines die",
		Long: `Parley is a replicated chat. Without a command it opens the terminal client.

  parley demo                          a throwaway cluster and the client on it
  parley up                            a local cluster of five nodes
  parley account create alice          then: parley login --user alice
  parley send @bob "hello"             and: parley read --unread, parley tail
  parley room create '#ops'            and: parley room invite '#ops' bob

Exit codes: 0 done, 1 failed, 2 usage, 3 not authenticated or not allowed, 4 not found,
5 unavailable and not applied, 6 unavailable and the outcome is unknown.`,
		Args:          noCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.resolveFlags(cmd); err != nil {
				return err
			}
			a.started = true
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.chat(cmd.Context()) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	a.addGlobalFlags(root)
	a.addChatFlags(root)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"chat", "Chatting:", []*cobra.Command{newChat(a), newSend(a), newRead(a), newTail(a), newOutbox(a), newSearch(a), newConversations(a), newMentions(a),
			newMark(a), newMute(a), newExport(a), newUsers(a), newPresence(a)}},
		{"room", "Rooms:", []*cobra.Command{newRoom(a)}},
		{"message", "Messages:", []*cobra.Command{newShow(a), newThread(a), newEdit(a), newDelete(a), newReact(a), newPin(a), newPins(a)}},
		{"account", "Accounts:", []*cobra.Command{newAccount(a), newLogin(a), newLogout(a), newWhoAmI(a), newSessions(a), newBot(a)}},
		{"cluster", "Clusters:", []*cobra.Command{newDemo(a), newUp(a), newServe(a), newHook(a), newCerts(a), newStatus(a), newCluster(a), newBackup(a), newRestore(a), newRecover(a),
			newBench(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
		}
		root.AddCommand(g.commands...)
	}
	root.AddCommand(newVersion(a))
	a.addCompletions(root)
	return root
}

func (a *app) addGlobalFlags(root *cobra.Command) {
	a.flags.output = outputTable
	f := root.PersistentFlags()
	f.StringSliceVar(&a.flags.servers, "servers", nil,
		"addresses of some of the cluster's nodes, `A,B,...`; else PARLEY_SERVERS, else those of parley up")
	f.StringVar(&a.flags.user, "user", "", "act as this account; else the one that logged in last here")
	f.StringVar(&a.flags.passwordFile, "password-file", "", "read the password from this file (- is stdin); else PARLEY_PASSWORD")
	f.VarP(&a.flags.output, "output", "o", "output as")
	f.DurationVar(&a.flags.timeout, "timeout", client.DefaultTimeout, "how long one request may take, all retries included")
	f.StringVar(&a.flags.tlsCA, "tls-ca", "", "CA certificate of the cluster; turns TLS on; else PARLEY_TLS_CA")
	f.StringVar(&a.flags.tlsCert, "tls-cert", "", "client certificate, where the cluster asks for one; else PARLEY_TLS_CERT")
	f.StringVar(&a.flags.tlsKey, "tls-key", "", "its key; else PARLEY_TLS_KEY")
	f.BoolVar(&a.flags.insecure, "insecure", false, "allow plaintext off this machine")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "tell on stderr which node is used and what is retried")
}

// resolveFlags completes the global flags from the environment: a flag wins over a variable, a variable over the default.
func (a *app) resolveFlags(cmd *cobra.Command) error {
	fs := cmd.Flags()
	if !fs.Changed("servers") {
		if s := a.env("PARLEY_SERVERS"); s != "" {
			a.flags.servers = strings.Split(s, ",")
		} else {
			a.flags.servers = defaultServers()
		}
	}
	for flag, v := range map[string]struct {
		to  *string
		env string
	}{
		"tls-ca":   {&a.flags.tlsCA, "PARLEY_TLS_CA"},
		"tls-cert": {&a.flags.tlsCert, "PARLEY_TLS_CERT"},
		"tls-key":  {&a.flags.tlsKey, "PARLEY_TLS_KEY"},
	} {
		if !fs.Changed(flag) {
			*v.to = a.env(v.env)
		}
	}
	if a.flags.timeout <= 0 {
		return usageError("--timeout %s: give more than nothing", a.flags.timeout)
	}
	return nil
}

// noCommand refuses an argument that is not a command.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ": see " + cmd.CommandPath() + " --help"
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = ": did you mean " + strings.Join(s, " or ") + "?"
	}
	return usageError("unknown command %q%s", args[0], hint)
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError("%s needs a command: see %s --help", cmd.CommandPath(), cmd.CommandPath())
		},
	}
	c.AddCommand(commands...)
	return c
}
