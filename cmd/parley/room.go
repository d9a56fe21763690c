package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// roomJSON is one room as the caller sees it; part of the contract with scripts.
type roomJSON struct {
	Name     string `json:"name"`
	Topic    string `json:"topic"`
	Private  bool   `json:"private"`
	Archived bool   `json:"archived"`
	Members  uint32 `json:"members"`
	// Membership is none, banned, invited, member, moderator or owner.
	Membership string  `json:"membership"`
	Created    string  `json:"created,omitempty"`
	RetainDays uint32  `json:"retain_days"`
	AgeMS      *uint64 `json:"age_ms,omitempty"`
}

func toRoomJSON(r *parleyv1.Room) roomJSON {
	return roomJSON{
		Name: r.GetName(), Topic: r.GetTopic(), Private: r.GetPrivate(), Archived: r.GetArchived(), Members: r.GetMembers(),
		Membership: membershipName(r.GetMembership()), Created: rfc3339(r.GetCreated()), RetainDays: r.GetRetainDays(),
	}
}

func membershipName(m parleyv1.Membership) string {
	if m == parleyv1.Membership_MEMBERSHIP_UNSPECIFIED {
		return "none"
	}
	return strings.ToLower(strings.TrimPrefix(m.String(), "MEMBERSHIP_"))
}

func newRoom(a *app) *cobra.Command {
	c := group("room", "Make rooms, join and leave them, and look after them",
		newRoomCreate(a), newRoomList(a), newRoomShow(a), newRoomMembers(a), newRoomJoin(a), newRoomLeave(a), newRoomInvite(a),
		newRoomKick(a), newRoomBan(a), newRoomUnban(a), newRoomPromote(a), newRoomDemote(a), newRoomTopic(a), newRoomRename(a),
		newRoomArchive(a, true), newRoomArchive(a, false), newRoomPrivate(a, true), newRoomPrivate(a, false), newRoomRetain(a))
	c.Long = `Make rooms, join and leave them, and look after them. ROOM is '#name' in quotes, or name.

Members of a public room invite; in a private one, which only members and invited accounts see, its moderators do. Moderators
put out, ban, pin, delete and set the topic. Owners also name moderators and owners, rename, and archive.`
	return c
}

func newRoomCreate(a *app) *cobra.Command {
	r := &parleyv1.CreateRoomRequest{}
	c := &cobra.Command{
		Use: "create ROOM", Short: "Make a room; you are its owner and only member", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.Room, err = roomName(args[0]); err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				resp, err := c.CreateRoom(cmd.Context(), r)
				if err != nil {
					return err
				}
				return a.printRoomDone("created "+resp.GetRoom().GetName(), resp.GetRoom())
			})
		},
	}
	c.Flags().StringVar(&r.Topic, "topic", "", "what the room is for, in a line")
	c.Flags().BoolVar(&r.Private, "private", false, "only members see it, and only who is invited joins")
	return c
}

func newRoomList(a *app) *cobra.Command {
	var mine, localRead bool
	c := &cobra.Command{
		Use:   "list [GLOB]",
		Short: "List the rooms that you can see; in GLOB * is any run, ? one character",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pattern := ""
			if len(args) == 1 {
				pattern = strings.TrimPrefix(args[0], "#")
			}
			return a.with(func(c *client.Client) error {
				for page := ""; ; {
					resp, err := c.ListRooms(cmd.Context(), &parleyv1.ListRoomsRequest{
						Pattern: pattern, PageSize: pageSize, PageToken: page, Mine: mine, Consistency: consistency(localRead),
					})
					if err != nil {
						return err
					}
					for _, r := range resp.GetRooms() {
						if err := a.printRoom(r, ageOf(localRead, resp.GetReadInfo())); err != nil {
							return err
						}
					}
					if page = resp.GetNextPageToken(); page == "" {
						return nil
					}
				}
			})
		},
	}
	c.Flags().BoolVar(&mine, "mine", false, "only those that you are in or invited to")
	addLocalFlag(c, &localRead)
	return c
}

func newRoomShow(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use: "show ROOM", Short: "Show a room: topic, members, and what you are to it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := roomName(args[0])
			if err != nil {
				return err
			}
			return a.with(func(c *client.Client) error {
				resp, err := c.ListRooms(cmd.Context(), &parleyv1.ListRoomsRequest{
					Pattern: escapeGlob(name[1:]), PageSize: 1, Consistency: consistency(localRead),
				})
				if err != nil {
					return err
				}
				if len(resp.GetRooms()) == 0 {
					return &failure{code: exitNotFound, message: "there is no room " + name, hint: "see: parley room list"}
				}
				return a.printRoom(resp.GetRooms()[0], ageOf(localRead, resp.GetReadInfo()))
			})
		},
	}
	addLocalFlag(c, &localRead)
	return c
}

// printRoom prints a room as a line.
func (a *app) printRoom(r *parleyv1.Room, age *uint64) error {
	j := toRoomJSON(r)
	j.AgeMS = age
	if a.json() {
		return a.printJSON(j)
	}
	return a.printf("%s\n", roomLine(j))
}

// printRoomDone reports what became of a room: words to a person, the room to a script.
func (a *app) printRoomDone(words string, r *parleyv1.Room) error {
	return a.printDone(sanitizeLine(words), toRoomJSON(r))
}

// roomLine is a room for people: name, members, what the reader is to it, what is special, topic.
func roomLine(r roomJSON) string {
	var marks []string
	if r.Private {
		marks = append(marks, "private")
	}
	if r.Archived {
		marks = append(marks, "archived")
	}
	if r.RetainDays != 0 {
		marks = append(marks, fmt.Sprintf("kept %d days", r.RetainDays))
	}
	membership := r.Membership
	if membership == "none" {
		membership = "-"
	}
	line := fmt.Sprintf("%-24s %6d  %-9s", sanitizeLine(r.Name), r.Members, membership)
	if len(marks) > 0 {
		line += "  (" + strings.Join(marks, ", ") + ")"
	}
	if r.Topic != "" {
		line += "  " + sanitizeLine(r.Topic)
	}
	return strings.TrimRight(line, " ")
}
