package main

import (
	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

func newUsers(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use:   "users [GLOB]",
		Short: "List accounts; in GLOB * is any run, ? one character, \\ takes the next literally",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pattern := ""
			if len(args) == 1 {
				pattern = args[0]
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			for page := ""; ; {
				resp, err := c.ListUsers(cmd.Context(), &parleyv1.ListUsersRequest{
					Pattern: pattern, PageSize: pageSize, PageToken: page, Consistency: consistency(localRead),
				})
				if err != nil {
					return err
				}
				if err := a.printUsers(resp.GetUsers(), ageOf(localRead, resp.GetReadInfo())); err != nil {
					return err
				}
				if page = resp.GetNextPageToken(); page == "" {
					return nil
				}
			}
		},
	}
	addLocalFlag(c, &localRead)
	return c
}
