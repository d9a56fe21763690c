package main

import (
	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

func newDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete messages: own ones for everyone, others' for oneself; all of them or none",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > maxDeleteIDs {
				return usageError("%d ids: at most %d at once", len(args), maxDeleteIDs)
			}
			var ids []uint64
			for _, s := range args {
				id, err := messageID(s)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.DeleteMessages(cmd.Context(), &parleyv1.DeleteMessagesRequest{Ids: ids})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]any{"deleted": resp.GetDeleted()})
			}
			return a.printf("deleted %d\n", resp.GetDeleted())
		},
	}
}
