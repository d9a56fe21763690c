package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

const (
	noMember  = parleyv1.Membership_MEMBERSHIP_UNSPECIFIED
	banned    = parleyv1.Membership_MEMBERSHIP_BANNED
	invited   = parleyv1.Membership_MEMBERSHIP_INVITED
	member    = parleyv1.Membership_MEMBERSHIP_MEMBER
	moderator = parleyv1.Membership_MEMBERSHIP_MODERATOR
	owner     = parleyv1.Membership_MEMBERSHIP_OWNER
)

// roomMemberJSON is what an account is to a room; part of the contract with scripts.
type roomMemberJSON struct {
	Room        string  `json:"room"`
	Username    string  `json:"username"`
	DisplayName string  `json:"display_name,omitempty"`
	Membership  string  `json:"membership"`
	AgeMS       *uint64 `json:"age_ms,omitempty"`
}

func newRoomMembers(a *app) *cobra.Command {
	var onlyInvited, onlyBanned, localRead bool
	c := &cobra.Command{
		Use:   "members ROOM",
		Short: "List a room's members in name order, or who is invited or banned",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			room, err := roomName(args[0])
			if err != nil {
				return err
			}
			want := noMember
			switch {
			case onlyInvited && onlyBanned:
				return usageError("--invited and --banned: give one")
			case onlyInvited:
				want = invited
			case onlyBanned:
				want = banned
			}
			return a.with(func(c *client.Client) error {
				return eachMember(cmd.Context(), c, room, want, localRead, func(m *parleyv1.RoomMember, age *uint64) error {
					j := roomMemberJSON{Room: room, Username: m.GetUser().GetUsername(), DisplayName: m.GetUser().GetDisplayName(),
						Membership: membershipName(m.GetMembership()), AgeMS: age}
					if a.json() {
						return a.printJSON(j)
					}
					return a.printf("%-20s  %-9s  %s\n", sanitizeLine(j.Username), j.Membership, sanitizeLine(j.DisplayName))
				})
			})
		},
	}
	c.Flags().BoolVar(&onlyInvited, "invited", false, "who was invited and has not joined (moderators)")
	c.Flags().BoolVar(&onlyBanned, "banned", false, "who may not join (moderators)")
	addLocalFlag(c, &localRead)
	return c
}

// eachMember pages through a room's accounts.
func eachMember(ctx context.Context, c *client.Client, room string, want parleyv1.Membership, localRead bool,
	f func(m *parleyv1.RoomMember, age *uint64) error,
) error {
	for page := ""; ; {
		resp, err := c.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{
			Room: room, PageSize: pageSize, PageToken: page, Membership: want, Consistency: consistency(localRead),
		})
		if err != nil {
			return err
		}
		for _, m := range resp.GetMembers() {
			if err := f(m, ageOf(localRead, resp.GetReadInfo())); err != nil {
				return err
			}
		}
		if page = resp.GetNextPageToken(); page == "" {
			return nil
		}
	}
}

func newRoomJoin(a *app) *cobra.Command {
	return a.ownMembership("join ROOM", "Join a public room, or one that you are invited to", member, "joined")
}

func newRoomLeave(a *app) *cobra.Command {
	return a.ownMembership("leave ROOM", "Leave a room, or turn its invitation down", noMember, "left")
}

// ownMembership is a command that says what the caller shall be to a room.
func (a *app) ownMembership(use, short string, want parleyv1.Membership, done string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			room, err := roomName(args[0])
			if err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				resp, err := c.SetMembership(cmd.Context(), &parleyv1.SetMembershipRequest{Room: room, Membership: want})
				if err != nil {
					return err
				}
				return a.printRoomDone(done+" "+room, resp.GetRoom())
			})
		},
	}
}

func newRoomInvite(a *app) *cobra.Command {
	return a.othersMembership("invite ROOM USER...", "Invite accounts to a room; it also lifts a ban", "%s is invited to %s",
		func() parleyv1.Membership { return invited }, nil)
}

func newRoomKick(a *app) *cobra.Command {
	return a.othersMembership("kick ROOM USER...", "Put members out of a room, or take an invitation back (moderators)",
		"%s is out of %s", func() parleyv1.Membership { return noMember },
		func(ctx context.Context, c *client.Client, room, user string) error {
			// To the service a ban is lifted by the same request.
			is, err := isBanned(ctx, c, room, user)
			if err == nil && is {
				err = &failure{code: exitFailed, message: user + " is banned from " + room + " already",
					hint: "parley room unban lifts that"}
			}
			return err
		})
}

func newRoomBan(a *app) *cobra.Command {
	return a.othersMembership("ban ROOM USER...", "Put accounts out of a room for good (moderators)", "%s is banned from %s",
		func() parleyv1.Membership { return banned }, nil)
}

func newRoomUnban(a *app) *cobra.Command {
	return a.othersMembership("unban ROOM USER...", "Let banned accounts join again (moderators)", "%s may join %s again",
		func() parleyv1.Membership { return noMember },
		func(ctx context.Context, c *client.Client, room, user string) error {
			is, err := isBanned(ctx, c, room, user)
			if err == nil && !is { // of a member the same request would be a kick
				err = &failure{code: exitNotFound, message: user + " is not banned from " + room,
					hint: fmt.Sprintf("see: parley room members '%s' --banned", room)}
			}
			return err
		})
}

func newRoomPromote(a *app) *cobra.Command {
	var toOwner bool
	c := a.othersMembership("promote ROOM USER...", "Make members moderators, or owners (owners)", "%s has a higher rank in %s",
		func() parleyv1.Membership {
			if toOwner {
				return owner
			}
			return moderator
		}, nil)
	c.Flags().BoolVar(&toOwner, "owner", false, "make them owners")
	return c
}

func newRoomDemote(a *app) *cobra.Command {
	var toModerator bool
	c := a.othersMembership("demote ROOM USER...", "Make moderators and yourself members again (owners)", "%s has a lower rank in %s",
		func() parleyv1.Membership {
			if toModerator {
				return moderator
			}
			return member
		}, nil)
	c.Flags().BoolVar(&toModerator, "moderator", false, "leave them moderators")
	return c
}

// othersMembership is a command that says what accounts shall be to a room, one after the other until one is refused. first may
// refuse before anything is asked for.
func (a *app) othersMembership(use, short, done string, want func() parleyv1.Membership,
	first func(ctx context.Context, c *client.Client, room, user string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			room, err := roomName(args[0])
			if err != nil {
				return err
			}
			var users []string
			for _, s := range args[1:] {
				name, err := accountName(s)
				if err != nil {
					return err
				}
				users = append(users, name)
			}
			return a.with(func(c *client.Client) error {
				for _, user := range users {
					if first != nil {
						if err := first(cmd.Context(), c, room, user); err != nil {
							return err
						}
					}
					_, err := c.SetMembership(cmd.Context(), &parleyv1.SetMembershipRequest{Room: room, Username: user, Membership: want()})
					if err != nil {
						return err
					}
					err = a.printDone(fmt.Sprintf(done, user, room),
						roomMemberJSON{Room: room, Username: user, Membership: membershipName(want())})
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// isBanned looks through a room's banned accounts, which moderators see.
func isBanned(ctx context.Context, c *client.Client, room, user string) (is bool, err error) {
	err = eachMember(ctx, c, room, banned, false, func(m *parleyv1.RoomMember, _ *uint64) error {
		is = is || m.GetUser().GetUsername() == user
		return nil
	})
	return is, err
}
