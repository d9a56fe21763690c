package main

import (
	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

func newAccountProfile(a *app) *cobra.Command {
	var displayName, status string
	c := &cobra.Command{
		Use:   "profile",
		Short: "Change the name that others see, and what the account says of itself",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &parleyv1.UpdateProfileRequest{}
			if cmd.Flags().Changed("display-name") {
				r.DisplayName = &displayName
			}
			if cmd.Flags().Changed("status") {
				r.Status = &status
			}
			if r.DisplayName == nil && r.Status == nil {
				return usageError("give --display-name or --status; an empty one takes it away")
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.UpdateProfile(cmd.Context(), r)
			if err != nil {
				return err
			}
			u := toUserJSON(resp.GetUser())
			if a.json() {
				return a.printJSON(u)
			}
			return a.printUser(u)
		},
	}
	c.Flags().StringVar(&displayName, "display-name", "", "the name that others see; empty for the account name")
	c.Flags().StringVar(&status, "status", "", "what the account says of itself, at most 128 characters; empty for nothing")
	return c
}

func newAccountBlock(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "block NAME",
		Short: "Refuse direct messages and invitations from an account, and to it",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.setBlock(cmd, args[0], true) },
	}
}

func newAccountUnblock(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unblock NAME",
		Short: "End a block",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.setBlock(cmd, args[0], false) },
	}
}

func (a *app) setBlock(cmd *cobra.Command, name string, blocked bool) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	name = foldName(name)
	if _, err := c.SetBlock(cmd.Context(), &parleyv1.SetBlockRequest{Username: name, Blocked: blocked}); err != nil {
		return err
	}
	words := "you block " + name
	if !blocked {
		words = "you do not block " + name + " any more"
	}
	return a.printDone(sanitizeLine(words), map[string]any{"username": name, "blocked": blocked})
}

func newAccountBlocks(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use:   "blocks",
		Short: "List the accounts that this one blocks",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.ListBlocks(cmd.Context(), &parleyv1.ListBlocksRequest{Consistency: consistency(localRead)})
			if err != nil {
				return err
			}
			return a.printUsers(resp.GetUsers(), ageOf(localRead, resp.GetReadInfo()))
		},
	}
	addLocalFlag(c, &localRead)
	return c
}
