package main

import (
	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

func newClusterOperator(a *app, admin *adminFlags) *cobra.Command {
	var revoke bool
	c := &cobra.Command{
		Use:   "operator NAME",
		Short: "Let an account use the operator commands, or no longer; first over the admin socket (operators)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			name := foldName(args[0])
			if _, err := c.SetOperator(cmd.Context(), &parleyv1.SetOperatorRequest{Username: name, Operator: !revoke}); err != nil {
				return err
			}
			words := name + " is an operator now"
			if revoke {
				words = name + " is no operator any more"
			}
			return a.printDone(sanitizeLine(words), map[string]any{"username": name, "operator": !revoke})
		},
	}
	c.Flags().BoolVar(&revoke, "revoke", false, "take the right away")
	return c
}

func newClusterResetPassword(a *app, admin *adminFlags) *cobra.Command {
	var newFile string
	c := &cobra.Command{
		Use:   "reset-password NAME",
		Short: "Set a new password for an account whose owner lost it, and end its sessions (operators)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fresh, err := a.password(cmd.Context(), newPasswordOf(newFile))
			if err != nil {
				return err
			}
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			name := foldName(args[0])
			if _, err := c.ResetPassword(cmd.Context(), &parleyv1.ResetPasswordRequest{
				Username: name, NewPassword: fresh,
			}); err != nil {
				return err
			}
			return a.printDone(sanitizeLine(name)+" has a new password", map[string]any{"username": name})
		},
	}
	c.Flags().StringVar(&newFile, "new-password-file", "", "read the new password from this file; else PARLEY_NEW_PASSWORD")
	return c
}
