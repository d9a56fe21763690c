package main

import (
	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// inviteJSON is one invite; the code only when it was just made.
type inviteJSON struct {
	Code      string `json:"code,omitempty"`
	ID        string `json:"id"`
	CreatedBy string `json:"created_by"`
	Expires   string `json:"expires"`
	UsesLeft  uint32 `json:"uses_left"`
}

func toInviteJSON(i *parleyv1.Invite, code string) inviteJSON {
	return inviteJSON{
		Code: code, ID: i.GetId(), CreatedBy: i.GetCreatedBy(), Expires: rfc3339(i.GetExpires()), UsesLeft: i.GetUsesLeft(),
	}
}

func newClusterInvite(a *app, admin *adminFlags) *cobra.Command {
	return group("invite", "Make, list and revoke the codes that admit new accounts (operators)",
		newInviteCreate(a, admin), newInviteList(a, admin), newInviteRevoke(a, admin))
}

func newInviteCreate(a *app, admin *adminFlags) *cobra.Command {
	var uses, days uint32
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a code and print it: it is shown this once",
		Long: `Make a code and print it: it is shown this once, the cluster keeps a hash of it. Who has it makes an account with
parley account create NAME --invite CODE.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if uses == 0 || days == 0 {
				return usageError("--uses and --days: give at least 1")
			}
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			code := client.NewInviteCode()
			resp, err := c.CreateInvite(cmd.Context(), &parleyv1.CreateInviteRequest{Code: code, Uses: uses, Days: days})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(toInviteJSON(resp.GetInvite(), code))
			}
			return a.printf("%s\n", code)
		},
	}
	c.Flags().Uint32Var(&uses, "uses", 1, "how many accounts it admits")
	c.Flags().Uint32Var(&days, "days", 7, "for how many days")
	return c
}

func newInviteList(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the codes that admit, without telling them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			resp, err := c.ListInvites(cmd.Context(), &parleyv1.ListInvitesRequest{})
			if err != nil {
				return err
			}
			for _, i := range resp.GetInvites() {
				if a.json() {
					err = a.printJSON(toInviteJSON(i, ""))
				} else {
					err = a.printf("%s  %4d left until %s  %s\n", sanitizeLine(i.GetId()), i.GetUsesLeft(), clockTime(i.GetExpires()),
						sanitizeLine(i.GetCreatedBy()))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newInviteRevoke(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Take a code out of force; ID is from invite list", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			if _, err := c.RevokeInvite(cmd.Context(), &parleyv1.RevokeInviteRequest{Id: args[0]}); err != nil {
				return err
			}
			return a.printDone("invite revoked", map[string]any{"id": args[0], "revoked": true})
		},
	}
}
