package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// updateRoom changes one thing of a room and says so.
func (a *app) updateRoom(cmd *cobra.Command, room, done string, set func(*parleyv1.UpdateRoomRequest)) error {
	name, err := roomName(room)
	if err != nil {
		return err
	}
	r := &parleyv1.UpdateRoomRequest{Room: name}
	set(r)
	return a.with(func(c *client.Client) error {
		resp, err := c.UpdateRoom(cmd.Context(), r)
		if err != nil {
			return err
		}
		return a.printRoomDone(fmt.Sprintf(done, name), resp.GetRoom())
	})
}

func newRoomTopic(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "topic ROOM TEXT",
		Short: "Say in a line what a room is for; '' takes the topic away (moderators)",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.updateRoom(cmd, args[0], "%s has a new topic", func(r *parleyv1.UpdateRoomRequest) { r.Topic = &args[1] })
		},
	}
}

func newRoomRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename ROOM NEW",
		Short: "Give a room another name; its old one stays reserved for it (owners)",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := roomName(args[1])
			if err != nil {
				return err
			}
			return a.updateRoom(cmd, args[0], "%s is "+name+" now", func(r *parleyv1.UpdateRoomRequest) { r.NewName = &name })
		},
	}
}

func newRoomArchive(a *app, archived bool) *cobra.Command {
	use, short, done := "archive ROOM", "Close a room: it can be read, and nothing written (owners and operators)", "%s is archived"
	if !archived {
		use, short, done = "unarchive ROOM", "Open an archived room again (owners and operators)", "%s is open again"
	}
	var admin adminFlags
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := roomName(args[0])
			if err != nil {
				return err
			}
			c, closeClient, err := a.dialCluster(&admin)
			if err != nil {
				return err
			}
			defer closeClient()
			resp, err := c.UpdateRoom(cmd.Context(), &parleyv1.UpdateRoomRequest{Room: name, Archived: &archived})
			if err != nil {
				return err
			}
			return a.printRoomDone(fmt.Sprintf(done, name), resp.GetRoom())
		},
	}
	c.Flags().StringVar(&admin.socket, "admin-socket", "", "use a node's admin socket instead of a login")
	c.Flags().StringVar(&admin.data, "data", "", "use the admin socket in this data `DIR`, of parley serve or parley up")
	return c
}

func newRoomPrivate(a *app, private bool) *cobra.Command {
	use, short := "private ROOM", "Show a room to its members and to who is invited only (owners)"
	if !private {
		use, short = "public ROOM", "Show a room to everybody, and let everybody join (owners)"
	}
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := map[bool]string{true: "private", false: "public"}[private]
			return a.updateRoom(cmd, args[0], "%s is "+word, func(r *parleyv1.UpdateRoomRequest) { r.Private = &private })
		},
	}
}

func newRoomRetain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retain ROOM DAYS|default",
		Short: "Remove a room's messages after so many days; default: as the cluster does (owners)",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			days, done := uint32(0), "%s keeps its messages as the cluster does"
			if args[1] != "default" {
				n, err := strconv.ParseUint(args[1], 10, 32)
				if err != nil || n == 0 || n > maxRetainDays {
					return usageError("%q: give 1 to %d days, or default", args[1], maxRetainDays)
				}
				days, done = uint32(n), fmt.Sprintf("%%s keeps its messages for %d days", n)
			}
			return a.updateRoom(cmd, args[0], done, func(r *parleyv1.UpdateRoomRequest) { r.RetainDays = &days })
		},
	}
}
